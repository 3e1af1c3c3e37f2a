"""Candidates: every way a reference domain lies on the chain, from all evidence, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Alignments, Bools, Ints, align, stack
from pyecod.partition.counting import Verdict, Verdicts, mask_of
from pyecod.partition.decompose import chain_candidates
from pyecod.partition.lookup import ReferenceLookup
from pyecod.partition.strength import STRONGEST, Floats, confidence, posterior_of_evidence
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings

KINDS = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST, EvidenceType.HHSEARCH)
"""The evidence types in the order that decides between otherwise equal candidates."""

_UNCONFIRMED = 5.0  # most evidence of a whole domain that only an alignment of its chain speaks for (E = 1e-5)
_CONFIRMING = 0.5  # share of a chain hit's candidate that domain hits must cover to confirm it
_COMPLETE = 0.8  # reference coverage from which a candidate counts as the whole domain


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """Arrays over candidates, sorted by H-group, best first within it.

    ``kind`` indexes :data:`KINDS`; ``row`` is the reference row; ``missing_start`` and ``missing_end`` are the
    reference residues before and after the alignment. The candidate's residues are ``piece_start`` to ``piece_end``
    of the pieces ``first_piece[i]`` to ``first_piece[i + 1]``, whose ``piece_owner`` it is: aligned residues with
    small gaps closed, open where the query has an insertion the size of a domain. ``pair_candidate``, ``pair_hit``
    and ``pair_hsp``: which HSP of which hit makes which.
    """

    kind: Ints
    row: Ints
    t: Ints
    h: Ints
    evidence: Floats
    confidence: Floats
    score: Floats
    aligned: Ints
    reference_coverage: Floats
    missing_start: Ints
    missing_end: Ints
    start: Ints
    end: Ints
    size: Ints
    first_piece: Ints
    piece_owner: Ints
    piece_start: Ints
    piece_end: Ints
    pair_candidate: Ints
    pair_hit: Ints
    pair_hsp: Ints

    def __len__(self) -> int:
        return len(self.row)


def tabulate(
    evidence: DomainSummary,
    by_type: Mapping[EvidenceType, Sequence[int]],
    reference: ReferenceLookup,
    settings: PartitionSettings,
) -> tuple[CandidateTable, Verdicts]:
    """Candidates of all hits (given by type, as indices), and per hit why it gave none (``USABLE`` where it did)."""
    verdicts: Verdicts = np.zeros(len(evidence.hits), np.int8)
    parts = []
    for code, kind in enumerate(KINDS):
        if by_type.get(kind):
            build = chain_candidates if kind is EvidenceType.CHAIN_BLAST else _domain_candidates
            segments, rows = build(evidence, by_type[kind], reference, settings, verdicts)
            if len(segments.alignment):
                parts.append((code, segments, rows))
    table = _table(parts, set(by_type), reference, evidence.length, settings)
    unused = (verdicts == Verdict.USABLE) & ~mask_of(len(verdicts), [table.pair_hit])
    verdicts[unused] = Verdict.TOO_SHORT
    return table, verdicts


def _domain_candidates(
    evidence: DomainSummary,
    chosen: Sequence[int],
    reference: ReferenceLookup,
    settings: PartitionSettings,
    verdicts: Verdicts,
) -> tuple[Alignments, Ints]:
    targets = [evidence.hits[i].target for i in chosen]
    numbers: dict[str, int] = {}
    subjects = np.array([numbers.setdefault(target, len(numbers)) for target in targets])
    rows = np.asarray(reference.rows(list(numbers)), np.int64)
    known = rows >= 0
    classified = known & (reference.t[rows] >= 0) & (reference.h[rows] >= 0)
    usable = classified[subjects]
    lost = np.asarray(chosen)[~usable]
    verdicts[lost] = np.where(known[subjects[~usable]], Verdict.UNCLASSIFIED_REFERENCE, Verdict.UNKNOWN_REFERENCE)
    if reference.masked is not None:
        verdicts[lost[reference.masked[rows[subjects[~usable]]] & known[subjects[~usable]]]] = Verdict.MASKED
    lengths = np.where(known, reference.length[rows], 0).tolist()
    kept = [i for i, keep in zip(chosen, usable.tolist(), strict=True) if keep]
    segments = align(evidence.hits, kept, subjects[usable].tolist(), lengths, evidence.length, settings, verdicts)
    row_of = np.zeros(int(segments.alignment.max(initial=-1)) + 1, np.int64)
    row_of[segments.alignment] = rows[segments.subject]
    return segments, row_of


def _table(
    parts: Sequence[tuple[int, Alignments, Ints]],
    searched: Set[EvidenceType],
    reference: ReferenceLookup,
    chain_length: int,
    settings: PartitionSettings,
) -> CandidateTable:
    none = np.zeros(0, np.int64)
    rows = np.concatenate([none] + [r for _, _, r in parts])
    kind = np.concatenate([none] + [np.full(len(r), code) for code, _, r in parts])
    segments = stack([s for _, s, _ in parts], chain_length)
    owner = segments.alignment
    first = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(rows)))))

    length = reference.length[rows].astype(np.int64)
    h = reference.h[rows].astype(np.int64)
    aligned = np.bincount(owner, weights=segments.aligned, minlength=len(rows)).astype(np.int64)
    coverage = np.minimum(aligned / np.maximum(length, 1), 1.0)
    start, end = segments.query_start[first[:-1]], segments.query_end[first[1:] - 1]
    evidence, posterior = _weigh(owner, segments, len(rows))
    if searched - {EvidenceType.CHAIN_BLAST}:
        doubtful = _unconfirmed(kind, h, start, end, chain_length)
        evidence[doubtful] = np.minimum(evidence[doubtful], _UNCONFIRMED * coverage[doubtful])
        posterior[doubtful] = posterior_of_evidence(evidence[doubtful])
    trust = confidence(evidence, posterior)
    score = trust * np.minimum(coverage / _COMPLETE, 1.0)

    place_code = (rows * len(KINDS) + kind) * (chain_length + 1) + start  # the last of the tie-breakers in one
    ranked = np.lexsort((end, place_code, -aligned, -score, h))
    ranked = ranked[aligned[ranked] >= settings.min_aligned]
    place = np.full(len(rows), -1, np.int64)
    place[ranked] = np.arange(len(ranked))
    missing_start, missing_end = _missing(segments, owner, first, length)
    piece_owner, piece_start, piece_end = _pieces(owner, segments, settings.min_insertion)
    by_place = np.argsort(place[piece_owner], kind="stable")
    by_place = by_place[place[piece_owner[by_place]] >= 0]
    piece_owner, piece_start, piece_end = place[piece_owner[by_place]], piece_start[by_place], piece_end[by_place]
    hits, hsps = int(segments.hit.max(initial=0)) + 1, int(segments.hsp.max(initial=0)) + 1
    pairs = np.sort((place[owner] * hits + segments.hit) * hsps + segments.hsp)
    pairs = pairs[(np.diff(pairs, prepend=-1) != 0) & (pairs >= 0)]
    return CandidateTable(
        kind=kind[ranked],
        row=rows[ranked],
        t=reference.t[rows[ranked]].astype(np.int64),
        h=h[ranked],
        evidence=evidence[ranked],
        confidence=trust[ranked],
        score=score[ranked],
        aligned=aligned[ranked],
        reference_coverage=coverage[ranked],
        missing_start=missing_start[ranked],
        missing_end=missing_end[ranked],
        start=start[ranked],
        end=end[ranked],
        size=np.bincount(piece_owner, weights=piece_end - piece_start + 1, minlength=len(ranked)).astype(np.int64),
        first_piece=np.searchsorted(piece_owner, np.arange(len(ranked) + 1)),
        piece_owner=piece_owner,
        piece_start=piece_start,
        piece_end=piece_end,
        pair_candidate=pairs // hsps // hits,
        pair_hit=pairs // hsps % hits,
        pair_hsp=pairs % hsps,
    )


def _weigh(owner: Ints, segments: Alignments, count: int) -> tuple[Floats, Floats]:
    """Evidence and posterior of each candidate: joined HSPs add up, a domain gets its share of a chain's HSP."""
    evidence = np.minimum(np.bincount(owner, weights=segments.evidence, minlength=count), 0.99 * STRONGEST)
    evidence[owner[segments.strongest]] = STRONGEST
    posterior = posterior_of_evidence(evidence)
    profile = np.flatnonzero(~np.isnan(segments.probability))
    posterior[owner[profile]] = 0.0
    np.maximum.at(posterior, owner[profile], segments.probability[profile])
    return evidence, posterior


