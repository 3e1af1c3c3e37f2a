"""The Prefect task runner a profile asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.workers.seams import light_dask_task_runner
from flows.workers.server import require_server
from pyecod.checks import require_linux
from pyecod.settings import Settings


def task_runner(settings: Settings, batch_path: Path) -> TaskRunner[Any]:
    """Threads of this process, local Dask workers, or SLURM jobs; the latter two start with the first task.

    Raises:
        ConfigError: Dask workers without a Prefect server they could report to; another system than Linux.
    """
    require_linux()
    workers = settings.workers
    if workers.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers.count)
    require_server(workers)
    runner: Any = light_dask_task_runner()
    if workers.kind == "slurm":
        from flows.workers.slurm import WorkerCluster, adapt_options

        slurm: TaskRunner[Any] = runner(
            cluster_class=cast(Any, WorkerCluster),
            cluster_kwargs={"settings": settings, "batch_path": batch_path},
            adapt_kwargs=adapt_options(settings),
        )
        return slurm
    import dask
    from distributed.security import Security

    from flows.workers.slurm import NO_WEB_SERVER, dask_settings

    dask.config.set(dask_settings(settings))
    local: TaskRunner[Any] = runner(
        cluster_kwargs={
            "n_workers": workers.count,
            "threads_per_worker": 1,
            "dashboard_address": NO_WEB_SERVER["dashboard_address"],
            "worker_dashboard_address": NO_WEB_SERVER["dashboard_address"],
            "scheduler_kwargs": {"dashboard": NO_WEB_SERVER["dashboard"]},
            "host": "127.0.0.1",
            # without it, others on this machine could hand code to the workers
            "security": Security.temporary(),  # type: ignore[no-untyped-call]
        }
    )
    return local
