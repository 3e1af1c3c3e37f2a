"""A batch: one folder, one state, one driver."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from pyecod.batch.changes import (
    apply_changes,
    chain_from_plain,
    chain_to_plain,
    check_changes,
    differences,
    entry_from_plain,
    entry_to_plain,
)
from pyecod.batch.counters import BatchCounters, count_batch
from pyecod.batch.header import (
    BatchHeader,
    HeaderChanges,
    plain_settings,
    settings_differences,
    settings_digest,
    utc_now,
)
from pyecod.batch.journal import JournalLine, JournalWriter
from pyecod.batch.lock import BatchLock, LockHolder, read_holder
from pyecod.batch.manifest import Manifest, read_manifest, write_manifest
from pyecod.batch.paths import BatchPaths
from pyecod.batch.record import ChainChanges, ChainRecord, ChainUpdate, EntryRecord, Status, Step, new_status
from pyecod.batch.state import apply_line, disk_errors, load_state
from pyecod.errors import BatchError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.settings import Settings


class Batch:
    """State of a batch in memory and on disk.

    Anyone may open a batch and look; only the holder of its lock may change it. What :meth:`mark` has acknowledged
    survives any crash.

    >>> batch = Batch.open(Path("batches/ecod_weekly_20250905"))              # doctest: +SKIP
    >>> with batch.lock():                                                    # doctest: +SKIP
    ...     batch.mark([ChainUpdate(key, {"blast_status": Status.COMPLETE, "blast_coverage": 0.93})])
    """

    def __init__(self, path: Path) -> None:
        """Read the batch in ``path``; use :meth:`open` or :meth:`create`."""
        self.path = path
        self.paths = BatchPaths(path)
        self._guard = threading.RLock()
        self._lock = BatchLock(self.paths.lock)
        self._writer: JournalWriter | None = None
        self._interrupted = False
        self._snapshot_time = time.monotonic()
        self._load()

    @classmethod
    def create(
        cls,
        base_path: Path,
        header: BatchHeader,
        *,
        entries: Iterable[EntryRecord] = (),
        chains: Iterable[ChainRecord] = (),
        pdb_entries: str | None = None,
    ) -> Batch:
        """Make the folder ``base_path / header.batch_name`` and its first manifest, which comes last: a creation that
        was interrupted is simply done again. ``pdb_entries`` is the text of the release's ``added.pdb``.

        Raises:
            BatchError: the batch exists, or the disk is full or not writable.
            BatchLockedError: another process is creating it.
        """
        paths = BatchPaths(base_path / header.batch_name)
        with disk_errors(paths.root):
            paths.make()
            with BatchLock(paths.lock):
                if paths.manifest.exists():
                    raise BatchError("the batch exists already", where=paths.root, hint="open it to go on with it")
                _refuse_orphan(paths.journal)
                if pdb_entries is not None:
                    atomic_write(paths.pdb_entries, pdb_entries)
                manifest = Manifest(header)
                manifest.entries.update((e.pdb_id, e) for e in map(_checked_entry, entries))
                manifest.chains.update((str(c.key), c) for c in map(_checked_chain, chains))
                write_manifest(paths.manifest, manifest)
        return cls(paths.root)

    @classmethod
    def open(cls, path: Path) -> Batch:
        """Read the state of a batch: the manifest, and what the journal adds to it.

        Raises:
            BatchError: there is no batch, or its manifest or journal are damaged; file, line or chain are named.
        """
        return cls(path)

    @property
    def name(self) -> str:
        """The batch's name."""
        return self.manifest.header.batch_name

    @property
    def header(self) -> BatchHeader:
        """What the batch is and what its results depend on."""
        return self.manifest.header

    @property
    def holder(self) -> LockHolder | None:
        """Who drives the batch now, None when nobody does."""
        return self._lock.holder or read_holder(self.paths.lock)

    @property
    def torn_bytes(self) -> int:
        """Bytes of an unfinished line at the end of the journal, left out: what a crash left behind."""
        return self._torn_bytes

    def record(self, key: ChainKey) -> ChainRecord:
        """Record of one chain.

        Raises:
            BatchError: the batch has no such chain.
        """
        try:
            return self.manifest.chains[str(key)]
        except KeyError:
            raise BatchError(f"the batch has no chain {key}", where=self.path) from None

    def counters(self) -> BatchCounters:
        """What is done, failed and left, counted anew from the records."""
        return count_batch(self.manifest.entries.values(), self.manifest.chains.values())

    @contextlib.contextmanager
    def lock(self) -> Iterator[Batch]:
        """Drive the batch: take its lock, read its state as the last driver left it, and at the end write a snapshot.

        After an error no snapshot is written: the journal has everything.

        Raises:
            BatchLockedError: another process or thread drives it; it is named.
        """
        with disk_errors(self.path):
            self.paths.make()
            self._lock.acquire()
        try:
            with disk_errors(self.path):
                self._load()
                self._writer = JournalWriter(self.paths.journal, self._good_bytes)
            yield self
            self.snapshot()
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._lock.release()

    def mark(
        self,
        updates: Iterable[ChainUpdate] = (),
        *,
        entries: Iterable[EntryRecord] = (),
        chains: Iterable[ChainRecord] = (),
        repair: bool = False,
    ) -> int:
        """Record what happened: changes of chains, new chains, entries. All of it or, after an error, nothing.

        Marking the same twice changes nothing. ``files``, ``checksums`` and ``evidence`` of an update are merged into
        the record's. A chain in ``chains`` that is known with the same sequence stays as it is, one that could not be
        used so far is replaced. ``repair`` allows what is otherwise refused: a complete step becoming anything else, a
        known chain being replaced by another sequence.

        Returns:
            Number of chains and entries that changed.

        Raises:
            BatchError: an unknown chain or field, a value of the wrong type, a complete step that would be undone, a
                full disk; the chain or file is named.
            BatchLockedError: this process does not hold the lock.
        """
        with self._changing():
            line = self._line(updates, entries, chains, repair)
            changed = len(line.changes) + len(line.chains) + len(line.entries)
            if changed:
                self._append(line)
                apply_line(self.manifest, line, str(self.paths.journal))
            return changed

    def snapshot(self, *, min_seconds: float = 0.0) -> bool:
        """Write the manifest and begin a new journal, unless nothing changed or the last one is less than
        ``min_seconds`` ago. A crash between the two is harmless: the manifest knows which lines it includes.

        Returns:
            Whether a snapshot was written.

        Raises:
            BatchError: the disk is full or not writable; the state on disk is as before.
            BatchLockedError: this process does not hold the lock.
        """
        with self._changing():
            due = time.monotonic() - self._snapshot_time >= min_seconds
            if self.manifest.journal_sequence == self._snapshot_sequence or not due:
                return False
            self._write_snapshot()
            return True

    def update_header(self, **values: Unpack[HeaderChanges]) -> None:
        """Change header fields (``tool_versions``, ``completed``…) and write a snapshot.

        Raises:
            BatchError, BatchLockedError: as :meth:`snapshot`.
        """
        with self._changing():
            self.manifest.header = replace(self.manifest.header, **values)
            try:
                self._write_snapshot()
            except BatchError:  # which of the two is on disk depends on where it failed
                self.manifest.header = read_manifest(self.paths.manifest).header
                raise

    def check_settings(self, settings: Settings, reference_id: str | None, *, allow: bool = False) -> list[str]:
        """Make sure the batch goes on under the settings and reference it was started with.

        With ``allow`` the new ones are taken over, and the change is recorded in the header (the lock is needed).

        Returns:
            The differences, one line each; empty when nothing that decides results has changed.

        Raises:
            BatchError: something has changed and ``allow`` is not given; every difference is named.
        """
        changed = settings_differences(self.header, settings, reference_id)
        if not changed:
            return []
        if not allow:
            raise BatchError(
                "the settings or the reference changed since the batch was started: " + "; ".join(changed),
                where=self.path,
                hint="go on with the earlier ones, allow the change, or repair the batch under the new ones",
            )
        self.update_header(
            settings=plain_settings(settings),
            settings_digest=settings_digest(settings, reference_id),
            reference_id=reference_id,
            changes=(*self.header.changes, {"at": utc_now(), "differences": changed}),
        )
        return changed

    def _load(self) -> None:
        state = load_state(self.paths)
        self.manifest = state.manifest
        self._snapshot_sequence = state.snapshot_sequence
        self._good_bytes, self._torn_bytes = state.good_bytes, state.torn_bytes

    def _line(
        self,
        updates: Iterable[ChainUpdate],
        entries: Iterable[EntryRecord],
        chains: Iterable[ChainRecord],
        repair: bool,
    ) -> JournalLine:
        """What would change, as a journal line; checked, and without what is known already."""
        now = utc_now()
        line = JournalLine(self.manifest.journal_sequence + 1, now)
        for entry in map(_checked_entry, entries):
            if self.manifest.entries.get(entry.pdb_id) != entry:
                line.entries[entry.pdb_id] = entry_to_plain(entry)
        touched: dict[str, ChainRecord] = {}
        for chain in map(_checked_chain, chains):
            known = self.manifest.chains.get(str(chain.key))
            is_other = known is not None and known.sequence_md5 != chain.sequence_md5
            if known is not None and known.is_unusable:
                is_other = is_other or known.failure_reason != chain.failure_reason
            elif is_other and not repair:
                raise BatchError(
                    "the chain is recorded with another sequence", where=f"{self.path}: {chain.key}", hint="repair it"
                )
            if known is None or is_other:
                chain.updated_at = chain.updated_at or now
                touched[str(chain.key)] = chain
        added = set(touched)
        for update in updates:
            name = str(update.key)
            record = touched.get(name) or replace(self.record(update.key))
            where = f"{self.path}: {name}"
            changes = check_changes(update.changes, where)
            if not repair:
                _refuse_undoing(record, changes, where)
            apply_changes(record, changes)
            touched[name] = record
        for name, record in touched.items():
            if name in added:
                line.chains[name] = chain_to_plain(record)
            elif different := differences(self.manifest.chains[name], record):
                line.changes[name] = {"updated_at": now, **different}
        return line

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time. A signal may have ended the last one anywhere: then the disk says what happened."""
        with self._guard:
            if self._interrupted and self._writer is not None:
                with disk_errors(self.path):
                    self._load()
                    self._writer.close()
                    self._writer = JournalWriter(self.paths.journal, self._good_bytes)
            self._interrupted = True
            try:
                yield
            except BatchError:
                self._interrupted = False
                raise
            self._interrupted = False

    def _append(self, line: JournalLine) -> None:
        self._lock.verify()
        assert self._writer is not None
        with disk_errors(self.paths.journal):
            self._writer.append(line)

    def _write_snapshot(self) -> None:
        self._lock.verify()
        assert self._writer is not None
        with disk_errors(self.paths.manifest):
            if self.manifest.is_older_form:
                self._keep_older_form()
            write_manifest(self.paths.manifest, self.manifest)
            self._snapshot_sequence = self.manifest.journal_sequence
            self._snapshot_time = time.monotonic()
            self._writer.rotate()

    def _keep_older_form(self) -> None:
        """The manifest of the older tools stays beside the new one: it holds what this one does not."""
        kept = self.paths.manifest.with_suffix(".older.yaml")
        if not kept.exists():
            os.link(self.paths.manifest, kept)
        self.manifest.is_older_form = False


def _checked_chain(record: ChainRecord) -> ChainRecord:
    """A copy that has gone through the same checks as one read from a file."""
    return chain_from_plain(str(record.key), chain_to_plain(record), "new chain")


def _checked_entry(record: EntryRecord) -> EntryRecord:
    return entry_from_plain(record.pdb_id, entry_to_plain(record), "new entry")


def _refuse_undoing(record: ChainRecord, changes: ChainChanges, where: str) -> None:
    for step in Step:
        if record.status(step) is Status.COMPLETE and new_status(changes, step) not in (None, Status.COMPLETE):
            raise BatchError(
                f"{step}_status is complete and would become {new_status(changes, step)}",
                where=where,
                hint="only a repair does a finished step again",
            )


def _refuse_orphan(journal: Path) -> None:
    """A journal without its manifest holds marks that a new manifest would lose."""
    if journal.exists() and journal.stat().st_size:
        raise BatchError(
            "there is a journal, but its manifest is gone",
            where=journal,
            hint="restore batch_manifest.yaml, or move the folder away",
        )
