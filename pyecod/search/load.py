"""What was found for sequences, taken from the search cache."""

from __future__ import annotations

from collections.abc import Callable

from pyecod.errors import MissingResultError
from pyecod.search.cache import SearchCache
from pyecod.search.databases import SearchDatabases, key_maker
from pyecod.search.hit import EvidenceType, Query, SearchResult
from pyecod.settings import Settings


class EvidenceLoader:
    """:func:`load_evidence` for many sequences: what does not depend on the sequence is asked once."""

    def __init__(self, reference: SearchDatabases, cache: SearchCache, settings: Settings) -> None:
        self.cache = cache
        self._blast = [EvidenceType.DOMAIN_BLAST]
        if reference.chain_db is not None:
            self._blast.append(EvidenceType.CHAIN_BLAST)
        self._sources = reference, settings
        self._keys: dict[EvidenceType, Callable[[Query], str]] = {}

    def __call__(
        self, query: Query, *, with_hhsearch: bool, with_blast: bool = True
    ) -> dict[EvidenceType, SearchResult]:
        """The results of a sequence's searches; see :func:`load_evidence`."""
        kinds = (self._blast if with_blast else []) + ([EvidenceType.HHSEARCH] if with_hhsearch else [])
        results = {}
        for kind in kinds:
            if kind not in self._keys:
                self._keys[kind] = key_maker(kind, *self._sources)
            result = self.cache.get(self._keys[kind](query))
            if result is None:
                raise MissingResultError(
                    f"the search cache has no {kind} result for sequence {query.md5}",
                    where=self.cache.folder,
                    hint="search it again: it was pruned, damaged, or searched with other settings or databases",
                )
            results[kind] = result
        return results


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
    loader = EvidenceLoader(reference, cache, settings)
    return loader(query, with_hhsearch=with_hhsearch, with_blast=with_blast)
