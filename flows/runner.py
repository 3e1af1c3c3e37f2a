"""The Prefect task runner a profile asks for."""

from __future__ import annotations

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pyecod.config import Settings
from pyecod.errors import ConfigError


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """Threads of this process, local Dask workers, or SLURM jobs.

    Raises:
        ConfigError: Dask workers without a Prefect server they could report to.
    """
    workers = settings.workers
    if workers.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers.count)
    require_server(workers.kind)
    from prefect_dask.task_runners import DaskTaskRunner

    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": workers.count,
            "threads_per_worker": 1,
            "dashboard_address": None,
            "host": "127.0.0.1",
        }
    )


def require_server(kind: str) -> None:
    """Dask workers report to a real Prefect server; without one each would start a temporary server of its own.

    Raises:
        ConfigError: ``PREFECT_API_URL`` is not set.
    """
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise ConfigError(
            f"workers of kind {kind!r} need a Prefect server, and PREFECT_API_URL is not set",
            hint="start one with `prefect server start` and set PREFECT_API_URL, or use --profile local",
        )
