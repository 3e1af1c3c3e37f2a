"""Search a chunk of groups: BLAST first, profiles for those whose domain BLAST covers too little."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import RunHistory
from pyecod.batch.record import NO_FAILURE, ChainChanges, ChainUpdate, Status, Step
from pyecod.reference import Reference
from pyecod.reference.mask import Mask, MaskedReference
from pyecod.search import EvidenceType, SearchCache, SearchOutcome, search_blast, search_profiles
from pyecod.search.databases import key_maker
from pyecod.search.hit import Query
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup
from pyecod.work.groups import StepResult, failed_updates, group_updates, read_queries, time_updates
from pyecod.work.history import keep_searches, peak_memory


def blast_groups(groups: Sequence[SequenceGroup], batch_path: Path, settings: Settings) -> StepResult:
    """BLAST against domains and chains; groups with too little coverage go on to the profile search, unless the search
    cache has its result already.

    Raises:
        ReferenceDataError: the reference or one of its databases is missing.
    """
    read = read_queries(groups, batch_path)
    blast = _search(search_blast, Step.BLAST, groups, read, batch_path, settings)
    known = _profiles_known(blast.remote, read[0], settings)
    if not known:
        return blast
    profiles = _search(search_profiles, Step.HHSEARCH, known, read, batch_path, settings)
    return StepResult(
        blast.updates + profiles.updates,
        tuple(group for group in blast.remote if group not in known),
        blast.ready + profiles.ready,
        {**(blast.failures or {}), **(profiles.failures or {})},
        profiles.peak_mib,
    )


def profile_groups(groups: Sequence[SequenceGroup], batch_path: Path, settings: Settings) -> StepResult:
    """Hhblits and hhsearch.

    Raises:
        ReferenceDataError: the reference has no profile database.
    """
    return _search(search_profiles, Step.HHSEARCH, groups, read_queries(groups, batch_path), batch_path, settings)


def _search(
    search: Callable[..., list[SearchOutcome]],
    step: Step,
    groups: Sequence[SequenceGroup],
    read: tuple[Mapping[str, Query], Mapping[str, str]],
    batch_path: Path,
    settings: Settings,
) -> StepResult:
    assert settings.reference is not None
    started = datetime.now(UTC)
    queries = [read[0][group.md5] for group in groups if group.md5 in read[0]]
    failures = {group.md5: read[1][group.md5] for group in groups if group.md5 in read[1]}
    reference, cache = Reference.open(settings.reference), SearchCache(settings.cache_dir)
    outcomes = search(queries, reference, cache, settings)
    found = {outcome.md5: outcome for outcome in outcomes}
    mask = Mask(reference, settings.mask)
    for group in groups:
        if group.md5 in found:
            found[group.md5] = _as_masked(found[group.md5], mask.over(group.entries), step, cache, settings)
    searched_groups = [(group.representative, found[group.md5]) for group in groups if group.md5 in found]
    keep_searches(RunHistory(batch_path), step, searched_groups, started=started)
    failures |= {md5: outcome.error for md5, outcome in found.items() if outcome.error}
    kinds = {outcome.md5: outcome.error_kind for outcome in outcomes}
    updates: list[ChainUpdate] = []
    searched: list[SequenceGroup] = []
    for group in groups:
        if group.md5 in failures:
            updates += failed_updates(group, step, failures[group.md5], kinds.get(group.md5))
            continue
        outcome = found[group.md5]
        changes = _changes(outcome, step)
        group = replace(group, seconds=group.seconds + outcome.seconds)
        if step is Step.BLAST:
            group = replace(group, needs_hhsearch=outcome.needs_hhsearch)
            if _has_profiles(group):
                changes["hhsearch_status"] = Status.COMPLETE
        updates += group_updates(group, changes) + time_updates(group)
        searched.append(group)
    remote: list[SequenceGroup] = []
    ready: list[SequenceGroup] = []
    for group in searched:
        goes_on = step is Step.BLAST and group.needs_hhsearch and not _has_profiles(group)
        (remote if goes_on else ready).append(group)
    return StepResult(tuple(updates), tuple(remote), tuple(ready), failures, peak_memory())


def _as_masked(
    outcome: SearchOutcome, reference: Reference | MaskedReference, step: Step, cache: SearchCache, settings: Settings
) -> SearchOutcome:
    """The outcome where some domains count for nothing: they cover nothing, and spare the chain no profile search."""
    kind = EvidenceType.HHSEARCH if step is Step.HHSEARCH else EvidenceType.DOMAIN_BLAST
    if not isinstance(reference, MaskedReference) or outcome.coverage is None:
        return outcome
    result = cache.get(outcome.keys[kind])
    if result is None:
        return replace(outcome, error=f"{kind}: its result was pruned from the search cache while it was read")
    coverage = reference.coverage(result)
    needs = None if step is Step.HHSEARCH else coverage < settings.search.hhsearch_below
    return replace(outcome, coverage=coverage, needs_hhsearch=needs)


def _profiles_known(
    groups: Sequence[SequenceGroup], queries: Mapping[str, Query], settings: Settings
) -> tuple[SequenceGroup, ...]:
    """Those of the groups whose profile search was done before: a task of its own would cost more than reading it."""
    assert settings.reference is not None
    if not groups:
        return ()
    cache = SearchCache(settings.cache_dir)
    key = key_maker(EvidenceType.HHSEARCH, Reference.open(settings.reference), settings)
    return tuple(g for g in groups if cache.header(key(queries[g.md5])) is not None)


def _has_profiles(group: SequenceGroup) -> bool:
    """The profile search is needed, and a repair brought its result along."""
    return bool(group.needs_hhsearch) and EvidenceType.HHSEARCH in group.evidence


def _changes(outcome: SearchOutcome, step: Step) -> ChainChanges:
    """What a finished search changes in a chain's record."""
    evidence = {str(kind): {"found": outcome.found[kind], "kept": outcome.kept[kind]} for kind in outcome.found}
    if step is Step.HHSEARCH:
        return {
            **NO_FAILURE,
            "evidence": evidence,
            "hhsearch_status": Status.COMPLETE,
            "hhsearch_coverage": outcome.coverage,
        }
    return {
        **NO_FAILURE,
        "evidence": evidence,
        "blast_status": Status.COMPLETE,
        "blast_coverage": outcome.coverage,
        "needs_hhsearch": outcome.needs_hhsearch,
        "hhsearch_status": Status.PENDING if outcome.needs_hhsearch else Status.NOT_NEEDED,
    }
