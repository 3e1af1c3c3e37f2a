"""The Prefect task runner a profile asks for, and what its workers' failures mean."""

from __future__ import annotations

import sys
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from prefect import get_run_logger
from prefect.context import FlowRunContext, TagsContext
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pyecod.checks import START_SERVER, START_SERVER_FOR_NODES, require_linux
from pyecod.errors import ConfigError, NodeDiskError, WorkerKilledError, describe
from pyecod.settings import Settings, WorkerSettings

_SERVER_SECONDS = 3.0


class WorkersLostError(ConfigError):
    """There are no workers, and no chain is to blame: the batch stops."""

    exit_code = 3


def untagged() -> TagsContext:
    """Task runs within do not take over the tags of their flow run: for those Prefect asks its server for a free slot
    at the beginning of every task run, which a quarter of the workers' time was spent waiting for."""
    return TagsContext(current_tags=set())


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
    from flows.workers.seams import LightDaskTaskRunner

    if workers.kind == "slurm":
        from flows.workers.slurm import WorkerCluster, adapt_options

        return LightDaskTaskRunner(
            cluster_class=cast(Any, WorkerCluster),
            cluster_kwargs={"settings": settings, "batch_path": batch_path},
            adapt_kwargs=adapt_options(settings),
        )
    import dask
    from distributed.security import Security

    from flows.workers.slurm import NO_WEB_SERVER, dask_settings

    dask.config.set(dask_settings(settings))
    return LightDaskTaskRunner(
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


def require_server(workers: WorkerSettings) -> None:
    """Dask workers report to a real Prefect server; without one each would start a temporary server of its own.

    Raises:
        ConfigError: ``PREFECT_API_URL`` is not set, nobody answers there, or the workers' hosts could not reach it.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    hint = START_SERVER_FOR_NODES if workers.kind == "slurm" else START_SERVER
    if not url:
        raise ConfigError(
            f"workers of kind {workers.kind!r} need a Prefect server, and PREFECT_API_URL is not set",
            hint=f"{hint}; or use --profile local",
        )
    if workers.kind == "slurm" and is_loopback(urlsplit(url).hostname or "") and not on_one_machine(workers):
        raise ConfigError(
            f"PREFECT_API_URL is {url}, which other hosts take for themselves",
            hint=f"{hint}; where all nodes are this machine, set workers.slurm.interface: lo",
        )
    with get_client(sync_client=True) as client:
        trouble = client.api_healthcheck()
    if trouble is not None:
        raise ConfigError(f"the Prefect server at {url} does not answer: {trouble!r:.200}", hint=hint)


def server_is_away(error: BaseException) -> bool:
    """The error is the Prefect server's absence, which no chunk is to blame for: Prefect says so in three ways."""
    from httpx import TransportError
    from prefect.exceptions import PrefectHTTPStatusError

    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, TransportError) or (
        isinstance(error, RuntimeError) and str(error).startswith("Failed to reach API")
    )


def wait_for_server(settings: Settings) -> None:
    """Wait until the Prefect server answers again; running tasks go on meanwhile.

    Raises:
        WorkersLostError: it stayed away longer than ``workers.slurm.patience_hours``.
    """
    from prefect.client.orchestration import get_client

    deadline = time.monotonic() + settings.workers.slurm.patience_hours * 3600
    while time.monotonic() < deadline:
        try:
            with get_client(sync_client=True) as client:
                if client.api_healthcheck() is None:
                    return
        except Exception as error:
            if not server_is_away(error):
                raise
        time.sleep(_SERVER_SECONDS)
    raise WorkersLostError(
        f"the Prefect server has been away for {settings.workers.slurm.patience_hours:g} hours",
        hint="start it, then run the same command again: finished work is kept",
    )


def is_loopback(host: str) -> bool:
    """The name or address means the machine it is used on."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def on_one_machine(workers: WorkerSettings) -> bool:
    """The nodes are this machine: the scheduler listens on its loopback only."""
    return workers.slurm.interface == "lo" or bool(workers.slurm.host and is_loopback(workers.slurm.host))


def avoids_node(error: Exception) -> bool:
    """The disk of one node was at fault, and the SLURM workers can do without the node: the chunk may go elsewhere."""
    cluster = _current_cluster()
    if not isinstance(error, NodeDiskError) or cluster is None or error.where is None:
        return False
    if not cluster.avoid(error.where):
        return False
    get_run_logger().warning(f"{describe(error)}; no more jobs there")
    return True


def explained(error: Exception) -> Exception:
    """What went wrong in the words of the cluster where Dask only says that workers died; others as they are."""
    if "distributed" not in sys.modules:
        return error
    from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

    if isinstance(error, KilledWorker):
        return WorkerKilledError(_why_killed(error.last_worker.name, error.allowed_failures + 1))
    if isinstance(error, NoWorkerError | NoValidWorkerError):
        cluster = _current_cluster()
        if cluster and cluster.hopeless:
            return WorkersLostError(
                "SLURM will never start the workers' jobs",
                hint=cluster.hopeless,
                where=cluster.log_folder.parent.parent,
            )
        words = cluster.last_words() if cluster else ""
        return WorkersLostError(
            "no worker has been running for too long" + (f"; the last one said: {words}" if words else ""),
            where=cluster.log_folder if cluster else None,
            hint="look at `squeue` and the workers' logs, then run the same command again: finished work is kept",
        )
    return error


def _why_killed(worker: object, times: int) -> str:
    what = f"killed its worker {times} times"
    cluster = _current_cluster()
    if cluster is None:
        return f"{what} (worker {worker})"
    return f"{what}, the last was {cluster.end_of(str(worker))}"


def _current_cluster() -> Any:
    """The SLURM workers of the running flow, None with others."""
    context = FlowRunContext.get()
    cluster = getattr(context.task_runner if context else None, "_cluster", None)
    return cluster if hasattr(cluster, "end_of") else None
