"""HHsearch results (``.hhr``), strictly: the hit table and the alignments must tell the same story.

Files of HH-suite 3 have no end mark, so a file is whole when every line of the hit table has its alignment and
every alignment has as many pairs as it says; only an exported file, which has that mark, may be without hits.
Coordinates are match columns on both sides, as in the table: for profiles whose master sequence has only match columns
(our queries, ECOD's domain profiles) these are residues.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import BrokenOutputError
from pyecod.search.alignment import SearchReport, residues, ungapped_segments
from pyecod.search.hit import EvidenceType, Hit, Hsp

_LARGEST = 512 << 20
_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
# the description is cut to 30 characters and may hold anything, so the line is read from both ends
_ROW = re.compile(
    rf" *([0-9]+) (.{{30}}) *({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +([0-9]+)"
    r" +([0-9]+)-([0-9]+) +([0-9]+)-([0-9]+) *\(([0-9]+)\) *"
)
_LINE = re.compile(r"([QT]) (\S+) +([0-9]+) (\S+) +([0-9]+) \(([0-9]+)\) *")
_DEPTH = re.compile(r"[0-9]+ out of ([0-9]+)")
_CONSENSUS = "Consensus"


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the hit table."""

    number: int
    name: str
    probability: float
    evalue: float
    score: float
    pairs: int
    query: tuple[int, int]
    target: tuple[int, int]
    target_length: int


