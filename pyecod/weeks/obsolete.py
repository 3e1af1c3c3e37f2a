"""Entries the PDB made obsolete before they were read: nothing is left to do for them."""

from __future__ import annotations

import datetime

from pyecod.batch import Batch, EntryRecord, Status
from pyecod.batch.header import week_of
from pyecod.errors import PyecodError
from pyecod.pdb import find_entry, find_releases
from pyecod.settings import Settings


def find_obsolete(settings: Settings, first: datetime.date) -> dict[str, datetime.date]:
    """Entries that releases from ``first`` on made obsolete, each with the newest of these; none without status folder.

    Raises:
        UsageError, BrokenInputError: the status folder cannot be used.
    """
    if settings.status_dir is None:
        return {}
    releases = find_releases(settings.status_dir, first)
    return {pdb_id: release.date for release in releases for pdb_id in release.obsolete}


def obsolete_entries(batch: Batch, settings: Settings) -> list[EntryRecord]:
    """Records that settle the unread entries of a batch that their own or a later release made obsolete, where the
    mirror has them no longer or they could not be read: trying again would keep the week open for ever.

    Raises:
        UsageError, BrokenInputError: as :func:`find_obsolete`.
    """
    weeks = {}
    for entry in batch.manifest.entries.values():
        week = week_of(batch.header, entry)
        if not entry.is_settled and week is not None and not _can_be_read(entry, settings):
            weeks[entry.pdb_id] = week
    obsolete = find_obsolete(settings, min(weeks.values())) if weeks else {}
    return [
        EntryRecord(
            pdb_id,
            Status.NOT_NEEDED,
            failure_reason=f"obsolete since {obsolete[pdb_id]}",
            source_week=batch.manifest.entries[pdb_id].source_week,
        )
        for pdb_id, week in weeks.items()
        if pdb_id in obsolete and obsolete[pdb_id] >= week
    ]


def _can_be_read(entry: EntryRecord, settings: Settings) -> bool:
    """It was not tried yet, and the mirror still has it."""
    if entry.status is Status.FAILED or settings.mirror is None:
        return False
    try:
        return find_entry(settings.mirror, entry.pdb_id).is_file()
    except PyecodError:
        return False
