"""Entries of a batch as rows, and the files that a batch holds of a chain."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyecod.batch import Batch
from pyecod.batch.header import filing_date
from pyecod.batch.record import ChainRecord, EntryRecord

if TYPE_CHECKING:
    from pyecod.store.connection import Connection

# kind of file -> folder and ending of the batch, where the record does not name it
_PLACES = {
    "fasta": ("fastas", ".fa"),
    "chain_blast": ("blast", ".chain_blast.xml"),
    "domain_blast": ("blast", ".domain_blast.xml"),
    "hhsearch": ("hhsearch", ".hhr"),
}
FILE_FOLDERS = tuple(dict.fromkeys(folder for folder, _ in _PLACES.values()))
"""Folders of a batch with files that no record names: what is exported shows there alone."""

# a repair that could not read an entry leaves what its week knows, and the week's failure leaves what a repair read
_UPSERT = """
INSERT INTO pdb_update.entry_status AS e
       (pdb_id, release_date, batch_name, status, reason, attempts, chain_count, notes, title, method, resolution,
        first_released)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (pdb_id, release_date) DO UPDATE
SET (batch_name, status, reason, attempts, chain_count, notes, title, method, resolution, first_released)
  = (excluded.batch_name, excluded.status, excluded.reason, excluded.attempts, excluded.chain_count, excluded.notes,
     excluded.title, excluded.method, excluded.resolution, excluded.first_released)
WHERE e.batch_name = excluded.batch_name OR e.status NOT IN ('complete', 'not_needed')
"""


def load_entries(connection: Connection, batch: Batch) -> None:
    """Write the entries of a batch; what another batch has read stays as it is."""
    rows = [_row(batch, entry) for entry in batch.manifest.entries.values()]
    if rows:
        connection.cursor().executemany(_UPSERT, rows)


def _row(batch: Batch, entry: EntryRecord) -> tuple[Any, ...]:
    return (
        entry.pdb_id,
        filing_date(batch.header, entry),
        batch.name,
        str(entry.status),
        entry.failure_reason or ("no reason was recorded" if entry.status == "failed" else None),
        entry.attempts,
        entry.chain_count,
        list(entry.problems),
        entry.title or None,
        entry.method or None,
        entry.resolution or None,
        _date(entry.release_date),
    )


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


class ChainFiles:
    """The files a batch holds of its chains, by kind and relative to the batch: those the records name, and those that
    lie where every chain has its own (sequences; search results once they are exported)."""

    def __init__(self, root: Path) -> None:
        self._names = {folder: _names(root / folder) for folder in FILE_FOLDERS}

    def of(self, record: ChainRecord) -> Mapping[str, str]:
        """Files of one chain."""
        stem = record.key.file_stem
        found = {kind: f"{folder}/{stem}{ending}" for kind, (folder, ending) in _PLACES.items()}
        there = {kind: path for kind, path in found.items() if path.split("/")[1] in self._names[path.split("/")[0]]}
        return {**there, **record.files}


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - names alone, 100,000 of them
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
