"""The state on disk: the manifest, and what the journal adds to it."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.batch.changes import apply_changes, chain_from_plain, check_changes, entry_from_plain
from pyecod.batch.journal import JournalLine, read_journal
from pyecod.batch.manifest import Manifest, read_manifest
from pyecod.batch.paths import BatchPaths
from pyecod.errors import BatchError

_TRIES = 5


@dataclass(frozen=True, slots=True)
class LoadedState:
    """``manifest`` with the journal applied; ``snapshot_sequence`` is the last line the file itself includes;
    ``good_bytes`` and ``torn_bytes`` are the journal's whole lines and its unfinished last one."""

    manifest: Manifest
    snapshot_sequence: int
    good_bytes: int
    torn_bytes: int


def load_state(paths: BatchPaths) -> LoadedState:
    """Read a batch's state, also while its driver goes on changing it.

    Raises:
        BatchError: manifest or journal are absent, damaged, or do not belong together.
    """
    for attempt in range(_TRIES):
        # the journal first: a snapshot made meanwhile includes all that the opened one holds
        journal = _read_bytes(paths.journal)
        manifest = read_manifest(paths.manifest)
        content = read_journal(journal, paths.journal)
        if not content.lines or content.lines[0].sequence <= manifest.journal_sequence + 1:
            break
        time.sleep(0.02 * 2**attempt)  # a network file system may still show the manifest of before the snapshot
    else:
        raise BatchError(
            f"the journal begins with line {content.lines[0].sequence}, the manifest ends with line "
            f"{manifest.journal_sequence}: lines are missing",
            where=paths.journal,
            hint="restore manifest and journal from the same copy",
        )
    snapshot_sequence = manifest.journal_sequence
    for line in content.lines:
        if line.sequence > snapshot_sequence:
            apply_line(manifest, line, str(paths.journal))
    return LoadedState(manifest, snapshot_sequence, content.good_bytes, content.torn_bytes)


def apply_line(manifest: Manifest, line: JournalLine, where: str) -> None:
    """What a journal line says, done to the state in memory: live and at loading the same."""
    for name, entry in line.entries.items():
        manifest.entries[name] = entry_from_plain(name, entry, where)
    for name, chain in line.chains.items():
        manifest.chains[name] = chain_from_plain(name, chain, where)
    for name, changes in line.changes.items():
        record = manifest.chains.get(name)
        if record is None:
            raise BatchError(f"line {line.sequence} changes chain {name}, which the manifest lacks", where=where)
        apply_changes(record, check_changes(changes, f"{where}: {name}"))
    manifest.journal_sequence = line.sequence


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BatchError(f"cannot read the journal: {error.strerror}", where=path) from None


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what the disk refused, and that nothing acknowledged is lost."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise BatchError(
            "no space left on the disk" if full else f"cannot write: {error.strerror or error}",
            where=path,
            hint="free some space and run the same command again; all that was recorded is still there"
            if full
            else None,
        ) from error
