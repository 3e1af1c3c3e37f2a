"""Boundaries: every residue goes to one domain or to none, by evidence first and adjacency second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.consensus import Proposal
from pyecod.partition.labels import FREE, is_first, is_last, runs_of
from pyecod.partition.sharing import share_free
from pyecod.settings import PartitionSettings

_MOSTLY = 0.5  # share of a loser's residues that are free from which these have evidence of their own


@dataclass(frozen=True, slots=True)
class Extent:
    """Masks over the chain of what one domain has and what is aligned of it, and whether a part is inferred."""

    residues: Bools
    aligned: Bools
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Extents:
    """What the domains have: labels of the residues, indices of the chosen proposals or :data:`FREE`.

    ``aligned`` is by the alignments alone, ``labels`` with the free residues that were given away. ``inferred`` are
    the proposals that got a segment beyond a nested domain, where nothing is aligned with them.
    """

    labels: Ints
    aligned: Ints
    inferred: frozenset[int] = frozenset()

    def of(self, number: int) -> Extent:
        """What one domain has."""
        return Extent(self.labels == number, self.aligned == number, number in self.inferred)


def assign_residues(
    chosen: Sequence[Proposal], losers: Sequence[Proposal], closed: Bools, ordered: Bools, settings: PartitionSettings
) -> Extents:
    """Which residues each of the ``chosen`` proposals gets; one that is left with too few is given up.

    No domain grows without evidence into ``closed`` residues (tags, disordered ends), where ``losers`` have their
    evidence, nor into stretches without ``ordered`` residues, which are flexible.
    """
    aligned = _drop_scraps(_contest(chosen, len(closed)), chosen, settings.min_segment_length)
    labels = aligned.copy()
    closed = closed | _claimed(labels, chosen, losers, settings.min_confidence)
    _extend(labels, chosen, closed)
    _fill_holes(labels, settings.max_hole)
    for number in range(len(chosen)):
        own = labels == number
        if np.count_nonzero(own) < settings.min_domain_length:
            labels[own] = FREE
    inferred = share_free(labels, chosen, closed, ordered, settings)
    return Extents(labels, np.where(labels == aligned, aligned, FREE), inferred)


def _contest(chosen: Sequence[Proposal], length: int) -> Ints:
    """Residues inside the cores; where two overlap, the one with more votes and confidence has them."""
    claims = np.array([np.where(p.core, p.votes * p.confidence, 0.0) for p in chosen]).reshape(-1, length)
    return np.where(claims.max(axis=0) > 0, claims.argmax(axis=0), FREE)


def _claimed(labels: Ints, chosen: Sequence[Proposal], losers: Sequence[Proposal], min_confidence: float) -> Bools:
    """Free residues with evidence of their own: of an H-group that no domain is of, mostly among free residues."""
    claimed = np.zeros(len(labels), dtype=bool)
    known = {proposal.h for proposal in chosen}
    for loser in losers:
        if loser.h in known or loser.confidence < min_confidence:
            continue
        free = loser.core & (labels == FREE)
        if np.count_nonzero(free) >= _MOSTLY * loser.size:
            claimed |= free
    return claimed


def _drop_scraps(labels: Ints, chosen: Sequence[Proposal], smallest: int) -> Ints:
    """Runs too short for a segment go to a neighbour that has the residues in its core too, or become free."""
    cleaned = labels.copy()
    while True:
        runs = runs_of(cleaned)
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
    for label, start, end in runs_of(labels):
        if label != FREE:
            continue
        left = labels[start - 1] if start else FREE
        right = labels[end] if end < len(labels) else FREE
        if left == right and left != FREE:
            continue
        wants_left = min(end, chosen[left].end) if left != FREE and is_last(labels, left, start - 1) else start
        wants_right = max(start, chosen[right].start - 1) if right != FREE and is_first(labels, right, end) else end
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


def _fill_holes(labels: Ints, largest: int) -> None:
    """Free residues between two segments of one domain stay in it."""
    for label, start, end in runs_of(labels):
        inside = label == FREE and start > 0 and end < len(labels)
        if inside and end - start <= largest and labels[start - 1] == labels[end]:
            labels[start:end] = labels[end]
