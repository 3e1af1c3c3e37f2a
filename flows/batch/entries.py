"""Read the entries of a weekly batch that have not been read yet."""

from __future__ import annotations

from dataclasses import replace

from prefect import get_run_logger
from prefect.futures import PrefectFuture, as_completed

from flows.batch.provenance import RunRecord
from flows.workers.runner import explained, server_is_away, wait_for_server
from pyecod.batch import Batch, EntryRecord
from pyecod.batch.record import Status
from pyecod.errors import WorkerKilledError, describe
from pyecod.settings import Settings
from pyecod.weeks.obsolete import obsolete_entries
from pyecod.work.entries import EntryOutcome, read_again
from tasks.entries import read_entries_chunk

_ENTRIES_PER_TASK = 25


def read_pending_entries(batch: Batch, settings: Settings, record: RunRecord) -> None:
    """Read what is pending or failed, in chunks; record each entry and its chains as they come. What the PDB made
    obsolete meanwhile, and the mirror has no more, is not read.

    Raises:
        ConfigError: no mirror is configured. OSError: the disk is full.
        UsageError, BrokenInputError: the status folder cannot be used.
    """
    obsolete = obsolete_entries(batch, settings)
    if obsolete:
        get_run_logger().info(f"obsolete, so not read: {', '.join(entry.pdb_id for entry in obsolete)}")
        batch.mark(entries=obsolete)
    pending: dict[str | None, list[str]] = {}  # by week, of which a repair has several
    for entry in batch.manifest.entries.values():
        if not entry.is_settled:
            pending.setdefault(entry.source_week, []).append(entry.pdb_id)
    if not pending:
        return
    get_run_logger().info(f"reading {sum(map(len, pending.values()))} entries")
    waiting = [
        ids[start : start + _ENTRIES_PER_TASK]
        for ids in pending.values()
        for start in range(0, len(ids), _ENTRIES_PER_TASK)
    ]
    while waiting:
        futures = {_submit(chunk, batch, settings, record): chunk for chunk in waiting}
        waiting = []
        for future in as_completed(list(futures)):
            try:
                outcomes = future.result()
            except Exception as raised:  # noqa: BLE001 - what it means is decided below
                error = explained(raised)
                record.end_chunk(future, error)
                if server_is_away(error):
                    wait_for_server(settings)
                    waiting.append(futures[future])
                elif isinstance(error, WorkerKilledError):
                    waiting += _after_kill(batch, futures[future], error)
                else:
                    raise error from None
                continue
            record.note_entries(future, outcomes)
            found = [read_again(batch, outcome) for outcome in outcomes]
            batch.mark(
                [update for _, ended in found for update in ended],
                entries=[replace(o.entry, source_week=_week(batch, o.entry.pdb_id)) for o in outcomes],
                chains=[chain for chains, _ in found for chain in chains],
            )


def _submit(chunk: list[str], batch: Batch, settings: Settings, record: RunRecord) -> PrefectFuture[list[EntryOutcome]]:
    label = chunk[0] if len(chunk) == 1 else f"{chunk[0]} and {len(chunk) - 1} more"
    week = _week(batch, chunk[0]) or batch.header.release_date
    future = read_entries_chunk.submit(label, chunk, batch.path, settings, week)
    record.begin_chunk("read entries", label, future)
    return future


def _after_kill(batch: Batch, chunk: list[str], error: Exception) -> list[list[str]]:
    """The halves of a chunk that killed its workers; an entry that does so alone has failed."""
    if len(chunk) > 1:
        return [chunk[::2], chunk[1::2]]
    week = _week(batch, chunk[0])
    batch.mark(entries=[EntryRecord(chunk[0], Status.FAILED, failure_reason=describe(error), source_week=week)])
    return []


def _week(batch: Batch, pdb_id: str) -> str | None:
    """The release of an entry where that is not the batch's own."""
    return batch.manifest.entries[pdb_id].source_week
