"""What was found for a sequence, taken from the search cache."""

from __future__ import annotations

from pyecod.config import Settings
from pyecod.errors import MissingResultError
from pyecod.search.cache import SearchCache
from pyecod.search.databases import SearchDatabases, search_key
from pyecod.search.hit import EvidenceType, Query, SearchResult


def load_evidence(
    query: Query,
    reference: SearchDatabases,
    cache: SearchCache,
    settings: Settings,
    with_hhsearch: bool,
    with_blast: bool = True,
) -> dict[EvidenceType, SearchResult]:
    """The results of a sequence's searches, by type; chain BLAST only where the reference has chains.

    Raises:
        MissingResultError: a result is not in the cache: not searched with these settings, pruned, or damaged.
    """
    kinds = [EvidenceType.DOMAIN_BLAST] if with_blast else []
    if with_blast and reference.chain_db is not None:
        kinds.append(EvidenceType.CHAIN_BLAST)
    if with_hhsearch:
        kinds.append(EvidenceType.HHSEARCH)
    results = {}
    for kind in kinds:
        result = cache.get(search_key(kind, query, reference, settings))
        if result is None:
            raise MissingResultError(
                f"the search cache has no {kind} result for sequence {query.md5}",
                where=cache.folder,
                hint="search it again: it was pruned, damaged, or searched with other settings or databases",
            )
        results[kind] = result
    return results
