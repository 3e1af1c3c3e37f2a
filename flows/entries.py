"""Read the entries of a weekly batch that have not been read yet."""

from __future__ import annotations

from prefect import get_run_logger
from prefect.futures import PrefectFuture, as_completed

from flows.runner import WorkerKilledError, explained
from pyecod.batch import Batch, EntryRecord
from pyecod.batch.record import Status
from pyecod.config import Settings
from pyecod.errors import describe
from pyecod.steps.entries import EntryOutcome
from tasks.entries import read_entries_chunk

_ENTRIES_PER_TASK = 25


def read_pending_entries(batch: Batch, settings: Settings) -> None:
    """Read what is pending or failed, in chunks; record each entry and its chains as they come.

    Raises:
        ConfigError: no mirror is configured. OSError: the disk is full.
    """
    pending = [e.pdb_id for e in batch.manifest.entries.values() if e.status is not Status.COMPLETE]
    if not pending:
        return
    get_run_logger().info(f"reading {len(pending)} entries")
    waiting = [pending[start : start + _ENTRIES_PER_TASK] for start in range(0, len(pending), _ENTRIES_PER_TASK)]
    while waiting:
        futures = {_submit(chunk, batch, settings): chunk for chunk in waiting}
        waiting = []
        for future in as_completed(list(futures)):
            try:
                outcomes = future.result()
            except Exception as raised:  # noqa: BLE001 - whatever it is, it is this chunk's reason
                error = explained(raised)
                if not isinstance(error, WorkerKilledError):
                    raise error from None
                waiting += _after_kill(batch, futures[future], error)
                continue
            batch.mark(
                entries=[outcome.entry for outcome in outcomes],
                chains=[chain for outcome in outcomes for chain in outcome.chains],
            )


def _submit(chunk: list[str], batch: Batch, settings: Settings) -> PrefectFuture[list[EntryOutcome]]:
    label = chunk[0] if len(chunk) == 1 else f"{chunk[0]} and {len(chunk) - 1} more"
    week = batch.header.release_date
    return read_entries_chunk.submit(label, chunk, batch.path, settings, week)


def _after_kill(batch: Batch, chunk: list[str], error: Exception) -> list[list[str]]:
    """The halves of a chunk that killed its workers; an entry that does so alone has failed."""
    if len(chunk) > 1:
        return [chunk[::2], chunk[1::2]]
    batch.mark(entries=[EntryRecord(chunk[0], Status.FAILED, failure_reason=describe(error))])
    return []
