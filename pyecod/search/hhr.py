"""HHsearch results (``.hhr``), strictly: the hit table and the alignments must tell the same story.

Files of HH-suite 3 have no end mark, so a file is whole when every line of the hit table has the alignment its command
line asks for, and every alignment has as many pairs as it says. What HH-suite itself prints oddly (ends beyond the
template, alignments without columns, scores that are no numbers) costs that one hit, which is counted and named.
Coordinates are match columns on both sides, as in the table: for profiles whose master sequence has only match columns
(our queries, ECOD's domain profiles) these are residues.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pyecod.errors import BrokenOutputError
from pyecod.files import open_bytes
from pyecod.search.alignment import SearchReport, residues, same_letters, ungapped_segments
from pyecod.search.hhr_table import Row, alignments_due, parse_row, rank_of
from pyecod.search.hit import EvidenceType, Hit, Hsp
from pyecod.titles import domain_id

_LARGEST = 512 << 20
_LONGEST_LINE = 1 << 20
_MOST_HITS = 100_000
_MOST_LINES = 20_000  # of one alignment: 5,000 residues have about 500
_LINE = re.compile(r"([QT]) (\S+) +([0-9]{1,15}) (\S+) +([0-9]{1,15}) \(([0-9]{1,15})\) *", re.ASCII)
_DEPTH = re.compile(r"[0-9]+ out of ([0-9]{1,15})", re.ASCII)
_CONSENSUS = "Consensus"
_STRUCTURE = frozenset({_CONSENSUS, "ss_pred", "ss_conf", "ss_dssp", "sa_dssp"})
_BLANK = " \t"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_hhr(path: Path, *, min_probability: float = 0.0, sequence: str = "") -> SearchReport:
    """The report in an ``.hhr`` file, plain or gzipped, of HH-suite 2 or 3.

    Each alignment is one hit. Those below ``min_probability`` (0 to 100) are left out, and so are those whose alignment
    the command line did not ask for (``-B`` below ``-Z``); ``found`` counts them nevertheless. A template's id is that
    of :func:`pyecod.titles.domain_id`. Where ``sequence`` is given, the query's letters must be its.

    Raises:
        BrokenOutputError: unreadable, empty, truncated, absurdly large, of another sequence, or table and alignments
            disagree.
    """
    try:
        with open_bytes(path) as stream:
            return _Hhr(_Lines(stream, str(path)), sequence).report(min_probability)
    except (OSError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BrokenOutputError(f"cannot read HHsearch output: {error}", where=path) from None


def parse_hhr(text: str, *, min_probability: float, where: str, sequence: str = "") -> SearchReport:
    """The report in the text of an ``.hhr`` file; errors as :func:`read_hhr`."""
    return _Hhr(_Lines(io.BytesIO(text.encode("utf-8", "replace")), where), sequence).report(min_probability)


class _Lines:
    """Lines of a file, one after the other, as text of one character per byte without line ends."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self.where, self.number = where, 0
        self._stream, self._read = stream, 0
        self._next: str | None = ""
        self.advance()

    @property
    def next(self) -> str | None:
        """The next line, None at the end."""
        return self._next

    def advance(self) -> str | None:
        """Go on; the line that was next is returned."""
        line = self._next
        data = self._stream.readline(_LONGEST_LINE + 1)
        self._read += len(data)
        if self._read > _LARGEST:
            raise self.broken(f"larger than {_LARGEST >> 20} MiB")
        if len(data) > _LONGEST_LINE:
            raise self.broken(f"a line longer than {_LONGEST_LINE:,} bytes")
        if not self.number:
            data = data.removeprefix(_BYTE_ORDER_MARK)
        self.number += 1
        self._next = data.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1") if data else None
        return line

    def skip_blank(self) -> int:
        """Pass over empty lines, and count them."""
        count = 0
        while self._next is not None and not self._next.strip(_BLANK):
            self.advance()
            count += 1
        return count

    def broken(self, what: str, hint: str | None = None) -> BrokenOutputError:
        """The error to raise for a fault at the present line."""
        return BrokenOutputError(what, where=f"{self.where}:{max(1, self.number)}", hint=hint)


