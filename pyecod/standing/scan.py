"""Scan: what is left to do over many batches, the most promising first."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from pyecod.batch.batch import Batch
from pyecod.batch.header import parse_week, utc_now, week_of
from pyecod.batch.names import BatchType
from pyecod.batch.paths import find_batches
from pyecod.batch.record import ChainRecord, Step
from pyecod.errors import BatchError, BrokenInputError, IdError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.standing.rule import is_accepted
from pyecod.work.chunks import next_step

_FORMAT = "pyecod tasks 1"


class Priority(StrEnum):
    """Why a chain comes when it comes; in this order, and within each in the order of the batches."""

    FAILED = "failed"
    STRONG = "strong"
    SIMPLE = "simple"
    OTHER = "other"


_RANK = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True)
class Task:
    """One chain with something left to do: ``step`` is the first step it needs, ``reason`` why it failed or what is
    missing. ``strong``: BLAST covers so much that no profile search is needed; ``simple``: all searches are done."""

    batch: str
    key: ChainKey
    priority: Priority
    step: Step
    reason: str | None = None
    sequence_length: int = 0
    attempts: int = 0
    representative: str | None = None
    source_week: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """The task as JSON has it."""
        return {
            "batch": self.batch,
            "chain": str(self.key),
            "pdb_id": self.key.entry_id,
            "chain_id": self.key.chain_id,
            "priority": str(self.priority),
            "step": str(self.step),
            "reason": self.reason,
            "sequence_length": self.sequence_length,
            "attempts": self.attempts,
            "representative": self.representative,
            "source_week": self.source_week,
        }


@dataclass(frozen=True, slots=True)
class BatchScan:
    """What a scan found in one batch; ``problem`` says why it could not be read."""

    batch: str
    chains: int = 0
    done: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Tasks in the order they should be done, and one line per batch. ``left_out`` tasks are beyond the maximum."""

    tasks: tuple[Task, ...]
    batches: tuple[BatchScan, ...]
    left_out: int = 0


def scan(
    base_path: Path,
    pattern: str = "*",
    *,
    strong_coverage: float,
    representatives_only: bool = False,
    skip_existing: bool = True,
    maximum: int | None = None,
    priorities: Collection[Priority] = tuple(Priority),
) -> ScanResult:
    """Look through the batches under ``base_path`` whose name matches ``pattern``.

    A chain is done when its record says so and its partition file is there, or when a repair has mended it;
    ``skip_existing=False`` lists done chains as well. ``strong_coverage`` is the BLAST coverage from which a chain
    counts as strong (``search.hhsearch_below``).
    A batch that cannot be read is reported and the others are scanned.

    Raises:
        BatchError: there is no such folder.
    """
    tasks: list[Task] = []
    batches: list[BatchScan] = []
    mended = find_mended(base_path) if skip_existing else set()
    for path in find_batches(base_path, pattern):
        try:
            batch = Batch.open(path)
        except BatchError as error:
            batches.append(BatchScan(path.name, problem=str(error)))
            continue
        found = [
            task
            for task in _tasks(batch, strong_coverage, skip_existing)
            if (task.key, parse_week(task.source_week or "")) not in mended
            and task.priority in priorities
            and not (representatives_only and task.representative not in (None, str(task.key)))
        ]
        counters = batch.counters()
        by_priority = Counter(str(task.priority) for task in found)
        batches.append(
            BatchScan(
                path.name, counters.chains, counters.done, {p: by_priority[p] for p in Priority if by_priority[p]}
            )
        )
        tasks += found
    tasks.sort(key=lambda task: _RANK[task.priority])  # stable: batches and chains keep their order
    chosen = tasks if maximum is None else tasks[:maximum]
    return ScanResult(tuple(chosen), tuple(batches), len(tasks) - len(chosen))


def find_mended(base_path: Path) -> set[tuple[ChainKey, datetime.date | None]]:
    """Chains, with their weeks, that repairs have done since; a repair that cannot be read has mended nothing."""
    mended = set()
    for path in find_batches(base_path, BatchType.REPAIR.pattern):
        try:
            batch = Batch.open(path)
        except BatchError:
            continue  # reported when its turn comes
        for record in batch.manifest.chains.values():
            if record.is_done and not record.is_failed and is_accepted(batch.header, record):
                mended.add((record.key, week_of(batch.header, record)))
    return mended


def _tasks(batch: Batch, strong_coverage: float, skip_existing: bool) -> Iterator[Task]:
    for name in sorted(batch.manifest.chains):
        record = batch.manifest.chains[name]
        if not record.can_classify:
            continue
        step, reason = next_step(record), record.failure_reason
        if step is None:
            if batch.paths.has_partition(record):
                if skip_existing:
                    continue
            else:
                reason = "the partition file is missing"
            step = Step.PARTITION
        yield Task(
            batch=batch.path.name,
            key=record.key,
            priority=_priority(record, step, strong_coverage),
            step=step,
            reason=reason,
            sequence_length=record.sequence_length,
            attempts=record.attempts,
            representative=record.representative,
            source_week=record.source_week or batch.header.release_date,
        )


def _priority(record: ChainRecord, step: Step, strong_coverage: float) -> Priority:
    if record.is_failed:
        return Priority.FAILED
    if record.blast_coverage is not None and record.blast_coverage >= strong_coverage:
        return Priority.STRONG
    return Priority.SIMPLE if step is Step.PARTITION else Priority.OTHER


def write_tasks(path: Path, tasks: Iterable[Task]) -> None:
    """Write a task list that ``pyecod retry`` and ``pyecod repair`` accept.

    Raises:
        BatchError: the file cannot be written.
    """
    document = {"format": _FORMAT, "created": utc_now(), "tasks": [task.to_plain() for task in tasks]}
    try:
        atomic_write(path, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise BatchError(f"cannot write the task list: {error.strerror}", where=path) from None


def read_tasks(path: Path) -> list[Task]:
    """Read a task list; an empty file is a list without tasks.

    Raises:
        BrokenInputError: the file is no task list, or a task in it is wrong; its number is named.
    """
    try:
        content = path.read_bytes()
        document = orjson.loads(content) if content.strip() else {"format": _FORMAT, "tasks": []}
    except (OSError, orjson.JSONDecodeError) as error:
        raise BrokenInputError(f"cannot read the task list: {error}", where=path) from None
    if (
        not isinstance(document, dict)
        or document.get("format") != _FORMAT
        or not isinstance(document.get("tasks"), list)
    ):
        raise BrokenInputError("this is no task list", where=path, hint="`pyecod scan --output FILE` makes one")
    return [_read_task(raw, f"{path}: task {number}") for number, raw in enumerate(document["tasks"], 1)]


def _read_task(raw: Any, where: str) -> Task:
    try:
        if Path(raw["batch"]).name != raw["batch"]:
            raise ValueError(f"{raw['batch']!r} is not a batch name")
        return Task(
            batch=raw["batch"],
            key=ChainKey.parse(raw["chain"]),
            priority=Priority(raw["priority"]),
            step=Step(raw["step"]),
            reason=raw.get("reason"),
            sequence_length=int(raw.get("sequence_length") or 0),
            attempts=int(raw.get("attempts") or 0),
            representative=raw.get("representative"),
            source_week=raw.get("source_week"),
        )
    except IdError as error:
        raise BrokenInputError(error.what, where=where) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenInputError(f"the task cannot be read: {error!r}", where=where) from None
