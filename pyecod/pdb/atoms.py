"""The atom table of an mmCIF file, as far as "which residues are there" goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import gemmi
import numpy as np
from numpy.typing import NDArray

_PREFIX = b"\n_atom_site."
_ANISOTROPIC = b"\n_atom_site_anisotrop."
_MODEL = "pdbx_PDB_model_num"
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class AtomTable:
    """``_atom_site``: either the lines of a file in columns of fixed width, or a loop of the CIF parser's."""

    tags: tuple[str, ...]
    lines: NDArray[np.uint8] | None = None
    starts: tuple[int, ...] = ()
    block: gemmi.cif.Block | None = None

    @classmethod
    def cut_from(cls, text: bytes) -> tuple[AtomTable | None, bytes]:
        """The atom table of a CIF text, and the text without it (and without the anisotropic displacements).

        What is not in columns of fixed width stays in the text, for the CIF parser; the table is then None.
        """
        if not text.isascii():
            return None, text
        tables = {prefix: _cut(text, prefix) for prefix in (_PREFIX, _ANISOTROPIC)}
        pieces = []
        position = 0
        for cut in sorted((cut for cut in tables.values() if cut), key=lambda cut: cut[0]):
            pieces.append(text[position : cut[0]])
            position = cut[1]
        found = tables[_PREFIX]
        return (found[2] if found else None), b"".join([*pieces, text[position:]])

    @classmethod
    def of_block(cls, block: gemmi.cif.Block) -> AtomTable | None:
        """The atom table as the CIF parser read it; None where the block has none."""
        tags = list(block.find_mmcif_category("_atom_site.").tags)
        return cls(tuple(tag.removeprefix("_atom_site.") for tag in tags), block=block) if tags else None

    def residues(self, *tags: str) -> Iterator[tuple[str, ...]]:
        """Values of ``tags`` for the atoms of the first model, equal neighbours once.

        Raises:
            KeyError: the table lacks a column.
        """
        if missing := sorted(set(tags) - set(self.tags)):
            raise KeyError(", ".join(f"_atom_site.{tag}" for tag in missing))
        has_models = _MODEL in self.tags
        columns = [*tags, _MODEL] if has_models else [*tags]
        rows = self._parsed(columns) if self.block else self._fixed(columns)
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

    def _fixed(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        assert self.lines is not None
        ends = [*self.starts[1:], self.lines.shape[1]]
        fields = [(self.starts[i], ends[i]) for i in map(self.tags.index, columns)]
        places = np.concatenate([np.arange(start, end) for start, end in fields])
        for at in range(0, len(self.lines), _ROWS_AT_ONCE):
            part = self.lines[at : at + _ROWS_AT_ONCE, places]
            part = part[np.concatenate(([True], (part[1:] != part[:-1]).any(axis=1)))]
            part[part <= ord(" ")] = 0
            values = []
            left = 0
            for start, end in fields:
                right = left + end - start
                field = np.ascontiguousarray(part[:, left:right]).view(f"S{end - start}").ravel()
                values.append(field.astype(str).tolist())
                left = right
            yield from zip(*values, strict=True)


def _cut(text: bytes, prefix: bytes) -> tuple[int, int, AtomTable] | None:
    """Start and end of a category's ``loop_`` and its table; None where it is not set off by ``#`` or not aligned."""
    first_tag = text.find(prefix) + 1
    if not first_tag:
        return None
    start = text.rfind(b"\n", 0, first_tag - 1) + 1
    rows = first_tag
    tags = []
    while text.startswith(prefix[1:], rows):
        end_of_line = text.find(b"\n", rows)
        tags.append(text[rows:end_of_line].decode().strip().removeprefix(prefix[1:].decode()))
        rows = end_of_line + 1
    end = text.find(b"#", rows)
    width = text.find(b"\n", rows) + 1 - rows
    if text[start:first_tag].strip() != b"loop_" or end <= rows or width < 1 or (end - rows) % width:
        return None
    lines = np.frombuffer(text, dtype=np.uint8, count=end - rows, offset=rows).reshape(-1, width)
    starts = _aligned_starts(lines)
    return (start, end, AtomTable(tuple(tags), lines, starts)) if len(starts) == len(tags) else None


def _aligned_starts(lines: NDArray[np.uint8]) -> tuple[int, ...]:
    """Columns where the values start; none, if not every line has its values at the same ones."""
    expected = (lines[0] > ord(" ")) & np.concatenate(([True], lines[0, :-1] <= ord(" ")))
    starts = np.flatnonzero(expected)
    for at in range(0, len(lines), _ROWS_AT_ONCE):
        part = lines[at : at + _ROWS_AT_ONCE]
        begins = part > ord(" ")
        begins[:, 1:] &= ~begins[:, :-1]
        aligned = (begins == expected).all() and (part[:, -1] == ord("\n")).all()
        # a semicolon may open a text field, which is not for reading by columns
        if not aligned or (part[:, starts] == ord(";")).any():
            return ()
    return tuple(int(start) for start in starts)
