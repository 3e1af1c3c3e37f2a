"""Author numbering: what a range means to a person with a structure viewer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.ids import ChainKey
from pyecod.pdb import Chain, Numbering, NumberingRun
from pyecod.pdb.chain import sequence_md5
from pyecod.ranges import ResidueRange

FUSION = Numbering((NumberingRun(1, 30, 201), NumberingRun(202, 1001, 160), NumberingRun(362, 231, 70)))


def test_author_numbers_of_single_residues():
    numbering = Numbering((NumberingRun(3, -1, 2), NumberingRun(5, 100, 1, "A"), NumberingRun(9, 7, 1)))
    assert [numbering.author(label) for label in (3, 4, 5, 9)] == ["-1", "0", "100A", "7"]
    for unknown in (0, 2, 6, 8, 10):
        with pytest.raises(KeyError):
            numbering.author(unknown)


@pytest.mark.parametrize(
    ("runs", "residues", "expected"),
    [
        ((NumberingRun(1, 10, 100),), "1-41,100-100", "A:10-50,A:109-109"),
        ((NumberingRun(1, 98, 3), NumberingRun(4, 100, 1, "A"), NumberingRun(5, 101, 9)), "4-10", "A:100A-106"),
        ((NumberingRun(1, -4, 4), NumberingRun(5, 1, 20)), "1-10", "A:-4-6"),
        ((NumberingRun(1, 1, 10), NumberingRun(11, 20, 10)), "1-20", "A:1-29"),
        ((NumberingRun(1, 1, 10), NumberingRun(15, 20, 10)), "5-24", "A:5-29"),
        ((NumberingRun(5, 5, 10),), "1-3", ""),
        ((NumberingRun(5, 5, 10),), "1-7", "A:5-7"),
        (FUSION.runs, "1-431", "A:30-230,A:1001-1160,A:231-300"),
        (FUSION.runs, "150-250", "A:179-230,A:1001-1049"),
        (FUSION.runs, "202-361", "A:1001-1160"),
        ((NumberingRun(1, 1, 1, "B"), NumberingRun(2, 1, 1, "A"), NumberingRun(3, 1, 9)), "1-11", "A:1B-9"),
    ],
)
def test_pdb_range(runs, residues, expected):
    assert Numbering(runs).pdb_range("A", ResidueRange.parse(residues)) == expected


@st.composite
def _numberings(draw) -> Numbering:
    """Unique author numbers in any order, with gaps on both sides."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    blocks, number = [], -10
    for size in sizes:
        number += draw(st.integers(0, 3))
        blocks.append((number, size))
        number += size
    runs, label = [], 1
    for first, size in draw(st.permutations(blocks)):
        label += draw(st.integers(0, 2))
        runs.append(NumberingRun(label, first, size))
        label += size
    return Numbering(tuple(runs))


@given(_numberings(), st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=3).map(ResidueRange.of))
def test_a_pdb_range_names_exactly_the_residues_of_the_range(numbering, residues):
    numbers = {r.label_start + i: r.auth_start + i for r in numbering.runs for i in range(r.count)}
    expected = {numbers[label] for label in residues if label in numbers}
    named = set()
    for part in filter(None, numbering.pdb_range("A", residues).split(",")):
        first, last = _ends(part.removeprefix("A:"))
        named |= {number for number in numbers.values() if first <= number <= last}
    assert named == expected


def _ends(text: str) -> tuple[int, int]:
    at = text.index("-", 1)
    return int(text[:at]), int(text[at + 1 :])


def test_identical_sequences_have_one_md5():
    a, b = (Chain(ChainKey("1abc", c), "MKV") for c in "AB")
    assert a.sequence_md5 == b.sequence_md5 == sequence_md5("MKV") == "bc5a0dfbf35ec22ac2c0f8c1e5534d8e"
    assert a.sequence_md5 != sequence_md5("MKVA")
    assert a.length == 3
