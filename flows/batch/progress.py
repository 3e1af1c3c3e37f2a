"""How far a batch is: a line in the log, a progress bar per stage in the Prefect UI."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from pyecod.batch.record import Status, Step
from pyecod.errors import describe

if TYPE_CHECKING:
    from pyecod.batch import Batch, BatchCounters


@dataclass
class Progress:
    """Reports at most every ``interval`` seconds; ``report(last=True)`` always does."""

    batch: Batch
    interval: float = 5.0
    _started: float = field(default_factory=time.monotonic)
    _reported: float = 0.0
    _done_at_start: int = 0
    _bars: dict[str, UUID] = field(default_factory=dict)
    _shown: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        """Note where a resumed batch begins, and open the progress bars."""
        counters = self.batch.counters()
        self._done_at_start = counters.done
        name = self.batch.header.batch_name
        for stage, percent in stage_percents(counters).items():
            self._bars[stage] = create_progress_artifact(  # type: ignore[assignment]
                progress=percent, key=f"progress-{artifact_key(name)}-{stage}", description=f"{name}: {stage}"
            )
            self._shown[stage] = percent

    def report(self, *, last: bool = False) -> None:
        """Log counts, rate and time left, and move the bars."""
        if not last and time.monotonic() - self._reported < self.interval:
            return
        self._reported = time.monotonic()
        counters = self.batch.counters()
        rate = (counters.done - self._done_at_start) / max(time.monotonic() - self._started, 1e-3)
        left = f", about {counters.left / rate / 60:.0f} min left" if rate and counters.left else ""
        get_run_logger().info(
            f"{counters.done} of {counters.classifiable} chains done, {counters.failed} failed ({_stages(counters)}), "
            f"{rate * 3600:.0f} per hour{left}"
        )
        for stage, percent in stage_percents(counters).items():
            if stage in self._bars and percent != self._shown[stage]:
                update_progress_artifact(self._bars[stage], progress=percent)
                self._shown[stage] = percent


@contextmanager
def log_file(batch: Batch) -> Iterator[None]:
    """What the run says, also in a file of the batch's ``logs/``; at its end what failed or stopped it, and why."""
    path = batch.paths.logs / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
    path.parent.mkdir(exist_ok=True)
    line = "%(asctime)sZ %(levelname)-7s %(task_run_name)s: %(message)s"
    form = logging.Formatter(line, "%Y-%m-%dT%H:%M:%S", defaults={"task_run_name": batch.name})
    form.converter = time.gmtime
    logger = logging.getLogger("prefect")
    with path.open("a", encoding="utf-8") as log:
        handler = logging.StreamHandler(log)
        handler.setFormatter(form)
        logger.addHandler(handler)
        try:
            yield
            log.writelines(f"failed  {failure}\n" for failure in _failures(batch))
        except Exception as error:
            log.write(f"stopped: {describe(error)}\n")
            raise
        finally:
            logger.removeHandler(handler)


def _failures(batch: Batch) -> Iterator[str]:
    for entry in batch.manifest.entries.values():
        if entry.status is Status.FAILED:
            yield f"{entry.pdb_id}: {entry.failure_reason}"
    for chain in batch.manifest.chains.values():
        if chain.is_failed:
            yield f"{chain.key}: {chain.failure_reason}"


def stage_percents(counters: BatchCounters) -> dict[str, float]:
    """How much of each stage is done, 0 to 100: what need not be done counts as done."""
    percents: dict[str, float] = {}
    for step, statuses in counters.steps.items():
        settled = statuses["complete"] + statuses["not_needed"]
        percents[step] = 100.0 * settled / counters.classifiable if counters.classifiable else 100.0
    percents["all"] = 100.0 * counters.progress
    return percents


def _stages(counters: BatchCounters) -> str:
    """How many chains each search has finished, of those that need it: ``blast 103 of 103, hhsearch 12 of 73``."""
    parts = []
    for step in (Step.BLAST, Step.HHSEARCH):
        statuses = counters.steps[step]
        needed = counters.classifiable - statuses["not_needed"]
        parts.append(f"{step} {statuses['complete']} of {needed}")
    return ", ".join(parts)


def artifact_key(name: str) -> str:
    """Prefect's artifact keys have lower-case letters, digits and dashes only."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def summary_rows(counters: BatchCounters) -> list[dict[str, Any]]:
    """The batch in two columns, for a table artifact."""
    rows = [
        ("entries read", counters.entries.get("complete", 0)),
        ("entries failed", counters.entries_failed),
        ("entries obsolete", counters.entries_not_needed),
        ("chains", counters.chains),
        ("classifiable", counters.classifiable),
        ("unique sequences", counters.sequences),
        ("done", counters.done),
        ("failed", counters.failed),
        ("domains", counters.domains),
        *((f"quality {label}", count) for label, count in counters.quality.items()),
        *((f"not classifiable: {reason}", count) for reason, count in counters.not_classifiable.items()),
    ]
    return [{"what": what, "count": count} for what, count in rows]
