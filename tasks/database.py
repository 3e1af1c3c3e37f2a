"""Task: load batches into PostgreSQL, tried again while the server is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.client.schemas.objects import State, TaskRun

from pyecod.errors import StoreUnavailableError
from pyecod.settings import Settings
from pyecod.store import SyncReport, migrate, open_store, sync_batches


def _server_was_away(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), StoreUnavailableError)


def load_into_database(
    paths: list[Path], settings: Settings, overwrite: bool = False, force: bool = False
) -> list[SyncReport]:
    """Load batch folders as a task run, with the retries of the settings.

    Raises:
        StoreError: the database cannot be reached or refuses; see :func:`pyecod.store.sync_batches`.
    """
    database = settings.database
    delays = [database.retry_delay * 2**n for n in range(database.retries)] or 0
    patient = _load.with_options(
        retries=database.retries, retry_delay_seconds=delays, retry_condition_fn=_server_was_away
    )
    return patient(paths, settings, overwrite, force)


@task(name="load-into-database", task_run_name="load into PostgreSQL")
def _load(paths: list[Path], settings: Settings, overwrite: bool, force: bool) -> list[SyncReport]:
    """Load batch folders one after the other; the embedded database gets its schema by itself."""
    with open_store(settings.database) as store:
        if settings.database.mode == "embedded":
            migrate(store)
        return sync_batches(store, paths, overwrite=overwrite, force=force)
