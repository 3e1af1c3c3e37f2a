"""What a finished batch shows in the Prefect UI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from flows.batch.announce import publish_alerts
from flows.batch.progress import artifact_key, summary_rows
from flows.batch.run import BatchRun
from pyecod.batch import Batch, BatchCounters, BatchType
from pyecod.report.trends import write_weeks
from pyecod.settings import Settings
from pyecod.targets import markdown_text
from pyecod.watch.findings import Alert
from pyecod.watch.snapshot import newest_log

_MOST_REASONS = 20


def publish_summary(
    run: BatchRun, counters: BatchCounters, report: Path | None, database: str, alerts: Sequence[Alert]
) -> None:
    """Counts, failures with their reasons and findings as artifacts, with a link to the report; the summary has one
    history per kind of batch. A week also brings the page of all weeks up to date. A complete batch says so with the
    event ``pyecod.batch.completed``. What cannot be shown is said, and stops nothing."""
    batch, settings = run.batch, run.settings
    page = address_of(report, settings) if report else "not written"
    name, kind = artifact_key(batch.name), artifact_key(batch.header.batch_type)
    summary = _summary(batch, counters, page, database, alerts)
    show = run.shown.attempt
    run.server.wait()  # without it the end of the run could not be told either
    run.progress.report(last=True)  # the bars may have missed their last move
    if batch.header.batch_type is BatchType.WEEKLY:
        show("the page of all weeks", lambda: _show_weeks(batch, settings))
    show("counts", lambda: create_table_artifact(summary_rows(counters), f"batch-{name}", database))
    show("summary", lambda: create_markdown_artifact(key=f"{kind}-summary", markdown=summary))
    if report:
        show("the link to the page", lambda: create_link_artifact(page, "report", key=f"report-{name}"))
    show("findings", lambda: publish_alerts(name, alerts))
    if batch.header.completed:
        show("the event of a complete batch", lambda: _announce_batch(batch, counters, page))


def _show_weeks(batch: Batch, settings: Settings) -> None:
    weeks = write_weeks(batch.path.parent)
    create_link_artifact(key="report-weeks", link=address_of(weeks, settings), link_text="all weeks")


def _announce_batch(batch: Batch, counters: BatchCounters, page: str) -> None:
    emit_event(
        event="pyecod.batch.completed",
        resource={"prefect.resource.id": f"pyecod.batch.{batch.name}", "prefect.resource.name": batch.name},
        payload={"type": batch.header.batch_type, "release_date": batch.header.release_date}
        | {"done": counters.done, "failed": counters.failed, "report": page},
    )


def address_of(page: Path, settings: Settings) -> str:
    """Where a browser finds a page: browsers follow no link from the Prefect UI to a file, so a web server must offer
    ``base_path`` at ``base_url``; without one the file's own address, to be copied."""
    if settings.base_url is None or not page.is_relative_to(settings.base_path):
        return page.as_uri()
    return f"{settings.base_url.rstrip('/')}/{quote(str(page.relative_to(settings.base_path)))}"


def _summary(batch: Batch, counters: BatchCounters, page: str, database: str, alerts: Sequence[Alert]) -> str:
    lines = [
        f"# {batch.name}",
        f"{counters.done} of {counters.classifiable} chains done, {counters.failed} failed, "
        f"{counters.domains} domains. Entries that could not be read: {counters.entries_failed}.",
        f"Reference {batch.header.reference_version}. Database: {database}. Report: <{page}>. "
        f"Every chain: `{batch.paths.manifest}`. Log: `{newest_log(batch.paths)}`",
    ]
    if alerts:
        lines += [
            "",
            "## Worth attention",
            *(f"- **{a.severity}** {markdown_text(f'{a.kind}: {a.text}')}" for a in alerts),
        ]
    if counters.failures:
        lines += ["", "## Failures", "", "| number | step | reason |", "|---|---|---|"]
        for (step, reason), number in list(counters.failures.items())[:_MOST_REASONS]:
            lines.append(f"| {number} | {step} | {markdown_text(counters.told((step, reason)))} |")
    return "\n".join(lines)
