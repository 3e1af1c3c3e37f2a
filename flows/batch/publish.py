"""What a finished batch shows in the Prefect UI."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from flows.batch.announce import publish_alerts
from flows.batch.progress import artifact_key, summary_rows
from pyecod.batch import Batch, BatchCounters, BatchType
from pyecod.node.program import run_program
from pyecod.report.trends import write_weeks
from pyecod.settings import Settings
from pyecod.targets import markdown_text
from pyecod.watch.findings import Alert
from pyecod.watch.snapshot import newest_log

_MOST_REASONS = 20
_PAGE_SECONDS = 3600


@contextmanager
def page_written(batch: Batch) -> Iterator[Path]:
    """Write the batch's page while the body runs; gives its path, where the page is once the body has ended.

    A process of its own does it: for 40,000 chains it takes half a minute of a processor and more than a gigabyte.

    Raises:
        ProgramError: it could not be written; with the reason.
    """
    command: list[str | Path] = [sys.executable, "-P", "-m", "pyecod", "report", "batch", batch.path]
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(run_program, command, timeout=_PAGE_SECONDS)
        yield batch.paths.report / "index.html"
    writing.result()


def publish_summary(
    batch: Batch, settings: Settings, counters: BatchCounters, report: Path, database: str, alerts: Sequence[Alert]
) -> None:
    """Counts, failures with their reasons and findings as artifacts, with a link to the report; the summary has one
    history per kind of batch. A week also brings the page of all weeks up to date. A complete batch says so with the
    event ``pyecod.batch.completed``."""
    page = address_of(report, settings)
    kind = artifact_key(batch.header.batch_type)
    if batch.header.batch_type is BatchType.WEEKLY:
        weeks = write_weeks(batch.path.parent)
        create_link_artifact(key="report-weeks", link=address_of(weeks, settings), link_text="all weeks")
    create_table_artifact(key=f"batch-{artifact_key(batch.name)}", table=summary_rows(counters), description=database)
    create_markdown_artifact(key=f"{kind}-summary", markdown=_summary(batch, counters, page, database, alerts))
    create_link_artifact(key=f"report-{artifact_key(batch.name)}", link=page, link_text="report")
    publish_alerts(artifact_key(batch.name), alerts)
    if batch.header.completed:
        emit_event(
            event="pyecod.batch.completed",
            resource={"prefect.resource.id": f"pyecod.batch.{batch.name}", "prefect.resource.name": batch.name},
            payload={"type": batch.header.batch_type, "release_date": batch.header.release_date}
            | {"done": counters.done, "failed": counters.failed, "report": page},
        )


def announce_weeks(names: Sequence[str]) -> None:
    """Say with the event ``pyecod.weeks.completed`` that a weekly run worked on these batches and all went well.

    The sync waits for it rather than for Prefect's own ``prefect.flow-run.Completed``, which automations get a quarter
    of an hour late where a schedule made the run: Prefect waits for the event before it, which nobody sends.
    """
    emit_event(
        event="pyecod.weeks.completed",
        resource={"prefect.resource.id": "pyecod.weeks", "prefect.resource.name": "weekly run"},
        payload={"batches": list(names)},
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
        lines += ["", "## Failures", "", "| chains | step | reason |", "|---|---|---|"]
        for (step, reason), number in list(counters.failures.items())[:_MOST_REASONS]:
            lines.append(f"| {number} | {step} | {markdown_text(reason)} |")
    return "\n".join(lines)