def _unconfirmed(kind: Ints, h: Ints, start: Ints, end: Ints, chain_length: int) -> Bools:
    """Candidates of chain hits that no search of single domains finds: their HSP may owe its E-value to a neighbour.

    Confirmed is what domain hits and profile hits of the same H-group cover to half.
    """
    by_chain = kind == KINDS.index(EvidenceType.CHAIN_BLAST)
    doubtful = np.zeros(len(kind), dtype=bool)
    for group in set(h[by_chain].tolist()):
        mine, theirs = by_chain & (h == group), ~by_chain & (h == group)
        steps = np.bincount(start[theirs], minlength=chain_length + 2)
        steps -= np.bincount(end[theirs] + 1, minlength=chain_length + 2)
        before = np.cumsum(np.cumsum(steps) > 0)
        covered = before[end[mine]] - before[start[mine] - 1]
        doubtful[mine] = covered < _CONFIRMING * (end[mine] - start[mine] + 1)
    return doubtful


def _missing(segments: Alignments, owner: Ints, first: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Reference residues before and after each alignment; none where the target is unknown or permuted."""
    target_start, target_end = segments.target_start[first[:-1]], segments.target_end[first[1:] - 1]
    backwards = (np.diff(segments.target_start) < 0) & (np.diff(owner) == 0)
    plain = target_start > 0
    plain[owner[1:][backwards]] = False
    before = np.where(plain, target_start - 1, 0)
    after = np.where(plain, np.maximum(length - target_end, 0), 0)
    return before, after


def _pieces(owner: Ints, segments: Alignments, min_insertion: int) -> tuple[Ints, Ints, Ints]:
    """Candidate, first and last residue of each piece: gaps are closed unless the query has an insertion there.

    Reference residues missing at an open gap are given half to the piece before and half to the one after.
    """
    gap = segments.query_start[1:] - segments.query_end[:-1] - 1
    missing = np.where(
        segments.target_start[1:] > 0, np.maximum(segments.target_start[1:] - segments.target_end[:-1] - 1, 0), 0
    )
    missing = np.minimum(missing, gap)
    new_owner = np.diff(owner) != 0
    opened = new_owner | (gap - missing >= min_insertion)
    filled = np.where(new_owner | ~opened, 0, missing)
    cut = np.flatnonzero(opened)
    last = np.concatenate((cut, [len(owner) - 1])) if len(owner) else cut
    head = np.concatenate(([0], cut + 1)) if len(owner) else cut
    start, end = segments.query_start[head], segments.query_end[last]
    start[1:] -= filled[cut] // 2
    end[:-1] += filled[cut] - filled[cut] // 2
    return owner[head], start, end
