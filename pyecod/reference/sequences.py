"""The sequences of a reference: read from FASTA, held against the lists and against each other, written for BLAST."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pyecod.errors import BrokenInputError, IdError, ReferenceDataError
from pyecod.fasta import FastaRecord, read_fasta
from pyecod.reference.blast import fasta_entry
from pyecod.reference.draft import Draft, Segments
from pyecod.reference.misfits import BuildLog, Misfit, Remark
from pyecod.titles import chain_keys, domain_id, entry_of, record_key

# modified residues may be X in one file and their parent in the other; more differences than this mean that the range
# is in another numbering, or the sequence another one
_LEAST_IDENTITY = 0.9
REPORT_EVERY = 20_000

Progress = Callable[[str, int, int | None], None]
"""Told of the stage, and of what is done of how much (characters read; None: unknown)."""


class ChainSequences:
    """Sequences of the chains that lists mention, staged in a file and mapped, so that none is held in memory.

    The file is removed at the end of the ``with`` block.
    """

    def __init__(self, staged: Path) -> None:
        self._staged = staged
        self._starts: dict[str, int] = {}
        self._hashes: dict[str, int] = {}
        self._data: mmap.mmap | bytes = b""
        self.lengths: dict[str, int] = {}
        self.first_title = ""

    def read(self, paths: Sequence[Path], wanted: Collection[str], log: BuildLog, progress: Progress) -> None:
        """Stage every record whose title names, or stands for, one of the ``wanted`` chain keys.

        Raises:
            ReferenceDataError: titles name entries of the lists without their chains, or most records are other
                sequences of a chain that has one: then chains would be lost, or merged. The title is shown.
        """
        place = 0
        entries = {key.rpartition("_")[0] for key in wanted}
        unclear, merged = _Examples(), _Examples()
        with self._staged.open("wb") as staged:
            for path, record in _records(paths, log, "reading chain sequences", progress):
                where = f"{path}:{record.line}"
                self.first_title = self.first_title or record.title
                key = next((key for key in _record_keys(record) if key in wanted), None)
                if key is None and not chain_keys(record.title) and entry_of(record.title) in entries:
                    unclear.add(where, record.title)
                    log.reject(Misfit.UNKNOWN_TITLE, where, record.title[:80], "it does not say which chain it is")
                elif key is None:
                    detail = "no list line: not in the chain database"
                    log.remark(Remark.CHAIN_WITHOUT_DOMAINS, where, record.id, detail)
                elif key in self.lengths:
                    if self._hashes[key] != hash(record.sequence):
                        merged.add(where, record.title)
                    log.reject(Misfit.DUPLICATE_SEQUENCE, where, record.id, f"chain {key} has a sequence already")
                else:
                    entry = fasta_entry(key, record.sequence)
                    self._starts[key] = place + len(key) + 2
                    self.lengths[key] = len(record.sequence)
                    self._hashes[key] = hash(record.sequence)
                    place += staged.write(entry)
        unclear.must_be_few(0, "chain titles name an entry of the lists and not the chain")
        merged.must_be_few(len(self.lengths) // 2, "records are other sequences of a chain that has one")
        if place:
            with self._staged.open("rb") as staged:
                self._data = mmap.mmap(staged.fileno(), 0, access=mmap.ACCESS_READ)

    def residues(self, key: str, segments: Segments) -> bytes:
        """Letters of a chain in ``segments``, in their order."""
        start = self._starts[key] - 1
        return b"".join(self._data[start + first : start + last + 1] for first, last in segments)

    def write(self, fasta: Path, keep: Collection[str], log: BuildLog) -> tuple[int, int]:
        """Write the chains to ``keep`` as FASTA for makeblastdb; counts of sequences and residues are returned."""
        count = residues = 0
        with fasta.open("wb") as stream:
            for key, start in self._starts.items():
                length = self.lengths[key]
                if key not in keep:
                    detail = "none of its domains has a range: not in the chain database"
                    log.remark(Remark.CHAIN_WITHOUT_DOMAINS, "", key, detail)
                    continue
                stream.write(self._data[start - len(key) - 2 : start + length + 1])
                count += 1
                residues += length
        return count, residues

    def __enter__(self) -> ChainSequences:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()
        self._staged.unlink(missing_ok=True)


def check_ends(draft: Draft, keys: Sequence[str], chains: ChainSequences) -> None:
    """Reject domains whose range runs beyond the end of their chain's sequence."""
    for number in range(len(draft)):
        chain = draft.chain[number]
        end = draft.segment_ends[number + 1]
        if chain < 0 or end == draft.segment_ends[number] or not draft.kept[number]:
            continue
        length = chains.lengths.get(keys[chain])
        last = draft.segments[2 * end - 1]
        if length is not None and last > length:
            detail = f"its range ends at residue {last}, chain {keys[chain]} at {length}"
            draft.reject(number, Misfit.BEYOND_CHAIN, detail)


