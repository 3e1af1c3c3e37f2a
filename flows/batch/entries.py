"""Read the entries of a weekly batch that have not been read yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import get_run_logger

from flows.batch.dispatch import Future, Portion
from flows.batch.run import BatchRun
from pyecod.batch import EntryRecord
from pyecod.batch.record import Status
from pyecod.errors import describe
from pyecod.standing.mended import mended_since
from pyecod.weeks.obsolete import obsolete_entries
from pyecod.work.entries import EntryOutcome, read_again
from tasks.entries import read_entries_chunk
from tasks.retries import retried
from tasks.work import EntryWork

READ_ENTRIES = "read entries"
_ENTRIES_PER_TASK = 25


def read_pending_entries(run: BatchRun) -> None:
    """Read what is pending or failed, in chunks; record each entry and its chains as they come. What the PDB made
    obsolete meanwhile, and the mirror has no more, is not read.

    Raises:
        ConfigError: no mirror is configured. OSError: the disk is full.
        FetchError: the server of the PDB cannot be reached.
        UsageError, BrokenInputError: the status folder cannot be used.
    """
    batch = run.batch
    obsolete = obsolete_entries(batch, run.settings)
    if obsolete:
        get_run_logger().info(f"obsolete, so not read: {', '.join(entry.pdb_id for entry in obsolete)}")
        batch.mark(entries=obsolete)
    mended = mended_since(batch)
    pending: dict[str | None, list[str]] = {}  # by week, of which a repair has several
    for entry in batch.manifest.entries.values():
        if not entry.is_settled and entry.pdb_id not in mended:
            pending.setdefault(entry.source_week, []).append(entry.pdb_id)
    if not pending:
        return
    get_run_logger().info(f"reading {sum(map(len, pending.values()))} entries")
    ledger = EntryLedger(run)
    portions = [
        Portion(READ_ENTRIES, tuple(ids[start : start + _ENTRIES_PER_TASK]))
        for ids in pending.values()
        for start in range(0, len(ids), _ENTRIES_PER_TASK)
    ]
    run.dispatch(portions, [READ_ENTRIES], ledger.submit, ledger)


@dataclass
class EntryLedger:
    """Submits chunks of entries, and records them and their chains."""

    run: BatchRun
    _task: Any = field(init=False)

    def __post_init__(self) -> None:
        self._task = retried(read_entries_chunk, self.run.settings.run)

    def submit(self, portion: Portion[str]) -> Future[list[EntryOutcome]]:
        """Have a chunk read."""
        batch = self.run.batch
        week = self._week(portion.items[0]) or batch.header.release_date
        work = EntryWork(portion.items, batch.path, self.run.settings, week)
        future: Future[list[EntryOutcome]] = self._task.submit(work)
        self.run.record.begin_chunk(portion.stage, work.title, future)
        return future

    def succeeded(
        self, portion: Portion[str], future: Future[list[EntryOutcome]], result: list[EntryOutcome]
    ) -> Iterable[Portion[str]]:
        """Record what was read."""
        self.run.record.note_entries(future, result)
        found = [read_again(self.run.batch, outcome) for outcome in result]
        self.run.batch.mark(
            [update for _, ended in found for update in ended],
            entries=[replace(o.entry, source_week=self._week(o.entry.pdb_id)) for o in result],
            chains=[chain for chains, _ in found for chain in chains],
        )
        return ()

    def failed(self, portion: Portion[str], future: Future[list[EntryOutcome]], error: Exception) -> None:
        """Record the end of a task run."""
        self.run.record.lose_chunk(future, portion.items, error)

    def gave_up(self, portion: Portion[str], error: Exception) -> None:
        """Record an entry that no worker could read."""
        (pdb_id,) = portion.items
        failed = EntryRecord(pdb_id, Status.FAILED, failure_reason=describe(error), source_week=self._week(pdb_id))
        self.run.batch.mark(entries=[failed])

    def _week(self, pdb_id: str) -> str | None:
        """The release of an entry where that is not the batch's own."""
        return self.run.batch.manifest.entries[pdb_id].source_week
