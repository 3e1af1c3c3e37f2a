"""Already classified? Which chains the reference covers under their own name, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.reference import Reference

MIN_COVERAGE = 0.80  # the field's threshold of a good partition


@dataclass(frozen=True, slots=True)
class EcodStatus:
    """What a reference has of one chain: the ids of its domains, and the share of the chain they cover, 0 to 1 (None
    where no length is known). ``is_classified``: they cover enough. Says nothing of identical or similar chains."""

    key: ChainKey
    length: int | None
    domains: tuple[str, ...]
    coverage: float | None
    is_classified: bool

    def to_plain(self) -> dict[str, Any]:
        """The status as JSON has it."""
        return asdict(self) | {"key": str(self.key), "domains": list(self.domains)}


def ecod_status(
    chains: Iterable[tuple[ChainKey, int | None]], reference: Reference, *, min_coverage: float = MIN_COVERAGE
) -> Iterator[EcodStatus]:
    """Look chains up by their keys; ``chains`` are keys with their SEQRES lengths, None where unknown.

    Without a length the reference's own is used, where it has the chain's sequence. Nothing is copied from one chain
    to another, however alike they are.
    """
    for key, length in chains:
        known = reference.chain_domains(str(key))
        if known is None:
            yield EcodStatus(key, length, (), 0.0, False)
            continue
        length = length or reference.chain_length(str(key))
        covered = ResidueRange.of(segment for domain in known.ranges for segment in domain.segments)
        coverage = min(1.0, len(covered) / length) if length else None
        names = tuple(reference.id_at(int(row)) for row in known.rows)
        yield EcodStatus(key, length, names, coverage, coverage is not None and coverage >= min_coverage)
