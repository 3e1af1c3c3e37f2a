"""The contracts of flows/workers/seams.py: each fails when the part of Prefect or Dask behind it changes."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from distributed import LocalCluster
from prefect import flow, get_run_logger, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from flows.workers import seams

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@task(cache_policy=NO_CACHE)
def twice(number: int) -> int:
    """A task."""
    return 2 * number


@task(cache_policy=NO_CACHE)
def sent_settings() -> str:
    """The API that a worker was told to talk to."""
    from prefect.settings import PREFECT_API_URL

    return str(PREFECT_API_URL.value())


LOCAL = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}


@pytest.fixture
def dask_runner(prefect_api: None) -> Any:
    return seams.light_dask_task_runner()(cluster_kwargs=LOCAL)


def running_runner() -> Any:
    """The task runner of the running flow."""
    context = FlowRunContext.get()
    assert context is not None
    return context.task_runner


def tags_of_task_runs(flow_run_id: UUID, number: int) -> list[set[str]]:
    deadline = time.monotonic() + 60
    while True:
        with get_client(sync_client=True) as client:
            runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [flow_run_id]}))
        if len(runs) >= number:
            return [set(run.tags) for run in runs]
        assert time.monotonic() < deadline, "the server was told of no task run"
        time.sleep(0.5)


def test_untagged(prefect_api: None) -> None:
    @flow
    def tagged() -> UUID:
        with seams.untagged():
            twice(1)
        twice(2)
        return UUID(str(flow_run.id))

    with tags("of-the-flow"):
        run = tagged()
    assert sorted(tags_of_task_runs(run, 2), key=len) == [set(), {"of-the-flow"}]


def test_say_events_now(prefect_api: None) -> None:
    from prefect.events import emit_event
    from prefect.events.worker import EventsWorker

    emit_event("pyecod.test", resource={"prefect.resource.id": "pyecod.test"})
    worker = EventsWorker.instance()
    seams.say_events_now()
    assert worker._queue.empty()
    assert worker is not EventsWorker.instance(), "a drained worker takes no more events"


def test_loggers_of_outages() -> None:
    from prefect._internal.concurrency import services
    from prefect.events import clients, utilities

    names = {clients.logger.name, utilities.logger.name, services.logger.name}
    assert names == set(seams.LOGGERS_OF_OUTAGES)


def test_all_loggers(prefect_api: None) -> None:
    said: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record)

    @task(task_run_name="named", cache_policy=NO_CACHE)
    def speaks() -> None:
        get_run_logger().warning("a word of a task")

    @flow
    def speaking() -> None:
        get_run_logger().warning("a word of a flow")
        speaks()

    handler = Keep()
    logging.getLogger(seams.ALL_LOGGERS).addHandler(handler)
    try:
        speaking()
    finally:
        logging.getLogger(seams.ALL_LOGGERS).removeHandler(handler)
    words = {record.getMessage(): getattr(record, "task_run_name", None) for record in said}
    assert words["a word of a task"] == "named"
    assert "a word of a flow" in words


def test_means_server_is_away() -> None:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    nobody = "http://127.0.0.1:9/api"
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), pytest.raises(RuntimeError) as raised:
        SyncPrefectClient(nobody).raise_for_api_version_mismatch()
    assert seams.means_server_is_away(raised.value)
    assert not seams.means_server_is_away(RuntimeError("something else"))


class ClusterThatTells(LocalCluster):
    """Has what our SLURM cluster has."""

    def end_of(self, worker: str) -> str:
        """What became of a worker."""
        return worker


def test_running_cluster(prefect_api: None) -> None:
    runner = seams.light_dask_task_runner()(cluster_class=ClusterThatTells, cluster_kwargs=LOCAL)

    @flow(task_runner=runner)
    def with_dask() -> tuple[bool, bool]:
        twice.submit(1).result()
        return isinstance(seams.running_cluster(), ClusterThatTells), running_runner().client is not None

    @flow
    def with_threads() -> Any:
        twice.submit(1).result()
        return seams.running_cluster()

    assert with_dask() == (True, True)
    assert with_threads() is None
    assert seams.running_cluster() is None


def test_release(dask_runner: Any) -> None:
    @flow(task_runner=dask_runner)
    def lets_go() -> tuple[int, list[bool]]:
        future = twice.submit(4)
        doubled, key = future.result(), future.wrapped_future.key
        held = [key in running_runner().client.futures]
        seams.release(future)
        deadline = time.monotonic() + 30
        while key in running_runner().client.futures and time.monotonic() < deadline:
            time.sleep(0.1)
        return doubled, [*held, key in running_runner().client.futures]

    @flow
    def with_threads() -> int:
        future = twice.submit(4)
        seams.release(future)  # holds nothing
        return future.result()

    assert lets_go() == (8, [True, False])
    assert with_threads() == 8


def test_light_dask_task_runner(dask_runner: Any) -> None:
    from prefect.settings import PREFECT_API_URL

    @flow(task_runner=dask_runner)
    def several() -> tuple[list[int], list[str], str, bool]:
        futures = [twice.submit(number) for number in (1, 2)]
        futures.append(twice.submit(futures[0]))  # a future as a parameter
        keys = [future.wrapped_future.key for future in futures]
        told = sent_settings.submit(wait_for=futures).result()
        sent = running_runner()._sent
        return [future.result() for future in futures], keys, told, sent.serialize() is sent.serialize()

    doubled, keys, told, once = several()
    assert doubled == [2, 4, 4]
    assert len(set(keys)) == 3
    assert all(key.startswith("twice-") for key in keys)
    assert told == PREFECT_API_URL.value()
    assert once


@pytest.fixture
def slurm_cluster() -> Iterator[Any]:
    """dask-jobqueue's cluster of SLURM jobs, which asks SLURM for nothing before it is scaled."""
    from dask_jobqueue.slurm import SLURMCluster

    with SLURMCluster(
        cores=1, memory="1 GiB", interface="lo", scheduler_options={"dashboard_address": None}, queue="short"
    ) as cluster:
        yield cluster


