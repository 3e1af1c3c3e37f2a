"""Boundaries: every residue goes to one domain or to none, by evidence first and adjacency second."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.consensus import Proposal
from pyecod.ranges import ResidueRange
from pyecod.settings import PartitionSettings

FREE = -1
"""Label of residues in no domain."""


def assign_residues(
    chosen: Sequence[Proposal], reach: Sequence[float], closed: Bools, settings: PartitionSettings
) -> Ints:
    """Label of each residue: the index of its proposal in ``chosen``, or :data:`FREE`.

    ``reach`` is how many residues beyond its evidence each domain may take when nothing else wants them, the
    uncertainty of its ends. ``closed`` marks residues no domain may grow into without evidence (tags).
    """
    labels = _contest(chosen, len(closed))
    labels = _drop_scraps(labels, chosen, settings.min_segment_length)
    _extend(labels, chosen, closed)
    _fill_holes(labels, settings.max_hole)
    _share_gaps(labels, reach, closed, settings)
    return labels


def range_of(labels: Ints, number: int) -> ResidueRange:
    """Residues with one label, 1-based."""
    return ResidueRange.from_mask(labels == number)


def _contest(chosen: Sequence[Proposal], length: int) -> Ints:
    """Residues inside the cores; where two overlap, the one with more votes and confidence has them."""
    claims = np.array([np.where(p.core, p.votes * p.confidence, 0.0) for p in chosen]).reshape(-1, length)
    return np.where(claims.max(axis=0) > 0, claims.argmax(axis=0), FREE)


def _runs(labels: Ints) -> list[tuple[int, int, int]]:
    """(label, start, end) of each run of equal labels; 0-based, end excluded."""
    cuts = [0, *((labels[1:] != labels[:-1]).nonzero()[0] + 1).tolist(), len(labels)]
    return [(int(labels[start]), start, end) for start, end in pairwise(cuts)]


def _drop_scraps(labels: Ints, chosen: Sequence[Proposal], smallest: int) -> Ints:
    """Runs too short for a segment go to a neighbour that has the residues in its core too, or become free."""
    cleaned = labels.copy()
    while True:
        runs = _runs(cleaned)
        scraps = [
            (end - start, start, place)
            for place, (label, start, end) in enumerate(runs)
            if label != FREE and end - start < smallest
        ]
        if not scraps:
            return cleaned
        size, start, place = min(scraps)
        beside = [runs[i][0] for i in (place - 1, place + 1) if 0 <= i < len(runs) and runs[i][0] != FREE]
        takers = [label for label in beside if chosen[label].core[start : start + size].all()]
        cleaned[start : start + size] = takers[0] if takers else FREE


def _extend(labels: Ints, chosen: Sequence[Proposal], closed: Bools) -> None:
    """Free residues within a domain's voted ends are its own; where two reach out for them, half each."""
    for label, start, end in _runs(labels):
        if label != FREE:
            continue
        left = labels[start - 1] if start else FREE
        right = labels[end] if end < len(labels) else FREE
        if left == right and left != FREE:
            continue
        wants_left = min(end, chosen[left].end) if left != FREE and _is_last(labels, left, start - 1) else start
        wants_right = max(start, chosen[right].start - 1) if right != FREE and _is_first(labels, right, end) else end
        wants_left, wants_right = _until_closed(closed, start, wants_left, end, wants_right)
        if wants_left > wants_right:
            wants_left = wants_right = (wants_left + wants_right) // 2
        if wants_left > start:
            labels[start:wants_left] = left
        if wants_right < end:
            labels[wants_right:end] = right


def _until_closed(closed: Bools, start: int, wants_left: int, end: int, wants_right: int) -> tuple[int, int]:
    shut = np.flatnonzero(closed[start:end]) + start
    if len(shut):
        wants_left, wants_right = min(wants_left, int(shut[0])), max(wants_right, int(shut[-1]) + 1)
    return max(wants_left, start), min(wants_right, end)


def _is_last(labels: Ints, label: int, place: int) -> bool:
    return not (labels[place + 1 :] == label).any()


def _is_first(labels: Ints, label: int, place: int) -> bool:
    return not (labels[:place] == label).any()


def _fill_holes(labels: Ints, largest: int) -> None:
    """Free residues between two segments of one domain stay in it."""
    for label, start, end in _runs(labels):
        inside = label == FREE and start > 0 and end < len(labels)
        if inside and end - start <= largest and labels[start - 1] == labels[end]:
            labels[start:end] = labels[end]


def _share_gaps(labels: Ints, reach: Sequence[float], closed: Bools, settings: PartitionSettings) -> None:
    """Short tails and linkers go to the domains beside them, as far as the ends of these are uncertain."""
    for label, start, end in _runs(labels):
        if label != FREE or closed[start:end].any():
            continue
        left = labels[start - 1] if start else FREE
        right = labels[end] if end < len(labels) else FREE
        size = end - start
        if left != FREE and right != FREE:
            both = reach[left] + reach[right]
            if size <= min(both, settings.max_linker):
                cut = start + round(size * reach[left] / both) if both else start
                labels[start:cut], labels[cut:end] = left, right
        elif left != FREE and size <= min(reach[left], settings.max_tail):
            labels[start:end] = left
        elif right != FREE and size <= min(reach[right], settings.max_tail):
            labels[start:end] = right
