"""Which HSPs of one subject are one domain: collinear ones, and the two halves of a circular permutation.

All subjects are treated at once, because a chain has thousands of them: those with equally many HSPs are the rows of
arrays whose columns are the HSPs, strongest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pyecod.partition.strength import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_REDUNDANT = 0.5  # share of an HSP's query residues that better HSPs of its subject have explained already
_SHORTER = 0.5  # share of the shorter HSP that an overlap may take
_WHOLE = 0.8  # share of the subject that two HSPs in exchanged order must cover to be one permuted domain
_CELLS = 2_000_000  # largest number of HSP pairs held in memory at a time
_FAR = np.iinfo(np.int64).max


def join_hsps(
    subject: Ints, ends: Ints, evidence: Floats, length: Ints, tolerance: int, detail: Callable[[int], bytes]
) -> tuple[Ints, Ints]:
    """Group of each HSP, and the query residues it keeps.

    ``ends`` (shape: HSPs × 4) are first and last residue of query and target, 1-based; target 0 where unknown.
    ``length`` is that of each HSP's subject, 0 where a permuted order is not one domain (a chain). ``detail`` tells
    HSPs apart whose ends and evidence are the same, so that no result depends on the order of the input.

    A group is one placement of the subject and is named by the index of its strongest HSP; redundant HSPs are in
    none (-1). HSPs that repeat the same subject residues are different placements: tandem repeats are several domains.
    Joined HSPs may overlap by ``tolerance`` residues on either side; the weaker one is trimmed, and the array of
    shape HSPs × 2 says to which first and last query residue.
    """
    group = np.arange(len(subject))
    for members in _tables(_ranked(subject, ends, evidence, detail), subject):
        leader = _leaders(ends[members], length[members[:, 0]], tolerance)
        group[members] = np.where(leader >= 0, np.take_along_axis(members, np.maximum(leader, 0), 1), -1)
    return group, _trimmed(group, ends, evidence)


def _ranked(subject: Ints, ends: Ints, evidence: Floats, detail: Callable[[int], bytes]) -> Ints:
    """HSPs by subject, strongest first, then by place."""
    keys = (ends[:, 3], ends[:, 2], ends[:, 1], ends[:, 0], -evidence, subject)
    order: Ints = np.lexsort(keys)
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        same &= key[order[1:]] == key[order[:-1]]
    tied = np.flatnonzero(same)
    for run in np.split(tied, np.flatnonzero(np.diff(tied) > 1) + 1) if len(tied) else ():
        span = slice(int(run[0]), int(run[-1]) + 2)
        order[span] = sorted(order[span].tolist(), key=detail)
    return order


def _tables(order: Ints, subject: Ints) -> Iterator[Ints]:
    """The subjects with several HSPs, as arrays subjects × HSPs of those with equally many."""
    cuts = np.flatnonzero(np.diff(subject[order], prepend=-1))
    counts = np.diff(cuts, append=len(order))
    for count in np.unique(counts[counts > 1]).tolist():
        members = order[cuts[counts == count][:, None] + np.arange(count)]
        rows = max(1, _CELLS // count**2)
        for start in range(0, len(members), rows):
            yield members[start : start + rows]


def _leaders(ends: Ints, length: Ints, tolerance: int) -> Ints:
    """Column of each HSP's group leader, -1 for redundant ones; ``ends`` has the shape subjects × HSPs × 4."""
    shared, collinear, permuted, stretch = _pairs(ends, length, tolerance)
    size = ends[:, :, 1] - ends[:, :, 0] + 1
    leader = np.full(ends.shape[:2], -1)
    leader[:, 0] = 0
    row = np.arange(len(ends))
    for new in range(1, ends.shape[1]):
        known = leader[:, :new]
        explained = (shared[:, new, :new] * (known >= 0)).sum(axis=1) > _REDUNDANT * size[:, new]
        alone = np.bincount((row[:, None] * new + known)[known >= 0], minlength=len(row) * new).reshape(-1, new) == 1
        cost = np.where(known == np.arange(new), _FAR - 1, _FAR)
        for old in range(new):
            place = np.maximum(known[:, old], 0)
            member = known[:, old] >= 0
            fits = collinear[:, new, old] | (permuted[:, new, old] & alone[row, place])
            now = np.where(fits, np.minimum(cost[row, place], stretch[:, new, old]), _FAR)
            # one misfit spoils the group for good: _FAR + 0 stays the largest whatever follows
            blocked = cost[row, place] == _FAR
            cost[row, place] = np.where(member, np.where(blocked, _FAR, now), cost[row, place])
        nearest = cost.argmin(axis=1)
        joins = cost[row, nearest] < _FAR
        leader[:, new] = np.where(explained, -1, np.where(joins, nearest, new))
    return leader


def _pairs(ends: Ints, length: Ints, tolerance: int) -> tuple[Ints, Bools, Bools, Ints]:
    """Of every two HSPs of a subject: query residues shared, whether they are collinear or permuted parts of one
    domain, and how differently far apart they are on the two sides."""
    one, other = ends[:, :, None, :], ends[:, None, :, :]
    overlap = np.minimum(one[..., 1::2], other[..., 1::2]) - np.maximum(one[..., ::2], other[..., ::2]) + 1
    shortest = np.minimum(one[..., 1] - one[..., 0], other[..., 1] - other[..., 0]) + 1
    allowed = np.minimum(tolerance, _SHORTER * shortest)
    apart = (overlap <= allowed[..., None]).all(axis=-1) & (one[..., 2] > 0) & (other[..., 2] > 0)
    in_order = ((one[..., :2] < other[..., :2]) == (one[..., 2:] < other[..., 2:])).all(axis=-1)
    covered = one[..., 3] - one[..., 2] + other[..., 3] - other[..., 2] + 2
    whole = (length[:, None, None] > 0) & (covered >= _WHOLE * length[:, None, None])
    stretch = np.abs((one[..., 0] - other[..., 0]) - (one[..., 2] - other[..., 2]))
    return np.maximum(overlap[..., 0], 0), apart & in_order, apart & ~in_order & whole, stretch


def _trimmed(group: Ints, ends: Ints, evidence: Floats) -> Ints:
    """First and last query residue of each HSP, where the weaker of two neighbours in a group gives way."""
    window = ends[:, :2].copy()
    order = np.lexsort((ends[:, 1], ends[:, 0], group))
    left, right = order[:-1], order[1:]
    together = (group[left] == group[right]) & (group[left] >= 0)
    left, right = left[together], right[together]
    extra = ends[left, 1] - ends[right, 0] + 1
    upwards = ends[left, 2] < ends[right, 2]
    extra = np.where(upwards, np.maximum(extra, ends[left, 3] - ends[right, 2] + 1), extra)
    extra = np.maximum(extra, 0)
    left_gives = evidence[left] < evidence[right]
    window[left, 1] -= np.where(left_gives, extra, 0)
    window[right, 0] += np.where(left_gives, 0, extra)
    return window