class _Hhr:
    """A file, read once from top to bottom."""

    def __init__(self, lines: _Lines, sequence: str) -> None:
        self.lines, self.sequence = lines, sequence
        self.left_out: list[str] = []

    def report(self, min_probability: float) -> SearchReport:
        """Header, table, alignments."""
        header = self._header()
        length = self._whole(header, "Match_columns", least=1)
        depth = _DEPTH.fullmatch(header.get("No_of_seqs", ""))
        if depth is None:
            raise self.lines.broken(f"No_of_seqs is {header.get('No_of_seqs')!r:.40}, not '5 out of 10'")
        neff = self._float(header.get("Neff", ""))
        if math.isnan(neff):
            raise self.lines.broken(f"Neff is {header.get('Neff')!r:.40}, not a number")
        rows = self._table()
        found, hits = self._hits(rows, length, header.get("Command", ""), min_probability)
        return SearchReport(
            query=_utf8(header["Query"].split(" ")[0]),
            query_length=length,
            type=EvidenceType.HHSEARCH,
            found=found,
            hits=tuple(hits),
            program="hhsearch",
            profile_depth=int(depth[1]),
            profile_neff=neff,
            left_out=tuple(self.left_out),
        )

    def _header(self) -> dict[str, str]:
        header: dict[str, str] = {}
        begin = self.lines.number
        while (line := self.lines.next) is not None and not line.startswith(" No Hit "):
            key, _, value = line.partition(" ")
            header[key] = value.strip(_BLANK)
            if self.lines.number - begin > _MOST_LINES:
                raise self.lines.broken("not HHsearch output: no hit table")
            self.lines.advance()
        if not header.get("Query"):
            raise self.lines.broken("not HHsearch output, or cut off in its header: there is no query")
        if self.lines.next is None:
            raise self.lines.broken("cut off: there is no hit table")
        self.lines.advance()
        return header

    def _table(self) -> list[Row | None]:
        """The rows by rank, None for one that cannot be read: its alignment says the same."""
        rows: list[Row | None] = []
        while (line := self.lines.next) is not None and line.strip(_BLANK):
            if rank_of(line) != len(rows) + 1:
                raise self.lines.broken(f"not line {len(rows) + 1} of the hit table: {_utf8(line[:120])!r}")
            if len(rows) == _MOST_HITS:
                raise self.lines.broken(f"more than {_MOST_HITS:,} hits")
            rows.append(parse_row(line))
            self.lines.advance()
        blank = self.lines.skip_blank()
        if not rows and not blank:
            raise self.lines.broken("cut off: the hit table ends before it begins")
        return rows

    def _hits(self, rows: list[Row | None], length: int, command: str, min_probability: float) -> tuple[int, list[Hit]]:
        """How many hits there are, and those that are wanted; more alignments than rows are hits as well."""
        hits = []
        number = 0
        while self.lines.next is not None and self.lines.next.strip(_BLANK) != "Done!":
            number += 1
            if number > _MOST_HITS:
                raise self.lines.broken(f"more than {_MOST_HITS:,} hits")
            hit = self._hit(number, rows[number - 1] if number <= len(rows) else None, length)
            if hit is not None and (hit.hsps[0].probability or 0.0) >= min_probability:
                hits.append(hit)
            self.lines.skip_blank()
        if number < alignments_due(f" {command}", rows):
            raise self.lines.broken(f"cut off: the alignment of hit {number + 1} is missing")
        if number == 0 and rows:
            what = f"its {len(rows)} hits have no alignments"
            raise self.lines.broken(what, "hhsearch was run with -B 0: search again with -B not below -Z")
        if number < len(rows):
            self.left_out.append(f"hits {number + 1} to {len(rows)}: hhsearch was run with -B or -b below -Z")
        found = max(number, len(rows))
        if not hits and 1 < found == len(self.left_out):
            raise self.lines.broken(f"none of its {found} hits can be used: {self.left_out[0]}")
        return found, hits

    def _hit(self, number: int, row: Row | None, length: int) -> Hit | None:
        """The hit of an alignment, None for one that HH-suite printed without sense."""
        lines = self.lines
        if (lines.next or "").strip(_BLANK) != f"No {number}":
            raise lines.broken(f"cut off: the alignment of hit {number} is missing")
        lines.advance()
        title = (lines.advance() or "").strip(_BLANK)
        values = dict(word.partition("=")[::2] for word in (lines.next or "").split(" "))
        if not title.startswith(">") or "Probab" not in values:
            raise lines.broken(f"cut off: the alignment of hit {number} is missing")
        name = title[1:]
        lines.advance()
        pieces = self._pieces()
        fault = row.fault(length) if row is not None else None
        if not any(pieces.values()):
            fault = self._without_lines(number, row, values)
        hsp_values = {key: self._float(values.get(key, "").removesuffix("%")) for key in _HSP_BOUNDS}
        for key, (least, most) in _HSP_BOUNDS.items():
            if not least <= hsp_values[key] <= most:
                fault = fault or f"{key} is {values.get(key, '')!r:.20}"
        target = domain_id(_utf8(name))
        if fault is None and not target:
            fault = "its template has no name"
        if fault is not None:
            self.left_out.append(f"hit {number} ({_utf8(name)[:40]}): {fault}")
            return None
        pairs = self._whole(values, "Aligned_cols", least=1)
        if row is not None:
            self._agrees_with(row, name, hsp_values, pairs)
        return self._aligned(number, row, pieces, pairs, target, hsp_values, length)

    def _without_lines(self, number: int, row: Row | None, values: dict[str, str]) -> str:
        columns = values.get("Aligned_cols", "")
        at_end = self.lines.next is None
        if (at_end and columns not in ("0", "1")) or (row is not None and row.pairs > 1):
            raise self.lines.broken(f"cut off: the alignment of hit {number} has no lines")
        return f"an alignment of {columns[:10] or 'no'} columns without lines"

    def _agrees_with(self, row: Row, name: str, values: dict[str, float], pairs: int) -> None:
        self._agree(name.startswith(row.name), row.number, "name")
        self._agree(abs(values["Probab"] - row.probability) <= 0.051, row.number, "probability")
        # the table has room for one digit only of the smallest: 2E-115 may be 1.5e-115
        close = math.isclose(values["E-value"], row.evalue, rel_tol=0.35, abs_tol=1e-300)
        self._agree(close, row.number, "E-value")
        self._agree(abs(values["Score"] - row.score) <= 1.01 * row.score_step, row.number, "score")
        self._agree(pairs == row.pairs, row.number, "number of aligned columns")

    def _aligned(
        self,
        number: int,
        row: Row | None,
        pieces: dict[str, dict[str, list[re.Match[str]]]],
        pairs: int,
        target: str,
        values: dict[str, float],
        length: int,
    ) -> Hit:
        target_parts = self._parts(pieces["T"], number)
        query_parts = self._parts(pieces["Q"], number)
        target_length = row.target_length if row is not None else int(target_parts[0][6])
        query_line = self._side(query_parts, number, row.query if row is not None else None, length)
        target_line = self._side(target_parts, number, row.target if row is not None else None, target_length)
        self._agree(len(query_line) == len(target_line), number, "length of both lines")
        segments = ungapped_segments(query_line, target_line, int(query_parts[0][3]), int(target_parts[0][3]))
        counted = sum(s.query_end - s.query_start + 1 for s in segments)
        self._agree(counted == pairs, number, "number of aligned pairs")
        self._check_sequence(pieces["Q"])
        hsp = Hsp(
            segments,
            evalue=values["E-value"],
            identity=values["Identities"] / 100,
            probability=values["Probab"],
            score=values["Score"],
        )
        return Hit(EvidenceType.HHSEARCH, target, target_length, (hsp,))

    def _check_sequence(self, named: dict[str, list[re.Match[str]]]) -> None:
        """The query's letters are those of the sequence the output should be of."""
        name = next((name for name in named if name not in _STRUCTURE), None)
        if not self.sequence or name is None:
            return
        for part in named[name]:
            if not same_letters(part[4], int(part[3]), self.sequence):
                what = f"it is the output of another sequence: residues {part[3]} to {part[5]} are {part[4][:60]}"
                raise self.lines.broken(what, "search again")

    def _pieces(self) -> dict[str, dict[str, list[re.Match[str]]]]:
        """Lines of both sides by name, in blocks of 80 columns, gaps included."""
        pieces: dict[str, dict[str, list[re.Match[str]]]] = {"Q": {}, "T": {}}
        for line in self._block_lines():
            match = _LINE.fullmatch(line)
            if match is not None:
                pieces[match[1]].setdefault(match[2], []).append(match)
        return pieces

    def _block_lines(self) -> Iterator[str]:
        count = 0
        while (line := self.lines.next) is not None and not line.startswith(("No ", "Done!")):
            count += 1
            if count > _MOST_LINES:
                raise self.lines.broken(f"an alignment of more than {_MOST_LINES:,} lines")
            yield line
            self.lines.advance()

    def _parts(self, named: dict[str, list[re.Match[str]]], number: int) -> list[re.Match[str]]:
        """One side's lines: the consensus has a letter in every match column; without it, the first sequence."""
        if not named:
            raise self.lines.broken(f"cut off: the alignment of hit {number} has no lines")
        return named.get(_CONSENSUS) or next(iter(named.values()))

    def _side(self, parts: list[re.Match[str]], number: int, ends: tuple[int, int] | None, length: int) -> str:
        """One side's line put together; its numbers run on, from end to end of what the table says."""
        due = ends[0] if ends else int(parts[0][3])
        for part in parts:
            start, end, count = int(part[3]), int(part[5]), residues(part[4])
            # a block in which this side has only gaps repeats a neighbouring number
            self._agree(count == 0 or (start == due and end == due + count - 1), number, "numbering")
            self._agree(int(part[6]) == length, number, "length")
            due += count
        self._agree(due - 1 <= length if ends is None else due - 1 == ends[1], number, "range")
        return "".join(part[4] for part in parts)

    def _agree(self, agrees: bool, number: int, what: str) -> None:
        if not agrees:
            raise self.lines.broken(f"hit {number}: table and alignment disagree about the {what}")

    def _whole(self, values: dict[str, str], name: str, *, least: int) -> int:
        text = values.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) <= 15) or int(text) < least:
            raise self.lines.broken(f"{name} is {text!r:.40}, not a whole number of {least} or more")
        return int(text)

    @staticmethod
    def _float(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            return math.nan
        return value if math.isfinite(value) else math.nan


_HSP_BOUNDS = {
    "Probab": (0.0, 100.0),
    "E-value": (0.0, math.inf),
    "Score": (-math.inf, math.inf),
    "Identities": (0.0, 100.0),
}


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")
