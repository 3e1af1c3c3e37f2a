"""Task: load a batch into PostgreSQL, tried again while the server is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from pyecod.errors import StoreUnavailableError
from pyecod.settings import Settings
from pyecod.store import SyncReport, migrate, open_store, sync_batches
from tasks.ends import completed, log_failures, result_of


def _server_was_away(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), StoreUnavailableError)


def load_into_database(path: Path, settings: Settings, overwrite: bool = False, force: bool = False) -> SyncReport:
    """Load one batch folder as a task run, with the retries of the settings; a batch that cannot be loaded is a report
    with its ``problem``.

    Raises:
        StoreError: the database cannot be reached or refuses; see :func:`pyecod.store.sync_batches`.
    """
    database = settings.database
    delays = [database.retry_delay * 2**n for n in range(database.retries)] or 0
    patient = _load.with_options(
        retries=database.retries, retry_delay_seconds=delays, retry_condition_fn=_server_was_away
    )
    report: SyncReport = result_of(patient, path, settings, overwrite, force)
    return report


@task(name="load-into-database", task_run_name="load {path.name} into PostgreSQL", cache_policy=NO_CACHE)
def _load(path: Path, settings: Settings, overwrite: bool, force: bool) -> SyncReport:
    """Load a batch folder; the embedded database gets its schema by itself."""
    with open_store(settings.database) as store:
        if settings.database.mode == "embedded":
            migrate(store)
        (report,) = sync_batches(store, [path], overwrite=overwrite, force=force)
    log_failures((report.batch_name, str(rejection)) for rejection in report.rejected)
    failures = report.problem is not None or bool(report.rejected)
    if report.problem is not None:
        log_failures([(report.batch_name, report.problem)])
    state: Any = completed(report, str(report), failures=failures)
    return state  # type: ignore[no-any-return]
