"""Every part of Prefect and Dask that is used though it is not promised to stay; nowhere else is any.

Each has a word why, where its want is known upstream, and a contract test of the same name in
tests/integration/flows/test_seams.py, which fails when the part changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from prefect.context import FlowRunContext, SettingsContext, TagsContext
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from distributed.deploy.spec import SpecCluster
    from distributed.scheduler import KilledWorker
    from prefect_dask.task_runners import DaskTaskRunner

    from flows.workers.slurm import WorkerCluster

# ---------------------------------------------------------------- Prefect


def untagged() -> TagsContext:
    """Task runs within do not take over the tags of their flow run.

    For every tag Prefect asks its server for a free slot at the beginning of every task run, which a quarter of the
    workers' time was spent waiting for; ``prefect.tags()`` can add tags only. Upstream: PrefectHQ/prefect#19367.
    """
    return TagsContext(current_tags=set())


def say_events_now() -> None:
    """Return when the events of this process are on the server: a command ends before Prefect's thread sends them.

    Upstream: none found.
    """
    from prefect.events.worker import EventsWorker

    EventsWorker.instance().drain()


# Prefect says for every event that it cannot send: "Unable to connect", and which event was lost. Its loggers' names
# are its own. Upstream: none found.
LOGGERS_OF_OUTAGES = ("prefect.events.clients", "prefect.events.utilities", "prefect._internal.concurrency")

# What Prefect listens with for the suspension of a run: when the connection breaks it is made again, and after minutes
# without a server it gives up; Prefect tells both with a stack of calls. Upstream: none found.
LOGGER_OF_SUSPENSIONS = "prefect.FlowRunSuspendingObserver"


# The logger above those of flow runs and task runs, whose records reach its handlers with a ``task_run_name``: the only
# way to have in a file what a run says. Upstream: none found.
ALL_LOGGERS = "prefect"


def means_server_is_away(error: BaseException) -> bool:
    """The words of the error Prefect raises when its health check gets no answer; it has no class of its own.

    Upstream: none found.
    """
    return isinstance(error, RuntimeError) and str(error).startswith("Failed to reach API")


def running_cluster() -> WorkerCluster | None:
    """The SLURM workers of the running flow, None with others: the runner keeps the cluster it has made to itself.

    Upstream: none found.
    """
    context = FlowRunContext.get()
    cluster = getattr(context.task_runner if context else None, "_cluster", None)
    return cluster if hasattr(cluster, "end_of") else None


def release(future: Any) -> None:
    """Let Dask forget a finished task: what the flow still holds is run again whenever its worker goes.

    Futures of threads hold nothing. ``wrapped_future`` is the only way to Dask's own. Upstream: none found.
    """
    let_go = getattr(getattr(future, "wrapped_future", None), "release", None)
    if let_go is not None:
        let_go()


@cache
def light_dask_task_runner() -> type[DaskTaskRunner]:
    """A Dask task runner that submits tasks at a fraction of the usual cost, which the flow's process pays one task
    after another. A function, because Dask takes a second and a half to import, which runs with threads do not pay.

    Two things of Prefect and Dask cost most of it: the settings are turned into what workers are sent for every task
    anew, and a task's key is a checksum over all that it is given. Upstream: PrefectHQ/prefect#18191, open.
    """
    from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

    from flows.workers.quiet import quiet_worker

    class LightDaskTaskRunner(DaskTaskRunner):
        _sent: _SerializedOnce | None = None
        _is_quiet = False

        def submit(  # type: ignore[override]
            self,
            task: Any,
            parameters: dict[str, Any],
            wait_for: Iterable[Any] | None = None,
            dependencies: Any = None,
        ) -> PrefectDaskFuture[Any]:
            """Submit a task; its parameters and ``wait_for`` may hold futures as in the base class."""
            if not self._started:
                raise RuntimeError("the task runner must be started before tasks are submitted")
            if not self._is_quiet:
                self._is_quiet = True
                self.client.register_plugin(quiet_worker())
            with self._settings():
                future = self.client.submit(  # type: ignore[no-untyped-call]
                    task,
                    parameters=self._optimize_futures(parameters),
                    wait_for=self._optimize_futures(wait_for) if wait_for else None,
                    dependencies=dependencies,
                    return_type="state",
                    key=f"{task.fn.__name__}-{uuid4()}",
                )
            return PrefectDaskFuture(wrapped_future=future, task_run_id=future.task_run_id)

        def _settings(self) -> SettingsContext:
            current = SettingsContext.get()
            assert current is not None
            if self._sent is None or self._sent.settings is not current.settings:
                self._sent = _SerializedOnce(profile=current.profile, settings=current.settings)
            return self._sent

    return LightDaskTaskRunner


class _SerializedOnce(SettingsContext):
    """Prefect's settings, turned into what workers are sent once instead of for every task."""

    _as_sent: dict[str, Any] | None = PrivateAttr(None)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """The settings as workers get them."""
        if not include_secrets:
            return super().serialize(include_secrets)
        if self._as_sent is None:
            self._as_sent = super().serialize()
        return self._as_sent


# ---------------------------------------------------------------- Dask and dask-jobqueue


def end_of_killer(error: KilledWorker) -> tuple[str, int]:
    """The last of the workers that a task ended, and how many it ended in all: the error's own words are for readers.

    Upstream: none found.
    """
    return str(error.last_worker.name), error.allowed_failures + 1


def forget_worker(cluster: SpecCluster, name: str) -> None:
    """Have a worker that is gone replaced: Dask compares the workers it wants with those it has made, and notices the
    end only of those that it has met.

    Upstream: dask/distributed#3154; a change that would have done it, #3118, was turned down.
    """
    del cluster.workers[name]


def stop_waiting_for_workers(cluster: SpecCluster) -> None:
    """Have Dask fail every waiting task now, as if ``no-workers-timeout`` had passed: it can be set at the start only.

    Upstream: dask/distributed#8806 made waiting tasks fail; none found for doing so at will.
    """
    cast(Any, cluster.scheduler).no_workers_timeout = 1e-3


def set_directives(cluster: SpecCluster, directives: list[str]) -> None:
    """Have the jobs that are still to be submitted carry these directives; a cluster takes them at its start only.

    Upstream: none found.
    """
    cluster.new_spec["options"]["job_extra_directives"] = directives
