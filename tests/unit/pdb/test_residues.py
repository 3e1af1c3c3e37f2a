"""Components as letters."""

from __future__ import annotations

import pytest

from pyecod.pdb.residues import guess_polymer_type, letters_of, one_letter


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("ALA", ("A", True)),
        ("MSE", ("M", False)),
        ("DAL", ("A", False)),
        ("UNK", ("X", True)),
        ("SEC", ("U", True)),
        ("DT", ("T", True)),
        ("U", ("U", True)),
        ("PSU", ("U", False)),
        ("A1ZZZ", ("X", False)),
        ("ACE", ("X", False)),
        ("", ("X", False)),
    ],
)
def test_one_letter(component, expected):
    assert one_letter(component) == expected


def test_the_table_comes_before_the_files_parents():
    assert letters_of(
        ["MSE", "A1ZZZ", "A1ZZY", "UNK"], {"MSE": "LYS", "A1ZZZ": "LYS", "A1ZZY": "A1ZZX", "UNK": "ALA"}
    ) == {
        "MSE": "M",
        "A1ZZZ": "K",
        "A1ZZY": "X",
        "UNK": "X",
    }


@pytest.mark.parametrize(
    ("components", "expected"),
    [(["ALA", "MSE", "NAG"], "protein"), (["DA", "DT"], "dna"), (["A", "U", "DA"], "rna"), (["NAG", "BMA"], "other")],
)
def test_polymer_type_by_what_most_components_are(components, expected):
    assert guess_polymer_type(components) == expected
