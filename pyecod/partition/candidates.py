"""Candidates: every way a reference domain lies on the chain, from all evidence, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyecod.config import PartitionSettings
from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Alignments, Ints, align, project_back, stack
from pyecod.partition.strength import STRONGEST, Floats, confidence, posterior_of_evidence
from pyecod.search.hit import EvidenceType

KINDS = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST, EvidenceType.HHSEARCH)
"""The evidence types in the order that decides between otherwise equal candidates."""

_COMPLETE = 0.8  # reference coverage from which a candidate counts as the whole domain


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """Arrays over candidates, sorted by H-group, best first within it.

    ``kind`` indexes :data:`KINDS`; ``row`` is the reference row; ``missing_start`` and ``missing_end`` are the
    reference residues before and after the alignment. The candidate's residues are ``piece_start`` to ``piece_end``
    of the pieces ``first_piece[i]`` to ``first_piece[i + 1]``: aligned residues with small gaps closed, open where
    the query has an insertion the size of a domain. ``pair_candidate`` and ``pair_hit``: which hit makes which.
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
    piece_start: Ints
    piece_end: Ints
    pair_candidate: Ints
    pair_hit: Ints

    def __len__(self) -> int:
        return len(self.row)


def tabulate(evidence: DomainSummary, reference: Any, settings: PartitionSettings) -> tuple[CandidateTable, list[str]]:
    """Candidates of all hits, and per hit the reason why it gave none (empty where it did).

    Reasons: ``unknown_reference`` (domain or chain is not in this reference), ``unclassified_reference`` (the
    reference domain has no T-group), ``unmapped`` (a chain hit outside every domain of the reference chain, or
    without target residues), and those of :func:`pyecod.partition.alignments.align`.
    """
    verdicts = [""] * len(evidence.hits)
    by_kind: dict[EvidenceType, list[int]] = {kind: [] for kind in KINDS}
    for index, hit in enumerate(evidence.hits):
        by_kind[hit.type].append(index)
    parts = []
    for code, kind in enumerate(KINDS):
        if by_kind[kind]:
            build = _chain_candidates if kind is EvidenceType.CHAIN_BLAST else _domain_candidates
            segments, rows = build(evidence, by_kind[kind], reference, settings, verdicts)
            if len(segments.alignment):
                parts.append((code, segments, rows))
    table = _table(parts, reference, evidence.length, settings)
    for index in set(range(len(verdicts))).difference(table.pair_hit.tolist()):
        verdicts[index] = verdicts[index] or "too_short"
    return table, verdicts


def _domain_candidates(
    evidence: DomainSummary, chosen: Sequence[int], reference: Any, settings: PartitionSettings, verdicts: list[str]
) -> tuple[Alignments, Ints]:
    targets = [evidence.hits[i].target for i in chosen]
    numbers: dict[str, int] = {}
    subjects = np.fromiter((numbers.setdefault(t, len(numbers)) for t in targets), np.int64, len(targets))
    rows = np.asarray(reference.rows(list(numbers)), np.int64)
    known = rows >= 0
    classified = known & (reference.t[rows] >= 0) & (reference.h[rows] >= 0)
    usable = classified[subjects]
    for place in np.flatnonzero(~usable).tolist():
        unknown = not known[subjects[place]]
        verdicts[chosen[place]] = "unknown_reference" if unknown else "unclassified_reference"
    lengths = np.where(known, reference.length[rows], 0).tolist()
    kept = [i for i, keep in zip(chosen, usable.tolist(), strict=True) if keep]
    segments = align(evidence.hits, kept, subjects[usable].tolist(), lengths, evidence.length, settings, verdicts)
    row_of = np.zeros(int(segments.alignment.max(initial=-1)) + 1, np.int64)
    row_of[segments.alignment] = rows[segments.subject]
    return segments, row_of


def _chain_candidates(
    evidence: DomainSummary, chosen: Sequence[int], reference: Any, settings: PartitionSettings, verdicts: list[str]
) -> tuple[Alignments, Ints]:
    chains: dict[str, tuple[int, Any]] = {}
    kept, subjects = [], []
    for index in chosen:
        target = evidence.hits[index].target
        if target not in chains:
            chains[target] = len(chains), reference.chain_domains(target)
        number, domains = chains[target]
        if domains is None or not len(domains.rows):
            verdicts[index] = "unknown_reference"
        else:
            kept.append(index)
            subjects.append(number)
    segments = align(evidence.hits, kept, subjects, [None] * len(chains), evidence.length, settings, verdicts)
    return _decompose(segments, {n: d for n, d in chains.values() if d is not None}, len(chains), reference, verdicts)


