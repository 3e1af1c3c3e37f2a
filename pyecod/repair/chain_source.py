"""Where a repair has its chains from: their sequences, their numberings, and the entries they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pyecod.batch import BatchPaths
from pyecod.errors import BrokenInputError, PyecodError
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.pdb import load_entry
from pyecod.pdb.chain import Chain, Entry, sequence_md5
from pyecod.repair.selection import Choice
from pyecod.settings import Settings
from pyecod.work.entries import FindEntry, each_entry, read_or_reason


class ChainSource:
    """The chains of choices: as read now, as their batch saved them, as the mirror or the server has them, or at least
    their sequence. ``entries`` are those of the chains that were asked for, to be kept in the repair batch; ``notes``
    says which chains have no author numbers.

    Raises:
        ConfigError: entries that no batch has saved are to be read, and the mirror is not a folder, or there is neither
            a mirror nor a server to ask and not even a FASTA file. FetchError: the server cannot be reached.
    """

    def __init__(self, choices: Iterable[Choice], settings: Settings) -> None:
        self.entries: dict[str, Entry] = {}
        self.notes: list[str] = []
        self._saved: dict[tuple[Path, str], Entry | str] = {}
        self._now: dict[str, Entry | str] = {}
        self._settings = settings
        can_read = settings.mirror is not None or settings.fetch.enabled
        lost = {
            choice.key.entry_id
            for choice in choices
            if choice.entry is None and self._of_batch(choice) is None and (can_read or _chain_of_fasta(choice) is None)
        }
        each_entry(sorted(lost), settings, self._read_now)

    def chain(self, choice: Choice) -> Chain:
        """The chain of a choice.

        Raises:
            BrokenInputError: its sequence cannot be had; it says why not from its batch, and why not anew.
        """
        reasons, entry = [], None
        for where, place in self._places(choice):
            if isinstance(place, str):
                reasons.append(f"{where}: {place}")
                continue
            entry = place
            chain = _chain_of(entry, choice)
            if chain is not None and chain.failure is None:
                return self._keep(entry, chain)
            reasons.append(f"{where}: {chain.failure if chain else 'the entry has no such chain of this sequence'}")
        chain = _chain_of_fasta(choice)
        if chain is None:
            raise BrokenInputError("its sequence cannot be had: " + "; ".join(reasons))
        self.notes.append(f"{choice.key}: without author numbers, only its FASTA file is there ({'; '.join(reasons)})")
        return self._keep(entry or Entry(choice.key.entry_id, ()), chain)

    def _places(self, choice: Choice) -> Iterator[tuple[str, Entry | str]]:
        if choice.entry is not None:
            yield "read now", choice.entry
            return
        yield "in its batch", self._saved_entry(choice)
        if choice.key.entry_id in self._now:
            yield "read now", self._now[choice.key.entry_id]

    def _of_batch(self, choice: Choice) -> Chain | None:
        entry = self._saved_entry(choice)
        chain = None if isinstance(entry, str) else _chain_of(entry, choice)
        return chain if chain is not None and chain.failure is None else None

    def _saved_entry(self, choice: Choice) -> Entry | str:
        if choice.current is None:
            return "it is in no batch"
        place = (choice.current.batch_path, choice.key.entry_id)
        if place not in self._saved:
            try:
                self._saved[place] = load_entry(place[0] / "entries", place[1])
            except PyecodError as error:
                self._saved[place] = str(error)
        return self._saved[place]

    def _read_now(self, pdb_id: str, find: FindEntry) -> None:
        self._now[pdb_id] = read_or_reason(pdb_id, find, self._settings)

    def _keep(self, entry: Entry, chain: Chain) -> Chain:
        """Remember an entry for the repair batch; a chain it lacks or has otherwise is put into it."""
        kept = self.entries.get(entry.pdb_id, entry)
        if chain not in kept.chains:
            kept = replace(kept, chains=(*(c for c in kept.chains if c.key != chain.key), chain))
        self.entries[entry.pdb_id] = kept
        return chain


def _md5(choice: Choice) -> str | None:
    """The sequence that is meant; None or empty where any is."""
    return choice.current.record.sequence_md5 if choice.current and not choice.is_new else None


def _chain_of(entry: Entry, choice: Choice) -> Chain | None:
    """The chain of an entry, where it has the sequence that is meant."""
    found = next((chain for chain in entry.chains if chain.key == choice.key), None)
    return found if found is not None and _md5(choice) in (None, "", found.sequence_md5) else None


def _chain_of_fasta(choice: Choice) -> Chain | None:
    """The chain as a batch that saved no entry has it: its sequence alone."""
    if choice.current is None:
        return None
    for path in _fasta_paths(choice.current.batch_path, choice.key):
        try:
            sequence = next(read_fasta(path)).sequence
        except PyecodError:
            continue
        if _md5(choice) in (None, "", sequence_md5(sequence)):
            return Chain(choice.key, sequence)
    return None


def _fasta_paths(batch_path: Path, key: ChainKey) -> Iterable[Path]:
    return dict.fromkeys((BatchPaths(batch_path).fasta_path(key), batch_path / "fastas" / f"{key}.fa"))
