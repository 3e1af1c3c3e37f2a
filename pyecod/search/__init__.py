"""Searches: BLAST+ and HH-suite on many sequences at once, their output validated, their results kept for ever.

The unit is the unique sequence (:class:`Query`). :func:`search_blast` and :func:`search_profiles` search what the
:class:`SearchCache` lacks; :func:`load_evidence` hands out what they found. Everything but the data classes is
imported when first used, because all rooms import those.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyecod.search.hit import EvidenceType, Hit, Hsp, Query, SearchResult, Segment, query_coverage

if TYPE_CHECKING:
    from pyecod.search.alignment import SearchReport
    from pyecod.search.blast import search_blast
    from pyecod.search.blast_xml import read_blast_xml
    from pyecod.search.cache import SearchCache
    from pyecod.search.databases import SearchDatabases, search_key
    from pyecod.search.hhr import read_hhr
    from pyecod.search.hhsuite import search_profiles
    from pyecod.search.load import EvidenceLoader, load_evidence
    from pyecod.search.outcome import SearchOutcome

_HOMES = {
    "EvidenceLoader": "load",
    "SearchCache": "cache",
    "SearchDatabases": "databases",
    "SearchOutcome": "outcome",
    "SearchReport": "alignment",
    "load_evidence": "load",
    "read_blast_xml": "blast_xml",
    "read_hhr": "hhr",
    "search_blast": "blast",
    "search_key": "databases",
    "search_profiles": "hhsuite",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "EvidenceLoader",
    "EvidenceType",
    "Hit",
    "Hsp",
    "Query",
    "SearchCache",
    "SearchDatabases",
    "SearchOutcome",
    "SearchReport",
    "SearchResult",
    "Segment",
    "load_evidence",
    "query_coverage",
    "read_blast_xml",
    "read_hhr",
    "search_blast",
    "search_key",
    "search_profiles",
]
