"""The atom table of an mmCIF file, as far as "which residues are there" goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import gemmi
import numpy as np
from numpy.typing import NDArray

_PREFIX = b"_atom_site."
_ANISOTROPIC = b"_atom_site_anisotrop."
_MODEL = "pdbx_pdb_model_num"
_ENDS = (b"\n#", b"\n_", b"\nloop_", b"\ndata_")
_ROWS_AT_ONCE = 65_536
_BYTES_AT_ONCE = 1 << 22
_SPACE = ord(" ")

Bytes = bytes | bytearray


@dataclass(frozen=True, slots=True)
class AtomTable:
    """``_atom_site``: lines of a file in columns of fixed width (``starts``), lines with one atom each (``rows``), or a
    loop of the CIF parser's. ``tags`` are in lower case: CIF tells no case apart in them."""

    tags: tuple[str, ...]
    lines: NDArray[np.uint8] | None = None
    starts: tuple[int, ...] = ()
    rows: memoryview | None = None
    block: gemmi.cif.Block | None = None

    @classmethod
    def cut_from(cls, text: Bytes) -> tuple[AtomTable | None, bytes]:
        """The atom table of a CIF text, and the text without it (and without the anisotropic displacements).

        What has not one atom in each line stays in the text, for the CIF parser; the table is then None.
        """
        cuts = [cut for cut in (_cut(text, prefix) for prefix in (_PREFIX, _ANISOTROPIC)) if cut]
        view = memoryview(text)
        pieces = []
        position = 0
        for start, end, _, _ in sorted(cuts, key=lambda cut: cut[0]):
            pieces.append(view[position:start])
            position = end
        found = next((table for _, _, prefix, table in cuts if prefix == _PREFIX), None)
        return found, b"".join([*pieces, view[position:]])

    @classmethod
    def of_block(cls, block: gemmi.cif.Block) -> AtomTable | None:
        """The atom table as the CIF parser read it; None where the block has none."""
        tags = list(block.find_mmcif_category("_atom_site.").tags)
        return cls(tuple(tag.lower().removeprefix("_atom_site.") for tag in tags), block=block) if tags else None

    def has(self, tag: str) -> bool:
        """Whether the table has a column."""
        return tag.lower() in self.tags

    def residues(self, *tags: str) -> Iterator[tuple[str, ...]]:
        """Values of ``tags`` for the atoms of the first model, equal neighbours once.

        Raises:
            KeyError: the table lacks a column.
        """
        if missing := sorted(tag for tag in tags if not self.has(tag)):
            raise KeyError(", ".join(f"_atom_site.{tag}" for tag in missing))
        has_models = _MODEL in self.tags
        columns = [tag.lower() for tag in ([*tags, _MODEL] if has_models else tags)]
        if self.block is not None:
            rows = self._parsed(columns)
        else:
            rows = self._split(columns) if self.rows is not None else self._fixed(columns)
        first: str | None = None
        for row, _ in groupby(rows):
            first = first or row[-1]
            if not has_models:
                yield row
            elif row[-1] == first:
                yield row[:-1]

    def _parsed(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        assert self.block is not None
        return zip(*(self.block.find_values(f"_atom_site.{tag}") for tag in columns), strict=True)

    def _split(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        assert self.rows is not None
        places = [self.tags.index(column) for column in columns]
        last: list[bytes] = []
        for piece in _whole_lines(self.rows):
            for line in bytes(piece).splitlines():
                fields = line.split()
                values = [fields[place] for place in places]
                if values != last:
                    last = values
                    yield tuple(value.decode("utf-8", "replace") for value in values)

    def _fixed(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        assert self.lines is not None
        ends = [*self.starts[1:], self.lines.shape[1]]
        fields = [(self.starts[i], ends[i]) for i in map(self.tags.index, columns)]
        places = np.concatenate([np.arange(start, end) for start, end in fields])
        for at in range(0, len(self.lines), _ROWS_AT_ONCE):
            part = self.lines[at : at + _ROWS_AT_ONCE, places]
            part = part[np.concatenate(([True], (part[1:] != part[:-1]).any(axis=1)))]
            part[part <= _SPACE] = 0
            values = []
            left = 0
            for start, end in fields:
                right = left + end - start
                field = np.ascontiguousarray(part[:, left:right]).view(f"S{end - start}").ravel()
                values.append(field.astype(str).tolist())
                left = right
            yield from zip(*values, strict=True)


def _cut(text: Bytes, prefix: bytes) -> tuple[int, int, bytes, AtomTable] | None:
    """Start and end of a category's ``loop_``, and its table; None where it has not one atom in each line."""
    first_tag = _first_tag(text, prefix)
    if first_tag is None:
        return None
    start = text.rfind(b"\n", 0, first_tag - 1) + 1
    rows = first_tag
    tags = []
    while text[rows : rows + len(prefix)].lower() == prefix:
        end_of_line = text.find(b"\n", rows)
        tags.append(text[rows + len(prefix) : end_of_line].strip().lower().decode("ascii", "replace"))
        rows = end_of_line + 1
        if not rows:
            return None
    if text[start:first_tag].strip().lower() != b"loop_":
        return None
    end = text.find(b"\n#", rows - 1) + 1  # what the PDB's own files have behind each category
    table = _fixed_table(text, rows, end, tuple(tags))
    if table is None:
        end = min((at + 1 for at in (text.find(mark, rows - 1) for mark in _ENDS) if at >= 0), default=len(text))
        table = _split_table(text, rows, end, tuple(tags))
    return (start, end, prefix, table) if table else None


def _first_tag(text: Bytes, prefix: bytes) -> int | None:
    """Where a category's first tag stands, not counting what a text field quotes."""
    at = text.find(b"\n" + prefix)
    pattern = None
    if at < 0 and prefix == _PREFIX:  # CIF tells no case apart in tags
        pattern = re.compile(b"\n" + re.escape(prefix), re.IGNORECASE)
        at = _search(pattern, text, 0)
    counted = quotes = 0
    while at >= 0:
        quotes += text.count(b"\n;", counted, at + 1)
        counted = at
        if quotes % 2 == 0:
            return at + 1
        at = _search(pattern, text, at + 1) if pattern else text.find(b"\n" + prefix, at + 1)
    return None


def _search(pattern: re.Pattern[bytes], text: Bytes, start: int) -> int:
    found = pattern.search(text, start)
    return found.start() if found else -1


def _fixed_table(text: Bytes, rows: int, end: int, tags: tuple[str, ...]) -> AtomTable | None:
    width = text.find(b"\n", rows) + 1 - rows
    if width < 1 or end <= rows or (end - rows) % width:
        return None
    lines = np.frombuffer(text, dtype=np.uint8, count=end - rows, offset=rows).reshape(-1, width)
    starts = _aligned_starts(lines)
    return AtomTable(tags, lines, starts) if len(starts) == len(tags) else None


def _aligned_starts(lines: NDArray[np.uint8]) -> tuple[int, ...]:
    """Columns where the values start; none, if not every line has its values at the same ones, or is not ASCII."""
    expected = (lines[0] > _SPACE) & np.concatenate(([True], lines[0, :-1] <= _SPACE))
    starts = np.flatnonzero(expected)
    for at in range(0, len(lines), _ROWS_AT_ONCE):
        part = lines[at : at + _ROWS_AT_ONCE]
        begins = part > _SPACE
        begins[:, 1:] &= ~begins[:, :-1]
        aligned = (begins == expected).all() and (part[:, -1] == ord("\n")).all() and part.max() < 128
        # a semicolon may open a text field, a hash a comment, which are not for reading by columns
        if not aligned or _opens(part[:, starts]):
            return ()
    return tuple(int(start) for start in starts)


def _opens(letters: NDArray[np.uint8]) -> bool:
    return bool((letters == ord(";")).any() or (letters == ord("#")).any())


def _split_table(text: Bytes, rows: int, end: int, tags: tuple[str, ...]) -> AtomTable | None:
    """The rows where each line has as many words as there are columns, and none opens a text or a comment."""
    if end <= rows or text[end - 1] != ord("\n"):
        return None
    region = memoryview(text)[rows:end]
    for piece in _whole_lines(region):
        data = np.frombuffer(piece, dtype=np.uint8)
        begins = data > _SPACE
        begins[1:] &= ~begins[:-1]
        odd = (data < _SPACE) & (data != ord("\n")) & (data != ord("\t"))
        if odd.any() or _opens(data[begins]):
            return None
        ends = np.flatnonzero(data == ord("\n"))
        words = np.add.reduceat(begins, np.concatenate(([0], ends[:-1] + 1)), dtype=np.int64)
        if (words != len(tags)).any():
            return None
    return AtomTable(tags, rows=region)


def _whole_lines(region: memoryview) -> Iterator[memoryview]:
    """Pieces of a text that ends with an end of line, each of whole lines."""
    start = 0
    while start < len(region):
        end = min(start + _BYTES_AT_ONCE, len(region))
        while region[end - 1] != ord("\n"):
            end += 1
        yield region[start:end]
        start = end
