"""Labels of residues: which domain each residue of a chain is in."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from pyecod.partition.alignments import Ints

FREE = -1
"""Label of residues in no domain."""


class Run(NamedTuple):
    """Neighbouring residues with one label, 0-based, ``end`` excluded."""

    label: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """Residues."""
        return self.end - self.start


def runs_of(labels: Ints) -> list[Run]:
    """The runs of equal labels along the chain."""
    cuts = [0, *((labels[1:] != labels[:-1]).nonzero()[0] + 1).tolist(), len(labels)]
    return [Run(int(labels[start]), start, end) for start, end in pairwise(cuts)]


def is_last(labels: Ints, label: int, place: int) -> bool:
    """No residue after ``place`` has the label."""
    return not (labels[place + 1 :] == label).any()


def is_first(labels: Ints, label: int, place: int) -> bool:
    """No residue before ``place`` has the label."""
    return not (labels[:place] == label).any()
