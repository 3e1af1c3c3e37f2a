"""What both parsers share: the report of one query, and gapped alignment lines turned into ungapped segments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyecod.errors import BrokenOutputError
from pyecod.search.hit import EvidenceType, Hit, Query, SearchResult, Segment

_GAPS = re.compile(r"[-.]+")
_AMBIGUOUS = frozenset("XBZJUO*")


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a program printed for one query, validated.

    ``query`` is its name there, ``query_length`` its residues; ``found`` counts the hits printed, ``hits`` are
    those within the threshold. ``version`` and ``database`` are None where the output does not name them. The
    profile's depth (sequences) and effective number of sequences are HHsearch's. ``left_out`` names the hits that
    ``found`` counts and that cannot be used, with the reason. ``iteration`` is psiblast's.
    """

    query: str
    query_length: int
    type: EvidenceType
    found: int
    hits: tuple[Hit, ...]
    program: str
    version: str | None = None
    database: str | None = None
    profile_depth: int | None = None
    profile_neff: float | None = None
    left_out: tuple[str, ...] = ()
    iteration: int = 1

    def result(self, query: Query, *, database_id: str = "", version: str = "", seconds: float = 0.0) -> SearchResult:
        """The report as the result for a sequence.

        Raises:
            BrokenOutputError: the output is for a query of another length.
        """
        if self.query_length != query.length:
            raise BrokenOutputError(
                f"{self.program} output is for a query of {self.query_length} residues, not {query.length}",
                where=f"query {self.query}",
                hint="search again",
            )
        return SearchResult(
            type=self.type,
            query=query,
            hits=self.hits,
            found=self.found,
            program=self.program,
            program_version=version or self.version or "",
            database_id=database_id,
            seconds=seconds,
            profile_depth=self.profile_depth,
            profile_neff=self.profile_neff,
        )


def ungapped_segments(query: str, target: str, query_start: int, target_start: int) -> tuple[Segment, ...]:
    """Segments of an alignment given as two lines of the same length with gaps as ``-`` or ``.``.

    The starts are the numbers of the first residue on each line, 1-based.

    >>> for segment in ungapped_segments("ABC-DE", "ABCX-E", 10, 1):
    ...     print(segment.query_start, segment.query_end, segment.target_start, segment.target_end)
    10 12 1 3
    14 14 5 5
    """
    gaps = [match.span() for line in (query, target) for match in _GAPS.finditer(line)]
    gaps.sort()
    gaps.append((len(query), len(query)))
    segments = []
    column, q, t = 0, query_start, target_start
    for start, end in gaps:
        if start > column:
            size = start - column
            segments.append(Segment(q, q + size - 1, t, t + size - 1))
            column, q, t = start, q + size, t + size
        if end > column:
            q += residues(query[column:end])
            t += residues(target[column:end])
            column = end
    return tuple(segments)


def residues(line: str) -> int:
    """Letters of an alignment line that are not gaps."""
    return len(line) - line.count("-") - line.count(".")


def same_letters(line: str, start: int, sequence: str) -> bool:
    """Whether an alignment line, gaps included, has the residues of ``sequence`` from ``start`` (1-based).

    Where either side has an ambiguous or rare letter, which programs write as X or as a relative, they agree.
    """
    letters = _GAPS.sub("", line).upper()
    expected = sequence[start - 1 : start - 1 + len(letters)]
    if letters == expected:
        return True
    if start < 1 or len(letters) != len(expected):
        return False
    return all(a == b or a in _AMBIGUOUS or b in _AMBIGUOUS for a, b in zip(letters, expected, strict=True))
