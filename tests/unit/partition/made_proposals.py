"""Proposals made by hand, and what becomes of them."""

import numpy as np

from pyecod.partition.boundaries import Extents, assign_residues
from pyecod.partition.consensus import Proposal
from pyecod.partition.labels import FREE
from pyecod.ranges import ResidueRange
from pyecod.settings import PartitionSettings

LENGTH = 200


def proposal(
    *segments: tuple[int, int],
    start: int = 0,
    end: int = 0,
    lacks_before: int = 0,
    lacks_behind: int = 0,
    votes: float = 1.0,
    confidence: float = 0.9,
    h: int = 0,
) -> Proposal:
    core = np.zeros(LENGTH, dtype=bool)
    for first, last in segments:
        core[first - 1 : last] = True
    none = np.zeros(1)
    return Proposal(
        number=0, h=h, members=np.zeros(1, np.int64), voices=none, trust=none, votes=core * votes, core=core,
        size=int(core.sum()), start=start or segments[0][0], end=end or segments[-1][1],
        whole_start=segments[0][0] - lacks_before, whole_end=segments[-1][1] + lacks_behind,
        evidence=20.0, by_sequence=20.0, confidence=confidence, completeness=1.0, weight=1.0,
    )  # fmt: skip


def mask(*spans: tuple[int, int]) -> np.ndarray:
    return ResidueRange.of(spans).mask(LENGTH)


def extents(
    *chosen: Proposal,
    losers: tuple[Proposal, ...] = (),
    closed: tuple[int, int] = (1, 0),
    flexible: tuple[int, int] = (1, 0),
    **options: int,
) -> Extents:
    settings = PartitionSettings(**options)
    found = assign_residues(chosen, losers, mask(closed), ~mask(flexible), settings)
    assert set(found.labels.tolist()) <= {FREE, *range(len(chosen))}
    return found
