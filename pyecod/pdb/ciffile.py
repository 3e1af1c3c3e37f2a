"""mmCIF files: bytes in, one checked CIF block and its atom table out.

Nine tenths of an entry's text are atom lines, of which only "which residues are there" matters here. They stand one to
a line, so they are kept out of the CIF parser and read as lines (:mod:`atoms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi

from pyecod.errors import BrokenInputError
from pyecod.files import LATIN_1, memory_limit
from pyecod.pdb.atoms import AtomTable
from pyecod.pdb.ciftext import TextLimit, read_text

_QUOTES = "'\";"
_TEXT_SHARE = 3
_PARSED_SHARE = 32  # the CIF parser needs up to so many bytes for one byte of short values
NULL = ("?", ".")


@dataclass(frozen=True, slots=True)
class CifFile:
    """An mmCIF file in memory: its only block without the atoms, the atoms, and the checksum of the stored file.

    ``notes`` say what in the text was not as it should be and could be read all the same.
    """

    block: gemmi.cif.Block
    atoms: AtomTable | None
    sha256: str
    notes: tuple[str, ...] = ()

    def values(self, tag: str) -> list[str]:
        """Values of one tag, unquoted, unknown ones as ``?`` or ``.``; empty where the tag is absent."""
        values = list(self.block.find_values(tag))
        together = "".join(values)
        return [*map(unquoted, values)] if any(quote in together for quote in _QUOTES) else values

    def rows(self, category: str, *tags: str) -> list[tuple[str, ...]]:
        """Rows of some columns of a category, unquoted, ``""`` for unknown values; empty where a column is absent.

        A tag that begins with ``?`` may be absent: its value is ``""`` then.
        """
        table = self.block.find(f"_{category}.", list(tags))
        absent = {i for i in range(len(tags)) if not table.has_column(i)} if len(table) else set()
        return [tuple("" if i in absent else known(row[i]) for i in range(len(tags))) for row in table]

    def text(self, tag: str) -> str:
        """First value of a tag on one line, ``""`` where it is absent or unknown."""
        values = self.values(tag)
        return "" if not values or values[0] in NULL else " ".join(values[0].split())


def known(value: str) -> str:
    """A CIF value without its quotes, ``""`` for an unknown one."""
    return "" if gemmi.cif.is_null(value) else str(gemmi.cif.as_string(value))


def unquoted(value: str) -> str:
    """A CIF value without its quotes or text-field marks."""
    return gemmi.cif.as_string(value) if value[0] in _QUOTES else value


def read_cif(path: Path, max_bytes: int) -> CifFile:
    """Read an mmCIF file, plain or gzipped (by its content), of at most ``max_bytes`` unpacked, and of what this
    process has the memory for. Bytes that are no UTF-8 (older programs wrote Latin-1) are read as such and noted.

    Raises:
        BrokenInputError: unreadable, empty, damaged gzip, no CIF, cut off, or larger than allowed.
    """
    memory = memory_limit()
    limit = TextLimit(max_bytes, "setting chains.max_file_mib")
    if memory // _TEXT_SHARE < max_bytes:
        limit = TextLimit(memory // _TEXT_SHARE, "it needs a worker with more memory")
    text, sha256 = read_text(path, limit)
    atoms, rest = AtomTable.cut_from(text)
    if len(rest) > memory // _PARSED_SHARE:
        raise TextLimit(memory // _PARSED_SHARE, "besides its atoms; it needs a worker with more memory").error(path)
    rest, notes = _as_utf8(rest)
    try:
        document = gemmi.cif.read_string(rest)
        if len(document) != 1:
            raise BrokenInputError(f"expected one data block, found {len(document)}", where=path)
        block = document[0]
        atoms = atoms or AtomTable.of_block(block)
    except (ValueError, RuntimeError) as error:
        raise BrokenInputError(f"not valid CIF: {_one_line(error)}", where=path, hint="fetch the file again") from None
    return CifFile(block, atoms, sha256, notes)


def _as_utf8(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The text with what is no UTF-8 as its Latin-1 letters, and a note of where it was first."""
    if text.isascii():
        return text, ()
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        start = text.rfind(b"\n", 0, error.start) + 1
        line = text[start : text.find(b"\n", start)].decode("utf-8", LATIN_1).strip()
        return text.decode("utf-8", LATIN_1).encode(), (
            f"read as Latin-1 the bytes that are not UTF-8, as in {line[:80]!r}",
        )
    return text, ()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
