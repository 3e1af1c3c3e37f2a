"""Which chains a repair is about, each with the reason in words."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyecod.batch import Batch, BatchPaths, BatchType, find_batches
from pyecod.batch.header import week_of
from pyecod.batch.manifest import read_header
from pyecod.batch.record import Status, Verdict
from pyecod.errors import BatchError, PyecodError
from pyecod.files import sha256_of
from pyecod.ids import ChainKey
from pyecod.partition import ALGORITHM_VERSION
from pyecod.pdb import find_releases, load_entry
from pyecod.pdb.chain import Chain, Entry
from pyecod.reference import Reference
from pyecod.repair.request import NamedChain, RepairRequest
from pyecod.settings import Settings
from pyecod.standing.current import CurrentChain, CurrentState, UnreadEntry
from pyecod.weeks.obsolete import find_obsolete
from pyecod.work.entries import FindEntry, each_entry, read_or_reason


@dataclass(frozen=True, slots=True)
class Choice:
    """A chain to repair. ``current`` is where it stands, None where no batch has it; ``entry`` what was read of it now,
    from the mirror or the server, None where the saved one holds. ``is_new`` says that its sequence has no earlier
    evidence; ``lost`` why there is nothing to read of it, and where it was looked for."""

    key: ChainKey
    week: datetime.date | None
    why: str
    current: CurrentChain | None = None
    entry: Entry | None = None
    mark: Verdict = Verdict.PENDING
    is_new: bool = False
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is to be read again and cannot be."""

    pdb_id: str
    week: datetime.date | None
    reason: str


@dataclass
class Selection:
    """The chains to repair, those of each key's newest release only, and what was looked at and left as it is."""

    choices: dict[ChainKey, Choice] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, choice: Choice) -> None:
        """Take a chain; one that is there already stays, unless this one is of a newer release or says more."""
        known = self.choices.get(choice.key)
        is_newer = known is None or _newest(choice) > _newest(known)
        says_more = choice.entry is not None or choice.mark != Verdict.PENDING
        if is_newer or (known is not None and known.week == choice.week and known.entry is None and says_more):
            self.choices[choice.key] = choice


def select_chains(request: RepairRequest, settings: Settings, reference: Reference) -> Selection:
    """Look through all batches, the releases' lists and, for entries to be read again, the mirror or the server.
    Changes nothing.

    Raises:
        ConfigError: entries are to be read again, and there is no usable mirror and no server to ask.
        FetchError: the server cannot be reached.
        BatchError: there is no folder of batches. UsageError, BrokenInputError: the status folder cannot be used.
    """
    return _Selector(request, settings, reference).select()


