"""ECOD's domain lists as published: format 1.6 (16 columns) and that of develop294 (23 columns)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import IO, NamedTuple

from pyecod.errors import RangeError, ReferenceDataError
from pyecod.files import open_text
from pyecod.reference.misfits import Misfit

_KEY_COLUMN = "ecod_domain_id"
_COLUMNS: dict[str, tuple[str, ...]] = {
    "uid": ("uid",),
    "id": (_KEY_COLUMN,),
    "representative": ("manual_rep",),
    "group": ("f_id", "t_id"),
    "pdb": ("pdb",),
    "chain": ("chain",),
    "pdb_range": ("pdb_range",),
    "seqid_range": ("seqid_range",),
    "architecture": ("architecture_name", "arch_name"),
    "x_name": ("x_name",),
    "h_name": ("h_name",),
    "t_name": ("t_name",),
    "f_name": ("f_name",),
}
_REQUIRED = ("id", "group", "pdb", "chain", "seqid_range")
_LAYOUT_HINT = (
    "expected a tab-separated ECOD domain list (format 1.6 or that of develop294) whose header line names the columns "
    "ecod_domain_id, f_id or t_id, pdb, chain and seqid_range"
)
_VERSION = re.compile(r"#\s*(?:ECOD version|Version:)\s*(\S+)")
_ABSENT = frozenset({"", "NA", "N/A", "NULL"})
_SEGMENT = re.compile(r"(?:([^:,\s]+):)?([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\u2028\u2029]")
_LONGEST_LINE = 1_000_000

Reject = Callable[[Misfit, str, str, str], None]


class ListLine(NamedTuple):
    """One domain as its list has it; absent values are empty. ``names`` are those of A, X, H, T and F."""

    line: int
    id: str
    uid: str
    group: str
    pdb: str
    chain: str
    pdb_range: str
    seqid_range: str
    is_representative: bool
    names: tuple[str, ...]


class DomainList:
    """One list file. ``version`` is what its comment lines say, known once reading has begun.

    Iterating gives :class:`ListLine`; ``reject`` is told of lines that have too few or too many columns.
    ``characters`` counts what has been read.

    Raises:
        ReferenceDataError: the file cannot be read or its columns are not those of an ECOD domain list.
    """

    def __init__(self, path: Path, reject: Reject) -> None:
        self.path = path
        self.version = ""
        self.characters = 0
        self._reject = reject

    def __iter__(self) -> Iterator[ListLine]:
        try:
            with open_text(self.path) as stream:
                yield from self._lines(stream)
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise ReferenceDataError(f"cannot read the domain list: {error}", where=self.path) from error

    def _lines(self, stream: IO[str]) -> Iterator[ListLine]:
        layout: _Layout | None = None
        for number, text in enumerate(iter(lambda: stream.readline(_LONGEST_LINE + 1), ""), 1):
            self.characters += len(text)
            if len(text) > _LONGEST_LINE:
                raise ReferenceDataError("line too long for a domain list", where=f"{self.path}:{number}")
            text = text.rstrip("\r\n").removeprefix("\ufeff")
            if _KEY_COLUMN in text:
                layout = _Layout(text, f"{self.path}:{number}")
            elif text.startswith("#") or not text.strip():
                if not self.version and (match := _VERSION.match(text)):
                    self.version = match[1]
            elif layout is None:
                hint = f"{_LAYOUT_HINT}; lists before format 1.4 (up to develop100) have no SEQRES range"
                raise ReferenceDataError(
                    "unknown layout: data before a header line", where=f"{self.path}:{number}", hint=hint
                )
            elif _CONTROL.search(text):
                detail = "a control character: no file or database could hold it"
                self._reject(Misfit.BAD_LINE, f"{self.path}:{number}", text[:40], detail)
            elif (line := layout.read(number, text)) is not None:
                yield line
            else:
                cells = text.count("\t") + 1
                detail = f"{cells} columns where the header has {layout.width}"
                self._reject(Misfit.BAD_LINE, f"{self.path}:{number}", text[:40], detail)
        if layout is None:
            raise ReferenceDataError("unknown layout: no header line", where=self.path, hint=_LAYOUT_HINT)


class _Layout:
    """Where a header line puts the columns."""

    def __init__(self, header: str, where: str) -> None:
        names = [cell.strip().strip('"') for cell in header.lstrip("# ").split("\t")]
        self.width = len(names)
        places = {}
        for field, spellings in _COLUMNS.items():
            found = [names.index(name) for name in spellings if name in names]
            if not found and field in _REQUIRED:
                raise ReferenceDataError(
                    f"unknown layout: no column {' or '.join(map(repr, spellings))}", where=where, hint=_LAYOUT_HINT
                )
            places[field] = found[0] if found else self.width  # one past the end: always empty
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise ReferenceDataError(f"unknown layout: column {twice!r} occurs twice", where=where, hint=_LAYOUT_HINT)
        self._pick = itemgetter(*places.values())
        self._needed = 1 + max(places[field] for field in _REQUIRED)

    def read(self, number: int, text: str) -> ListLine | None:
        """The line's fields, None where the number of columns is wrong; empty last columns may be missing, or more."""
        cells = text.split("\t")
        while len(cells) > self.width and not cells[-1].strip():
            cells.pop()
        if not self._needed <= len(cells) <= self.width:
            return None
        cells.extend([""] * (self.width + 1 - len(cells)))
        uid, id_, representative, group, pdb, chain, pdb_range, seqid_range, *names = self._pick(cells)
        return ListLine(
            number,
            _value(id_),
            _value(uid),
            group,
            _value(pdb),
            _chain(chain, id_, pdb),
            _value(pdb_range),
            _value(seqid_range),
            representative.strip().upper() in ("TRUE", "MANUAL_REP"),
            tuple(names),
        )


def _value(cell: str) -> str:
    cell = cell.strip().strip('"')
    return "" if cell in _ABSENT else cell


def _chain(cell: str, domain_id: str, pdb: str) -> str:
    """Chain id; ``NA`` is one where the domain id says so (``e6n4vNA1``), else it means that there is none."""
    cell = cell.strip().strip('"')
    return "" if cell in _ABSENT and not domain_id.startswith(f"e{pdb}{cell}") else cell


def parse_segments(text: str) -> tuple[tuple[tuple[int, int], ...], frozenset[str]]:
    """Segments of a seqid range in the list's own order (1-based, inclusive), and the chains it names.

    Raises:
        RangeError: not a range in SEQRES numbering: negative numbers and insertion codes belong to author numbering.
    """
    segments = []
    chains = set()
    for part in text.split(","):
        match = _SEGMENT.fullmatch(part.strip())
        if match is None:
            raise RangeError(f"{text[:80]!r} is not a range in SEQRES numbering", hint="expected A:10-110,A:150-200")
        chain, start, end = match[1], int(match[2]), int(match[3] or match[2])
        if start < 1 or end < start:
            raise RangeError(f"segment {part.strip()!r} does not run upwards from 1 or more")
        segments.append((start, end))
        if chain:
            chains.add(chain)
    return tuple(segments), frozenset(chains)