def test_end_of_killer() -> None:
    import pickle

    from distributed.scheduler import KilledWorker, WorkerState

    worker = WorkerState(
        address="tcp://127.0.0.1:1", status="running", pid=1, name="worker-7", nthreads=1, memory_limit=1,  # type: ignore[arg-type]
        local_directory="/", nanny="", server_id="x",
    )  # fmt: skip
    error = pickle.loads(pickle.dumps(KilledWorker("blast_chunk-1", worker, 3)))
    assert seams.end_of_killer(error) == ("worker-7", 4)


def test_forget_worker(slurm_cluster: Any) -> None:
    from distributed.deploy.spec import SpecCluster

    slurm_cluster.worker_spec["lost"] = slurm_cluster.new_spec
    slurm_cluster.workers["lost"] = object()
    seams.forget_worker(slurm_cluster, "lost")
    assert "lost" not in slurm_cluster.workers
    source = inspect.getsource(SpecCluster._correct_state_internal)
    assert "set(self.worker_spec) - set(self.workers)" in source  # what is wanted and not there is made
    del slurm_cluster.worker_spec["lost"]


def test_stop_waiting_for_workers(slurm_cluster: Any) -> None:
    import dask
    from distributed import Client
    from distributed.scheduler import NoWorkerError

    with dask.config.set({"distributed.scheduler.no-workers-timeout": "1h"}), Client(slurm_cluster) as client:
        future = client.submit(abs, -1)
        seams.stop_waiting_for_workers(slurm_cluster)
        with pytest.raises(NoWorkerError):
            future.result(timeout=60)


def test_set_directives(slurm_cluster: Any) -> None:
    assert "--exclude=n7" not in slurm_cluster.job_script()
    seams.set_directives(slurm_cluster, ["--exclude=n7"])
    ((_, spec),) = slurm_cluster.new_worker_spec().items()
    assert "#SBATCH --exclude=n7" in spec["cls"]("tcp://127.0.0.1:1", name="next", **spec["options"]).job_script()


def test_chunk_work_is_not_searched_for_futures() -> None:
    """Prefect looks for futures in every field of every dataclass of a task's parameters, and nowhere else."""
    from prefect.utilities.collections import visit_collection

    from pyecod.settings import Settings
    from pyecod.work.partition import Provenance
    from tasks.work import ChunkWork

    seen: list[Any] = []
    visit_collection({"work": ChunkWork((), Path(), Settings(), Provenance("b"))}, seen.append, return_data=False)
    assert [type(value) for value in seen if not isinstance(value, (str, dict))] == [ChunkWork]


def test_the_name_of_a_state_is_the_name_of_its_event() -> None:
    """deployments/automations.yaml names the events that end a run, also a run that ends with failures."""
    from prefect.server.models.events import flow_run_state_change_event

    from flows.deploy.automations import read_automations
    from tasks.ends import WITH_FAILURES

    assert 'event=f"prefect.flow-run.{validated_state.name}"' in inspect.getsource(flow_run_state_change_event)
    (dead,) = [
        a
        for a in read_automations("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")
        if "dead run" in a.name
    ]
    assert f"prefect.flow-run.{WITH_FAILURES}" in dead.trigger.expect


def test_the_logger_of_suspensions_is_called_so() -> None:
    from prefect._internal.observers import FlowRunSuspendingObserver

    observer = FlowRunSuspendingObserver(on_suspended=lambda _: None, on_failure=lambda *_: None)
    assert observer.logger.name == seams.LOGGER_OF_SUSPENSIONS
