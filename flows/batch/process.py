"""One batch from what was asked for to what is recorded: the steps that every kind of batch shares, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect import tags as tagged

from flows.batch.copies import choose_representatives, map_copies
from flows.batch.entries import read_pending_entries
from flows.batch.load import load_and_write_page
from flows.batch.publish import publish_summary
from flows.batch.result import BatchResult, ended, failure_words
from flows.batch.run import BatchRun, driving, server_watch
from flows.batch.sequences import search_and_partition
from flows.workers.quiet import quiet_outages
from flows.workers.runner import task_runner
from pyecod.batch import Batch, BatchCounters, BatchType
from pyecod.batch.header import utc_now
from pyecod.errors import EvidenceLostError
from pyecod.repair.judge import judge_repair
from pyecod.settings import Settings
from pyecod.watch.conservation import check_conservation, conservation


@flow(name="process-batch", flow_run_name="{name}")
def process_batch(name: str, path: Path, settings: Settings) -> BatchResult:
    """Read entries, search, partition, record, load and report; does only what is missing.

    Ends as "Completed with failures" where chains or entries failed or the results could not be loaded.

    Raises:
        BatchLockedError: another process drives the batch.
        EvidenceLostError: an evidence type that had hits contributed nothing.
    """
    batch = Batch.open(path)
    with driving(batch, settings) as run:
        read_pending_entries(run)
        work, copies = choose_representatives(run)
        search_and_partition(run, work)  # BLAST → profiles → partition, each chunk by itself: stages.py
        search_and_partition(run, map_copies(run, copies))
        judge(run)
        counters, loss = conclude(run)
        alerts = run.lookout.check(last=True)
    database, report = load_and_write_page(run, loss)
    publish_summary(run, counters, report, database, alerts)
    if loss is not None:
        raise loss
    failed = failure_words(batch, counters)
    wrong = batch.header.open_problems
    result = BatchResult(name, path, counters, None, database, report, alerts, failed=failed, list_problems=wrong)
    state: Any = ended(result, [result])
    return state  # type: ignore[no-any-return]


def judge(run: BatchRun) -> None:
    """Give every chain of a repair its verdict: better, worse, the same …"""
    run.record.end_steps()
    if run.batch.header.batch_type is BatchType.REPAIR:
        run.batch.mark(judge_repair(run.batch, run.settings.repair))


def conclude(run: BatchRun) -> tuple[BatchCounters, EvidenceLostError | None]:
    """Count, look whether an evidence type was lost on the way, and say in the batch's header whether it is done."""
    counters, loss = run.batch.counters(), lost_evidence(run)
    run.batch.update_header(completed=utc_now() if counters.is_finished and loss is None else None)
    record = run.record
    record.note(chains=counters.chains, done=counters.done, failed=counters.failed, domains=counters.domains)
    record.add_file(run.batch.paths.manifest, "OUT")
    if loss is not None:
        record.fail(str(loss))
    return counters, loss


def lost_evidence(run: BatchRun) -> EvidenceLostError | None:
    """The error that a lost evidence type is, unless the settings let it pass; it is said in any case."""
    try:
        check_conservation(conservation(run.batch.manifest.chains.values()), where=run.batch.path)
    except EvidenceLostError as error:
        get_run_logger().error(str(error))
        return error if run.settings.run.evidence_loss == "fail" else None
    return None


def run_batch(batch: Batch, settings: Settings, tags: tuple[str, ...] = ()) -> BatchResult:
    """Process a batch as a subflow with the workers of the profile; what lacked memory or time, once more with more."""
    with tagged(batch.name, batch.header.batch_type, str(batch.header.reference_version), *tags):
        result = _process(batch, settings)
        larger = settings.second_try(result.counters.failure_kinds) if result.counters else None
        if larger is not None:
            more = f"{settings.workers.second_try:g} times the memory and time"
            get_run_logger().info(f"{batch.name}: a second try with {more} of what failed for want of them")
            result = _process(batch, larger)
        return result


def _process(batch: Batch, settings: Settings) -> BatchResult:
    """Process the batch as a subflow; where the server went as it began, once more: what is done is kept."""

    def begin() -> Any:
        return process_batch.with_options(task_runner=task_runner(settings, batch.path))(
            batch.name, batch.path, settings
        )

    with quiet_outages():
        result: BatchResult = server_watch(settings).patiently(begin)
    return result
