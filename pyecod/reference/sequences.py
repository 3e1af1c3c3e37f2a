"""The sequences of a reference: read from FASTA, held against the lists and against each other, written for BLAST."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from pyecod.errors import BrokenInputError, IdError
from pyecod.fasta import FastaRecord, read_fasta
from pyecod.ids import ChainKey
from pyecod.reference.blast import fasta_entry
from pyecod.reference.draft import Draft, Segments
from pyecod.reference.misfits import BuildLog, Misfit, Remark

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
        self._data: mmap.mmap | bytes = b""
        self.lengths: dict[str, int] = {}

    def read(self, paths: Sequence[Path], wanted: Collection[str], log: BuildLog, progress: Progress) -> None:
        """Stage every record whose id is, or stands for, one of the ``wanted`` chain keys."""
        place = 0
        with self._staged.open("wb") as staged:
            for path, record in _records(paths, log, "reading chain sequences", progress):
                where = f"{path}:{record.line}"
                try:
                    key = next((key for key in _record_keys(record.id) if key in wanted), None)
                except IdError as error:
                    log.reject(Misfit.BAD_ID, where, record.id[:80], error.what)
                    continue
                if key is None:
                    log.remark(
                        Remark.CHAIN_WITHOUT_DOMAINS, where, record.id, "no list line: not in the chain database"
                    )
                elif key in self.lengths:
                    log.reject(Misfit.DUPLICATE_SEQUENCE, where, record.id, f"chain {key} has a sequence already")
                else:
                    entry = fasta_entry(key, record.sequence)
                    self._starts[key] = place + len(key) + 2
                    self.lengths[key] = len(record.sequence)
                    place += staged.write(entry)
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
            id_ = domain_id_of(record.id)
            number = draft.numbers.get(id_)
            if draft.was_rejected(id_):
                continue  # its list line is among the rejected
            if number is None:
                log.reject(Misfit.NO_LIST_LINE, where, id_[:80], "the lists do not have this domain")
            elif draft.has_sequence[number]:
                log.reject(Misfit.DUPLICATE_SEQUENCE, where, id_, "this domain has a sequence already")
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


def domain_id_of(record_id: str) -> str:
    """Domain id in a FASTA title: ``uid|ecod_domain_id|f_id|range``, or the plain id."""
    _, separator, rest = record_id.partition("|")
    return rest.partition("|")[0] if separator else record_id


def _record_keys(record_id: str) -> Iterator[str]:
    """Chain keys that the id of a chain record may stand for: ``1SUA_A`` and ``1suaA`` are ``1sua_A``.

    Raises:
        IdError: it can be none.
    """
    yield str(ChainKey.parse(record_id))
    if len(record_id) > 4 and record_id[0].isdigit() and "_" not in record_id:
        try:
            yield str(ChainKey.of_pdb(record_id[:4], record_id[4:]))
        except IdError:
            return  # then it is only what it says


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
    same = sum(a == b or _X in (a, b) for a, b in zip(letters, inside, strict=True))
    if same >= _LEAST_IDENTITY * len(letters):
        return None
    detail = f"{len(letters) - same} of its {len(letters)} residues are others than those of chain {key} in its range"
    return Misfit.SEQUENCE_DIFFERS, detail


_X = ord("X")


def _records(
    paths: Sequence[Path], log: BuildLog, stage: str, progress: Progress
) -> Iterator[tuple[Path, FastaRecord]]:
    for path in paths:
        total = path.stat().st_size if path.suffix != ".gz" and path.is_file() else None
        read = 0

        def refuse(id_: str, error: BrokenInputError, path: Path = path) -> None:
            log.reject(Misfit.BAD_SEQUENCE, error.where or path, id_[:80], error.what)

        for count, record in enumerate(read_fasta(path, refuse=refuse)):
            read += len(record.title) + len(record.sequence) + 3
            if count % REPORT_EVERY == 0:
                progress(stage, read, total)
            yield path, record
        progress(stage, total or read, total or read)
