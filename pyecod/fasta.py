"""FASTA in and out, with errors that name the line."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import BrokenInputError
from pyecod.files import atomic_write, open_text

# the twenty, B/Z/J ambiguous, U and O rare, X unknown; * only as a terminal stop
_LETTERS = re.compile(r"[ACDEFGHIKLMNPQRSTVWYBZJUOX]*")
_LONGEST_LINE = 10_000_000


@dataclass(frozen=True, slots=True)
class FastaRecord:
    """One sequence: ``id`` is the title's first word, ``line`` the title's line number in its file."""

    id: str
    title: str
    sequence: str
    line: int = 0


def read_fasta(path: Path) -> Iterator[FastaRecord]:
    """Protein records of a FASTA file, plain or ``.gz``, upper-cased, a terminal ``*`` removed.

    Raises:
        BrokenInputError: not FASTA, a letter that is no amino acid, a duplicate id or an empty record; the error
            names the file and the line.
    """
    seen: dict[str, int] = {}
    for record in _records(path):
        if record.id in seen:
            raise BrokenInputError(
                f"id {record.id!r} is a duplicate of line {seen[record.id]}", where=f"{path}:{record.line}"
            )
        if not record.sequence:
            raise BrokenInputError(f"record {record.id!r} has no sequence", where=f"{path}:{record.line}")
        seen[record.id] = record.line
        yield record
    if not seen:
        raise BrokenInputError("no FASTA record in the file", where=path)


def _records(path: Path) -> Iterator[FastaRecord]:
    title, start = "", 0
    parts: list[str] = []
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, 1):
                if len(line) > _LONGEST_LINE:
                    raise BrokenInputError(f"line longer than {_LONGEST_LINE:,} characters", where=f"{path}:{number}")
                line = line.strip()
                if line.startswith(">"):
                    if start:
                        yield _record(title, start, parts)
                    title, start, parts = line[1:].strip(), number, []
                    if not title:
                        raise BrokenInputError("title line without an id", where=f"{path}:{number}")
                elif line and not line.startswith(";"):
                    if not start:
                        raise BrokenInputError("sequence before the first title line (>)", where=f"{path}:{number}")
                    parts.append(_letters(line, path, number))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BrokenInputError(f"cannot read FASTA: {error}", where=path) from error
    if start:
        yield _record(title, start, parts)


def _record(title: str, line: int, parts: list[str]) -> FastaRecord:
    return FastaRecord(title.split()[0], title, "".join(parts), line)


def _letters(line: str, path: Path, number: int) -> str:
    letters = "".join(line.split()).upper().removesuffix("*")
    end = _LETTERS.match(letters).end()  # type: ignore[union-attr]
    if end < len(letters):
        raise BrokenInputError(f"{letters[end]!r} is not an amino acid letter", where=f"{path}:{number}")
    return letters


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
