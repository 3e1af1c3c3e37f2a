"""How a batch or a week ended: as a value for who called the flow, and as a state for who looks at it in Prefect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyecod.batch import Batch, BatchCounters
from pyecod.batch.record import Status
from pyecod.errors import PyecodError
from pyecod.watch.findings import Alert
from tasks.ends import completed, count

_MOST_WORDS = 400  # of a reason in a state's message; its key comes first and is never cut


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended. ``problem`` says why it could not be finished, ``database`` what became of the load,
    ``alerts`` what is worth a person's attention, ``failed`` in words what failed, the first by name,
    ``list_problems`` wrong lines of the release's lists that nobody has acknowledged."""

    name: str
    path: Path
    counters: BatchCounters | None = None
    problem: str | None = None
    database: str = ""
    report: Path | None = None
    alerts: tuple[Alert, ...] = ()
    failed: str = ""
    list_problems: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """Chains and entries that failed."""
        return self.counters.failed + self.counters.entries_failed if self.counters else 0


class WeeksFailedError(PyecodError):
    """At least one week could not be finished; ``results`` has every week that was tried."""


def finished(results: Sequence[BatchResult]) -> None:
    """Make sure that every batch could be finished, well or with failures.

    Raises:
        WeeksFailedError: one could not, which makes the flow run fail.
    """
    problems = [f"{result.name}: {result.problem}" for result in results if result.problem]
    if problems:
        raise WeeksFailedError("; ".join(problems), results=results)


def failures_of(batch: Batch) -> Iterator[tuple[str, str]]:
    """Each entry that could not be read and each chain that failed, with the reason."""
    for entry in batch.manifest.entries.values():
        if entry.status is Status.FAILED:
            yield entry.pdb_id, entry.failure_reason or "no reason recorded"
    for chain in batch.manifest.chains.values():
        if chain.is_failed:
            yield str(chain.key), chain.failure_reason or "no reason recorded"


def failure_words(batch: Batch, counters: BatchCounters) -> str:
    """``8 of 17 chains failed, first 8s72_N: …``; empty where nothing failed."""
    parts = []
    if counters.entries_failed:
        parts.append(f"{counters.entries_failed} of {count(sum(counters.entries.values()), 'entry')}")
    if counters.failed:
        parts.append(f"{counters.failed} of {count(counters.classifiable, 'chain')}")
    if not parts:
        return ""
    key, reason = next(failures_of(batch))
    return f"{' and '.join(parts)} failed, first {key}: {reason[:_MOST_WORDS]}"


def ended(result: Any, results: Sequence[BatchResult], nothing: str = "nothing to do") -> Any:
    """The state of a flow run that worked on batches; who calls the flow gets ``result``.

    It is "Completed with failures" where chains or entries failed, lines of a list were wrong, or a batch is not in the
    database.
    """
    words, failures = [], False
    for batch in results:
        told = [batch.failed] if batch.failed else []
        if batch.database.startswith(NOT_LOADED):
            told.append(batch.database)
        if batch.list_problems:
            told.append(f"{count(len(batch.list_problems), 'wrong line')} in its lists, first {batch.list_problems[0]}")
        failures = failures or bool(told)
        if not told and batch.counters is not None:
            told.append(f"{count(batch.counters.done, 'chain')} done, {count(batch.counters.domains, 'domain')}")
        words.append(f"{batch.name}: {'; '.join(told)}")
    return completed(result, "\n".join(words) or nothing, failures=failures)


NOT_LOADED = "not loaded"
"""How words about a load begin that went wrong."""