def read_hhr(path: Path, *, min_probability: float = 0.0) -> SearchReport:
    """The report in an ``.hhr`` file, plain or gzipped, of HH-suite 2 or 3.

    Each alignment is one hit. Those below ``min_probability`` (0 to 100) are left out; ``found`` counts them
    nevertheless. A template's id ends at the first ``;`` or white space of its name.

    Raises:
        BrokenOutputError: unreadable, empty, truncated, or table and alignments disagree.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenOutputError(f"cannot read HHsearch output: {error}", where=path) from None
    if len(data) > _LARGEST:
        raise BrokenOutputError(f"larger than {_LARGEST >> 20} MiB", where=path)
    return parse_hhr(data.decode("utf-8", errors="replace"), min_probability=min_probability, where=str(path))


def parse_hhr(text: str, *, min_probability: float, where: str) -> SearchReport:
    """The report in the text of an ``.hhr`` file; errors as :func:`read_hhr`."""
    return _Hhr(text.split("\n"), where).report(min_probability)


class _Hhr:
    """The lines of a file, read once from top to bottom."""

    def __init__(self, lines: list[str], where: str) -> None:
        self.lines, self.where, self.at = lines, where, 0

    def broken(self, what: str) -> BrokenOutputError:
        """The error to raise for a fault at the present line."""
        return BrokenOutputError(what, where=f"{self.where}:{min(self.at + 1, len(self.lines))}")

    def report(self, min_probability: float) -> SearchReport:
        """Header, table, alignments."""
        header = self._header()
        length = self._whole(header, "Match_columns", least=1)
        depth = _DEPTH.fullmatch(header.get("No_of_seqs", ""))
        if depth is None:
            raise self.broken(f"No_of_seqs is {header.get('No_of_seqs')!r:.40}, not '5 out of 10'")
        neff = self._float(header.get("Neff", ""), "Neff")
        rows = self._table(length)
        hits = []
        for row in rows:
            hit = self._hit(row, length)
            if row.probability >= min_probability:
                hits.append(hit)
        self._end(len(rows))
        return SearchReport(
            query=header["Query"].split()[0],
            query_length=length,
            type=EvidenceType.HHSEARCH,
            found=len(rows),
            hits=tuple(hits),
            program="hhsearch",
            profile_depth=int(depth[1]),
            profile_neff=neff,
        )

    def _header(self) -> dict[str, str]:
        header = {}
        while self.at < len(self.lines) and not self.lines[self.at].startswith(" No Hit "):
            key, _, value = self.lines[self.at].partition(" ")
            header[key] = value.strip()
            self.at += 1
        if not header.get("Query"):
            raise self.broken("not HHsearch output, or cut off in its header: there is no query")
        if self.at == len(self.lines):
            raise self.broken("cut off: there is no hit table")
        self.at += 1
        return header

    def _table(self, length: int) -> list[_Row]:
        rows: list[_Row] = []
        while self.at < len(self.lines) and self.lines[self.at].strip():
            rows.append(self._row(len(rows) + 1, length))
            self.at += 1
        if not rows and self.lines[self.at :] != ["", "Done!", ""]:
            raise self.broken("cut off: the hit table is empty, and hhsearch prints its best template however bad")
        return rows

    def _row(self, due: int, length: int) -> _Row:
        match = _ROW.fullmatch(self.lines[self.at])
        if match is None:
            raise self.broken(f"not a line of the hit table: {self.lines[self.at][:120]!r}")
        number, name, probability, evalue, _, score, _, *wholes = match.groups()
        pairs, query_start, query_end, target_start, target_end, target_length = (int(text) for text in wholes)
        row = _Row(
            int(number),
            name.rstrip(),
            self._float(probability, "probability"),
            self._float(evalue, "E-value"),
            self._float(score, "score"),
            pairs,
            (query_start, query_end),
            (target_start, target_end),
            target_length,
        )
        inside = 1 <= query_start <= query_end <= length and 1 <= target_start <= target_end <= target_length
        if row.number != due or not inside or not 0 <= row.probability <= 100 or row.evalue < 0:
            raise self.broken(f"impossible line of the hit table: {self.lines[self.at][:120]!r}")
        return row

    def _hit(self, row: _Row, length: int) -> Hit:
        self._skip_blank()
        head = [line.strip() for line in self.lines[self.at : self.at + 3]]
        if len(head) < 3 or head[0] != f"No {row.number}" or not head[1].startswith(">"):
            raise self.broken(f"cut off: the alignment of hit {row.number} is missing")
        self.at += 2
        name = head[1][1:]
        values = dict(word.partition("=")[::2] for word in head[2].split())
        probability = self._float(values.get("Probab", ""), "Probab")
        evalue = self._float(values.get("E-value", ""), "E-value")
        score = self._float(values.get("Score", ""), "Score")
        pairs = self._whole(values, "Aligned_cols", least=1)
        identity = self._float(values.get("Identities", "").removesuffix("%"), "Identities") / 100
        self._agree(name.startswith(row.name), row, "name")
        self._agree(abs(probability - row.probability) <= 0.051, row, "probability")
        # the table has room for one digit only of the smallest: 2E-115 may be 1.5e-115
        self._agree(math.isclose(evalue, row.evalue, rel_tol=0.35), row, "E-value")
        self._agree(abs(score - row.score) <= 0.051, row, "score")
        self._agree(pairs == row.pairs, row, "number of aligned columns")
        self._agree(0 <= identity <= 1, row, "identity")
        self.at += 1
        query, target = self._alignment(row, length)
        segments = ungapped_segments(query, target, row.query[0], row.target[0])
        self._agree(sum(s.query_end - s.query_start + 1 for s in segments) == pairs, row, "number of aligned pairs")
        words = re.split(r"[;\s]", name, maxsplit=1)
        if not words[0]:
            raise self.broken(f"the template of hit {row.number} has no id")
        hsp = Hsp(segments, evalue=evalue, identity=identity, probability=probability, score=score)
        return Hit(EvidenceType.HHSEARCH, words[0], row.target_length, (hsp,))

    def _alignment(self, row: _Row, length: int) -> tuple[str, str]:
        """Both lines of the alignment, gaps included, put together from the blocks of 80 columns."""
        pieces: dict[str, dict[str, list[re.Match[str]]]] = {"Q": {}, "T": {}}
        for line in self._block_lines():
            match = _LINE.fullmatch(line)
            if match is not None:
                pieces[match[1]].setdefault(match[2], []).append(match)
        query = self._side(pieces["Q"], row, row.query, length)
        target = self._side(pieces["T"], row, row.target, row.target_length)
        self._agree(len(query) == len(target), row, "length of both lines")
        return query, target

    def _block_lines(self) -> Iterator[str]:
        while self.at < len(self.lines) and not self.lines[self.at].startswith(("No ", "Done!")):
            yield self.lines[self.at]
            self.at += 1

    def _side(self, named: dict[str, list[re.Match[str]]], row: _Row, ends: tuple[int, int], length: int) -> str:
        """One side's line: the consensus has a letter in every match column; without it, the first sequence."""
        if not named:
            raise self.broken(f"cut off: the alignment of hit {row.number} has no lines")
        parts = named.get(_CONSENSUS) or next(iter(named.values()))
        due = ends[0]
        for part in parts:
            start, end, count = int(part[3]), int(part[5]), residues(part[4])
            # a block in which this side has only gaps repeats a neighbouring number
            self._agree(count == 0 or (start == due and end == due + count - 1), row, "numbering")
            self._agree(int(part[6]) == length, row, "length")
            due += count
        self._agree(due - 1 == ends[1], row, "range")
        return "".join(part[4] for part in parts)

    def _agree(self, agrees: bool, row: _Row, what: str) -> None:
        if not agrees:
            raise self.broken(f"hit {row.number} ({row.name}): table and alignment disagree about the {what}")

    def _end(self, hits: int) -> None:
        self._skip_blank()
        rest = self.lines[self.at].strip() if self.at < len(self.lines) else ""
        if rest not in ("", "Done!"):
            raise self.broken(f"alignments go on after the {hits} hits of the table: {rest[:60]!r}")

    def _skip_blank(self) -> None:
        while self.at < len(self.lines) and not self.lines[self.at].strip():
            self.at += 1

    def _whole(self, values: dict[str, str], name: str, *, least: int) -> int:
        text = values.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) <= 15) or int(text) < least:
            raise self.broken(f"{name} is {text!r:.40}, not a whole number of {least} or more")
        return int(text)

    def _float(self, text: str, name: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.broken(f"{name} is {text!r:.40}, not a number")
        return value
