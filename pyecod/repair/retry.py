"""Give chains new attempts in their own batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyecod.batch import Batch, ChainChanges, ChainUpdate
from pyecod.batch.record import Status
from pyecod.ids import ChainKey
from pyecod.settings import Settings
from pyecod.work.start import go_on


def tries_again(path: Path, keys: Sequence[ChainKey], settings: Settings) -> Batch:
    """The batch with the chains' attempts forgotten, and those of their representatives; a complete chain whose
    partition file is gone is pending again.

    Raises:
        BatchError: a chain is unknown, or the batch was begun with other settings. BatchLockedError: it is driven.
    """
    batch = go_on(path, settings)
    with batch.lock():
        updates = {}
        for key in keys:
            record = batch.record(key)
            leads = batch.manifest.chains.get(record.representative or "", record)
            for each in (record, leads):
                changes: ChainChanges = {"attempts": 0}
                if each.partition_status is Status.COMPLETE and not batch.paths.has_partition(each):
                    changes["partition_status"] = Status.PENDING
                updates[each.key] = ChainUpdate(each.key, changes)
        batch.mark(updates.values(), repair=True)
    return batch
