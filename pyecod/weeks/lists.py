"""A week's lists and its batch: what is new in the lists is taken in, what is wrong in them is recorded."""

from __future__ import annotations

from pyecod.batch import Batch, EntryRecord
from pyecod.batch.header import without_line
from pyecod.files import atomic_write
from pyecod.pdb import Release


def list_problems(release: Release) -> tuple[str, ...]:
    """What is wrong in the lists, as a batch records it: ``added.pdb:3: '7q03 7q04' is not a PDB id``."""
    return tuple(problem.removeprefix(f"{release.path}/") for problem in release.problems)


def new_entries(batch: Batch, release: Release) -> tuple[str, ...]:
    """Entries the list has and the batch has not: lines that were mended, or a list that grew."""
    return tuple(pdb_id for pdb_id in release.added if pdb_id not in batch.manifest.entries)


def what_changed(batch: Batch, release: Release) -> str:
    """What a list says that the batch does not know yet, in words; empty where it is nothing.

    Batches of the older tools do not say what their lists held.
    """
    if batch.manifest.is_older_form:
        return ""
    if new := new_entries(batch, release):
        return f"the list has {len(new)} new entries"
    return "other lines of the lists are wrong" if list_problems(release) != batch.header.list_problems else ""


def take_in(batch: Batch, release: Release) -> None:
    """Record in a batch what its lists have become since.

    An entry that left the list stays in the batch: it was of this week when it was read.

    Raises:
        BatchError: the disk is full or not writable. BatchLockedError: another process drives the batch.
    """
    if not what_changed(batch, release):
        return
    with batch.lock():
        new = new_entries(batch, release)
        if new:
            atomic_write(batch.paths.pdb_entries, "\n".join([*batch.manifest.entries, *new]) + "\n")
            batch.mark(entries=[EntryRecord(pdb_id) for pdb_id in new])
        batch.update_header(
            list_problems=list_problems(release),
            modified=release.modified,
            obsolete=release.obsolete,
            completed=None if new else batch.header.completed,
        )


def acknowledge(batch: Batch) -> tuple[str, ...]:
    """Take the wrong lines of a week's lists for what they are: they are still shown, and no longer end a run with 1.

    Returns:
        The lines that nobody had acknowledged.

    Raises:
        BatchError: the disk is full or not writable. BatchLockedError: another process drives the batch.
    """
    with batch.lock():
        found = batch.header.open_problems
        if found:
            batch.update_header(acknowledged=(*batch.header.acknowledged, *map(without_line, found)))
    return found
