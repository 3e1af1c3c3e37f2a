"""Where each chain stands over all batches: its week's record, or that of the newest repair that was accepted."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyecod.batch import Batch, BatchType, find_batches
from pyecod.batch.header import parse_week, week_of
from pyecod.batch.names import week_of_name
from pyecod.batch.record import ChainRecord, EntryRecord, Status
from pyecod.errors import BatchError
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.standing.rule import is_accepted

_Place = tuple[ChainKey, datetime.date | None]


@dataclass(frozen=True, slots=True)
class CurrentChain:
    """A chain's record that stands, and the batch folder it is in. ``week`` is its original release, ``changed_at``
    when the record was made or last changed, ``reference_id`` what its batch was made with, where it says so."""

    record: ChainRecord
    week: datetime.date | None
    batch_path: Path
    changed_at: str
    is_older_form: bool = False
    reference_id: str | None = None

    @classmethod
    def of(cls, record: ChainRecord, batch: Batch) -> CurrentChain:
        """A record of an opened batch."""
        changed_at = record.updated_at or batch.header.created
        older = batch.manifest.is_older_form
        return cls(record, week_of(batch.header, record), batch.path, changed_at, older, batch.header.reference_id)

    @property
    def key(self) -> ChainKey:
        """The chain."""
        return self.record.key

    def other_reference(self, reference: Reference) -> tuple[str | None, str] | None:
        """The reference of the result and this one, where they differ: by version, or, built twice under one name, by
        id. None where they are the same."""
        if self.record.reference_version != reference.version:
            return self.record.reference_version, reference.version
        if self.reference_id is not None and self.reference_id != reference.id:
            return self.reference_id, reference.id
        return None


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """An entry that could not be read in its week, nor in any repair since."""

    record: EntryRecord
    week: datetime.date | None
    batch_path: Path


@dataclass
class CurrentState:
    """The weekly and repair batches under a folder, read one at a time: only repairs are kept in memory.

    ``weeks`` limits it to these releases. ``problems`` says which batches could not be read, ``unfinished`` how many
    chains of a batch have not been worked on yet, ``running`` who drives a batch now.
    """

    base_path: Path
    weeks: Collection[datetime.date] | None = None
    problems: list[str] = field(default_factory=list)
    unfinished: dict[str, int] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    unread: list[UnreadEntry] = field(default_factory=list)
    _weekly: set[Path] = field(default_factory=set)

    def chains(self) -> Iterator[CurrentChain]:
        """Every chain once per week it belongs to, batch by batch; the lists are complete after the last.

        Raises:
            BatchError: there is no such folder.
        """
        paths = find_batches(self.base_path)
        repaired, read = self._repairs([path for path in paths if week_of_name(path.name) is None])
        for path in paths:
            batch = self._open(path) if week_of_name(path.name) or path in self._weekly else None
            if (
                batch is None
                or batch.header.batch_type is not BatchType.WEEKLY
                or not self._wanted(week_of(batch.header))
            ):
                continue
            self._note(batch)
            week = week_of(batch.header)
            for entry in batch.manifest.entries.values():
                if entry.status is Status.FAILED and (entry.pdb_id, week) not in read:
                    self.unread.append(UnreadEntry(entry, week, path))
            for record in batch.manifest.chains.values():
                found = CurrentChain.of(record, batch)
                yield _newer(found, repaired.pop((record.key, week), None))
        yield from (chain for chain in repaired.values() if self._wanted(chain.week))

    def _repairs(self, paths: list[Path]) -> tuple[dict[_Place, CurrentChain], set[tuple[str, datetime.date | None]]]:
        """The newest accepted record of each repaired chain, and the entries that repairs could read."""
        repaired: dict[_Place, CurrentChain] = {}
        read: set[tuple[str, datetime.date | None]] = set()
        self._weekly = set()
        for path in paths:
            batch = self._open(path)
            if batch is None:
                continue
            if batch.header.batch_type is BatchType.WEEKLY:  # under another name: its turn comes
                self._weekly.add(path)
            if batch.header.batch_type is not BatchType.REPAIR:
                continue
            self._note(batch)
            for entry in batch.manifest.entries.values():
                if entry.status is Status.NOT_NEEDED:
                    read.add((entry.pdb_id, parse_week(entry.source_week or "")))
            for record in batch.manifest.chains.values():
                week = week_of(batch.header, record)
                read.add((record.key.entry_id, week))
                if is_accepted(batch.header, record):
                    found = CurrentChain.of(record, batch)
                    repaired[record.key, week] = _newer(found, repaired.get((record.key, week)))
        return repaired, read

    def _open(self, path: Path) -> Batch | None:
        try:
            return Batch.open(path)
        except BatchError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return None

    def _note(self, batch: Batch) -> None:
        if batch.holder is not None:
            self.running[batch.name] = str(batch.holder)
        if left := batch.counters().left:
            self.unfinished[batch.name] = left

    def _wanted(self, week: datetime.date | None) -> bool:
        return self.weeks is None or week in self.weeks


def _newer(one: CurrentChain, other: CurrentChain | None) -> CurrentChain:
    """The record changed last; of equals the repair's."""
    if other is None:
        return one
    return one if one.changed_at > other.changed_at else other
