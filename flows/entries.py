"""Read the entries of a weekly batch that have not been read yet."""

from __future__ import annotations

from prefect import get_run_logger
from prefect.futures import as_completed

from pyecod.batch import Batch
from pyecod.batch.record import Status
from pyecod.config import Settings
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
    week = batch.header.release_date
    futures = [
        read_entries_chunk.submit(f"{start + 1}-{start + len(chunk)}", chunk, batch.path, settings, week)
        for start in range(0, len(pending), _ENTRIES_PER_TASK)
        if (chunk := pending[start : start + _ENTRIES_PER_TASK])
    ]
    for future in as_completed(futures):
        outcomes = future.result()
        batch.mark(
            entries=[outcome.entry for outcome in outcomes],
            chains=[chain for outcome in outcomes for chain in outcome.chains],
        )
