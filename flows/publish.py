"""What a finished batch shows in the Prefect UI."""

from __future__ import annotations

from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.progress import artifact_key, summary_rows
from pyecod.batch import Batch, BatchCounters

_MOST_REASONS = 20


def publish_summary(batch: Batch, counters: BatchCounters, report: Path, database: str) -> None:
    """Counts as a table, failures with their reasons, and a link to the report; one history per kind of batch."""
    kind = artifact_key(batch.header.batch_type)
    create_table_artifact(
        key=f"batch-{artifact_key(batch.name)}", table=summary_rows(counters), description=f"{batch.name}: {database}"
    )
    create_markdown_artifact(key=f"{kind}-summary", markdown=_summary(batch, counters, report, database))
    create_link_artifact(key=f"report-{artifact_key(batch.name)}", link=report.as_uri(), link_text="report")


def _summary(batch: Batch, counters: BatchCounters, report: Path, database: str) -> str:
    lines = [
        f"# {batch.name}",
        f"{counters.done} of {counters.classifiable} chains done, {counters.failed} failed, "
        f"{counters.domains} domains; {counters.entries_failed} entries could not be read.",
        f"Reference {batch.header.reference_version}. Database: {database}. Report: `{report}`",
    ]
    if counters.failures:
        lines += ["", "| step | reason | chains |", "|---|---|---|"]
        for (step, reason), number in list(counters.failures.items())[:_MOST_REASONS]:
            cell = reason.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| {step} | {cell} | {number} |")
    return "\n".join(lines)
