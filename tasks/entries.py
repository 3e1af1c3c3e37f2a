"""Task: read a chunk of entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from pyecod.batch.record import Status
from pyecod.work.entries import EntryOutcome, read_entries
from tasks.ends import completed, count, log_failures
from tasks.places import slurm_job, told_in_errors
from tasks.work import EntryWork


@task(name="read-entries", task_run_name="read entries {work.title}", cache_policy=NO_CACHE)
def read_entries_chunk(work: EntryWork) -> list[EntryOutcome]:
    """Read the mmCIF files of a chunk; see :func:`pyecod.work.entries.read_entries`."""
    with told_in_errors():
        outcomes = read_entries(work.pdb_ids, work.batch_path, work.settings, work.week)
    outcomes = [replace(outcome, slurm_job=slurm_job()) for outcome in outcomes]
    failed = [outcome.entry for outcome in outcomes if outcome.entry.status is Status.FAILED]
    log_failures((entry.pdb_id, entry.failure_reason or "no reason recorded") for entry in failed)
    chains = sum(len(outcome.chains) for outcome in outcomes)
    done = f"{len(outcomes) - len(failed)} of {count(len(outcomes), 'entry')} read, {count(chains, 'chain')}"
    state: Any = completed(outcomes, done, failures=bool(failed))
    return state  # type: ignore[no-any-return]
