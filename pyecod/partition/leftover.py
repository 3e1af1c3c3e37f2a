"""Regions in no domain, and the reason a curator wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.consensus import Proposal
from pyecod.partition.labels import FREE
from pyecod.partition.model import Unassigned, UnassignedReason
from pyecod.partition.sequence import low_complexity
from pyecod.partition.weak import WeakEvidence
from pyecod.ranges import ResidueRange
from pyecod.settings import PartitionSettings

_MOSTLY = 0.5  # share of a region from which a property of residues is the region's


def explain_leftover(
    labels: Ints, tags: Bools, losers: Sequence[Proposal], weak: WeakEvidence, settings: PartitionSettings
) -> tuple[Unassigned, ...]:
    """The free regions in order, each with its reason. ``losers`` are proposals that a chosen domain excluded,
    ``weak`` is what was found and made no domain."""
    observed = weak.evidence.observed
    unseen = ~observed.mask(len(labels)) if observed is not None else np.zeros(len(labels), dtype=bool)
    regions = []
    for start, end in ResidueRange.from_mask(labels == FREE).segments:
        for first, last, is_tag in _split_at_tags(start, end, tags):
            region = ResidueRange(((first, last),))
            candidate = weak.candidate(first, last)
            homolog = ""
            if is_tag:
                reason = UnassignedReason.TAG
            else:
                reason = _nature(first, last, labels, unseen, weak.evidence.sequence, losers, settings)
            if reason is UnassignedReason.NO_EVIDENCE:
                homolog = weak.unclassified(first, last)
                if homolog:
                    reason = UnassignedReason.UNCLASSIFIED_HOMOLOG
                elif candidate or weak.hits_over(first, last):
                    reason = UnassignedReason.WEAK_EVIDENCE
            regions.append(Unassigned(region, reason, candidate, homolog))
    return tuple(regions)


def _split_at_tags(start: int, end: int, tags: Bools) -> list[tuple[int, int, bool]]:
    inside = tags[start - 1 : end]
    cuts = (np.flatnonzero(np.diff(inside)) + 1).tolist()
    borders = [0, *cuts, len(inside)]
    return [(start + a, start + b - 1, bool(inside[a])) for a, b in pairwise(borders)]


def _nature(
    start: int,
    end: int,
    labels: Ints,
    unseen: Bools,
    sequence: str,
    losers: Sequence[Proposal],
    settings: PartitionSettings,
) -> UnassignedReason:
    """What the region is by itself, or that a domain beside it decided against its own; else no evidence."""
    size, region = end - start + 1, slice(start - 1, end)
    if np.count_nonzero(unseen[region]) >= _MOSTLY * size:
        return UnassignedReason.DISORDER
    if size < settings.min_domain_length:
        between = start > 1 and end < len(labels) and labels[start - 2] != FREE and labels[end] != FREE
        return UnassignedReason.LINKER if between else UnassignedReason.TOO_SHORT
    simple = low_complexity(sequence[region], settings.low_complexity_bits)
    if np.count_nonzero(simple) >= _MOSTLY * size:
        return UnassignedReason.LOW_COMPLEXITY
    if any(np.count_nonzero(loser.core[region]) >= _MOSTLY * size for loser in losers):
        return UnassignedReason.CONFLICT
    return UnassignedReason.NO_EVIDENCE
