"""What became of every hit: one verdict each, and counts per evidence type that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pyecod.evidence.summary import DomainSummary, EvidenceCount
from pyecod.search.hit import EvidenceType


class Verdict(IntEnum):
    """Why a hit supports no domain; ``USABLE`` until something else is known. In the order they are counted."""

    USABLE = 0
    UNKNOWN_REFERENCE = 1
    UNCLASSIFIED_REFERENCE = 2
    UNMAPPED = 3
    OUTSIDE_CHAIN = 4
    WEAK = 5
    TOO_SHORT = 6
    REDUNDANT = 7
    CONFLICT = 8
    OTHER_EXTENT = 9
    UNSUPPORTED = 10
    MASKED = 11


REJECTIONS: Mapping[str, str] = {
    "unknown_reference": "the domain or chain is not in this reference",
    "unclassified_reference": "the reference domain has no T-group",
    "masked": "the reference domain is left out: blacklisted, of the query's own entry, or excluded",
    "unmapped": "the aligned part of the reference chain belongs to no domain",
    "outside_chain": "the alignment runs beyond the chain",
    "weak": "E-value or probability beyond the threshold",
    "too_short": "too few aligned residues",
    "redundant": "better alignments of the same reference explain these residues",
    "conflict": "a domain of another H-group has these residues",
    "other_extent": "the domain here has the same H-group but other ends",
    "unsupported": "no domain here: too little confidence, or too small",
}
"""Every reason for a rejection, as the counts name it, in words; the last three are decided by the layout."""

UNKNOWN = (Verdict.UNKNOWN_REFERENCE, Verdict.UNCLASSIFIED_REFERENCE, Verdict.UNMAPPED, Verdict.MASKED)
"""Verdicts that tell of the reference, not of the hit: chains with only these have unknown evidence."""

Verdicts = NDArray[np.int8]
"""One :class:`Verdict` per hit."""


def indices_by_type(evidence: DomainSummary) -> dict[EvidenceType, list[int]]:
    """Indices of the hits of each evidence type; types that were searched without a hit have none."""
    kinds = [hit.type for hit in evidence.hits]
    indices = {kind: [i for i, other in enumerate(kinds) if other is kind] for kind in EvidenceType}
    return {kind: members for kind, members in indices.items() if members or kind in evidence.found}


def count_evidence(
    by_type: Mapping[EvidenceType, Sequence[int]],
    found: Mapping[EvidenceType, int],
    verdicts: Verdicts,
    accepted: NDArray[np.bool_],
    contradicted: NDArray[np.bool_],
    touching: NDArray[np.bool_],
) -> Mapping[EvidenceType, EvidenceCount]:
    """Counts of each type searched: kept = accepted + rejected, considered = accepted + rejected by the layout.

    The masks over hits say which support a domain, which are mostly inside one of another H-group, and which share
    residues with one of their own.
    """
    final = np.where(verdicts != Verdict.USABLE, verdicts, Verdict.UNSUPPORTED)
    final[touching & (verdicts == Verdict.USABLE)] = Verdict.OTHER_EXTENT
    final[contradicted & (verdicts == Verdict.USABLE)] = Verdict.CONFLICT
    final[accepted] = Verdict.USABLE
    return {kind: _count(found.get(kind, 0), verdicts[members], final[members]) for kind, members in by_type.items()}


def _count(found: int, verdicts: Verdicts, final: Verdicts) -> EvidenceCount:
    tally = np.bincount(final, minlength=len(Verdict)).tolist()
    return EvidenceCount(
        found=max(found, len(final)),
        kept=len(final),
        considered=int(np.count_nonzero(verdicts == Verdict.USABLE)),
        accepted=tally[Verdict.USABLE],
        rejected={v.name.lower(): tally[v] for v in Verdict if v != Verdict.USABLE and tally[v]},
    )


def mask_of(count: int, groups: Iterable[Sequence[int] | NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Mask over ``count`` hits of all indices in the groups."""
    mask = np.zeros(count, dtype=bool)
    for group in groups:
        mask[group] = True
    return mask
