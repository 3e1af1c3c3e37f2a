"""Tasks: BLAST and profile search of one chunk of unique sequences, and the partition of those that need no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from pyecod.work.groups import StepResult
from pyecod.work.search import blast_groups, profile_groups
from tasks.ends import completed, count, keys_of, log_failures
from tasks.partition import partition_ready
from tasks.places import slurm_job, told_in_errors
from tasks.work import ChunkWork


@task(name="blast", task_run_name="blast {work.title}", cache_policy=NO_CACHE)
def blast_chunk(work: ChunkWork) -> StepResult:
    """BLAST against domains and chains; what the search cache holds is not searched again."""
    with told_in_errors():
        return _then_partition(blast_groups(work.groups, work.batch_path, work.settings), work)


@task(name="hhsearch", task_run_name="hhsearch {work.title}", cache_policy=NO_CACHE)
def profile_chunk(work: ChunkWork) -> StepResult:
    """Hhblits profile and hhsearch for sequences whose domain BLAST covers too little."""
    with told_in_errors():
        return _then_partition(profile_groups(work.groups, work.batch_path, work.settings), work)


def _then_partition(searched: StepResult, work: ChunkWork) -> StepResult:
    failures = searched.failures or {}
    log_failures((keys_of(group), failures[group.md5]) for group in work.groups if group.md5 in failures)
    result = partition_ready(replace(searched, slurm_job=slurm_job()), work)
    parts = [f"{len(work.groups) - len(failures)} of {count(len(work.groups), 'sequence')} searched"]
    parts += [f"{part.sequences - part.failed} partitioned" for part in result.parts]
    parts += [f"{len(searched.remote)} go on to hhsearch"] if searched.remote else []
    state: Any = completed(result, ", ".join(parts), failures=bool(result.failures))
    return state  # type: ignore[no-any-return]
