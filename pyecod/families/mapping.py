"""A member's own domains: the representative's, mapped through the member's own alignment to it.

Identical sequences inherit ranges as they are. A similar sequence is aligned (Needleman and Wunsch, affine gaps,
BLOSUM62, as gemmi implements it), and each domain's range is carried over residue by residue. What maps badly is not
forced: the member is then searched itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from pyecod.errors import PyecodError
from pyecod.partition.model import Domain, Partition, Quality, Rival, Unassigned, UnassignedReason
from pyecod.ranges import ResidueRange
from pyecod.settings import ClusterSettings, Settings

ALGORITHM = "pyecod-mapped"
ALGORITHM_VERSION = "1.0"


class BadMappingError(PyecodError):
    """A member that the representative says too little about: it is to be searched itself."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Member to representative. ``target`` has for each residue of the member the residue of the representative it is
    aligned with, 1-based, 0 for none; ``identity`` is the share of identical pairs, ``coverage`` that of the member's
    residues that are aligned."""

    target: NDArray[np.int32]
    identity: float
    coverage: float


def align(member: str, representative: str) -> Alignment:
    """Align two sequences over their whole lengths.

    >>> align("MKTAYIAK", "MKTAYIAK").identity
    1.0
    """
    scoring = gemmi.AlignmentScoring("b")
    result = gemmi.align_string_sequences(list(member), list(representative), [], scoring)
    target = np.zeros(len(member), dtype=np.int32)
    own = other = identical = 0
    for length, kind in _operations(result.cigar_str()):
        if kind == "M":
            target[own : own + length] = np.arange(other + 1, other + length + 1)
            pairs = zip(member[own : own + length], representative[other : other + length], strict=True)
            identical += sum(a == b for a, b in pairs)
        own += length if kind in "MI" else 0
        other += length if kind in "MD" else 0
    aligned = int(np.count_nonzero(target))
    return Alignment(target, identical / aligned if aligned else 0.0, aligned / len(member))


def _operations(cigar: str) -> list[tuple[int, str]]:
    operations, digits = [], ""
    for letter in cigar:
        if letter.isdigit():
            digits += letter
        else:
            operations.append((int(digits), letter))
            digits = ""
    return operations


def map_partition(
    partition: Partition, representative: str, member: str, alignment: Alignment, settings: Settings
) -> Partition:
    """The partition of ``member`` by that of ``representative`` (the chain's name is kept as the source).

    Raises:
        BadMappingError: too little identity or coverage, a domain of which too little is left, or a stretch of the
            member without counterpart that could be a domain.
    """
    limits = settings.clusters
    if alignment.identity < limits.min_identity or alignment.coverage < limits.min_coverage:
        raise BadMappingError(
            f"identity {alignment.identity:.2f} and coverage {alignment.coverage:.2f} to {representative} are too low"
        )
    _refuse_long_insertions(alignment, limits, representative)
    length = len(member)
    domains = tuple(_map_domain(domain, alignment, limits, representative) for domain in partition.domains)
    order = sorted(domains, key=lambda domain: domain.range.start)
    numbered = tuple(replace(domain, number=number) for number, domain in enumerate(order, 1))
    covered = ResidueRange.of(segment for domain in numbered for segment in domain.range.segments)
    coverage = covered.coverage(length)
    return Partition(
        length=length,
        outcome=partition.outcome,
        quality=_quality(coverage, bool(numbered), settings),
        domains=numbered,
        unassigned=_map_unassigned(partition, alignment, covered),
        counts={},
        reference_version=partition.reference_version,
        algorithm=ALGORITHM,
        algorithm_version=ALGORITHM_VERSION,
        parameters={
            "mapped_from": representative,
            "identity": round(alignment.identity, 4),
            "coverage": round(alignment.coverage, 4),
            "algorithm": f"{partition.algorithm} {partition.algorithm_version}",
            **limits.model_dump(exclude={"file"}),
        },
    )


def _refuse_long_insertions(alignment: Alignment, limits: ClusterSettings, representative: str) -> None:
    free = alignment.target == 0
    if not free.any():
        return
    longest = max(b - a + 1 for a, b in ResidueRange.from_mask(free).segments)
    if longest > limits.max_insertion:
        raise BadMappingError(f"{longest} residues in a row have no counterpart in {representative}")


def _map_domain(domain: Domain, alignment: Alignment, limits: ClusterSettings, representative: str) -> Domain:
    inside = _counterparts(domain.range, alignment)
    share = np.count_nonzero(inside) / len(domain.range)
    if share < limits.min_domain_mapped:
        raise BadMappingError(f"only {share:.0%} of domain {domain.number} of {representative} is in the member")
    residues = _with_small_insertions(ResidueRange.from_mask(inside), domain, alignment)
    speaking = domain.evidence_range
    return replace(
        domain,
        range=residues,
        evidence_range=(ResidueRange.from_mask(_counterparts(speaking, alignment)) or None) if speaking else None,
        rival=_map_rival(domain.rival, alignment),
        explanation=f"mapped from {representative} {domain.range} (identity {alignment.identity:.2f})",
    )


def _map_rival(rival: Rival | None, alignment: Alignment) -> Rival | None:
    """The rival where the member has its residues; None where it has none of them."""
    if rival is None:
        return None
    there = ResidueRange.from_mask(_counterparts(rival.range, alignment))
    return replace(rival, range=there) if there else None


def _counterparts(residues: ResidueRange, alignment: Alignment) -> NDArray[np.bool_]:
    """Mask of the member's residues that are aligned with these of the representative."""
    wanted = residues.mask(int(max(alignment.target.max(initial=0), residues.end)))
    inside = np.zeros(len(alignment.target), dtype=bool)
    aligned = alignment.target > 0
    inside[aligned] = wanted[alignment.target[aligned] - 1]
    return inside


def _with_small_insertions(mapped: ResidueRange, domain: Domain, alignment: Alignment) -> ResidueRange:
    """Residues the member has more, inside one segment of the domain, belong to the domain."""
    segments: list[tuple[int, int]] = []
    for start, end in mapped.segments:
        if segments:
            last = segments[-1][1]
            between = alignment.target[last : start - 1]
            one, other = int(alignment.target[last - 1]), int(alignment.target[start - 1])
            inside = any(a <= one and other <= b for a, b in domain.range.segments)
            if not between.any() and inside:
                segments[-1] = (segments[-1][0], end)
                continue
        segments.append((start, end))
    return ResidueRange.of(segments)


def _map_unassigned(partition: Partition, alignment: Alignment, covered: ResidueRange) -> tuple[Unassigned, ...]:
    """What no domain covers, with the representative's reason where it has one."""
    free = ResidueRange.of([(1, len(alignment.target))]).difference(covered)
    regions = []
    for start, end in free.segments:
        there = set(alignment.target[start - 1 : end].tolist())
        own = [region for region in partition.unassigned if there & set(region.range)]
        region = ResidueRange.of([(start, end)])
        regions.append(replace(own[0], range=region) if own else Unassigned(region, UnassignedReason.NO_EVIDENCE))
    return tuple(regions)


def _quality(coverage: float, has_domains: bool, settings: Settings) -> Quality:
    if not has_domains:
        return Quality.NO_DOMAINS
    if coverage >= settings.quality.good:
        return Quality.GOOD
    return Quality.LOW_COVERAGE if coverage >= settings.quality.low_coverage else Quality.FRAGMENTARY
