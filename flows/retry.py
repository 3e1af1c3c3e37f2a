"""Retry: chains that failed too often get new attempts in their own batches."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from flows.batch.process import run_batch
from flows.batch.result import BatchResult, ended, finished
from flows.deploy.form import asks
from pyecod.errors import describe
from pyecod.ids import ChainKey
from pyecod.repair.retry import tries_again
from pyecod.settings import Settings
from pyecod.standing.scan import read_tasks, settled_elsewhere


@flow(name="retry", flow_run_name="retry {tasks}")
@asks
def retry(settings: Settings, tasks: Path) -> list[BatchResult]:
    """Go on with every batch of a task list of `pyecod scan`; its chains are tried as often as new ones.

    Args:
        tasks: File of `pyecod scan --output`.

    Raises:
        WeeksFailedError: at least one batch could not be finished.
    """
    by_batch: dict[str, list[ChainKey]] = {}
    listed = read_tasks(tasks)
    settled = settled_elsewhere(listed, settings.base_path)
    for task in listed:
        if task in settled:
            get_run_logger().info(f"{task.batch}: {task.key} is left out: the result of {settled[task]} stands")
            continue
        by_batch.setdefault(task.batch, []).append(task.key)
    results = []
    for name, keys in by_batch.items():
        path = settings.base_path / name
        try:
            results.append(run_batch(tries_again(path, keys, settings), settings, tags=("retry",)))
        except Exception as error:  # noqa: BLE001 - the next batch has its own chance
            get_run_logger().error(f"{name}: {describe(error)}")
            results.append(BatchResult(name, path, problem=describe(error)))
    finished(results)
    state: list[BatchResult] = ended(results, results)
    return state
