"""Where each chain stands over all batches: its records in every batch, and which of them speaks for it."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyecod.batch import Batch, BatchHeader, BatchPaths, BatchType, find_batches
from pyecod.batch.header import filing_date, week_of
from pyecod.batch.manifest import read_kind
from pyecod.batch.record import ChainRecord, EntryRecord, Status
from pyecod.errors import BatchError
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.standing.rule import Contender, find_standing

_Place = tuple[ChainKey, datetime.date]


@dataclass(frozen=True, slots=True)
class CurrentChain:
    """A chain's record as one batch has it now. ``week`` is its release, or, where it came with none, the day the first
    batch with it was begun (:func:`~pyecod.batch.header.filing_date`)."""

    record: ChainRecord
    header: BatchHeader
    batch_path: Path
    week: datetime.date
    is_older_form: bool = False

    @classmethod
    def of(cls, record: ChainRecord, batch: Batch) -> CurrentChain:
        """A record of an opened batch.

        Raises:
            BatchError: its release is no date.
        """
        week = filing_date(batch.header, record)
        return cls(record, batch.header, batch.path, week, batch.manifest.is_older_form)

    @property
    def key(self) -> ChainKey:
        """The chain."""
        return self.record.key

    @property
    def contender(self) -> Contender:
        """What the rule looks at."""
        return Contender.of(self.header, self.record)

    def other_reference(self, reference: Reference) -> tuple[str | None, str] | None:
        """The reference of the result and this one, where they differ: by version, or, built twice under one name, by
        id. None where they are the same."""
        if self.record.reference_version != reference.version:
            return self.record.reference_version, reference.version
        if self.header.reference_id is not None and self.header.reference_id != reference.id:
            return self.header.reference_id, reference.id
        return None


@dataclass(frozen=True, slots=True)
class ChainOfWeek:
    """One chain of one week: its records in all batches, the week's first, and the one that speaks for it. That one
    ``stands`` unless it is all there is and not accepted (a repair that failed)."""

    records: tuple[CurrentChain, ...]
    current: CurrentChain
    stands: bool

    @classmethod
    def of(cls, records: Iterable[CurrentChain]) -> ChainOfWeek:
        """By the rule."""
        records = tuple(records)
        current = find_standing(records, lambda one: one.contender)
        return cls(records, current, current.contender.accepted)

    def is_mended(self, one: CurrentChain) -> bool:
        """A record failed, and a repair has a result that stands in its place."""
        other = self.current
        is_repaired = self.stands and other is not one and other.header.batch_type is BatchType.REPAIR
        return one.record.can_classify and one.record.is_failed and is_repaired


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """An entry that could not be read in its week, nor in any repair since."""

    record: EntryRecord
    week: datetime.date | None
    batch_path: Path


@dataclass
class CurrentState:
    """The batches under a folder, each opened once and one at a time: only the records of repairs are kept in memory.

    ``weeks`` limits it to these releases, ``keys`` to these chains, ``batches`` to the chains that are in batches with
    these folder names; what none of them needs is not opened. FASTA batches are left out unless ``fasta`` is set: each
    is a matter of its own. ``opened`` is told every batch. ``problems`` says by folder name which could not be read.
    """

    base_path: Path
    weeks: Collection[datetime.date] | None = None
    keys: Collection[ChainKey] | None = None
    batches: Collection[str] | None = None
    fasta: bool = False
    opened: Callable[[Batch], object] = lambda _: None
    problems: dict[str, str] = field(default_factory=dict)
    unread: list[UnreadEntry] = field(default_factory=list)

    def chains(self) -> Iterator[CurrentChain]:
        """Every chain once per week it belongs to, as the record has it that speaks for it; the lists are complete
        after the last.

        Raises:
            BatchError: there is no such folder.
        """
        return (chain.current for chain in self.weeks_of_chains())

    def weeks_of_chains(self) -> Iterator[ChainOfWeek]:
        """The same with the records of all batches.

        Raises:
            BatchError: there is no such folder.
        """
        repairs, weekly, fasta = self._sorted()
        repaired: dict[_Place, list[CurrentChain]] = defaultdict(list)
        read: set[tuple[str, datetime.date | None]] = set()
        for path in repairs:
            for batch in self._open(path):
                read |= _read_entries(batch)
                for one in self._records(batch):
                    repaired[one.key, one.week].append(one)
        asked = {one.week for found in repaired.values() if self._is_asked(found) for one in found}
        for week, paths in weekly.items():
            if self._is_wanted(week) and (week in asked or self._is_named(paths)):
                yield from self._week(paths, repaired, read)
        yield from self._asked(found for (_, week), found in repaired.items() if self._is_wanted(week))
        for path in fasta:
            if self._is_named([path]):
                yield from self._week([path], {}, read)

    def _week(
        self, paths: list[Path], repaired: dict[_Place, list[CurrentChain]], read: set[tuple[str, datetime.date | None]]
    ) -> Iterator[ChainOfWeek]:
        """The chains of one release, which may have been copied under another name, with what repairs made of them."""
        chains: dict[_Place, list[CurrentChain]] = defaultdict(list)
        for path in paths:
            for batch in self._open(path):
                week = week_of(batch.header)
                self.unread += [
                    UnreadEntry(entry, week, path)
                    for entry in batch.manifest.entries.values()
                    if entry.status is Status.FAILED and (entry.pdb_id, week) not in read
                ]
                for one in self._records(batch):
                    chains[one.key, one.week].append(one)
        yield from self._asked([*found, *repaired.pop(place, ())] for place, found in chains.items())

    def _sorted(self) -> tuple[list[Path], dict[datetime.date | None, list[Path]], list[Path]]:
        """The batches by what they are: repairs, weeks by release, FASTA."""
        repairs: list[Path] = []
        weekly: dict[datetime.date | None, list[Path]] = defaultdict(list)
        fasta: list[Path] = []
        for path in find_batches(self.base_path):
            try:
                kind, week = read_kind(BatchPaths(path).manifest)
            except BatchError as error:
                self.problems[path.name] = str(error)
                continue
            if kind is BatchType.REPAIR:
                repairs.append(path)
            elif kind is BatchType.WEEKLY:
                weekly[week].append(path)
            elif self.fasta:
                fasta.append(path)
        return repairs, weekly, fasta

    def _open(self, path: Path) -> Iterator[Batch]:
        """The batch, or nothing and a problem."""
        try:
            batch = Batch.open(path)
        except BatchError as error:
            self.problems[path.name] = str(error)
            return
        self.opened(batch)
        yield batch

    def _records(self, batch: Batch) -> Iterator[CurrentChain]:
        """The records of the chains that were asked for; of one whose release is no date there is a problem."""
        chains = batch.manifest.chains
        names = chains if self.keys is None else [name for name in map(str, self.keys) if name in chains]
        for name in names:
            try:
                yield CurrentChain.of(chains[name], batch)
            except BatchError as error:
                self.problems[batch.path.name] = str(error)

    def _asked(self, found: Iterable[list[CurrentChain]]) -> Iterator[ChainOfWeek]:
        return (ChainOfWeek.of(records) for records in found if self._is_asked(records))

    def _is_asked(self, records: list[CurrentChain]) -> bool:
        return self.batches is None or any(one.batch_path.name in self.batches for one in records)

    def _is_named(self, paths: list[Path]) -> bool:
        return self.batches is None or any(path.name in self.batches for path in paths)

    def _is_wanted(self, week: datetime.date | None) -> bool:
        return self.weeks is None or week in self.weeks


def _read_entries(batch: Batch) -> set[tuple[str, datetime.date | None]]:
    """The entries, with their weeks, that a repair could read, or that need not be read."""
    read = {(e.pdb_id, week_of(batch.header, e)) for e in batch.manifest.entries.values() if e.is_settled}
    return read | {(r.key.entry_id, week_of(batch.header, r)) for r in batch.manifest.chains.values()}