class _Selector:
    def __init__(self, request: RepairRequest, settings: Settings, reference: Reference) -> None:
        self.request, self.settings, self.reference = request, settings, reference
        self.selection = Selection()
        by_list = request.modified or request.obsolete
        weeks = None if by_list or request.named else request.weeks or None
        self.state = CurrentState(settings.base_path, weeks, opened=self._look_at)
        self.running: dict[str, str] = {}
        self.unfinished: dict[str, int] = {}
        self.named = {chain.key: chain for chain in request.named}
        self.lists = _ReleaseLists()
        self.weeks: set[datetime.date | None] = set()

    def select(self) -> Selection:
        if self.request.modified or self.request.obsolete:
            self.lists = self._read_lists()
        of_entries: dict[str, list[CurrentChain]] = {}
        found: dict[ChainKey, list[CurrentChain]] = {}
        for current in self.state.chains():
            self.weeks.add(current.week)
            why = self._why(current)
            if why is not None and (not self.request.weeks or current.week in self.request.weeks):
                self.selection.add(Choice(current.key, current.week, why, current))
            if current.key.entry_id in self.lists.all:
                of_entries.setdefault(current.key.entry_id, []).append(current)
            if current.key in self.named:
                found.setdefault(current.key, []).append(current)
        self._add_named(found)
        if self.request.failed:
            self._add_unread()
        self._add_listed(of_entries)
        self._note_state()
        return self.selection

    def _look_at(self, batch: Batch) -> None:
        """Note who drives a batch, and how many of its chains have not been worked on yet."""
        if batch.holder is not None:
            self.running[batch.name] = str(batch.holder)
        if left := batch.counters().left:
            self.unfinished[batch.name] = left

    def _why(self, current: CurrentChain) -> str | None:
        """Why a chain is to be repaired by what its record says, None where nothing says so."""
        record, request = current.record, self.request
        if not record.can_classify:
            return None
        if request.failed and record.is_failed:
            return f"failed at {record.failed_at or 'a step'}: {record.failure_reason or 'no reason recorded'}"
        done = record.partition_status is Status.COMPLETE
        below = self.settings.quality.good if request.below is None else request.below
        if request.low_quality and done and (record.partition_coverage or 0.0) < below:
            return f"coverage {record.partition_coverage or 0.0:.2f} is below {below:g}"
        if request.stale and done:
            if (references := current.other_reference(self.reference)) is not None:
                return "reference {}, now {}".format(*references)
            if record.algorithm_version != ALGORITHM_VERSION:
                return f"algorithm {record.algorithm_version}, now {ALGORITHM_VERSION}"
        return None if request.has_conditions else "of its week"

    def _add_named(self, found: dict[ChainKey, list[CurrentChain]]) -> None:
        unknown: dict[str, list[NamedChain]] = {}
        for named in self.request.named:
            weeks = {named.week} if named.week else set(self.request.weeks)
            there = [c for c in found.get(named.key, []) if not weeks or c.week in weeks]
            if there:
                newest = max(there, key=_newest)
                self.selection.add(Choice(named.key, newest.week, "named", newest))
            else:
                unknown.setdefault(named.key.entry_id, []).append(named)
        if self.settings.mirror is None and not self.settings.fetch.enabled:
            for named in (one for several in unknown.values() for one in several):
                self._add_lost(named, "there is neither a mirror (`mirror`) nor a server to ask (`fetch.enabled`)")
            return
        each_entry(list(unknown), self.settings, lambda id_, find: self._add_unknown(id_, find, unknown[id_]))

    def _add_unknown(self, pdb_id: str, find: FindEntry, chains: Sequence[NamedChain]) -> None:
        """Chains of an entry that no batch has; those that are nowhere are asked for all the same, and fail."""
        entry = read_or_reason(pdb_id, find, self.settings)
        for named in chains:
            if isinstance(entry, str):
                self._add_lost(named, entry)
                continue
            keys = [chain.key for chain in entry.chains]
            chosen = [key for key in keys if named.key in (key, ChainKey(key.entry_id))]  # an entry: all its chains
            for key in chosen:
                self.selection.add(Choice(key, named.week, "named, in no batch", entry=entry, is_new=True))
            if chosen:
                continue
            have = ", ".join(chain.key.chain_id for chain in entry.chains)
            self._add_lost(named, f"the entry has no chain {named.key.chain_id!r}; it has {have or 'none'}")

    def _add_lost(self, named: NamedChain, reason: str) -> None:
        lost = f"nothing to read: no batch under {self.settings.base_path} has it, and {reason}"
        self.selection.add(Choice(named.key, named.week, "named, in no batch", lost=lost))

    def _add_unread(self) -> None:
        wanted = [u for u in self.state.unread if not self.request.weeks or u.week in self.request.weeks]
        weeks = [unread.week for unread in wanted if unread.week]
        obsolete = find_obsolete(self.settings, min(weeks)) if weeks else {}
        again: dict[str, UnreadEntry] = {}
        for unread in sorted(wanted, key=_newest):
            since = obsolete.get(unread.record.pdb_id)
            if since is not None and unread.week is not None and since >= unread.week:
                self.selection.left[unread.record.pdb_id] = (
                    f"obsolete since {since}, and was never read; `pyecod update-weeks --start-date {unread.week} "
                    f"--end-date {unread.week}` settles it"
                )
            else:
                again[unread.record.pdb_id] = unread
        each_entry(list(again), self.settings, lambda id_, find: self._add_entry(id_, find, again[id_]))

    def _add_entry(self, pdb_id: str, find: FindEntry, unread: UnreadEntry) -> None:
        entry = self._read(pdb_id, find, unread.week)
        for chain in entry.chains if entry else ():
            why = f"its entry could not be read: {unread.record.failure_reason}"
            self.selection.add(Choice(chain.key, unread.week, why, entry=entry, is_new=True))

    def _add_listed(self, of_entries: dict[str, list[CurrentChain]]) -> None:
        """Entries of the lists of modified and obsolete ones; those no batch has are none of ours."""
        modified: dict[str, list[CurrentChain]] = {}
        for pdb_id, chains in of_entries.items():
            week = max(map(_newest, chains))
            newest = [current for current in chains if _newest(current) == week]
            if pdb_id in self.lists.obsolete:
                why = f"obsolete since {self.lists.obsolete[pdb_id]}"
                for current in newest:
                    if current.record.cannot_classify_reason != "obsolete":
                        self.selection.add(Choice(current.key, current.week, why, current, mark=Verdict.OBSOLETE))
            elif pdb_id in self.lists.modified:
                modified[pdb_id] = newest
        each_entry(list(modified), self.settings, lambda id_, find: self._add_modified(id_, find, modified[id_]))
        ours = len(of_entries)
        if self.request.modified or self.request.obsolete:
            self.selection.notes.append(
                f"{len(self.lists.all):,} entries modified or obsolete, {ours:,} of them in these batches"
            )
        unread = {unread.record.pdb_id for unread in self.state.unread}
        for pdb_id in self.lists.obsolete.keys() & unread:
            self.selection.left[pdb_id] = "obsolete, and was never read"

    def _add_modified(self, pdb_id: str, find: FindEntry, chains: Sequence[CurrentChain]) -> None:
        batch_path, week, since = chains[0].batch_path, chains[0].week, self.lists.modified[pdb_id]
        saved = _saved_entry(pdb_id, {c.batch_path for c in chains})
        if saved is not None and saved.source_sha256 == _checksum(pdb_id, find):
            self.selection.left[pdb_id] = f"modified {since}: the file is as it was read"
            return
        entry = self._read(pdb_id, find, week)
        if entry is None:
            return
        before = {c.key: c for c in chains}
        numberings = {chain.key: chain.numbering for chain in saved.chains} if saved else {}
        count = len(self.selection.choices)
        for chain in entry.chains:
            current = before.pop(chain.key, None)
            change = _change(chain, current, numberings)
            if change is not None:
                is_new = change != "renumbered"
                self.selection.add(
                    Choice(chain.key, week, f"modified {since}: {change}", current, entry, is_new=is_new)
                )
        for current in before.values():
            if current.record.cannot_classify_reason != "removed":
                why = f"modified {since}: the chain is no longer in the entry"
                self.selection.add(Choice(current.key, week, why, current, mark=Verdict.REMOVED))
        if len(self.selection.choices) == count:
            self.selection.left[pdb_id] = f"modified {since}: the same sequences and numbering ({batch_path.name})"

    def _read(self, pdb_id: str, find: FindEntry, week: datetime.date | None) -> Entry | None:
        """An entry as it is now; why not is noted, where it cannot be read."""
        found = read_or_reason(pdb_id, find, self.settings)
        if isinstance(found, Entry):
            return found
        self.selection.unreadable[pdb_id] = Unreadable(pdb_id, week, found)
        return None

    def _read_lists(self) -> _ReleaseLists:
        lists = _ReleaseLists()
        if self.settings.status_dir is not None:
            first = min(self.request.weeks, default=datetime.date.min)
            last = max(self.request.weeks, default=None)
            for release in find_releases(self.settings.status_dir, first, last):
                if not self.request.weeks or release.date in self.request.weeks:
                    lists.add(release.date, release.modified, release.obsolete, self.request)
                    self.selection.notes += release.problems
        else:
            for path in find_batches(self.settings.base_path, BatchType.WEEKLY.pattern):
                try:
                    header = read_header(BatchPaths(path).manifest)
                except BatchError:
                    continue  # the state of the batches names it
                week = week_of(header)
                if week is not None and (not self.request.weeks or week in self.request.weeks):
                    lists.add(week, header.modified, header.obsolete, self.request)
        return lists

    def _note_state(self) -> None:
        notes = [f"no batch has chains of {week}" for week in self.request.weeks if week not in self.weeks]
        notes += [f"left out, because it cannot be read: {problem}" for problem in self.state.problems.values()]
        notes += [f"{name} is being worked on: {holder}" for name, holder in self.running.items()]
        notes += [
            f"{name} has {left:,} chains that were not worked on yet: go on with it first"
            for name, left in self.unfinished.items()
            if name not in self.running
        ]
        self.selection.notes += notes


