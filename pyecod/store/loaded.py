"""Which batches are in the database, and whether as they are on disk now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.batch import Batch
from pyecod.errors import BatchError
from pyecod.store.migrations import require_schema
from pyecod.store.rows import collect_batch, folder_stamp

if TYPE_CHECKING:
    from pyecod.store.connection import Store


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """One batch: ``state`` is ``current`` (loaded as it is on disk), ``changed``, ``absent`` (not loaded), ``damaged``
    (its folder cannot be read), or ``database only``. ``loaded_at`` is ISO 8601."""

    batch_name: str
    state: str
    chains: int = 0
    loaded_at: str | None = None


def load_status(store: Store, paths: Iterable[Path]) -> list[LoadedBatch]:
    """Compare batch folders with what was loaded, by name.

    Raises:
        StoreUnavailableError, StoreError: the database cannot be asked.
    """
    require_schema(store)
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT batch_name, content_digest, chain_count, synced_at, folder_stamp FROM pdb_update.batch"
        ).fetchall()
    loaded = {row[0]: row for row in rows}
    found = []
    for path in paths:
        row = loaded.pop(path.name, None)
        if row is None:
            found.append(LoadedBatch(path.name, "absent"))
        else:
            state = _state(path, digest=row[1], stamp=row[4])
            found.append(LoadedBatch(path.name, state, row[2], row[3].isoformat(timespec="seconds")))
    found += [LoadedBatch(r[0], "database only", r[2], r[3].isoformat(timespec="seconds")) for r in loaded.values()]
    return sorted(found, key=lambda batch: batch.batch_name)


def _state(path: Path, *, digest: str | None, stamp: str | None) -> str:
    if stamp is not None and stamp == folder_stamp(path):
        return "current"
    try:
        return "current" if digest == collect_batch(Batch.open(path)).digest else "changed"
    except BatchError:
        return "damaged"
