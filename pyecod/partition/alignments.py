"""From hits to alignments: HSPs of one subject joined where they are one domain, kept apart where it repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from pyecod.partition.counting import Verdict, Verdicts
from pyecod.partition.joining import join_hsps
from pyecod.partition.strength import STRONGEST, Floats, blast_evidence, profile_evidence
from pyecod.search.hit import EvidenceType, Hit
from pyecod.settings import PartitionSettings

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_COORDINATES = attrgetter("query_start", "query_end", "target_start", "target_end")


@dataclass(frozen=True, slots=True)
class Alignments:
    """Alignments of one evidence type, as arrays over ungapped segments.

    ``alignment`` numbers the alignments from 0 (a subject may have several), ``hit`` is the hit's index in the
    evidence and ``hsp`` the HSP's within the hit, ``subject`` the subject's index as given. Coordinates are 1-based
    and inclusive; ``target_start`` is 0 where an old tool did not write it. ``evidence`` is the segment's share of
    its HSP's decimal log-odds, ``strongest`` whether the HSP has E = 0, ``probability`` 0 to 1 (NaN for BLAST).
    """

    alignment: Ints
    subject: Ints
    hit: Ints
    hsp: Ints
    query_start: Ints
    query_end: Ints
    target_start: Ints
    target_end: Ints
    evidence: Floats
    strongest: Bools
    probability: Floats

    def take(self, index: Ints | Bools) -> Alignments:
        """The chosen segments."""
        return Alignments(*(getattr(self, name)[index] for name in self.__slots__))

    @property
    def aligned(self) -> Ints:
        """Aligned residues of each segment; the shorter side where only the outer ends are known."""
        query = self.query_end - self.query_start + 1
        return np.where(self.target_start > 0, np.minimum(query, self.target_end - self.target_start + 1), query)


@dataclass(frozen=True, slots=True)
class _Hsps:
    """All HSPs of one evidence type as arrays; ``number`` counts within the hit, ``ends`` are query start, end, target
    start, end."""

    hit: Ints
    number: Ints
    subject: Ints
    evidence: Floats
    probability: Floats
    usable: Bools
    segment_count: Ints
    segments: Ints
    ends: Ints


def align(
    hits: Sequence[Hit],
    chosen: Sequence[int],
    subjects: Sequence[int],
    lengths: Sequence[int | None],
    chain_length: int,
    settings: PartitionSettings,
    verdicts: Verdicts,
) -> Alignments:
    """Alignments of the ``chosen`` hits: indices of one evidence type, with the subject of each.

    ``lengths`` are those of the subjects; None for a chain, where an exchanged order is never one domain. What
    cannot be used is noted in ``verdicts`` at its hit: weak, too short, outside the chain, redundant.
    """
    hsps = _collect(hits, chosen, subjects, chain_length, settings, verdicts)
    used = np.flatnonzero(hsps.usable)
    length = np.array([length or 0 for length in lengths] or [0])
    group, kept = join_hsps(
        hsps.subject[used],
        hsps.ends[used],
        hsps.evidence[used],
        length[hsps.subject[used]],
        settings.join_overlap,
        lambda index: _detail(hsps, int(used[index])),
    )
    alignment = np.full(len(hsps.hit), -1, np.int64)
    window = hsps.ends[:, :2].copy()
    number = np.cumsum(group == np.arange(len(group))) - 1
    alignment[used] = np.where(group >= 0, number[group], -1)
    window[used] = kept
    left_out = hsps.hit[hsps.usable & (alignment < 0)]
    verdicts[left_out[verdicts[left_out] == Verdict.USABLE]] = Verdict.REDUNDANT
    verdicts[hsps.hit[alignment >= 0]] = Verdict.USABLE
    return _segments(hsps, alignment, window)


def _collect(
    hits: Sequence[Hit],
    chosen: Sequence[int],
    subjects: Sequence[int],
    chain_length: int,
    settings: PartitionSettings,
    verdicts: Verdicts,
) -> _Hsps:
    by_hit = [hits[index].hsps for index in chosen]
    listed = list(chain.from_iterable(by_hit))
    count = np.fromiter(map(len, by_hit), np.int64, len(by_hit))
    place = np.repeat(np.arange(len(by_hit)), count)
    number = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    counts = np.fromiter((len(h.segments) for h in listed), np.int64, len(listed))
    if not counts.all():  # an HSP without segments says nothing
        place, number = place[counts > 0], number[counts > 0]
        listed, counts = [h for h in listed if h.segments], counts[counts > 0]
    total = int(counts.sum())
    flat = chain.from_iterable(map(_COORDINATES, chain.from_iterable(h.segments for h in listed)))
    segments = np.fromiter(flat, np.int64, 4 * total).reshape(total, 4)
    first = np.cumsum(counts) - counts
    ends = segments[first].copy()
    ends[:, 1::2] = segments[first + counts - 1, 1::2]

    hit = np.array(chosen, np.int64)[place]
    evalue = np.array([h.evalue for h in listed], np.float64)
    probability = np.array([h.probability for h in listed], np.float64)
    if chosen and hits[chosen[0]].type is EvidenceType.HHSEARCH:
        evidence = profile_evidence(probability, evalue)
        weak = np.where(np.isnan(probability), ~(evalue <= settings.max_evalue), probability < settings.min_probability)
    else:
        evidence = np.where(np.isnan(evalue), 0.0, blast_evidence(evalue))
        weak = ~(evalue <= settings.max_evalue)
    outside = (ends[:, 0] < 1) | (ends[:, 1] > chain_length)
    short = ends[:, 1] - ends[:, 0] + 1 < settings.min_aligned
    usable = ~(weak | outside | short)
    for reason, mask in ((Verdict.TOO_SHORT, short), (Verdict.WEAK, weak), (Verdict.OUTSIDE_CHAIN, outside)):
        verdicts[hit[mask]] = reason
    return _Hsps(
        hit,
        number,
        np.array(subjects, np.int64)[place],
        evidence,
        probability / 100.0,
        usable,
        counts,
        segments,
        ends,
    )


def _detail(hsps: _Hsps, index: int) -> bytes:
    """All else that tells an HSP and its hit from another."""
    first, last = (
        np.searchsorted(hsps.hit, hsps.hit[index], "left"),
        np.searchsorted(hsps.hit, hsps.hit[index], "right"),
    )
    begin = np.concatenate(([0], np.cumsum(hsps.segment_count)))
    own, whole = hsps.segments[begin[index] : begin[index + 1]], hsps.segments[begin[first] : begin[last]]
    return own.tobytes() + whole.tobytes() + hsps.evidence[first:last].tobytes()


def _segments(hsps: _Hsps, alignment: Ints, window: Ints) -> Alignments:
    """Segments of the HSPs in use, cut to each HSP's window of query residues."""
    hsp = np.repeat(np.arange(len(hsps.hit)), hsps.segment_count)
    segments = hsps.segments
    if (alignment < 0).any():
        used = alignment[hsp] >= 0
        hsp, segments = hsp[used], segments[used]
    whole = Alignments(
        alignment[hsp],
        hsps.subject[hsp],
        hsps.hit[hsp],
        hsps.number[hsp],
        segments[:, 0],
        segments[:, 1],
        segments[:, 2],
        segments[:, 3],
        hsps.evidence[hsp],
        (hsps.evidence >= STRONGEST)[hsp],
        hsps.probability[hsp],
    )
    aligned = whole.aligned
    per_residue = hsps.evidence / np.maximum(np.bincount(hsp, weights=aligned, minlength=len(hsps.hit)), 1)
    whole = replace(whole, evidence=per_residue[hsp] * aligned)
    return _trimmed(whole, window[hsp]) if (window != hsps.ends[:, :2]).any() else whole


