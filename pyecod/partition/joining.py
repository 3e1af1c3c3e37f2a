"""Which HSPs of one subject are one domain: collinear ones, and the two halves of a circular permutation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

_REDUNDANT = 0.5  # share of an HSP's query residues that better HSPs of its subject have explained already
_SHORTER = 0.5  # share of the shorter HSP that an overlap may take
_WHOLE = 0.8  # share of the subject that two HSPs in exchanged order must cover to be one permuted domain


@dataclass(frozen=True, slots=True)
class Box:
    """The outer ends of an HSP, 1-based inclusive; target 0-0 where unknown. ``index`` names it, ``detail`` is all
    else that tells it from another, so that their order never depends on that of the input."""

    query_start: int
    query_end: int
    target_start: int
    target_end: int
    evidence: float
    index: int = 0
    detail: bytes = b""

    @property
    def rank(self) -> tuple[float, int, int, int, int, bytes]:
        """Order of treatment: strongest first, then by place."""
        return (-self.evidence, self.query_start, self.query_end, self.target_start, self.target_end, self.detail)


def join_hsps(boxes: Sequence[Box], subject_length: int | None, tolerance: int) -> list[list[Box]]:
    """Groups of HSPs, each one placement of the subject, in query order; redundant HSPs are in none.

    HSPs that repeat the same subject residues are different placements (tandem repeats are several domains). Joined
    HSPs may overlap by ``tolerance`` residues on either side; the weaker one is trimmed. ``subject_length`` allows
    circular permutations; None (a chain) does not.
    """
    groups: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: b.rank):
        if _explained(box, groups):
            continue
        fitting = [group for group in groups if _fits(box, group, subject_length, tolerance)]
        if fitting:
            min(fitting, key=lambda group: _stretch(box, group)).append(box)
        else:
            groups.append([box])
    return [_trim(sorted(group, key=lambda b: (b.query_start, b.query_end))) for group in groups]


def _explained(box: Box, groups: list[list[Box]]) -> bool:
    shared = sum(_overlap(box.query_start, box.query_end, o.query_start, o.query_end) for g in groups for o in g)
    return shared > _REDUNDANT * (box.query_end - box.query_start + 1)


def _overlap(a: int, b: int, c: int, d: int) -> int:
    return max(0, min(b, d) - max(a, c) + 1)


def _fits(box: Box, group: list[Box], subject_length: int | None, tolerance: int) -> bool:
    if not box.target_start or not all(other.target_start for other in group):
        return False
    for other in group:
        shortest = min(box.query_end - box.query_start, other.query_end - other.query_start) + 1
        allowed = min(tolerance, _SHORTER * shortest)
        if _overlap(box.query_start, box.query_end, other.query_start, other.query_end) > allowed:
            return False
        if _overlap(box.target_start, box.target_end, other.target_start, other.target_end) > allowed:
            return False
    if all(_collinear(box, other) for other in group):
        return True
    return subject_length is not None and len(group) == 1 and _covered(box, group[0]) >= _WHOLE * subject_length


def _collinear(a: Box, b: Box) -> bool:
    return (a.query_start < b.query_start) == (a.target_start < b.target_start) and (a.query_end < b.query_end) == (
        a.target_end < b.target_end
    )


def _covered(a: Box, b: Box) -> int:
    return a.target_end - a.target_start + b.target_end - b.target_start + 2


def _stretch(box: Box, group: list[Box]) -> int:
    """How differently far apart the HSPs are on the two sides: the nearest copy of a repeat fits best."""
    return min(abs((box.query_start - o.query_start) - (box.target_start - o.target_start)) for o in group)


def _trim(group: list[Box]) -> list[Box]:
    for i in range(len(group) - 1):
        left, right = group[i], group[i + 1]
        extra = left.query_end - right.query_start + 1
        if left.target_start < right.target_start:
            extra = max(extra, left.target_end - right.target_start + 1)
        if extra <= 0:
            continue
        if left.evidence < right.evidence:
            group[i] = replace(left, query_end=left.query_end - extra, target_end=left.target_end - extra)
        else:
            group[i + 1] = replace(
                right, query_start=right.query_start + extra, target_start=right.target_start + extra
            )
    return group
