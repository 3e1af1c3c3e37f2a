"""What a finished batch shows in the Prefect UI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from flows.alerts import publish_alerts
from flows.progress import artifact_key, summary_rows
from pyecod.alerts import Alert
from pyecod.batch import Batch, BatchCounters

_MOST_REASONS = 20


def publish_summary(
    batch: Batch, counters: BatchCounters, report: Path, database: str, alerts: Sequence[Alert]
) -> None:
    """Counts, failures with their reasons and findings as artifacts, with a link to the report; the summary has one
    history per kind of batch. A complete batch says so with the event ``pyecod.batch.completed``."""
    kind = artifact_key(batch.header.batch_type)
    create_table_artifact(key=f"batch-{artifact_key(batch.name)}", table=summary_rows(counters), description=database)
    create_markdown_artifact(key=f"{kind}-summary", markdown=_summary(batch, counters, report, database, alerts))
    create_link_artifact(key=f"report-{artifact_key(batch.name)}", link=report.as_uri(), link_text="report")
    publish_alerts(artifact_key(batch.name), alerts)
    if batch.header.completed:
        emit_event(
            event="pyecod.batch.completed",
            resource={"prefect.resource.id": f"pyecod.batch.{batch.name}", "prefect.resource.name": batch.name},
            payload={"type": batch.header.batch_type, "release_date": batch.header.release_date}
            | {"done": counters.done, "failed": counters.failed, "report": str(report)},
        )


def _summary(batch: Batch, counters: BatchCounters, report: Path, database: str, alerts: Sequence[Alert]) -> str:
    lines = [
        f"# {batch.name}",
        f"{counters.done} of {counters.classifiable} chains done, {counters.failed} failed, "
        f"{counters.domains} domains. Entries that could not be read: {counters.entries_failed}.",
        f"Reference {batch.header.reference_version}. Database: {database}. Report: `{report}`. "
        f"Every chain: `{batch.paths.manifest}`",
    ]
    if alerts:
        lines += ["", "## Worth attention", *(f"- **{a.severity}** {a.kind}: {a.text}" for a in alerts)]
    if counters.failures:
        lines += ["", "## Failures", "", "| step | reason | chains |", "|---|---|---|"]
        for (step, reason), number in list(counters.failures.items())[:_MOST_REASONS]:
            cell = reason.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| {step} | {cell} | {number} |")
    return "\n".join(lines)
