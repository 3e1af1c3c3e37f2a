"""The domains of many chains looked up at once agree with those of each chain."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyecod.reference import Reference


def test_segments_of_many_chains_are_those_of_each(
    line: Callable[..., Any], make_reference: Callable[..., Path]
) -> None:
    reference = Reference.open(
        make_reference(
            [
                line("e1abcA1", seqid_range="A:1-50,A:101-150"),
                line("e1abcA2", seqid_range="A:51-100", line=2),
                line("e2defB1", pdb="2def", chain="B", seqid_range="B:5-90", line=3),
            ]
        )
    )
    keys = ["2def_B", "9zzz_Z", "1abc_A"]
    found = reference.chain_segments(reference.chains(keys))
    expected = []
    for place, key in enumerate(keys):
        domains = reference.chain_domains(key)
        if domains is not None:
            for row, residues in zip(domains.rows.tolist(), domains.ranges, strict=True):
                expected += [[place, row, start, end] for start, end in residues.segments]
    assert found.tolist() == expected
    assert len(found) == 4


def test_no_chains_have_no_segments(line: Callable[..., Any], make_reference: Callable[..., Path]) -> None:
    reference = Reference.open(make_reference([line("e1abcA1")]))
    assert reference.chain_segments(np.array([-1, -1], np.int32)).shape == (0, 4)
    assert reference.chain_segments(np.zeros(0, np.int32)).shape == (0, 4)
