"""Which chains can be classified."""

from __future__ import annotations

import pytest

from pyecod.pdb import CannotClassify
from pyecod.pdb.eligibility import why_not_classifiable
from pyecod.settings import ChainSettings


@pytest.mark.parametrize(
    ("sequence", "kind", "expected"),
    [
        ("A" * 20, "protein", None),
        ("A" * 19, "protein", CannotClassify.PEPTIDE),
        ("", "protein", CannotClassify.PEPTIDE),
        ("X" * 5, "protein", CannotClassify.PEPTIDE),
        ("X" * 20, "protein", CannotClassify.UNKNOWN_SEQUENCE),
        ("X" * 19 + "A", "protein", None),
        ("A" * 10_000, "protein", None),
        ("A" * 10_001, "protein", CannotClassify.TOO_LONG),
        ("A" * 5, "dna", CannotClassify.NUCLEIC_ACID),
        ("A" * 50, "rna", CannotClassify.NUCLEIC_ACID),
        ("A" * 50, "dna_rna_hybrid", CannotClassify.NUCLEIC_ACID),
        ("A" * 50, "pna", CannotClassify.NOT_PROTEIN),
        ("A" * 5, "polysaccharide", CannotClassify.NOT_PROTEIN),
    ],
)
def test_each_reason(sequence, kind, expected):
    assert why_not_classifiable(sequence, ChainSettings(), kind) is expected


def test_the_limits_are_settings():
    assert why_not_classifiable("AAA", ChainSettings(min_length=3)) is None
    assert why_not_classifiable("AAAA", ChainSettings(min_length=1, max_length=3)) is CannotClassify.TOO_LONG
