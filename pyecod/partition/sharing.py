"""Free residues: which of them belong to the domains beside them, and which to one interrupted by a nested domain.

One rule for all. A domain lacks the residues of its reference that nothing is aligned with. A free region goes to the
domains beside it when all of it but ``max_tail`` residues (at the chain's ends) or ``max_linker`` (between two domains)
is what they lack, and this rest is at most a third of what their evidence shows. Each gets what it lacks and half of
the rest. ECOD's own ranges leave as little over (docs/accuracy.md has what it is worth).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.consensus import Proposal
from pyecod.partition.labels import FREE, Run, is_first, is_last, runs_of
from pyecod.settings import PartitionSettings

_THIRD = 3  # of what its evidence shows; a larger rest is a small domain of its own as often as not
_LAST_PART = range(20, 71)  # residues of the inferred part of an interrupted domain; longer ones are often domains


def share_free(
    labels: Ints,
    chosen: Sequence[Proposal],
    closed: Bools,
    ordered: Bools,
    settings: PartitionSettings,
) -> frozenset[int]:
    """Give free residues away, in ``labels``; the proposals that got a part beyond a nested domain."""
    runs = runs_of(labels)
    inferred = set()
    for place, run in enumerate(runs):
        if run.label != FREE or len(runs) == 1:
            continue
        region = _open_part(run, closed, ordered)
        if not region.size:
            continue
        outer = _interrupted(labels, runs, place, region, chosen, settings)
        if outer == FREE:
            _share(labels, runs, place, region, chosen, settings)
        else:
            labels[region.start : region.end] = outer
            inferred.add(outer)
        _free_flexible_end(labels, run, region, ordered)
    return frozenset(inferred)


def _open_part(run: Run, closed: Bools, ordered: Bools) -> Run:
    """The part of a free run that can belong to a domain: what is closed towards an end of the chain is not; a run
    between two domains that is closed anywhere, and a part that is flexible everywhere, have none."""
    start, end = run.start, run.end
    shut = np.flatnonzero(closed[start:end]) + start
    if len(shut) and start == 0:
        start = int(shut[-1]) + 1
    elif len(shut):
        end = int(shut[0]) if end == len(closed) else start
    return Run(FREE, start, end if ordered[start:end].any() else start)


def _free_flexible_end(labels: Ints, run: Run, region: Run, ordered: Bools) -> None:
    """Take back what is flexible towards the end of the chain."""
    if run.start == 0:
        labels[: region.start + int(ordered[region.start : region.end].argmax())] = FREE
    elif run.end == len(labels):
        labels[region.end - int(ordered[region.start : region.end][::-1].argmax()) :] = FREE


def _lacks_before(labels: Ints, run: Run, chosen: Sequence[Proposal]) -> int:
    """Reference residues that the domain of a run lacks before it; none where it has another segment there."""
    missing = run.start + 1 - chosen[run.label].whole_start
    return max(missing, 0) if is_first(labels, run.label, run.start) else 0


def _lacks_behind(labels: Ints, run: Run, chosen: Sequence[Proposal]) -> int:
    missing = chosen[run.label].whole_end - run.end
    return max(missing, 0) if is_last(labels, run.label, run.end - 1) else 0


def _share(
    labels: Ints, runs: Sequence[Run], place: int, region: Run, chosen: Sequence[Proposal], settings: PartitionSettings
) -> None:
    """Give a region to the domains beside it where it is theirs."""
    left = runs[place - 1] if place else None
    right = runs[place + 1] if place + 1 < len(runs) else None
    behind = _lacks_behind(labels, left, chosen) if left else 0
    before = _lacks_before(labels, right, chosen) if right else 0
    rest = region.size - behind - before
    shown = sum(chosen[run.label].size for run in (left, right) if run)
    if left and right and left.label == right.label:
        return  # too large a hole
    if rest > (settings.max_linker if left and right else settings.max_tail) or rest * _THIRD > shown:
        return
    cut = min(max((region.size + behind - before + 1) // 2, 0), region.size) if left and right else 0
    cut += region.start if right else region.end
    if left:
        labels[region.start : cut] = left.label
    if right:
        labels[cut : region.end] = right.label


def _interrupted(
    labels: Ints, runs: Sequence[Run], place: int, region: Run, chosen: Sequence[Proposal], settings: PartitionSettings
) -> int:
    """The domain that goes on in a region beyond a nested domain, :data:`FREE` where there is none.

    It lacks at least a segment of its reference on this side, more than the nested domain does, and the rest of the
    region is no longer than a tail.
    """
    found, most = FREE, settings.min_segment_length - 1
    if region.size not in _LAST_PART:
        return FREE
    for step, lacks in ((-1, _lacks_behind), (1, _lacks_before)):
        across = list(runs[place + 1 : place + 4] if step > 0 else runs[max(place - 3, 0) : place][::-1])
        gap = across.pop(1).size if len(across) > 2 and across[1].label == FREE else 0
        if len(across) < 2 or across[1].label == FREE or gap > settings.max_linker:
            continue
        nested, outer = across[:2]
        if sum(run.label == nested.label for run in runs) > 1:
            continue
        lacking = lacks(labels, outer, chosen) - gap
        if lacking > max(most, lacks(labels, nested, chosen)) and region.size - lacking <= settings.max_tail:
            found, most = outer.label, lacking
    return found
