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
_LONGEST = 1 << 24  # beyond the length of any protein
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
    window = ends[:, :2].copy()
    several = np.flatnonzero(np.bincount(subject)[subject] > 1) if len(subject) else group
    if len(several):
        for members in _tables(
            several[_ranked(subject[several], ends[several], evidence[several], detail, several)], subject
        ):
            leader = _leaders(ends[members], length[members[:, 0]], tolerance)
            group[members] = np.where(leader >= 0, np.take_along_axis(members, np.maximum(leader, 0), 1), -1)
        _trim(window, several, group, ends, evidence)
    return group, window


def _ranked(subject: Ints, ends: Ints, evidence: Floats, detail: Callable[[int], bytes], names: Ints) -> Ints:
    """HSPs by subject, strongest first, then by place."""
    query, target = ends[:, 0] * _LONGEST + ends[:, 1], ends[:, 2] * _LONGEST + ends[:, 3]
    keys = (target, query, -evidence, subject)
    order: Ints = np.lexsort(keys)
    same = np.ones(len(order) - 1, dtype=bool)
    for key in keys:
        same &= key[order[1:]] == key[order[:-1]]
    tied = np.flatnonzero(same)
    for run in np.split(tied, np.flatnonzero(np.diff(tied) > 1) + 1) if len(tied) else ():
        span = slice(int(run[0]), int(run[-1]) + 2)
        order[span] = sorted(order[span].tolist(), key=lambda place: detail(int(names[place])))
    return order


def _tables(order: Ints, subject: Ints) -> Iterator[Ints]:
    """The subjects as arrays subjects × HSPs of those with equally many HSPs."""
    cuts = np.flatnonzero(np.diff(subject[order], prepend=-1))
    counts = np.diff(cuts, append=len(order))
    for count in sorted(set(counts.tolist())):
        yield order[cuts[counts == count][:, None] + np.arange(count)]


def _leaders(ends: Ints, length: Ints, tolerance: int) -> Ints:
    """Column of each HSP's group leader, -1 for redundant ones; ``ends`` has the shape subjects × HSPs × 4."""
    leader = np.full(ends.shape[:2], -1)
    leader[:, 0] = 0
    row = np.arange(len(ends))
    for new in range(1, ends.shape[1]):
        known = leader[:, :new]
        shared, collinear, permuted, stretch = _relation(ends[:, new : new + 1], ends[:, :new], length, tolerance)
        size = ends[:, new, 1] - ends[:, new, 0] + 1
        explained = (shared * (known >= 0)).sum(axis=1) > _REDUNDANT * size
        members = (known[:, :, None] == np.arange(new)).sum(axis=1)
        cost = np.where(members > 0, _FAR - 1, _FAR)  # per group; _FAR: none, or one of its members does not fit
        for old in range(new):
            place = np.maximum(known[:, old], 0)
            fits = collinear[:, old] | (permuted[:, old] & (members[row, place] == 1))
            before = cost[row, place]
            after = np.where(fits & (before < _FAR), np.minimum(before, stretch[:, old]), _FAR)
            cost[row, place] = np.where(known[:, old] >= 0, after, before)
        nearest = cost.argmin(axis=1)
        joins = cost[row, nearest] < _FAR
        leader[:, new] = np.where(explained, -1, np.where(joins, nearest, new))
    return leader


def _relation(new: Ints, old: Ints, length: Ints, tolerance: int) -> tuple[Ints, Bools, Bools, Ints]:
    """Of an HSP and each stronger one: query residues shared, whether they are collinear or permuted parts of one
    domain, and how differently far apart they are on the two sides."""
    overlap = np.minimum(new[..., 1::2], old[..., 1::2]) - np.maximum(new[..., ::2], old[..., ::2]) + 1
    shortest = np.minimum(new[..., 1] - new[..., 0], old[..., 1] - old[..., 0]) + 1
    allowed = np.minimum(tolerance, _SHORTER * shortest)
    apart = (overlap[..., 0] <= allowed) & (overlap[..., 1] <= allowed) & (new[..., 2] > 0) & (old[..., 2] > 0)
    before = new < old
    in_order = (before[..., 0] == before[..., 2]) & (before[..., 1] == before[..., 3])
    covered = new[..., 3] - new[..., 2] + old[..., 3] - old[..., 2] + 2
    whole = (length[:, None] > 0) & (covered >= _WHOLE * length[:, None])
    stretch = np.abs((new[..., 0] - old[..., 0]) - (new[..., 2] - old[..., 2]))
    return np.maximum(overlap[..., 0], 0), apart & in_order, apart & ~in_order & whole, stretch


def _trim(window: Ints, several: Ints, group: Ints, ends: Ints, evidence: Floats) -> None:
    """Narrow the windows of HSPs that overlap their neighbour in a group: the weaker of the two gives way."""
    several = several[group[several] >= 0]
    order = several[np.argsort(group[several] * _LONGEST + ends[several, 0], kind="stable")]
    left, right = order[:-1], order[1:]
    together = group[left] == group[right]
    left, right = left[together], right[together]
    extra = ends[left, 1] - ends[right, 0] + 1
    upwards = ends[left, 2] < ends[right, 2]
    extra = np.where(upwards, np.maximum(extra, ends[left, 3] - ends[right, 2] + 1), extra)
    extra = np.maximum(extra, 0)
    left_gives = evidence[left] < evidence[right]
    window[left, 1] -= np.where(left_gives, extra, 0)
    window[right, 0] += np.where(left_gives, 0, extra)