def _decompose(
    segments: Alignments, chains: Mapping[int, Any], chain_count: int, reference: Any, verdicts: list[str]
) -> tuple[Alignments, Ints]:
    """Segments of chain alignments cut at the reference chain's domains, target numbered along each domain."""
    pieces: list[tuple[int, int, int, int]] = []
    rows: list[int] = []
    first = np.zeros(chain_count + 1, np.int64)
    for number in range(chain_count):
        domains = chains.get(number)
        if domains is not None:
            for row, residues in zip(domains.rows, domains.ranges, strict=True):
                offset = 1
                for start, end in residues.segments:
                    pieces.append((start, end, offset, len(rows)))
                    offset += end - start + 1
                rows.append(int(row))
        first[number + 1] = len(pieces)
    table = np.array(pieces, np.int64).reshape(-1, 4)
    row_of_domain = np.array(rows, np.int64)

    count = (first[1:] - first[:-1])[segments.subject]
    segment = np.repeat(np.arange(len(count)), count)
    piece = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + first[segments.subject[segment]]
    start = np.maximum(segments.target_start[segment], table[piece, 0])
    end = np.minimum(segments.target_end[segment], table[piece, 1])
    classified = (reference.t[row_of_domain] >= 0) & (reference.h[row_of_domain] >= 0)
    inside = (start <= end) & (segments.target_start[segment] > 0) & classified[table[piece, 3]]
    segment, piece, start, end = segment[inside], piece[inside], start[inside], end[inside]
    for index in np.unique(segments.hit).tolist():
        verdicts[index] = "unmapped"
    for index in np.unique(segments.hit[segment]).tolist():
        verdicts[index] = ""

    whole = segments.take(segment)
    query_start, query_end = project_back(whole, start, end)
    local = table[piece, 2] - table[piece, 0]
    keys, alignment = np.unique(whole.alignment * len(rows) + table[piece, 3], return_inverse=True)
    cut = Alignments(
        alignment,
        whole.subject,
        whole.hit,
        query_start,
        query_end,
        start + local,
        end + local,
        whole.evidence * (query_end - query_start + 1) / (whole.query_end - whole.query_start + 1),
        whole.strongest,
        whole.probability,
    )
    return cut, row_of_domain[keys % max(len(rows), 1)]


def _table(
    parts: Sequence[tuple[int, Alignments, Ints]], reference: Any, chain_length: int, settings: PartitionSettings
) -> CandidateTable:
    offsets = np.cumsum([0] + [len(rows) for _, _, rows in parts])
    none = np.zeros(0, np.int64)
    rows = np.concatenate([none] + [r for _, _, r in parts])
    kind = np.concatenate([none] + [np.full(len(r), code) for code, _, r in parts])
    owner = np.concatenate([none] + [s.alignment + o for (_, s, _), o in zip(parts, offsets, strict=False)])
    segments = stack([s for _, s, _ in parts])
    order = np.lexsort((segments.query_start, owner))
    owner, segments = owner[order], segments.take(order)
    first = np.searchsorted(owner, np.arange(len(rows) + 1))

    length = reference.length[rows].astype(np.int64)
    h = reference.h[rows].astype(np.int64)
    aligned = np.bincount(owner, weights=segments.aligned, minlength=len(rows)).astype(np.int64)
    coverage = np.minimum(aligned / np.maximum(length, 1), 1.0)
    evidence, posterior = _weigh(owner, segments, len(rows))
    trust = confidence(evidence, posterior)
    score = trust * np.minimum(coverage / _COMPLETE, 1.0)
    start, end = segments.query_start[first[:-1]], segments.query_end[first[1:] - 1]

    ranked = np.lexsort((end, start, rows, kind, -aligned, -score, h))
    ranked = ranked[aligned[ranked] >= settings.min_aligned]
    place = np.full(len(rows), -1, np.int64)
    place[ranked] = np.arange(len(ranked))
    missing_start, missing_end = _missing(segments, owner, first, length)
    piece_owner, piece_start, piece_end = _pieces(owner, segments, settings.min_insertion)
    by_place = np.argsort(place[piece_owner], kind="stable")
    by_place = by_place[place[piece_owner[by_place]] >= 0]
    piece_owner, piece_start, piece_end = place[piece_owner[by_place]], piece_start[by_place], piece_end[by_place]
    width = int(segments.hit.max(initial=0)) + 1
    pairs = np.unique(place[owner] * width + segments.hit)
    pairs = pairs[pairs >= 0]
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
        piece_start=piece_start,
        piece_end=piece_end,
        pair_candidate=pairs // width,
        pair_hit=pairs % width,
    )


def _weigh(owner: Ints, segments: Alignments, count: int) -> tuple[Floats, Floats]:
    """Evidence and posterior of each candidate: joined HSPs add up, a domain gets its share of a chain's HSP."""
    evidence = np.minimum(np.bincount(owner, weights=segments.evidence, minlength=count), 0.99 * STRONGEST)
    evidence[owner[segments.strongest]] = STRONGEST
    probability = np.full(count, -1.0)
    np.maximum.at(probability, owner, np.where(np.isnan(segments.probability), -1.0, segments.probability))
    return evidence, np.where(probability >= 0, probability, posterior_of_evidence(evidence))


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
