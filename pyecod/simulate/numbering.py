"""Author residue numbers with all their habits, and which residues a structure shows."""

from __future__ import annotations

from enum import StrEnum

from numpy.random import Generator

from pyecod.pdb.chain import Numbering, NumberingRun
from pyecod.ranges import ResidueRange


class Style(StrEnum):
    """How authors number a chain."""

    PLAIN = "from 1"
    OFFSET = "from a later residue"
    NEGATIVE = "a tag before residue 1"
    GAPS = "numbers left out"
    INSERTIONS = "insertion codes"


def number_residues(length: int, style: Style, rng: Generator) -> Numbering:
    """Author numbers of ``length`` SEQRES residues in the given style."""
    start = 1
    if style is Style.OFFSET:
        start = int(rng.integers(2, 900))
    elif style is Style.NEGATIVE:
        start = -int(rng.integers(1, 22))
    if length < 30 or style not in (Style.GAPS, Style.INSERTIONS):
        return Numbering((NumberingRun(1, start, length),))
    if style is Style.GAPS:
        first, second = sorted(int(i) for i in rng.choice(range(5, length - 5), 2, replace=False))
        jump, second_jump = (int(i) for i in rng.integers(3, 60, 2))
        return Numbering(
            (
                NumberingRun(1, start, first),
                NumberingRun(first + 1, start + first + jump, second - first),
                NumberingRun(second + 1, start + second + jump + second_jump, length - second),
            )
        )
    at, inserted = int(rng.integers(5, length - 12)), int(rng.integers(1, 6))
    runs = [NumberingRun(1, start, at)]
    runs += [NumberingRun(at + i, start + at - 1, 1, "ABCDEF"[i - 1]) for i in range(1, inserted + 1)]
    runs.append(NumberingRun(at + inserted + 1, start + at, length - at - inserted))
    return Numbering(tuple(runs))


def prefixed(numbering: Numbering, count: int) -> Numbering:
    """The numbering after ``count`` residues were added before the first."""
    first = numbering.runs[0]
    moved = [NumberingRun(r.label_start + count, r.auth_start, r.count, r.insertion_code) for r in numbering.runs]
    moved[0] = NumberingRun(1, first.auth_start - count, first.count + count, first.insertion_code)
    return Numbering(tuple(moved))


def observed_residues(length: int, n_tag: int, c_tag: int, rng: Generator) -> ResidueRange:
    """Residues with coordinates: tags are mostly disordered, and now and then a loop is."""
    start = 1 + (n_tag if rng.random() < 0.8 else 0)
    end = length - (c_tag if rng.random() < 0.8 else 0)
    if length > 30 and rng.random() < 0.5:
        start += int(rng.integers(0, 4))
    seen = ResidueRange.of([(start, end)])
    if end - start > 60:
        for _ in range(int(rng.choice([0, 1, 2], p=[0.55, 0.3, 0.15]))):
            gap = int(rng.integers(start + 5, end - 18))
            seen = seen.difference(ResidueRange(((gap, gap + int(rng.integers(2, 13))),)))
    return seen
