"""The partition of a chain: its domains, what is left over, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pyecod.evidence.summary import EvidenceCount
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType


class Outcome(StrEnum):
    """What became of the evidence; broken input is not an outcome but a failure of the chain."""

    ASSIGNED = "assigned"
    NO_EVIDENCE = "no_evidence"
    WEAK_EVIDENCE = "weak_evidence"
    UNKNOWN_EVIDENCE = "unknown_evidence"


class Quality(StrEnum):
    """Label of a partition by coverage."""

    GOOD = "good"
    LOW_COVERAGE = "low_coverage"
    FRAGMENTARY = "fragmentary"
    NO_DOMAINS = "no_domains"
    FAILED = "failed"


class Flag(StrEnum):
    """What a curator should look at."""

    PARTIAL = "partial"
    DISCONTINUOUS = "discontinuous"
    DISCONTINUITY_INFERRED = "discontinuity_inferred"
    NEW_REPRESENTATIVE_CANDIDATE = "new_representative_candidate"
    CONFLICT = "conflict"
    MERGED = "merged"
    REPEAT = "repeat"


class UnassignedReason(StrEnum):
    """Why residues belong to no domain; :data:`REASONS` says what each means."""

    NO_EVIDENCE = "no_evidence"
    WEAK_EVIDENCE = "weak_evidence"
    UNCLASSIFIED_HOMOLOG = "unclassified_homolog"
    CONFLICT = "conflict"
    DISORDER = "disorder"
    LOW_COMPLEXITY = "low_complexity"
    TAG = "tag"
    LINKER = "linker"
    TOO_SHORT = "too_short"


REASONS: Mapping[UnassignedReason, str] = {
    UnassignedReason.NO_EVIDENCE: "no search found anything here",
    UnassignedReason.WEAK_EVIDENCE: "hits, none of them enough for a domain",
    UnassignedReason.UNCLASSIFIED_HOMOLOG: "a reference chain aligns here and has no ECOD domain there",
    UnassignedReason.CONFLICT: "a domain beside it excludes the one proposed here",
    UnassignedReason.DISORDER: "most residues are not observed in the structure",
    UnassignedReason.LOW_COMPLEXITY: "most residues are of low complexity",
    UnassignedReason.TAG: "expression tag",
    UnassignedReason.LINKER: "between two domains and shorter than a domain",
    UnassignedReason.TOO_SHORT: "shorter than a domain",
}
"""Every reason in words, for the documentation, the page and the database's comments."""


class Defeat(StrEnum):
    """Why a domain's strongest rival is no domain."""

    NOT_SURE = "not_sure"
    """Its confidence is below the least for a domain."""
    TOO_SMALL = "too_small"
    """Its hits agree on too few residues."""
    NOT_WORTH = "not_worth"
    """It explains too few residues to be worth a domain."""
    PARTS = "parts"
    """Whole domains of the same H-group fill it."""
    WEAKER = "weaker"
    """Its evidence is weaker."""
    TOGETHER = "together"
    """The domains chosen explain more together."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The strongest of what else a domain's residues could have been. ``confidence`` is the partitioner's own, 0 to 1,
    of which the calibrated one of a domain is made."""

    ecod_domain: str
    t_group: str
    h_group: str
    range: ResidueRange
    confidence: float
    defeat: Defeat


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain in SEQRES numbering.

    ``range`` is what is assigned; ``evidence_range`` the part of it that alignments speak for, before free residues
    were given away, None where a file does not say it.
    ``number`` counts from 1 in sequence order. ``ecod_domain`` is the reference domain with the best
    evidence. ``confidence`` is the calibrated probability that the H-group is right, 0 to 1, None in files of 0.1.
    ``f_group`` is None where the supporting hits disagree. ``names`` maps ``x``, ``h``, ``t`` and
    ``f`` to the groups' names. ``h_agreement`` is the share of the hits over this region that are of its
    H-group, 0 to 1; ``support`` the number of accepted hits that agree. ``rival`` is None where nothing else was
    proposed there; ``explanation`` says all this in words.
    """

    number: int
    range: ResidueRange
    ecod_domain: str
    t_group: str
    h_group: str
    x_group: str
    source: EvidenceType
    f_group: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    evalue: float | None = None
    probability: float | None = None
    reference_coverage: float = 0.0
    support: int = 1
    h_agreement: float = 1.0
    flags: tuple[Flag, ...] = ()
    confidence: float | None = None
    rival: Rival | None = None
    explanation: str = ""
    evidence_range: ResidueRange | None = None

    @property
    def certainty(self) -> str:
        """``95 % sure``; empty where nothing is known of it."""
        return "" if self.confidence is None else f"{self.confidence:.0%} sure".replace("%", " %")

    def id(self, key: ChainKey) -> str:
        """Id within its chain: ``8ovp_A_001``."""
        return f"{key}_{self.number:03d}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best that was found for a region and made no domain. ``confidence`` is the partitioner's own, 0 to 1."""

    ecod_domain: str
    t_group: str
    h_group: str
    source: EvidenceType
    confidence: float
    evalue: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A region without a domain, and the reason; ``homolog`` is the reference chain that is not classified there."""

    range: ResidueRange
    reason: UnassignedReason
    candidate: Candidate | None = None
    homolog: str = ""

    @property
    def found(self) -> tuple[str, ...]:
        """What was found here, in words, one a line; the reason is not among them."""
        lines = (f"aligned with {self.homolog}",) if self.homolog else ()
        best = self.candidate
        return (
            lines
            if best is None
            else (
                *lines,
                f"best candidate {best.ecod_domain}, H-group {best.h_group}, confidence {best.confidence:.2f}",
            )
        )


@dataclass(frozen=True, slots=True)
class Partition:
    """All domains of one sequence. Domains are in sequence order (by first residue) and never overlap."""

    length: int
    outcome: Outcome
    quality: Quality
    domains: tuple[Domain, ...]
    unassigned: tuple[Unassigned, ...]
    counts: Mapping[EvidenceType, EvidenceCount]
    reference_version: str
    algorithm: str
    algorithm_version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def covered(self) -> ResidueRange:
        """Residues in any domain."""
        return ResidueRange.of(s for d in self.domains for s in d.range.segments)

    @property
    def coverage(self) -> float:
        """Union of the domains' ranges over the SEQRES length, 0 to 1."""
        return self.covered.coverage(self.length)
