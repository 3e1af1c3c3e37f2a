"""Load a batch into the database, and write its page meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from prefect import get_run_logger

from flows.batch.result import NOT_LOADED
from flows.batch.run import BatchRun
from flows.workers.seams import untagged
from pyecod.errors import EvidenceLostError, StoreError, describe
from pyecod.node.program import run_program
from pyecod.store import SyncReport
from tasks.database import load_into_database

_PAGE_SECONDS = 3600


def load_and_write_page(run: BatchRun, loss: EvidenceLostError | None) -> tuple[str, Path | None]:
    """What became of the load, in words, and the batch's page; None where it could not be written, which is said.

    Partitions that lack evidence are not loaded: they would become the current ones.
    """
    with page_writing(run) as writing:
        database = load(run) if loss is None else f"{NOT_LOADED}: evidence was lost"
    try:
        writing.result()
    except Exception as error:  # noqa: BLE001 - the page is a picture of what is done
        command = f"pyecod report batch {run.batch.path}"
        get_run_logger().warning(f"the page could not be written: {describe(error)}; `{command}` tries again")
        return database, None
    return database, run.batch.paths.report / "index.html"


@contextmanager
def page_writing(run: BatchRun) -> Iterator[Future[object]]:
    """Write the batch's page while the body runs.

    A process of its own does it: for 40,000 chains it takes half a minute of a processor and more than a gigabyte.
    """
    command: list[str | Path] = [sys.executable, "-P", "-m", "pyecod", "report", "batch", run.batch.path]
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(run_program, command, timeout=_PAGE_SECONDS)


def load(run: BatchRun) -> str:
    """Load the batch where there is a database; a database that fails does not undo the run, and is said so."""
    if run.settings.database.mode == "none":
        return "no database (database.mode: none)"
    try:
        with untagged():  # a slot for a tag is not to be had from a server that is away, and the run would end
            report = load_into_database(run.batch.path, run.settings)
    except StoreError as error:
        report = SyncReport(run.batch.name, problem=str(error))
    if report.problem:
        get_run_logger().error(f"the results are on disk but not in the database: {report.problem}")
        return f"{NOT_LOADED}: {report.problem}; run `pyecod sync --batch {run.batch.path}` when it is mended"
    return str(report)
