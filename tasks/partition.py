"""Task: partition one chunk of unique sequences and write the results of all their chains."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run

from pyecod.work.groups import Part, StepResult
from pyecod.work.partition import partition_groups
from tasks.ends import completed, count, keys_of, log_failures, result_of
from tasks.places import slurm_job, told_in_errors
from tasks.work import ChunkWork


@task(name="partition", task_run_name="partition {work.title}", cache_policy=NO_CACHE)
def partition_chunk(work: ChunkWork) -> StepResult:
    """Summarise and partition; see :func:`pyecod.work.partition.partition_groups`."""
    started, clock = datetime.now(UTC), time.perf_counter()
    with told_in_errors():
        made = partition_groups(work.groups, work.batch_path, work.settings, work.provenance)
    result = replace(made, slurm_job=slurm_job())
    failures = result.failures or {}
    log_failures((keys_of(group), failures[group.md5]) for group in work.groups if group.md5 in failures)
    part = Part(
        title=work.title,
        sequences=len(work.groups),
        failed=len(failures),
        task_run_id=str(task_run.id) if task_run.id else None,
        started=started,
        seconds=time.perf_counter() - clock,
    )
    done = f"{len(work.groups) - len(failures)} of {count(len(work.groups), 'sequence')} partitioned"
    state: Any = completed(result.with_part(part), done, failures=bool(failures))
    return state  # type: ignore[no-any-return]


def partition_ready(searched: StepResult, work: ChunkWork) -> StepResult:
    """A search's result with its ready groups partitioned at once, in the worker that has just searched them.

    That is a task run of its own, so that it is seen; it costs milliseconds here, and tenths of seconds where it would
    have to go through the flow's process. What is ready but fails here fails at this step, and the search stays
    complete.

    Raises:
        ReferenceDataError, OSError: as :func:`pyecod.work.partition.partition_groups`.
    """
    if not searched.ready:
        return searched
    ready = ChunkWork(searched.ready, work.batch_path, work.settings, work.provenance)
    partitioned: StepResult = result_of(partition_chunk, ready)
    return searched.followed_by(partitioned)
