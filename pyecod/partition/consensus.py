"""Consensus before choice: candidates of one H-group over one region vote for its extent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log10

import numpy as np

from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.candidates import KINDS, CandidateTable
from pyecod.partition.strength import Floats, single_confidence
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings

_FRAGMENT_INSIDE = 0.8  # share of a fragment's residues that must lie inside the cluster it is a fragment of
_FRAGMENT_COVERAGE = 0.7  # reference coverage below which a candidate may be a fragment of another
_KINSHIP = 0.2  # voters this share of the best evidence behind the best count 1/e
_TERMINUS = 15.0  # unaligned reference residues at an end that make its vote for that end count 1/e
_PROFILE = KINDS.index(EvidenceType.HHSEARCH)
_CERTAIN = 0.8  # confidence (E = 1e-8) from which a domain is as long as its reference, however much is not aligned
_AGREEMENT = 1.0  # most that agreeing hits add to the evidence: one order of magnitude


@dataclass(frozen=True, slots=True)
class Proposal:
    """A domain that could be: the consensus of candidates that agree on H-group and region.

    ``members`` are indices of the candidate table, best first, ``voices`` their evidence and ``trust`` their scores.
    ``votes`` (shape: chain length) is the share of the
    members' weight that has a residue aligned, 0 to 1. ``core`` marks residues with at least half of it;
    ``start`` and ``end`` are the voted ends including the reference residues missing from the alignments, 1-based: at
    most ``max_extrapolation`` of them where the homology is uncertain. ``whole_start`` and ``whole_end`` are where the
    domain would begin and end with all of them, which may be outside the chain.
    ``by_sequence`` is the best evidence of BLAST hits that cover their reference, 0 where there are none.
    ``confidence`` is that of the best member, raised a little by the others; ``weight`` what the layout gains.
    """

    number: int
    h: int
    members: Ints
    voices: Floats
    trust: Floats
    votes: Floats
    core: Bools
    size: int
    start: int
    end: int
    whole_start: int
    whole_end: int
    evidence: float
    by_sequence: float
    confidence: float
    completeness: float
    weight: float

    @property
    def best(self) -> int:
        """The candidate with the best evidence."""
        return int(self.members[0])


def propose(table: CandidateTable, length: int, settings: PartitionSettings) -> list[Proposal]:
    """Proposals of all H-groups, numbered, each the consensus of one cluster of candidates."""
    proposals: list[Proposal] = []
    borders = np.diff(table.h, prepend=-1, append=-1).nonzero()[0].tolist()
    for first, last in pairwise(borders):
        group = _Group.of(table, first, last)
        for members in _clusters(group, length, settings):
            proposals.append(_vote(group, members, length, settings, len(proposals)))
    return proposals


@dataclass(frozen=True, slots=True)
class _Group:
    """The candidates of one H-group: rows ``first`` to ``last`` of the table, and their pieces."""

    table: CandidateTable
    first: int
    last: int
    owner: Ints
    piece_start: Ints
    piece_end: Ints
    head: Ints
    tail: Ints

    @classmethod
    def of(cls, table: CandidateTable, first: int, last: int) -> _Group:
        bounds = table.first_piece[first : last + 1] - table.first_piece[first]
        pieces = slice(int(table.first_piece[first]), int(table.first_piece[last]))
        owner = table.piece_owner[pieces] - first
        return cls(
            table, first, last, owner, table.piece_start[pieces], table.piece_end[pieces], bounds[:-1], bounds[1:] - 1
        )


def _clusters(group: _Group, length: int, settings: PartitionSettings) -> Iterator[Ints]:
    """Members of each cluster, counted within the group: the best candidate left and all that agree with it."""
    table, rows = group.table, slice(group.first, group.last)
    hopeless = settings.min_confidence / 4  # so weak that no agreement makes a domain of it
    score = table.score[rows]
    if len(score) == 1:
        if score[0] >= hopeless:
            yield np.zeros(1, np.int64)
        return
    left, right = group.piece_start.copy(), group.piece_end.copy()
    reach = settings.max_extrapolation
    left[group.head] = np.maximum(left[group.head] - np.minimum(table.missing_start[rows], reach), 1)
    right[group.tail] = np.minimum(right[group.tail] + np.minimum(table.missing_end[rows], reach), length)
    size = np.bincount(group.owner, weights=right - left + 1)
    fragment = table.reference_coverage[rows] < _FRAGMENT_COVERAGE
    free = score >= hopeless
    while free.any():
        seed = int(np.argmax(free))  # candidates are sorted: the first free one is the best
        inside = np.zeros(length + 1)
        for i in range(group.head[seed], group.tail[seed] + 1):
            inside[left[i] : right[i] + 1] = 1
        before = inside.cumsum()
        shared = np.bincount(group.owner, weights=before[right] - before[left - 1])
        agree = shared >= settings.cluster_iou * (size + size[seed] - shared)
        agree |= fragment & (shared >= _FRAGMENT_INSIDE * size)
        agree &= free
        agree[seed] = True
        free &= ~agree
        yield agree.nonzero()[0]


def _vote(group: _Group, members: Ints, length: int, settings: PartitionSettings, number: int) -> Proposal:
    table, rows = group.table, members + group.first
    evidence = table.evidence[rows]
    strongest = float(evidence.max())
    weight = kinship(evidence) * table.score[rows]
    total = float(weight.sum())

    votes = _votes(group, members, weight / total, length)
    core = votes >= 0.5 - 1e-9
    first, last = int(core.argmax()) + 1, length - int(core[::-1].argmax())
    whole_start = _voted_end(table.start[rows] - table.missing_start[rows], table.missing_start[rows], weight)
    whole_end = _voted_end(table.end[rows] + table.missing_end[rows], table.missing_end[rows], weight)
    inwards = settings.max_extrapolation
    outwards = length if float(table.confidence[rows[0]]) >= _CERTAIN else inwards
    start = max(1, min(max(whole_start, first - outwards), first + inwards))
    end = min(length, max(min(whole_end, last + outwards), last - inwards))
    if core[start - 1 : end].any():
        core[: start - 1] = False
        core[end:] = False
    else:  # the votes for the two ends contradict each other
        start, end = first, last

    by_sequence = (table.kind[rows] != _PROFILE) & (table.reference_coverage[rows] >= settings.min_reference_coverage)
    best = int(rows[0])
    support = min(_AGREEMENT, log10(max(total / float(weight.max()), 1.0)))
    own = float(table.evidence[best])
    posterior = float(table.confidence[best]) / single_confidence(own, 1.0)
    trust = single_confidence(own + support, posterior)
    completeness = float((table.score[rows] / table.confidence[rows]).max())
    size = int(np.count_nonzero(core))
    return Proposal(
        number=number,
        h=int(table.h[best]),
        members=rows,
        voices=evidence,
        trust=table.score[rows],
        votes=votes,
        core=core,
        size=size,
        start=start,
        end=end,
        whole_start=whole_start,
        whole_end=whole_end,
        evidence=strongest,
        by_sequence=float(evidence[by_sequence].max(initial=0.0)),
        confidence=trust,
        completeness=completeness,
        weight=trust * completeness * size - settings.domain_cost,
    )


def _votes(group: _Group, members: Ints, weight: Floats, length: int) -> Floats:
    """Share of the votes for each residue; where an alignment stops short of its reference's end it abstains."""
    if len(members) == 1:
        votes: Floats = np.zeros(length)
        for i in range(int(group.head[members[0]]), int(group.tail[members[0]]) + 1):
            votes[group.piece_start[i] - 1 : group.piece_end[i]] = 1.0
        return votes
    share = np.zeros(group.last - group.first)
    share[members] = weight
    start, end = group.piece_start - 1, group.piece_end
    by_piece = share[group.owner]
    aligned = _sum_over(start, end, by_piece, length)
    rows = slice(group.first, group.last)
    first, last = start[group.head], end[group.tail]
    before = np.maximum(first - group.table.missing_start[rows], 0)
    after = np.minimum(last + group.table.missing_end[rows], length)
    silent = _sum_over(before, first, share, length) + _sum_over(last, after, share, length)
    votes = (aligned / np.maximum(1.0 - silent, 1e-9)).clip(0.0, 1.0)
    return votes


def _sum_over(start: Ints, end: Ints, weight: Floats, length: int) -> Floats:
    """Sum of the weights over each residue; intervals are 0-based, end excluded."""
    steps = np.bincount(start, weights=weight, minlength=length + 1)
    steps -= np.bincount(end, weights=weight, minlength=length + 1)
    total: Floats = steps[:-1].cumsum()
    return total


def kinship(evidence: Floats, best: float | None = None) -> Floats:
    """Weight of each voter by how far its evidence is behind the best: close homologs outvote remote ones."""
    strongest = evidence.max() if best is None else best
    weight: Floats = np.exp((evidence - strongest) / (_KINSHIP * strongest + 1.0))
    return weight


def _voted_end(ends: Ints, missing: Ints, weight: Floats) -> int:
    """Weighted median of the projected ends; alignments that reach the reference's own end count most."""
    if len(ends) == 1:
        return int(ends[0])
    order = ends.argsort(kind="stable")
    running = (weight * np.exp(-missing / _TERMINUS))[order].cumsum()
    return int(ends[order[running.searchsorted(running[-1] / 2)]])
