"""Scan: what is left to do over many batches, the most promising first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from pyecod.batch.batch import Batch
from pyecod.batch.counters import BatchCounters
from pyecod.batch.header import utc_now, week_of
from pyecod.batch.paths import BatchPaths, find_batches
from pyecod.batch.record import ChainRecord, Step
from pyecod.errors import BatchError, BrokenInputError, IdError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.standing.current import ChainOfWeek, CurrentChain, CurrentState, UnreadEntry
from pyecod.work.chunks import next_step

_FORMAT = "pyecod tasks 1"


class Priority(StrEnum):
    """Why a chain comes when it comes; in this order, and within each in the order of the batches."""

    FAILED = "failed"
    STRONG = "strong"
    SIMPLE = "simple"
    OTHER = "other"


_OF_ENTRY = "entry"
_RANK = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True)
class Task:
    """One chain with something left to do: ``step`` is the first step it needs, ``reason`` why it failed or what is
    missing. Without ``step`` its entry must be read again; an entry of which no chain is known is a key without chain
    id. ``strong``: BLAST covers so much that no profile search is needed; ``simple``: all searches are done.
    """

    batch: str
    key: ChainKey
    priority: Priority
    step: Step | None
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
            "step": str(self.step or _OF_ENTRY),
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

    A chain is done when its record says so and its partition file is there, or when the result of another batch stands
    for it (:mod:`pyecod.standing.rule`); ``skip_existing=False`` lists done chains as well. ``strong_coverage`` is the
    BLAST coverage from which a chain counts as strong (``search.hhsearch_below``).
    A batch that cannot be read is reported and the others are scanned.

    Raises:
        BatchError: there is no such folder.
    """
    names = [path.name for path in find_batches(base_path, pattern)]
    counted: dict[str, BatchCounters] = {}
    found: dict[str, list[Task]] = {name: [] for name in names}

    def opened(batch: Batch) -> None:
        if batch.path.name in found:
            counted[batch.path.name] = batch.counters()

    state = CurrentState(base_path, batches=set(names), fasta=True, opened=opened)
    for chain in state.weeks_of_chains():
        for one in chain.records:
            task = _task(one, strong_coverage, skip_existing) if one.batch_path.name in found else None
            if task is None or (skip_existing and _is_settled(one, chain)) or task.priority not in priorities:
                continue
            if not (representatives_only and task.representative not in (None, str(task.key))):
                found[task.batch].append(task)
    if Priority.FAILED in priorities:
        for entry in state.unread:
            if entry.batch_path.name in found:
                found[entry.batch_path.name].append(_entry_task(entry))
    tasks = sorted(
        (task for name in names for task in sorted(found[name], key=lambda task: str(task.key))),
        key=lambda task: _RANK[task.priority],  # stable: batches and chains keep their order
    )
    chosen = tasks if maximum is None else tasks[:maximum]
    batches = [_batch_scan(name, counted.get(name), found[name], state.problems.get(name)) for name in names]
    return ScanResult(tuple(chosen), tuple(batches), len(tasks) - len(chosen))


def _batch_scan(name: str, counters: BatchCounters | None, tasks: list[Task], problem: str | None) -> BatchScan:
    if counters is None:
        return BatchScan(name, problem=problem)
    number = Counter(task.priority for task in tasks)
    by_priority: dict[str, int] = {priority: number[priority] for priority in Priority if number[priority]}
    return BatchScan(name, counters.chains, counters.done, by_priority, problem)


def _is_settled(one: CurrentChain, chain: ChainOfWeek) -> bool:
    """Nothing is to be done for a record, because that of another batch speaks for the chain. What was begun and is
    not finished is, unless it was begun before the result that stands."""
    if chain.current is one:
        return False
    own, other = one.contender, chain.current.contender
    is_open = not one.record.is_failed and not one.record.is_done
    return not is_open or (chain.stands and other.has_result and other.begun > own.begun)


def settled_elsewhere(tasks: Iterable[Task], base_path: Path) -> dict[Task, str]:
    """Tasks of a list that need not be done any more, each with the batch whose result stands for the chain now.

    Raises:
        BatchError: there is no such folder.
    """
    by_place = {(task.batch, task.key): task for task in tasks}
    batches = {batch for batch, _ in by_place}
    state = CurrentState(base_path, keys={key for _, key in by_place}, batches=batches, fasta=True)
    return {
        by_place[place]: chain.current.batch_path.name
        for chain in state.weeks_of_chains()
        for one in chain.records
        if (place := (one.batch_path.name, one.key)) in by_place and chain.stands and _is_settled(one, chain)
    }


def _entry_task(unread: UnreadEntry) -> Task:
    """An entry that could not be read, nor by a repair since."""
    week = str(unread.week) if unread.week else None
    key, reason = ChainKey(unread.record.pdb_id), unread.record.failure_reason
    return Task(unread.batch_path.name, key, Priority.FAILED, None, reason, source_week=week)


def _task(one: CurrentChain, strong_coverage: float, skip_existing: bool) -> Task | None:
    """What is to be done for a record, None where nothing is."""
    record = one.record
    if not record.can_classify:
        return None
    step, reason = next_step(record), record.failure_reason
    if step is None and not record.is_unusable:
        if not BatchPaths(one.batch_path).has_partition(record):
            reason = "the partition file is missing"
        elif skip_existing and not record.is_failed:
            return None
        step = Step.PARTITION
    week = week_of(one.header, record)
    return Task(
        batch=one.batch_path.name,
        key=record.key,
        priority=_priority(record, step, strong_coverage),
        step=step,
        reason=reason,
        sequence_length=record.sequence_length,
        attempts=record.attempts,
        representative=record.representative,
        source_week=str(week) if week else None,
    )


def _priority(record: ChainRecord, step: Step | None, strong_coverage: float) -> Priority:
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
            step=None if raw["step"] == _OF_ENTRY else Step(raw["step"]),
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
