"""Task: read a chunk of entries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task

from pyecod.settings import Settings
from pyecod.work.entries import EntryOutcome, read_entries


@task(name="read-entries", task_run_name="read entries {label}")
def read_entries_chunk(
    label: str, pdb_ids: Sequence[str], batch_path: Path, settings: Settings, week: str | None
) -> list[EntryOutcome]:
    """Read the mmCIF files of a chunk; see :func:`pyecod.work.entries.read_entries`."""
    return read_entries(pdb_ids, batch_path, settings, week)
