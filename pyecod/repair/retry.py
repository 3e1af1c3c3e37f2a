"""Give chains new attempts in their own batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pyecod.batch import Batch, ChainChanges, ChainUpdate
from pyecod.batch.record import Status
from pyecod.ids import ChainKey
from pyecod.settings import Settings
from pyecod.work.start import go_on


def tries_again(path: Path, keys: Sequence[ChainKey], settings: Settings) -> Batch:
    """The batch with the chains' attempts forgotten, and those of their representatives.

    A complete chain whose partition file is gone is pending again, and the entry of a chain that its file did not let
    be used. A key without chain id is that of an entry that could not be read.

    Raises:
        BatchError: a chain is unknown, or the batch was begun with other settings. BatchLockedError: it is driven.
    """
    batch = go_on(path, settings)
    with batch.lock():
        updates, entries = {}, {}
        for key in keys:
            if str(key) not in batch.manifest.chains and str(key) in batch.manifest.entries:
                entries[str(key)] = replace(batch.manifest.entries[str(key)], status=Status.PENDING)
                continue
            record = batch.record(key)
            if record.is_unusable and key.entry_id in batch.manifest.entries:
                entries[key.entry_id] = replace(batch.manifest.entries[key.entry_id], status=Status.PENDING)
            leads = batch.manifest.chains.get(record.representative or "", record)
            for each in (record, leads):
                changes: ChainChanges = {"attempts": 0}
                if each.partition_status is Status.COMPLETE and not batch.paths.has_partition(each):
                    changes["partition_status"] = Status.PENDING
                updates[each.key] = ChainUpdate(each.key, changes)
        batch.mark(updates.values(), entries=entries.values(), repair=True)
    return batch
