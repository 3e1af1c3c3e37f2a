"""FASTA in and out, with errors that name the line."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import BrokenInputError
from pyecod.files import atomic_write, open_text

# the twenty, B/Z/J ambiguous, U and O rare, X unknown; * only as a terminal stop
_LETTERS = re.compile(r"[ACDEFGHIKLMNPQRSTVWYBZJUOX]*", re.ASCII | re.IGNORECASE)
_LONGEST_LINE = 10_000_000
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class FastaRecord:
    """One sequence: ``id`` is the title's first word, ``line`` the title's line number in its file."""

    id: str
    title: str
    sequence: str
    line: int = 0


def read_fasta(
    path: Path, *, refuse: Callable[[FastaRecord, BrokenInputError], None] | None = None, unique: bool = True
) -> Iterator[FastaRecord]:
    """Protein records of a FASTA file, plain or ``.gz``, upper-cased, a terminal ``*`` removed.

    ``refuse`` is given a record that cannot be used, which is then left out, and its error; without it that error is
    raised. What is no FASTA at all raises either way. A reader that takes more of the title than its first
    word for the id sees to duplicates itself (``unique`` false).

    Raises:
        BrokenInputError: not FASTA, a letter that is no amino acid, a duplicate id or an empty record; the error
            names the file and the line.
    """
    seen: dict[str, int] = {}
    for record, error in _records(path):
        if unique and record.id in seen:
            what = f"id {record.id!r} is a duplicate of line {seen[record.id]}"
            error = BrokenInputError(what, where=f"{path}:{record.line}")
        elif not record.id:
            error = BrokenInputError("title line without an id", where=f"{path}:{record.line}")
        elif error is None and not record.sequence:
            error = BrokenInputError(f"record {record.id!r} has no sequence", where=f"{path}:{record.line}")
        seen.setdefault(record.id, record.line)
        if error is None:
            yield record
        elif refuse is None:
            raise error
        else:
            refuse(record, error)
    if not seen:
        raise BrokenInputError("no FASTA record in the file", where=path)


def _records(path: Path) -> Iterator[tuple[FastaRecord, BrokenInputError | None]]:
    title, start, stop, size = "", 0, 0, 0
    parts: list[str] = []
    error: BrokenInputError | None = None
    try:
        with open_text(path) as lines:
            for number, text in enumerate(iter(lambda: lines.readline(_LONGEST_LINE + 1), ""), 1):
                if len(text) > _LONGEST_LINE:
                    raise BrokenInputError(f"line longer than {_LONGEST_LINE:,} characters", where=f"{path}:{number}")
                line = text.strip().removeprefix(_BYTE_ORDER_MARK)
                if line.startswith(">"):
                    if start:
                        yield _record(title, start, parts), error
                    title, start, stop, parts, error, size = line[1:].strip(), number, 0, [], None, 0
                elif line and not line.startswith(";"):
                    if not start:
                        raise BrokenInputError(
                            "sequence before the first title line (>)", where=f"{path}:{number}", hint=_what_it_is(line)
                        )
                    letters = "".join(line.split())
                    error = error or (_wrong_letter("*", path, stop) if stop else None)
                    stop = number if letters.endswith("*") else 0
                    letters = letters.removesuffix("*")
                    error = error or _wrong_letter(letters, path, number)
                    size += len(letters)
                    if size > _LONGEST_LINE:
                        what = f"a sequence of more than {_LONGEST_LINE:,} letters"
                        error, parts = error or BrokenInputError(what, where=f"{path}:{number}"), []
                    else:
                        parts.append(letters.upper())
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as failure:
        raise BrokenInputError(f"cannot read FASTA: {failure}", where=path) from failure
    if start:
        yield _record(title, start, parts), error


def _record(title: str, line: int, parts: list[str]) -> FastaRecord:
    return FastaRecord(next(iter(title.split(maxsplit=1)), ""), title, "".join(parts), line)


def _wrong_letter(letters: str, path: Path, number: int) -> BrokenInputError | None:
    end = _LETTERS.match(letters).end()  # type: ignore[union-attr]
    if end == len(letters):
        return None
    return BrokenInputError(f"{letters[end]!r} is not an amino acid letter", where=f"{path}:{number}")


def format_fasta(records: Iterable[tuple[str, str]], width: int = 80) -> str:
    """FASTA text of (title, sequence) pairs, ``width`` residues a line."""
    lines = []
    for title, sequence in records:
        lines.append(f">{title}")
        lines.extend(sequence[i : i + width] for i in range(0, len(sequence), width))
    return "\n".join(lines) + "\n" if lines else ""


def write_fasta(path: Path, records: Iterable[tuple[str, str]], *, durable: bool = False) -> None:
    """Write (title, sequence) pairs as FASTA, whole or not at all."""
    atomic_write(path, format_fasta(records), durable=durable)


def _what_it_is(line: str) -> str | None:
    """What a file that is no FASTA is by its first line, and what to do with it."""
    if line.startswith("data_"):
        return (
            "this is mmCIF: the PDB's entries are read from the `mirror`; of another model give the sequence as FASTA"
        )
    if line.startswith(("HEADER", "ATOM ", "HETATM", "CRYST1", "REMARK")):
        return "these are coordinates in PDB format, which are not read; give the sequence as FASTA"
    if line.lower().startswith("pdb_id") and len(line.split()) > 2:
        return "this is the PDB's table of sequences before release; make FASTA of its columns first"
    return None
