"""What became of every hit: counts per evidence type that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pyecod.evidence.summary import DomainSummary, EvidenceCount
from pyecod.partition.classify import Support
from pyecod.search.hit import EvidenceType

UNKNOWN = frozenset({"unknown_reference", "unclassified_reference", "unmapped"})
"""Reasons that tell of the reference, not of the hit: chains with only these have unknown evidence."""

REJECTIONS = {
    "unknown_reference": "the domain or chain is not in this reference",
    "unclassified_reference": "the reference domain has no T-group",
    "unmapped": "the aligned part of the reference chain belongs to no domain",
    "outside_chain": "the alignment runs beyond the chain",
    "weak": "E-value or probability beyond the threshold",
    "too_short": "too few aligned residues",
    "redundant": "better alignments of the same reference explain these residues",
    "conflict": "a domain of another H-group has these residues",
    "other_extent": "the domain here has the same H-group but other ends",
    "unsupported": "no domain here: too little confidence, or too small",
}
"""Every reason a hit can be rejected for, in words. The last three are decided by the layout, among considered hits."""


def count_evidence(
    evidence: DomainSummary, verdicts: Sequence[str], supports: Iterable[Support]
) -> Mapping[EvidenceType, EvidenceCount]:
    """Counts of each type searched: kept = accepted + rejected, considered = accepted + rejected by the layout."""
    final = list(verdicts)
    accepted: set[int] = set()
    for support in supports:
        accepted.update(support.hits_agreeing.tolist())
        for index in support.hits_over.tolist():
            final[index] = final[index] or "conflict"
        for index in support.hits_touching.tolist():
            final[index] = final[index] or "other_extent"
    for index in accepted:
        final[index] = ""
    by_kind: dict[EvidenceType, list[int]] = {kind: [] for kind in evidence.found}
    for index, hit in enumerate(evidence.hits):
        by_kind.setdefault(hit.type, []).append(index)
    return {
        kind: _count(evidence.found.get(kind, 0), members, verdicts, final, accepted)
        for kind, members in by_kind.items()
    }


def _count(
    found: int, members: Sequence[int], verdicts: Sequence[str], final: Sequence[str], accepted: set[int]
) -> EvidenceCount:
    rejected = Counter(final[i] or "unsupported" for i in members if i not in accepted)
    return EvidenceCount(
        found=max(found, len(members)),
        kept=len(members),
        considered=sum(not verdicts[i] for i in members),
        accepted=len(members) - rejected.total(),
        rejected=dict(sorted(rejected.items())),
    )