def write_domain_fasta(
    paths: Sequence[Path],
    fasta: Path,
    draft: Draft,
    keys: Sequence[str],
    chains: ChainSequences,
    progress: Progress,
) -> tuple[int, int]:
    """Write the domains' sequences as FASTA for makeblastdb, rejecting what disagrees with the lists.

    ``keys`` are the chain keys of ``draft.chains``. Counts of sequences and residues are returned.
    """
    log = draft.log
    count = residues = 0
    with fasta.open("wb") as stream:
        for path, record in _records(paths, log, "reading domain sequences", progress):
            where = f"{path}:{record.line}"
            id_ = domain_id(record.title)
            number = draft.numbers.get(id_)
            if draft.was_rejected(id_):
                continue  # its list line is among the rejected
            if number is None:
                log.reject(Misfit.NO_LIST_LINE, where, id_[:80], "the lists do not have this domain")
            elif draft.has_sequence[number]:
                log.reject(Misfit.DUPLICATE_SEQUENCE, where, id_, "this domain has a sequence already")
            elif record.sequence.count("X") == len(record.sequence):
                draft.reject(number, Misfit.BAD_SEQUENCE, f"its sequence is X only ({where})")
            elif (misfit := _compare(draft, number, record.sequence, keys, chains)) is not None:
                reason, detail = misfit
                draft.reject(number, reason, f"{detail} ({where})")
            else:
                draft.has_sequence[number] = 1
                draft.length[number] = len(record.sequence)
                stream.write(fasta_entry(id_, record.sequence))
                count += 1
                residues += len(record.sequence)
    return count, residues


def check_sequences(draft: Draft) -> None:
    """Reject domains that have neither range nor sequence, and remark on those without sequence."""
    for number in range(len(draft)):
        if not draft.kept[number] or draft.has_sequence[number]:
            continue
        if draft.length[number] == 0:
            draft.reject(number, Misfit.NO_LENGTH, "neither a range in SEQRES numbering nor a sequence")
        else:
            detail = "no sequence: not in the domain database"
            draft.log.remark(Remark.NO_SEQUENCE, draft.where(number), draft.ids[number], detail)


def _record_keys(record: FastaRecord) -> Iterator[str]:
    """Chain keys that a chain record may stand for, the likeliest first: its id as it is, a PDB chain, a record id."""
    yield record.id
    yield from chain_keys(record.title)
    with suppress(IdError):
        yield str(record_key(record.title))


class _Examples:
    """Titles that would lose chains, counted, with the first of them."""

    def __init__(self) -> None:
        self.count, self.where, self.title = 0, "", ""

    def add(self, where: str, title: str) -> None:
        """One more of them."""
        if not self.count:
            self.where, self.title = where, title
        self.count += 1

    def must_be_few(self, most: int, what: str) -> None:
        """Raises :class:`ReferenceDataError` with the first title where there are more than ``most``."""
        if self.count > most:
            raise ReferenceDataError(
                f"{self.count} {what}, the first is {self.title[:80]!r}",
                where=self.where,
                hint="titles must begin with the chain's key, for example 1sua_A, or the list's pdb column",
            )


def _compare(
    draft: Draft, number: int, sequence: str, keys: Sequence[str], chains: ChainSequences
) -> tuple[Misfit, str] | None:
    expected = draft.length[number]
    if expected not in (0, len(sequence)):
        return Misfit.LENGTH_DIFFERS, f"its range has {expected} residues, its sequence {len(sequence)}"
    segments = draft.segments_of(number)
    key = keys[draft.chain[number]] if segments and draft.chain[number] >= 0 else ""
    if key not in chains.lengths:
        return None
    letters, inside = sequence.encode("ascii"), chains.residues(key, segments)
    if letters == inside:
        return None
    known = [a == b for a, b in zip(letters, inside, strict=True) if _X not in (a, b)]
    if sum(known) >= _LEAST_IDENTITY * len(known):
        return None
    detail = f"{known.count(False)} of its {len(letters)} residues are others than those of chain {key} in its range"
    return Misfit.SEQUENCE_DIFFERS, detail


_X = ord("X")


def _records(
    paths: Sequence[Path], log: BuildLog, stage: str, progress: Progress
) -> Iterator[tuple[Path, FastaRecord]]:
    for path in paths:
        total = path.stat().st_size if path.suffix != ".gz" and path.is_file() else None
        read = 0

        def refuse(record: FastaRecord, error: BrokenInputError, path: Path = path) -> None:
            log.reject(Misfit.BAD_SEQUENCE, error.where or path, record.id[:80], error.what)

        for count, record in enumerate(read_fasta(path, refuse=refuse, unique=False)):
            read += len(record.title) + len(record.sequence) + 3
            if count % REPORT_EVERY == 0:
                progress(stage, read, total)
            yield path, record
        progress(stage, total or read, total or read)
