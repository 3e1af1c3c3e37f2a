"""Alignment segments as text: ``10-200,350-450`` on the query side, the target side in the same order.

Unlike a :class:`~pyecod.ranges.ResidueRange` the segments keep their order and may touch or overlap.
"""

from __future__ import annotations

import re
from itertools import pairwise

from pyecod.search.hit import Segment
from pyecod.xmldoc import Element, XmlDocument

_PART = re.compile(r"(?:[A-Za-z0-9.]+:)?([0-9]{1,9})(?:-([0-9]{1,9}))?")

Pair = tuple[int, int]


def parse_pairs(document: XmlDocument, element: Element, name: str, text: str, length: int | None) -> list[Pair]:
    """(start, end) of each segment in the order of the text, 1-based inclusive; ``0-0`` stands for unknown.

    Raises:
        BrokenInputError: not a range, or one that leaves 1 to ``length`` residues.
    """
    pairs = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise document.broken(element, f"{name}={text[:80]!r} is not a residue range", "expected 10-110,150-200")
        start = int(match[1])
        end = int(match[2]) if match[2] else start
        if (start, end) != (0, 0) and not 1 <= start <= end:
            raise document.broken(element, f"{name}: segment {part.strip()!r} does not run upwards from 1 or more")
        if length is not None and end > length:
            raise document.broken(element, f"{name}={text[:80]!r} leaves the sequence of {length} residues")
        pairs.append((start, end))
    return pairs


def join_segments(
    document: XmlDocument, element: Element, query: list[Pair], target: list[Pair]
) -> tuple[Segment, ...]:
    """Segments of one HSP from both sides; without a target side its positions are 0 (unknown).

    Raises:
        BrokenInputError: the sides have different numbers of segments, or a query side is unknown.
    """
    if not target:
        target = [(0, 0)] * len(query)
    if len(query) != len(target):
        raise document.broken(
            element, f"query_range has {len(query)} segments and target_range {len(target)}", "they pair up in order"
        )
    if (0, 0) in query:
        raise document.broken(element, "query_range has a segment without residues")
    return tuple(Segment(a, b, c, d) for (a, b), (c, d) in zip(query, target, strict=True))


def check_upwards(document: XmlDocument, element: Element, segments: tuple[Segment, ...]) -> None:
    """Refuse an HSP whose segments do not follow each other on both sides.

    Raises:
        BrokenInputError: they do not.
    """
    for before, after in pairwise(segments):
        if after.query_start <= before.query_end or (after.target_start and after.target_start <= before.target_end):
            raise document.broken(element, "the segments of an HSP do not run upwards")


def apportion(query: list[Pair], target: list[Pair]) -> list[Pair]:
    """Target side for ``query`` segments where the file cuts the two sides differently.

    Only the outer ends of the target are trusted; each query segment gets the share of them that its place
    among the aligned query residues has.
    """
    first, last = min(start for start, _ in target), max(end for _, end in target)
    total = sum(end - start + 1 for start, end in query)
    shares, before = [], 0
    for start, end in query:
        after = before + end - start + 1
        begin = first + before * (last - first + 1) // total
        shares.append((begin, max(begin, first + after * (last - first + 1) // total - 1)))
        before = after
    return shares


def format_query(segments: tuple[Segment, ...]) -> str:
    """``10-200,350-450``."""
    return ",".join([f"{s.query_start}-{s.query_end}" for s in segments])


def format_target(segments: tuple[Segment, ...]) -> str | None:
    """The target side in the same order, None where it is unknown altogether."""
    if not any(s.target_start for s in segments):
        return None
    return ",".join([f"{s.target_start}-{s.target_end}" for s in segments])
