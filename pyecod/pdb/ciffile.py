"""mmCIF files: bytes in, one checked CIF block and its atom table out.

Nine tenths of an entry's text are atom lines, of which only "which residues are there" matters here. wwPDB writes
them in columns of fixed width, so they are kept out of the CIF parser and read as arrays (:mod:`atoms`).
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import gemmi

from pyecod.errors import BrokenInputError
from pyecod.pdb.atoms import AtomTable

_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_LINE = 1 << 20
_QUOTES = "'\";"
NULL = ("?", ".")


@dataclass(frozen=True, slots=True)
class CifFile:
    """An mmCIF file in memory: its only block without the atoms, the atoms, and the checksum of the stored file."""

    block: gemmi.cif.Block
    atoms: AtomTable | None
    sha256: str

    def values(self, tag: str) -> list[str]:
        """Values of one tag, unquoted, unknown ones as ``?`` or ``.``; empty where the tag is absent."""
        values = list(self.block.find_values(tag))
        together = "".join(values)
        return [*map(unquoted, values)] if any(quote in together for quote in _QUOTES) else values

    def rows(self, category: str, *tags: str) -> list[tuple[str, ...]]:
        """Rows of some columns of a category, unquoted, ``""`` for unknown values; empty where a column is absent."""
        table = self.block.find(f"_{category}.", list(tags))
        return [tuple("" if gemmi.cif.is_null(v) else gemmi.cif.as_string(v) for v in row) for row in table]

    def text(self, tag: str) -> str:
        """First value of a tag on one line, ``""`` where it is absent or unknown."""
        values = self.values(tag)
        return "" if not values or values[0] in NULL else " ".join(values[0].split())


def unquoted(value: str) -> str:
    """A CIF value without its quotes or text-field marks."""
    return gemmi.cif.as_string(value) if value[0] in _QUOTES else value


def read_cif(path: Path, max_bytes: int) -> CifFile:
    """Read an mmCIF file, plain or gzipped (by its content), of at most ``max_bytes`` unpacked.

    Raises:
        BrokenInputError: unreadable, empty, damaged gzip, no CIF, cut off, or larger than allowed.
    """
    stored = _read_bytes(path, max_bytes)
    text = _unpack(stored, path, max_bytes)
    _check_text(text, path)
    atoms, rest = AtomTable.cut_from(text)
    try:
        rest.decode("utf-8")
        document = gemmi.cif.read_string(rest)
        if len(document) != 1:
            raise BrokenInputError(f"expected one data block, found {len(document)}", where=path)
        block = document[0]
        atoms = atoms or AtomTable.of_block(block)
    except (ValueError, RuntimeError) as error:
        raise BrokenInputError(f"not valid CIF: {_one_line(error)}", where=path, hint="fetch the file again") from None
    return CifFile(block, atoms, hashlib.sha256(stored).hexdigest())


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    try:
        if path.stat().st_size > max_bytes:
            raise _too_large(path, max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise BrokenInputError(f"cannot read the file: {error.strerror or error}", where=path) from error


def _unpack(stored: bytes, path: Path, max_bytes: int) -> bytes:
    if not stored.startswith(_GZIP_MAGIC):
        if path.suffix == ".gz":
            what = "is not gzipped, as its name says" if stored else "is empty"
            raise BrokenInputError(f"the file {what}", where=path, hint="fetch the file again")
        return stored
    parts: list[bytes] = []
    left = max_bytes
    rest = stored
    try:
        while rest.startswith(_GZIP_MAGIC):
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(rest, left + 1))
            left -= len(parts[-1])
            if left < 0:
                raise _too_large(path, max_bytes)
            if not member.eof:
                raise BrokenInputError("the gzip file is cut off", where=path, hint="fetch the file again")
            rest = member.unused_data
    except zlib.error as error:
        raise BrokenInputError(f"the gzip file is damaged: {error}", where=path, hint="fetch the file again") from None
    if rest.strip(b"\0"):
        raise BrokenInputError("the gzip file has foreign bytes at its end", where=path, hint="fetch the file again")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(path: Path, max_bytes: int) -> BrokenInputError:
    return BrokenInputError(
        f"larger than {max_bytes / 2**20:,.0f} MiB unpacked", where=path, hint="setting chains.max_file_mib"
    )


def _check_text(text: bytes, path: Path) -> None:
    if not text.strip():
        raise BrokenInputError("the file is empty", where=path, hint="fetch the file again")
    # a line of twice this length holds at least one whole window without an end of line
    for start in range(0, len(text) - _LONGEST_LINE, _LONGEST_LINE):
        if text.find(b"\n", start, start + _LONGEST_LINE) < 0:
            raise BrokenInputError(f"a line of more than {_LONGEST_LINE:,} characters: not mmCIF", where=path)
    # where categories are set off by '#' lines, as wwPDB's are, the last line is one too
    second_line = text.find(b"\n") + 1
    if text[second_line : second_line + 1] == b"#" and not text[-256:].rstrip().endswith(b"#"):
        raise BrokenInputError("the file is cut off: its last category has no end", where=path, hint="fetch it again")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