@dataclass
class _ReleaseLists:
    """Entries by id, with the release that lists them (the newest)."""

    modified: dict[str, datetime.date] = field(default_factory=dict)
    obsolete: dict[str, datetime.date] = field(default_factory=dict)

    def add(
        self, week: datetime.date, modified: Sequence[str], obsolete: Sequence[str], request: RepairRequest
    ) -> None:
        self.modified |= dict.fromkeys(modified if request.modified else (), week)
        self.obsolete |= dict.fromkeys(obsolete if request.obsolete else (), week)

    @property
    def all(self) -> set[str]:
        return self.modified.keys() | self.obsolete.keys()


def _newest(item: Choice | CurrentChain | UnreadEntry) -> datetime.date:
    """The release as what is compared; what has none is oldest."""
    return item.week or datetime.date.min


def _checksum(pdb_id: str, find: FindEntry) -> str | None:
    try:
        return sha256_of(find(pdb_id))
    except (PyecodError, OSError):
        return None  # reading it says why


def _saved_entry(pdb_id: str, batches: set[Path]) -> Entry | None:
    """The entry as the newest of these batches has it, None where none can be read."""
    for path in sorted(batches, reverse=True):
        try:
            return load_entry(path / "entries", pdb_id)
        except PyecodError:
            continue  # of the older tools, pruned, or damaged: the sequences in the records still tell what changed
    return None


def _change(chain: Chain, current: CurrentChain | None, numberings: Mapping[ChainKey, object]) -> str | None:
    """What a modification did to a chain, None where nothing that matters here."""
    if current is None:
        return "a new chain"
    record = current.record
    if record.is_unusable or chain.failure is not None:
        return None if record.is_unusable and chain.failure else chain.failure or "can be used now"
    can_classify = chain.cannot_classify is None
    if record.sequence_md5 and record.sequence_md5 != chain.sequence_md5:
        return (
            f"the sequence changed, {record.sequence_length} to {chain.length} residues"
            if can_classify
            else (f"can no longer be classified: {chain.cannot_classify}")
        )
    if can_classify and chain.key in numberings and numberings[chain.key] != chain.numbering:
        return "renumbered"
    return None
