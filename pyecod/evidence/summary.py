"""The domain summary: all evidence for one unique sequence, as the partitioner receives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyecod.errors import BrokenInputError
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, SearchResult


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """Evidence of one chain (the representative of its identical copies).

    ``found`` counts per evidence type what the search programs printed; a type that was not searched is
    absent, one that found nothing is 0. ``hits`` are those kept, in no particular order. ``observed`` are the residues
    with coordinates in the structure of ``key``, None where no structure is known.
    """

    key: ChainKey
    length: int
    hits: tuple[Hit, ...]
    sequence: str = ""
    found: Mapping[EvidenceType, int] = field(default_factory=dict)
    reference_version: str = ""
    batch_id: str = ""
    timestamp: str = ""
    observed: ResidueRange | None = None

    def of_type(self, kind: EvidenceType) -> tuple[Hit, ...]:
        """The hits of one evidence type."""
        return tuple(hit for hit in self.hits if hit.type is kind)

    def coverage(self, kind: EvidenceType) -> float:
        """Union of the query residues of one type's HSPs over the chain length, 0 to 1."""
        return ResidueRange.of(
            (s.query_start, s.query_end) for hit in self.of_type(kind) for h in hit.hsps for s in h.segments
        ).coverage(self.length)


@dataclass(frozen=True, slots=True)
class EvidenceCount:
    """Hits of one type at each boundary: printed by the program, in the summary, known to the reference and
    considered by the partitioner, supporting an assigned domain."""

    found: int = 0
    kept: int = 0
    considered: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


def summarise(
    key: ChainKey,
    length: int,
    sequence: str,
    results: Mapping[EvidenceType, SearchResult],
    reference_version: str = "",
    batch_id: str = "",
    timestamp: str = "",
    observed: ResidueRange | None = None,
) -> DomainSummary:
    """Domain summary of what the searches found for one sequence; types are in the order of :class:`EvidenceType`.

    ``timestamp`` is ISO 8601 UTC, given so that the same evidence makes the same file.

    Raises:
        BrokenInputError: a result belongs to another sequence or type, or ``length`` is not the sequence's.
    """
    if len(sequence) != length:
        raise BrokenInputError(f"length {length} is not that of the sequence ({len(sequence)})", where=str(key))
    for kind, result in results.items():
        if result.type is not kind or result.query.sequence != sequence:
            raise BrokenInputError(
                f"the {kind} result is of type {result.type} for the sequence {result.query.md5}", where=str(key)
            )
    searched = [kind for kind in EvidenceType if kind in results]
    return DomainSummary(
        key=key,
        length=length,
        hits=tuple(hit for kind in searched for hit in results[kind].hits),
        sequence=sequence,
        found={kind: results[kind].found for kind in searched},
        reference_version=reference_version,
        batch_id=batch_id,
        timestamp=timestamp,
        observed=observed,
    )
