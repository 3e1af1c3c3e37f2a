"""Conservation of evidence: hits are counted at every boundary, and a type that vanishes at one fails the batch.

The boundaries are: printed by the search program (found) → in the domain summary (kept) → known to the reference
and considered by the partitioner (considered) → supporting an assigned domain (accepted). The unit is the hit.

When is a type that drops to zero over a whole batch *lost*, and when is there just nothing to see?

* *searched → kept*: a chain with residues covered by a type has hits of it, so none in the records is always loss.
* *found → kept*: BLAST prints only what is within its threshold, so losing all of it is always loss. HHsearch also
  prints improbable templates, and a chain without relatives legitimately keeps none: loss from ``min_chains``
  chains with hits on.
* *kept → considered*: loss as soon as one chain's hits vanish without a reason. A reason is a counted rejection, or
  a partition whose outcome says that the evidence was weak or unknown. When that is so for all of ``min_chains``
  chains or more, the reference does not fit the databases, and it is loss again.
* *considered → accepted*: the partitioner may prefer other evidence in a chain, but not everywhere: loss from
  ``min_chains`` chains with hits on.

Chains that failed or are not finished lose nothing here; their records say what happened to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import EvidenceLostError
from pyecod.search.hit import EvidenceType

if TYPE_CHECKING:
    from pyecod.batch.record import ChainRecord

BOUNDARIES = ("found", "kept", "considered", "accepted")
MIN_CHAINS = 10  # with a third of all chains without any relative, ten in a row by chance: 1 in 59,000
_UNKNOWN = 0.5  # share of a type's hits; versions of one database differ by a few per cent
_COMPLETE = "complete"  # Status.COMPLETE, whose room is slow to import for those who only want a summary
_EXPLAINING = frozenset({"weak_evidence", "unknown_evidence"})


@dataclass(frozen=True, slots=True)
class TypeTotals:
    """One evidence type over a batch: hits at each boundary, and over how many chains.

    ``chains`` counts chains with at least one hit at a boundary; ``finished`` those of them with kept hits whose
    partition is complete. ``unexplained`` of these considered nothing and give no reason. ``covered`` chains have
    residues covered by this type according to the search, whatever was recorded as found or kept.
    """

    searched: int = 0
    found: int = 0
    kept: int = 0
    considered: int = 0
    accepted: int = 0
    chains: Mapping[str, int] = field(default_factory=dict)
    covered: int = 0
    finished: int = 0
    unexplained: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvidenceTotals:
    """All types that were searched in a batch, in the order of :class:`EvidenceType`."""

    types: Mapping[EvidenceType, TypeTotals]


@dataclass(frozen=True, slots=True)
class EvidenceLoss:
    """Hits of one type that were lost: between which boundaries, how many, over how many chains."""

    type: EvidenceType
    before: str
    after: str
    hits: int
    chains: int

    def __str__(self) -> str:
        hits = f"{self.hits:,} hits" if self.hits else "evidence"
        return f"{self.type}: {hits} {self.before} over {self.chains:,} chains, none {self.after}"


def conservation(records: Iterable[ChainRecord]) -> EvidenceTotals:
    """Add up the hits of a batch's chains. Identical chains share one search and are counted once."""
    by_key = {str(record.key): record for record in records}
    sums = {kind: _Sum() for kind in EvidenceType}
    for key, record in by_key.items():
        shared = record.representative is not None and record.representative != key
        if shared and record.representative in by_key:
            continue
        for kind in EvidenceType:
            sums[kind].add(kind, record)
    return EvidenceTotals({kind: total.frozen() for kind, total in sums.items() if total.searched or total.covered})


def find_losses(totals: EvidenceTotals, *, min_chains: int = MIN_CHAINS) -> list[EvidenceLoss]:
    """Every evidence type that dropped to zero, at the first boundary where it did, or most of whose hits the reference
    does not know; empty when all is well."""
    losses = (_loss(kind, total, min_chains) for kind, total in totals.types.items())
    return [loss for loss in losses if loss is not None]


def check_conservation(
    totals: EvidenceTotals, *, where: str | Path | None = None, min_chains: int = MIN_CHAINS
) -> None:
    """Refuse a batch in which an evidence type that had hits contributes nothing downstream.

    Raises:
        EvidenceLostError: names each type, the boundary, the hits and the chains. ``where`` is the batch.
    """
    losses = find_losses(totals, min_chains=min_chains)
    if losses:
        raise EvidenceLostError(
            "evidence was lost: " + "; ".join(map(str, losses)),
            where=where,
            hint="do not use these partitions; check that the reference fits its databases, then repair the batch",
        )


def _loss(kind: EvidenceType, total: TypeTotals, min_chains: int) -> EvidenceLoss | None:
    chains = total.chains
    if total.covered and not total.kept:
        return EvidenceLoss(kind, "searched", "kept", total.found, total.covered)
    if total.found and not total.kept:
        enough = min_chains if kind is EvidenceType.HHSEARCH else 1
        return EvidenceLoss(kind, "found", "kept", total.found, chains["found"]) if chains["found"] >= enough else None
    if total.finished and not total.considered:
        lost = total.unexplained or total.finished >= min_chains
        return EvidenceLoss(kind, "kept", "considered", total.kept, total.finished) if lost else None
    unknown = total.rejected.get("unknown_reference", 0)
    if unknown > _UNKNOWN * total.kept and total.finished >= min_chains:
        return EvidenceLoss(kind, "kept", "known to the reference", unknown, total.finished)
    if total.considered and not total.accepted and chains["considered"] >= min_chains:
        return EvidenceLoss(kind, "considered", "accepted", total.considered, chains["considered"])
    return None


class _Sum:
    """Running totals of one type."""

    def __init__(self) -> None:
        self.searched = self.covered = self.finished = self.unexplained = 0
        self.hits: Counter[str] = Counter()
        self.chains: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()

    def add(self, kind: EvidenceType, record: ChainRecord) -> None:
        """Count one chain; further keys of its evidence are rejections by reason."""
        self.covered += _is_covered(kind, record)
        counts = record.evidence.get(kind.value)
        if counts is None:
            return
        self.searched += 1
        done = record.partition_status == _COMPLETE
        for name in BOUNDARIES if done else BOUNDARIES[:2]:
            self.hits[name] += counts.get(name, 0)
            self.chains[name] += counts.get(name, 0) > 0
        reasons = {name: n for name, n in counts.items() if name not in BOUNDARIES and n}
        self.rejected.update(reasons)
        if done and counts.get("kept", 0):
            self.finished += 1
            explained = bool(reasons) or record.partition_outcome in _EXPLAINING
            self.unexplained += not counts.get("considered", 0) and not explained

    def frozen(self) -> TypeTotals:
        """What was counted."""
        return TypeTotals(
            searched=self.searched,
            **{name: self.hits[name] for name in BOUNDARIES},
            chains={name: self.chains[name] for name in BOUNDARIES},
            covered=self.covered,
            finished=self.finished,
            unexplained=self.unexplained,
            rejected=dict(self.rejected),
        )


def _is_covered(kind: EvidenceType, record: ChainRecord) -> bool:
    """The search itself said that this type covers residues of the chain; the records of the older tools, which never
    changed here, count no hits of any type, and so show none that were lost."""
    if not record.evidence and record.updated_at is None:
        return False
    if kind is EvidenceType.DOMAIN_BLAST:
        return record.blast_status == _COMPLETE and bool(record.blast_coverage)
    if kind is EvidenceType.HHSEARCH:
        return record.hhsearch_status == _COMPLETE and bool(record.hhsearch_coverage)
    return False
