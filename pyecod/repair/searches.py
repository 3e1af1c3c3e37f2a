"""The searches of a repair: which are to be run, which the cache has, and how it forgets what is to be run again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pyecod.batch.record import ChainRecord, Status
from pyecod.pdb.chain import Chain
from pyecod.reference import Reference
from pyecod.repair.request import RepairRequest
from pyecod.search import SearchCache
from pyecod.search.databases import key_maker, profile_key_maker
from pyecod.search.hit import EvidenceType, Query
from pyecod.settings import Settings


@dataclass(slots=True)
class SearchPlan:
    """Sequences by what their searches need. ``cached`` ones are in the search cache; whether the sequences of
    ``hhsearch_open`` need the profile search is known after their BLAST."""

    blast: int = 0
    blast_cached: int = 0
    hhsearch: int = 0
    hhsearch_cached: int = 0
    hhsearch_open: int = 0

    def to_plain(self) -> dict[str, int]:
        """The numbers as JSON has them."""
        return asdict(self)


class _Keys:
    """The cache keys of sequences under the present settings and reference."""

    def __init__(self, settings: Settings) -> None:
        assert settings.reference is not None
        reference = Reference.open(settings.reference)
        kinds = [EvidenceType.DOMAIN_BLAST]
        kinds += [EvidenceType.CHAIN_BLAST] if reference.chain_db is not None else []
        self.blast = [key_maker(kind, reference, settings) for kind in kinds]
        self.hhsearch = key_maker(EvidenceType.HHSEARCH, reference, settings) if reference.hh_db is not None else None
        self.profile = profile_key_maker(reference, settings) if reference.hh_db is not None else None


def plan_searches(
    chains: Iterable[tuple[ChainRecord, Chain]], request: RepairRequest, settings: Settings
) -> SearchPlan:
    """Count the searches of the chains' sequences, each once."""
    plan = SearchPlan()
    waiting = {
        record.sequence_md5: (record, chain)
        for record, chain in chains
        if Status.PENDING in (record.blast_status, record.hhsearch_status)
    }
    if not waiting:
        return plan
    cache, keys = SearchCache(settings.cache_dir), _Keys(settings)
    for record, chain in waiting.values():
        query = Query(record.sequence_md5, chain.sequence)
        needs = record.needs_hhsearch
        if record.blast_status is Status.PENDING:
            headers = [cache.header(key(query)) for key in keys.blast]
            if request.rerun_blast or None in headers:
                plan.blast += 1
                plan.hhsearch_open += 1
                continue
            plan.blast_cached += 1
            needs = headers[0] is not None and headers[0].coverage < settings.search.hhsearch_below
        if needs and keys.hhsearch is not None:
            cached = not request.rerun_hhsearch and cache.header(keys.hhsearch(query)) is not None
            plan.hhsearch_cached += cached
            plan.hhsearch += not cached
    return plan


def forget_searches(chains: Iterable[Chain], request: RepairRequest, settings: Settings) -> int:
    """Remove from the search cache what is to be run again, so that it is; how many entries there were."""
    if not (request.rerun_blast or request.rerun_hhsearch):
        return 0
    cache, keys = SearchCache(settings.cache_dir), _Keys(settings)
    queries = {chain.sequence_md5: Query(chain.sequence_md5, chain.sequence) for chain in chains}.values()
    results = []
    if request.rerun_blast:
        results += [key(query) for query in queries for key in keys.blast]
    forgotten = 0
    if request.rerun_hhsearch and keys.hhsearch is not None and keys.profile is not None:
        results += [keys.hhsearch(query) for query in queries]
        forgotten += cache.forget("profiles", [keys.profile(query) for query in queries])
    return forgotten + cache.forget("results", results)