def _trimmed(whole: Alignments, window: Ints) -> Alignments:
    start = np.maximum(whole.query_start, window[:, 0])
    end = np.minimum(whole.query_end, window[:, 1])
    left, right = project(whole, start, end)
    kept = start <= end
    share = np.maximum(end - start + 1, 0) / (whole.query_end - whole.query_start + 1)
    cut = replace(
        whole,
        query_start=start,
        query_end=end,
        target_start=left,
        target_end=right,
        evidence=whole.evidence * share,
    )
    return cut if kept.all() else cut.take(kept)


def project(segments: Alignments, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Target residues opposite query residues ``start`` to ``end``, interpolated where the sides differ in length."""
    return (
        _opposite(start, segments.query_start, segments.query_end, segments.target_start, segments.target_end),
        _opposite(end, segments.query_start, segments.query_end, segments.target_start, segments.target_end),
    )


def project_back(segments: Alignments, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Query residues opposite target residues ``start`` to ``end`` of each segment."""
    return (
        _opposite(start, segments.target_start, segments.target_end, segments.query_start, segments.query_end),
        _opposite(end, segments.target_start, segments.target_end, segments.query_start, segments.query_end),
    )


def _opposite(residue: Ints, start: Ints, end: Ints, other_start: Ints, other_end: Ints) -> Ints:
    span = np.maximum(end - start, 1)
    return np.where(
        other_start > 0, other_start + ((residue - start) * (other_end - other_start) + span // 2) // span, 0
    )


def stack(parts: Sequence[Alignments], chain_length: int) -> Alignments:
    """All segments of several sets, numbered on, by alignment and then along the query."""
    none, real = np.zeros(0, np.int64), np.zeros(0)
    sets = [Alignments(none, none, none, none, none, none, none, none, real, np.zeros(0, bool), real)]
    offset = 0
    for part in parts:
        key = part.alignment * (chain_length + 1) + part.query_start
        ordered = part if (key[1:] >= key[:-1]).all() else part.take(np.argsort(key, kind="stable"))
        sets.append(replace(ordered, alignment=ordered.alignment + offset))
        offset = int(sets[-1].alignment[-1]) + 1
    return Alignments(*(np.concatenate([getattr(part, name) for part in sets]) for name in Alignments.__slots__))
