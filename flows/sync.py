"""Load batches into PostgreSQL, at any time and as often as wanted."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from flows.batch.provenance import recorded
from flows.deploy.form import asks
from flows.workers.turns import turn
from pyecod.batch import find_batches
from pyecod.errors import PyecodError
from pyecod.settings import Settings
from pyecod.store import SyncReport
from tasks.database import load_into_database


class SyncIncompleteError(PyecodError):
    """A batch or a chain could not be loaded; ``results`` has the report of every batch."""


@flow(name="sync", flow_run_name="sync")
@asks
def sync(
    settings: Settings,
    batches: list[Path] | None = None,
    overwrite: bool = False,
    force: bool = False,
) -> list[SyncReport]:
    """Load the named batch folders, or all under ``base_path``; unchanged ones are passed over.

    Args:
        batches: Batch folders. Without them: all.
        overwrite: Load unchanged batches too, and write every result again in the place of the batch's last run.
        force: Load what there is of a batch that is still running.

    Raises:
        StoreError: the database cannot be reached or has no schema; the batches on disk are untouched.
        SyncIncompleteError: a batch was not loaded, or not all of it; the others are.
    """
    with turn(settings, "sync", wait=True):
        return _load_batches(batches or find_batches(settings.base_path), settings, overwrite, force)


def _load_batches(paths: list[Path], settings: Settings, overwrite: bool, force: bool) -> list[SyncReport]:
    with recorded("sync", settings) as record:
        reports = []
        for path in paths:  # a task run each: what became of a batch is seen, and a bad one does not hide the rest
            reports.append(load_into_database(path, settings, overwrite, force))
            get_run_logger().info(str(reports[-1]))
        problems = sum(report.problem is not None for report in reports)
        record.note(batches=len(reports), rows=sum(report.rows for report in reports), problems=problems)
    incomplete = [report for report in reports if report.problem or report.rejected]
    if incomplete:
        raise SyncIncompleteError("; ".join(_why(report) for report in incomplete), results=reports)
    return reports


def _why(report: SyncReport) -> str:
    if report.problem:
        return str(report)
    return f"{report.batch_name}: {len(report.rejected):,} chains rejected, the first: {report.rejected[0]}"
