"""The hit table of HHsearch's output, and what its command line says of the alignments after it.

The table is cut by bytes, not by letters: lines are text of one character per byte (Latin-1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_RANK = re.compile(r" *([0-9]{1,9}) ", re.ASCII)
_VALUES = re.compile(
    rf" *({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +([0-9]{{1,15}})"
    r" +([0-9]{1,15})-([0-9]{1,15}) +([0-9]{1,15})-([0-9]{1,15}) *\(([0-9]{1,15})\) *",
    re.ASCII,
)
_NAME_ENDS = 34  # rank and name together; where the rank is longer, the name is shorter
_NAME_WIDTH = 30
_OPTION = re.compile(r" -([EBZbzp]) +([-+0-9.eE]+)(?= |$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the hit table; ``score_step`` is the worth of the last digit its score is printed with."""

    number: int
    name: str
    probability: float
    evalue: float
    score: float
    score_step: float
    pairs: int
    query: tuple[int, int]
    target: tuple[int, int]
    target_length: int

    def fault(self, query_length: int) -> str | None:
        """Why the hit cannot be, None for one that can: HH-suite prints ends beyond the template, and empty ranges."""
        for side, (start, end), length in (
            ("query", self.query, query_length),
            ("template", self.target, self.target_length),
        ):
            if not 1 <= start <= end <= length:
                return f"{side} residues {start} to {end} of {length}"
        if not 0 <= self.probability <= 100 or not self.evalue >= 0:
            return f"probability {self.probability:g} and E-value {self.evalue:g}"
        return None


def rank_of(line: str) -> int | None:
    """The rank a line of the table begins with, None where it begins otherwise."""
    match = _RANK.match(line)
    return int(match[1]) if match else None


def parse_row(line: str) -> Row | None:
    """A line of the table, None where it cannot be read: its description may hold anything, so both ends are tried."""
    rank = _RANK.match(line)
    if rank is None:
        return None
    for end in (max(_NAME_ENDS, rank.end()), rank.end() + _NAME_WIDTH):
        match = _VALUES.fullmatch(line, end)
        if match is None:
            continue
        probability, evalue, _, score, _ = (_float(text) for text in match.groups()[:5])
        pairs, query_start, query_end, target_start, target_end, length = (int(text) for text in match.groups()[5:])
        if math.isnan(probability + evalue + score):
            return None
        decimals = len(match[4].partition("e")[0].partition(".")[2])
        return Row(
            int(rank[1]),
            line[rank.end() : end].rstrip(" "),
            probability,
            evalue,
            score,
            10.0**-decimals,
            pairs,
            (query_start, query_end),
            (target_start, target_end),
            length,
        )
    return None


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def alignments_due(command: str, rows: Sequence[Row | None]) -> int:
    """How many of the table's hits hhsearch prints alignments of under a command line's ``-B``, ``-b``, ``-p``, ``-E``.

    At most ``-B`` of them (500), and after the first ``-b`` (10) none from the first one that is less probable than
    ``-p`` (20) or worse than ``-E``.
    """
    options = {name: _float(value) for name, value in _OPTION.findall(command)}
    most, least = options.get("B", 500.0), options.get("b", 10.0)
    for number, row in enumerate(rows):
        if number >= most:
            return number
        if row is not None and number >= least:
            if row.probability < options.get("p", 20.0) - 0.051:
                return number
            if "E" in options and row.evalue > options["E"]:
                return number
    return len(rows)
