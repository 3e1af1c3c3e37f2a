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

from flows.batch.result import failures_of
from flows.batch.shown import Shown
from flows.workers.seams import ALL_LOGGERS
from pyecod.batch.record import Status
from pyecod.errors import describe

if TYPE_CHECKING:
    from pyecod.batch import Batch, BatchCounters


@dataclass
class Progress:
    """Says how far the batch is: at most every ``interval`` seconds, and where nothing has changed every ``patience``
    seconds; ``report(last=True)`` always does."""

    batch: Batch
    shown: Shown
    interval: float = 5.0
    patience: float = 300.0
    _started: float = field(default_factory=time.monotonic)
    _reported: float = float("-inf")
    _done_at_start: int = field(init=False)
    _said: tuple[str, float] = ("", float("-inf"))
    _bars: dict[str, UUID] = field(default_factory=dict)
    _percents: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._done_at_start = self.batch.counters().done  # where a resumed batch begins

    def report(self, *, last: bool = False) -> None:
        """Log counts, rate and time left, and move the bars; they appear with the first report."""
        now = time.monotonic()
        if not last and now - self._reported < self.interval:
            return
        self._reported = now
        counters = self.batch.counters()
        words = how_far(counters)
        if words != self._said[0] or now - self._said[1] > self.patience:
            self._said = (words, now)
            get_run_logger().info(words + self._rate(counters))
        self.shown.attempt("progress", lambda: self._move_bars(counters))

    def _rate(self, counters: BatchCounters) -> str:
        rate = (counters.done - self._done_at_start) / max(time.monotonic() - self._started, 1e-3)
        if not rate:
            return ""
        left = f", about {counters.left / rate / 60:.0f} min left" if counters.left else ""
        return f", {rate * 3600:.0f} per hour{left}"

    def _move_bars(self, counters: BatchCounters) -> None:
        name = self.batch.header.batch_name
        for stage, percent in stage_percents(counters).items():
            if stage not in self._bars:
                self._bars[stage] = create_progress_artifact(  # type: ignore[assignment]
                    progress=percent, key=f"progress-{artifact_key(name)}-{stage}", description=f"{name}: {stage}"
                )
            elif percent != self._percents[stage]:
                update_progress_artifact(self._bars[stage], progress=percent)
            self._percents[stage] = percent


@contextmanager
def log_file(batch: Batch) -> Iterator[None]:
    """What the run says, also in a file of the batch's ``logs/``; at its end what failed or stopped it, and why."""
    path = batch.paths.logs / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
    path.parent.mkdir(exist_ok=True)
    line = "%(asctime)sZ %(levelname)-7s %(task_run_name)s: %(message)s"
    form = logging.Formatter(line, "%Y-%m-%dT%H:%M:%S", defaults={"task_run_name": batch.name})
    form.converter = time.gmtime
    logger = logging.getLogger(ALL_LOGGERS)
    with path.open("a", encoding="utf-8") as log:
        handler = logging.StreamHandler(log)
        handler.setFormatter(form)
        logger.addHandler(handler)
        try:
            yield
            log.writelines(f"failed  {key}: {reason}\n" for key, reason in failures_of(batch))
        except Exception as error:
            log.write(f"stopped: {describe(error)}\n")
            raise
        finally:
            logger.removeHandler(handler)


def stage_percents(counters: BatchCounters) -> dict[str, float]:
    """How much of each stage is done, 0 to 100: what need not be done counts as done."""
    entries = sum(counters.entries.values())
    read = entries - counters.entries.get(Status.PENDING, 0)
    percents = {"entries": 100.0 * read / entries} if entries else {}
    unknown = 100.0 if counters.is_finished else 0.0  # no chain is known before the first entry is read
    for step, statuses in counters.steps.items():
        settled = statuses["complete"] + statuses["not_needed"]
        percents[step] = 100.0 * settled / counters.classifiable if counters.classifiable else unknown
    percents["all"] = 100.0 * counters.progress if counters.classifiable else unknown
    return percents


def how_far(counters: BatchCounters) -> str:
    """How many chains each stage has finished, of those that need it: ``90 of 103 chains done, 0 failed (blast 103 of
    103, hhsearch 12 of 73, partition 90 of 103)``, or how many entries are read."""
    entries, unread = sum(counters.entries.values()), counters.entries.get(Status.PENDING, 0)
    if unread:
        return f"{entries - unread} of {entries} entries read"
    parts = []
    for step, statuses in counters.steps.items():
        needed = counters.classifiable - statuses["not_needed"]
        parts.append(f"{step} {statuses['complete']} of {needed}")
    return f"{counters.done} of {counters.classifiable} chains done, {counters.failed} failed ({', '.join(parts)})"


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
