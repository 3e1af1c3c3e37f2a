"""What became of the search of one sequence, small enough to be sent home by a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyecod.errors import FailureKind, ProgramError, describe
from pyecod.search.encoding import ResultHeader
from pyecod.search.hit import EvidenceType, Query


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """Result of :func:`~pyecod.search.search_blast` or :func:`~pyecod.search.search_profiles` for one sequence.

    ``error`` says why the search failed (``error_kind`` for those who decide by it), None when it did not: then the
    search cache holds the results under ``keys``. ``found`` and ``kept`` count the hits printed and those within the
    thresholds. ``coverage`` is the share of the sequence that the domain-BLAST hits cover (search_blast) or the
    HHsearch hits (search_profiles), 0 to 1; None after an error. ``needs_hhsearch`` is None where BLAST did not decide
    it. ``cached`` names the types that were not searched because the cache had them; ``seconds`` is the time the
    others took, this sequence's share of a process for many. A ``profile_depth`` of 1 means that the query found no
    relatives.
    """

    md5: str
    error: str | None = None
    error_kind: FailureKind | None = None
    found: Mapping[EvidenceType, int] = field(default_factory=dict)
    kept: Mapping[EvidenceType, int] = field(default_factory=dict)
    coverage: float | None = None
    needs_hhsearch: bool | None = None
    cached: tuple[EvidenceType, ...] = ()
    seconds: float = 0.0
    keys: Mapping[EvidenceType, str] = field(default_factory=dict)
    profile_depth: int | None = None
    profile_neff: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """One sequence against one database: the header of its result, or the reason why there is none."""

    header: ResultHeader | None = None
    error: str | None = None
    error_kind: FailureKind | None = None
    cached: bool = False

    @classmethod
    def failed(cls, kind: EvidenceType, error: ProgramError) -> Finished:
        """There is no result for this evidence."""
        return cls(error=f"{kind}: {describe(error)}", error_kind=error.kind)


def outcome_of(
    query: Query, finished: Mapping[EvidenceType, Finished], *, decides: EvidenceType, hhsearch_below: float | None
) -> SearchOutcome:
    """Put a sequence's results together; ``decides`` is the type whose coverage counts.

    With ``hhsearch_below``, a coverage below it (equal is not) asks for the profile search.
    """
    headers = {kind: one.header for kind, one in finished.items() if one.header is not None}
    errors = [one.error for one in finished.values() if one.error]
    coverage = headers[decides].coverage if decides in headers and not errors else None
    return SearchOutcome(
        md5=query.md5,
        error="; ".join(dict.fromkeys(errors)) or None,
        error_kind=next((one.error_kind for one in finished.values() if one.error_kind), None),
        found={kind: header.found for kind, header in headers.items()},
        kept={kind: header.kept for kind, header in headers.items()},
        coverage=coverage,
        needs_hhsearch=None if coverage is None or hhsearch_below is None else coverage < hhsearch_below,
        cached=tuple(kind for kind, one in finished.items() if one.cached),
        seconds=sum((header.seconds for kind, header in headers.items() if not finished[kind].cached), 0.0),
        keys={kind: header.key for kind, header in headers.items()},
        profile_depth=next((h.profile_depth for h in headers.values() if h.profile_depth is not None), None),
        profile_neff=next((h.profile_neff for h in headers.values() if h.profile_neff is not None), None),
    )


def longest_first(queries: Iterable[Query]) -> list[Query]:
    """Each distinct sequence once, the longest first: what takes longest must not begin last."""
    return sorted({query.md5: query for query in queries}.values(), key=lambda query: (-query.length, query.md5))
