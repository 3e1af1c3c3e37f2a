"""One batch from what was asked for to what is recorded: the steps that every kind of batch shares."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from prefect import flow, get_run_logger

from flows.batch.announce import Lookout
from flows.batch.dispatch import ChunkFlow
from flows.batch.entries import read_pending_entries
from flows.batch.progress import Progress, log_file
from flows.batch.provenance import RunRecord, recorded
from flows.batch.publish import page_written, publish_summary
from flows.workers.runner import task_runner, untagged
from pyecod.batch import Batch, BatchCounters, BatchType
from pyecod.batch.header import utc_now
from pyecod.errors import EvidenceLostError, StoreError
from pyecod.repair.judge import judge_repair
from pyecod.settings import Settings
from pyecod.store import SyncReport
from pyecod.watch.conservation import check_conservation, conservation
from pyecod.watch.findings import Alert
from pyecod.work.chunks import SequenceGroup, Work, choose_representatives, pending_work
from pyecod.work.partition import Provenance
from pyecod.work.propagate import ClusterMembers
from tasks.database import load_into_database


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended. ``problem`` says why it could not be finished, ``database`` what became of the load,
    ``alerts`` what is worth a person's attention, ``list_problems`` wrong lines of the release's lists that nobody has
    acknowledged."""

    name: str
    path: Path
    counters: BatchCounters | None = None
    problem: str | None = None
    database: str = ""
    report: Path | None = None
    alerts: tuple[Alert, ...] = ()
    list_problems: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """Chains and entries that failed."""
        return self.counters.failed + self.counters.entries_failed if self.counters else 0


def run_batch(batch: Batch, settings: Settings, tags: tuple[str, ...] = ()) -> BatchResult:
    """Process a batch as a subflow with the workers of the profile; what lacked memory or time, once more with more."""
    from prefect import tags as tagged

    with tagged(batch.name, batch.header.batch_type, str(batch.header.reference_version), *tags):
        result = _process(batch, settings)
        larger = settings.second_try(result.counters.failure_kinds) if result.counters else None
        if larger is not None:
            more = f"{settings.workers.second_try:g} times the memory and time"
            get_run_logger().info(f"{batch.name}: a second try with {more} of what failed for want of them")
            result = _process(batch, larger)
        return result


def _process(batch: Batch, settings: Settings) -> BatchResult:
    configured = process_batch.with_options(task_runner=task_runner(settings, batch.path))
    result: BatchResult = configured(batch.name, batch.path, settings)
    return result


@flow(name="process-batch", flow_run_name="{name}")
def process_batch(name: str, path: Path, settings: Settings) -> BatchResult:
    """Read entries, search, partition, record, load and report; does only what is missing.

    Raises:
        BatchLockedError: another process drives the batch.
        EvidenceLostError: an evidence type that had hits contributed nothing.
    """
    logger = get_run_logger()
    batch = Batch.open(path)
    lookout = Lookout(batch, settings.alerts)
    with batch.lock(), log_file(batch), untagged(), recorded("process-batch", settings, batch) as record:
        read_pending_entries(batch, settings, record)
        batch.mark(choose_representatives(batch.manifest.chains.values()))
        _search_and_partition(batch, settings, lookout, record)
        record.end_steps()
        if batch.header.batch_type is BatchType.REPAIR:
            batch.mark(judge_repair(batch, settings.repair))
        counters = batch.counters()
        loss = _lost_evidence(batch, settings, logger)
        batch.update_header(completed=utc_now() if counters.is_finished and loss is None else None)
        alerts = lookout.check(last=True)
        record.note(chains=counters.chains, done=counters.done, failed=counters.failed, domains=counters.domains)
        record.add_file(batch.paths.manifest, "OUT")
        if loss is not None:
            record.fail(str(loss))
    database, report = _load_and_report(batch, settings, logger, loss)
    publish_summary(batch, settings, counters, report, database, alerts)
    if loss is not None:
        raise loss
    return BatchResult(
        name, path, counters, database=database, report=report, alerts=alerts, list_problems=batch.header.open_problems
    )


def _search_and_partition(batch: Batch, settings: Settings, lookout: Lookout, record: RunRecord) -> None:
    work = pending_work(batch.manifest, settings.run)
    if not work or settings.run.until == "entries":
        return
    progress = Progress(batch)
    progress.start()
    provenance = Provenance(
        batch_id=batch.name,
        from_entries=batch.header.batch_type is not BatchType.FASTA,
        tool_versions=batch.header.tool_versions,
    )

    def on_progress() -> None:
        progress.report()
        lookout.check()

    clusters = ClusterMembers(batch.path, settings, provenance)
    work, members = clusters.defer(work) if batch.header.batch_type is not BatchType.REPAIR else (work, ())
    ChunkFlow(batch, settings, provenance, on_progress, record).run(work)
    if members:
        with record.step("map members"):
            queued = _map_members(batch, clusters, members)
        ChunkFlow(batch, settings, provenance, on_progress, record).run(Work(blast=queued))
    progress.report(last=True)


def _map_members(
    batch: Batch, clusters: ClusterMembers, members: tuple[SequenceGroup, ...]
) -> tuple[SequenceGroup, ...]:
    """Give members of clusters their domains; those that map badly, which are to be searched themselves."""
    states: Counter[str] = Counter()
    queued = []
    for outcome in clusters.propagate(members):
        states[outcome.state] += 1
        batch.mark(outcome.updates)
        if outcome.state == "queued":
            queued.append(outcome.group)
    get_run_logger().info(
        f"{len(members)} members of clusters: {states['mapped']} mapped, {states['queued']} to be searched themselves, "
        f"{states['waiting']} wait for representatives in batches that are not done"
    )
    return tuple(queued)


def _lost_evidence(
    batch: Batch, settings: Settings, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
) -> EvidenceLostError | None:
    try:
        check_conservation(conservation(batch.manifest.chains.values()), where=batch.path)
    except EvidenceLostError as error:
        logger.error(str(error))
        return error if settings.run.evidence_loss == "fail" else None
    return None


def _load_and_report(
    batch: Batch,
    settings: Settings,
    logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    loss: EvidenceLostError | None,
) -> tuple[str, Path]:
    """What became of the load, and the batch's page, which is written meanwhile. Partitions that lack evidence are not
    loaded: they would become the current ones."""
    with page_written(batch) as report:
        database = _load_into_database(batch, settings, logger) if loss is None else "not loaded: evidence was lost"
    return database, report


def _load_into_database(
    batch: Batch, settings: Settings, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
) -> str:
    """Load the batch where there is a database; a database that fails does not undo the run, and is said so."""
    if settings.database.mode == "none":
        return "no database (database.mode: none)"
    try:
        (report,) = load_into_database([batch.path], settings)
    except StoreError as error:
        report = SyncReport(batch.name, problem=str(error))
    if report.problem:
        logger.error(f"the results are on disk but not in the database: {report.problem}")
        return f"not loaded: {report.problem}; run `pyecod sync --batch {batch.path}` when it is mended"
    return str(report)
