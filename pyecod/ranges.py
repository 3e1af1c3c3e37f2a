"""Residue ranges: 1-based, inclusive, ``10-110,150-200``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyecod.errors import RangeError

_SEGMENT = re.compile(r"(?:[A-Za-z0-9.-]+:)?([0-9]{1,9})(?:-([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class ResidueRange:
    """A set of residues of one chain as sorted, disjoint, non-adjacent segments.

    Numbering is SEQRES (label_seq_id): 1-based, both ends included. Equal sets are equal objects.

    >>> r = ResidueRange.parse("10-110,150-200")
    >>> len(r), r.is_discontinuous, str(r.clip(1, 160))
    (152, True, '10-110,150-160')
    """

    segments: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ResidueRange:
        """Read ``10-110,150-200``; a chain prefix (``A:10-110``) and single residues (``7``) are accepted.

        Raises:
            RangeError: not a range, a residue below 1, or a start after its end.
        """
        segments = []
        for part in text.strip().split(","):
            match = _SEGMENT.fullmatch(part.strip())
            if match is None:
                raise RangeError(f"{text[:80]!r} is not a residue range", hint="expected 10-110,150-200")
            start = int(match[1])
            end = int(match[2]) if match[2] else start
            if start < 1 or end < start:
                raise RangeError(f"segment {part.strip()!r} does not run upwards from 1 or more")
            segments.append((start, end))
        return cls.of(segments)

    @classmethod
    def of(cls, segments: Iterable[tuple[int, int]]) -> ResidueRange:
        """Union of segments in any order; overlapping and adjacent ones are joined, empty ones dropped."""
        joined: list[tuple[int, int]] = []
        for start, end in sorted(segments):
            if end < start:
                continue
            if joined and start <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> ResidueRange:
        """Range of the True positions of a mask; index 0 is residue 1."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
        return cls(tuple((int(a) + 1, int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)))

    def mask(self, length: int) -> NDArray[np.bool_]:
        """Boolean array of shape ``(length,)``; residues beyond ``length`` are left out."""
        mask = np.zeros(length, dtype=bool)
        for start, end in self.segments:
            mask[start - 1 : end] = True
        return mask

    def __str__(self) -> str:
        return ",".join(f"{a}-{b}" for a, b in self.segments)

    def __len__(self) -> int:
        return sum(b - a + 1 for a, b in self.segments)

    def __bool__(self) -> bool:
        return bool(self.segments)

    def __iter__(self) -> Iterator[int]:
        for a, b in self.segments:
            yield from range(a, b + 1)

    def __contains__(self, residue: int) -> bool:
        return any(a <= residue <= b for a, b in self.segments)

    @property
    def start(self) -> int:
        """First residue."""
        return self.segments[0][0]

    @property
    def end(self) -> int:
        """Last residue."""
        return self.segments[-1][1]

    @property
    def is_discontinuous(self) -> bool:
        """More than one segment."""
        return len(self.segments) > 1

    def union(self, *others: ResidueRange) -> ResidueRange:
        """Residues in any of the ranges."""
        return ResidueRange.of(s for r in (self, *others) for s in r.segments)

    def intersection(self, other: ResidueRange) -> ResidueRange:
        """Residues in both ranges."""
        return ResidueRange.of(
            (max(a, c), min(b, d)) for a, b in self.segments for c, d in other.segments if c <= b and a <= d
        )

    def difference(self, other: ResidueRange) -> ResidueRange:
        """Residues of this range that are not in the other."""
        left = list(self.segments)
        for c, d in other.segments:
            left = [
                piece for a, b in left for piece in ((a, min(b, c - 1)), (max(a, d + 1), b)) if piece[0] <= piece[1]
            ]
        return ResidueRange.of(left)

    def clip(self, start: int, end: int) -> ResidueRange:
        """Residues between ``start`` and ``end``, both included."""
        return ResidueRange.of((max(a, start), min(b, end)) for a, b in self.segments)

    def close_gaps(self, largest: int) -> ResidueRange:
        """Join segments that are at most ``largest`` residues apart."""
        joined: list[tuple[int, int]] = []
        for a, b in self.segments:
            if joined and a - joined[-1][1] - 1 <= largest:
                joined[-1] = (joined[-1][0], b)
            else:
                joined.append((a, b))
        return ResidueRange(tuple(joined))

    def overlap(self, other: ResidueRange) -> int:
        """Number of residues in both ranges."""
        return sum(max(0, min(b, d) - max(a, c) + 1) for a, b in self.segments for c, d in other.segments)

    def iou(self, other: ResidueRange) -> float:
        """Intersection over union in residues, 0 to 1; two empty ranges give 0."""
        shared = self.overlap(other)
        total = len(self) + len(other) - shared
        return shared / total if total else 0.0

    def coverage(self, length: int) -> float:
        """Share of a chain of ``length`` residues inside this range, 0 to 1."""
        return len(self.clip(1, length)) / length if length > 0 else 0.0
