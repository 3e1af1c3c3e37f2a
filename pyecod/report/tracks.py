"""The evidence of one chain as a picture needs it: how deep it lies over each residue, and its best hits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pyecod.evidence.summary import DomainSummary
from pyecod.search.hit import EvidenceType, Hit

MOST_HITS = 12  # drawn per track
_DEEPEST = 2  # drawn over one another before a hit is left out for one elsewhere
_GAP = 10  # residues between two aligned stretches that are drawn as one
_LOOKED_AT = 300  # best hits among which those drawn are chosen


@dataclass(frozen=True, slots=True)
class TrackHit:
    """One hit of a track: the stretches it aligns, small gaps closed, 1-based inclusive, and how strong it is."""

    target: str
    spans: tuple[tuple[int, int], ...]
    evalue: float | None = None
    probability: float | None = None

    @property
    def is_strong(self) -> bool:
        """Homology beyond doubt: E ≤ 1e-10, or HHsearch probability ≥ 90 %."""
        if self.probability is not None:
            return self.probability >= 90
        return self.evalue is not None and self.evalue <= 1e-10


@dataclass(frozen=True, slots=True)
class EvidenceTrack:
    """One evidence type along a chain.

    ``count`` hits are kept of ``found``. ``depth`` has (first residue, last residue, hits over them) where there are
    any, in order. ``hits`` are the best ones, few over any residue, so that each region shows its own.
    """

    type: EvidenceType
    count: int
    found: int
    depth: tuple[tuple[int, int, int], ...] = ()
    hits: tuple[TrackHit, ...] = ()


def evidence_tracks(summary: DomainSummary) -> tuple[EvidenceTrack, ...]:
    """Tracks of the types that were searched, in the order of :class:`EvidenceType`."""
    tracks = []
    for kind in EvidenceType:
        hits = summary.of_type(kind)
        if hits or kind in summary.found:
            tracks.append(
                EvidenceTrack(
                    type=kind,
                    count=len(hits),
                    found=summary.found.get(kind, len(hits)),
                    depth=_runs(_depth(hits, summary.length)),
                    hits=tuple(_choose(hits, summary.length)),
                )
            )
    return tuple(tracks)


def _depth(hits: Iterable[Hit], length: int) -> NDArray[np.int64]:
    steps = np.zeros(length + 2, dtype=np.int64)
    for hit in hits:
        for start, end in hit.query_range.segments:
            steps[start] += 1
            steps[end + 1] -= 1
    return np.cumsum(steps)[1 : length + 1]


def _runs(depth: NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    edges = np.concatenate(([0], np.flatnonzero(np.diff(depth)) + 1, [len(depth)]))
    return tuple((int(a) + 1, int(b), int(depth[a])) for a, b in pairwise(edges) if b > a and depth[a])


def _choose(hits: Iterable[Hit], length: int) -> list[TrackHit]:
    """The best hits, leaving out those that lie mostly where others are drawn already."""
    drawn = np.zeros(length + 1, dtype=np.int64)
    chosen: list[TrackHit] = []
    for hit in sorted(hits, key=_strength)[:_LOOKED_AT]:
        spans = hit.query_range.close_gaps(_GAP).segments
        full = sum(np.count_nonzero(drawn[start : end + 1] >= _DEEPEST) for start, end in spans)
        if 2 * full > sum(end - start + 1 for start, end in spans):
            continue
        for start, end in spans:
            drawn[start : end + 1] += 1
        probability = max((h.probability for h in hit.hsps if h.probability is not None), default=None)
        chosen.append(TrackHit(hit.target, spans, hit.evalue, probability))
        if len(chosen) == MOST_HITS:
            break
    return chosen


def _strength(hit: Hit) -> tuple[float, float, float]:
    """Best first: probability for HHsearch, E-value for BLAST (0 is the best), then bit score."""
    probability = max((h.probability or 0.0 for h in hit.hsps), default=0.0)
    evalue = hit.evalue
    bits = max((h.bitscore or 0.0 for h in hit.hsps), default=0.0)
    return (-probability, evalue if evalue is not None else float("inf"), -bits)
