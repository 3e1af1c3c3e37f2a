"""The layout: the set of compatible proposals that explains the evidence best, found exactly.

Choosing proposals of the largest total weight, no two of which exclude each other, is a maximum-weight independent
set. Proposals along a chain exclude each other much as intervals do, so taking the one that ends first and asking
"with or without it?", remembering what is left, needs few states even with discontinuous and nested proposals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from pyecod.partition.consensus import Proposal, kinship
from pyecod.partition.strength import STRONGEST
from pyecod.settings import PartitionSettings

_BLAS = ThreadpoolController()

_DECISIVE = 0.5  # share of a rival's certainty at which a proposal has lost, however many residues it explains
_SURE_SEQUENCE = 10.0  # BLAST evidence (E = 1e-10) that profile hits alone cannot contradict: a profile may drift
_HALF_CERTAIN = 10.0  # evidence of half certainty (E = 1e-10): where confidence no longer tells, certainty still does
_SAME_REGION = 0.5  # shared residues / union from which two proposals contend for the classification of one region
_QUORUM = 3  # hits that make a consensus
_AUDIBLE = 0.5  # share of the best evidence below which a hit says nothing against it
_ALIKE = 0.6  # share of a long proposal's confidence that tandem domains need to replace it
_TANDEM_COVERAGE = 0.7  # share of a long proposal that whole domains of its own H-group must fill to replace it
_WHOLE_DOMAIN = 0.7  # completeness of a proposal that counts as a whole domain of its own


@dataclass(frozen=True, slots=True)
class Layout:
    """``chosen`` proposals in chain order; for each loser in ``beaten_by``, by its number, the winner that excludes it.

    ``gap`` bounds what a better layout could still gain (0: the layout is proven best), as a share of its weight.
    """

    chosen: tuple[Proposal, ...]
    beaten_by: dict[int, Proposal]
    gap: float = 0.0


def lay_out(proposals: Sequence[Proposal], settings: PartitionSettings) -> Layout:
    """The best set of compatible proposals; ties go to stronger evidence, then to the proposal further left."""
    able = [
        p
        for p in proposals
        if p.weight > 0 and p.confidence >= settings.min_confidence and p.size >= settings.min_domain_length
    ]
    able.sort(key=lambda p: (p.end, p.start, -p.weight, -p.evidence, p.h, p.number))
    if not able:
        return Layout((), {})
    shared = _shared(able)
    excluded = _exclusions(able, shared, settings)
    standing = _standing(able, shared, excluded, settings)
    chosen, gap = _best_set([able[i].weight for i in standing], excluded[np.ix_(standing, standing)], settings)
    winners = [standing[i] for i in chosen]
    beaten = {}
    for i, proposal in enumerate(able):
        rivals = [w for w in winners if excluded[i, w]]
        if i not in winners and rivals:
            beaten[proposal.number] = able[max(rivals, key=lambda w: (shared[i, w], able[w].weight))]
    return Layout(tuple(sorted((able[i] for i in winners), key=lambda p: (p.start, p.end))), beaten, gap)


def _shared(able: Sequence[Proposal]) -> NDArray[np.float32]:
    """Residues that each two proposals share."""
    cores = np.array([p.core for p in able], dtype=np.float32)
    with _BLAS.limit(limits=1, user_api="blas"):  # more threads spin for longer than the product takes
        shared: NDArray[np.float32] = cores @ cores.T
    return shared


def _exclusions(
    able: Sequence[Proposal], shared: NDArray[np.float32], settings: PartitionSettings
) -> NDArray[np.bool_]:
    """Which proposals cannot stand together: those that overlap by more than neighbours' alignments run over."""
    size = np.array([p.size for p in able], dtype=np.float32)
    excluded: NDArray[np.bool_] = shared > settings.overlap_tolerance * np.minimum(size[:, None], size[None, :])
    np.fill_diagonal(excluded, False)
    return excluded


def _standing(
    able: Sequence[Proposal], shared: NDArray[np.float32], excluded: NDArray[np.bool_], settings: PartitionSettings
) -> list[int]:
    """Proposals left when those are gone that a much stronger rival, or a tandem of their own kind, decides against."""
    alive = _consented(able, shared, excluded, settings.consensus)
    for i in sorted(range(len(able)), key=lambda i: (-_certainty(able[i]), i)):
        rivals = (excluded[i] & alive).nonzero()[0].tolist()
        if any(_decides(able[j], able[i]) for j in rivals):
            alive[i] = False
    for i in alive.nonzero()[0].tolist():
        inside = [
            j
            for j in (alive & excluded[i]).nonzero()[0].tolist()
            if able[j].h == able[i].h
            and able[j].completeness >= _WHOLE_DOMAIN
            and able[j].confidence >= _ALIKE * able[i].confidence
            and shared[i, j] >= 0.8 * able[j].size
        ]
        apart = _apart(inside, excluded)
        if len(apart) > 1 and sum(shared[i, j] for j in apart) >= _TANDEM_COVERAGE * able[i].size:
            alive[i] = False
    return alive.nonzero()[0].tolist()


def _consented(
    able: Sequence[Proposal], shared: NDArray[np.float32], excluded: NDArray[np.bool_], consensus: float
) -> NDArray[np.bool_]:
    """All but those whose hits are outvoted on the H-group of their region by hits just as close."""
    alive = np.ones(len(able), dtype=bool)
    for i, j in np.argwhere(np.triu(excluded)).tolist():
        same_region = shared[i, j] >= _SAME_REGION * (able[i].size + able[j].size - shared[i, j])
        if able[i].h != able[j].h and same_region:
            share = _share_of_votes(able[i], able[j])
            if share >= consensus and len(able[i].members) >= _QUORUM:
                alive[j] = False
            elif share <= 1 - consensus and len(able[j].members) >= _QUORUM:
                alive[i] = False
    return alive


def _share_of_votes(one: Proposal, other: Proposal) -> float:
    """Share of the first among the hits of both; those with less than half of the best evidence have no vote."""
    best = max(one.evidence, other.evidence)
    votes = [float((kinship(p.voices, best) * p.trust)[p.voices >= _AUDIBLE * best].sum()) for p in (one, other)]
    return votes[0] / sum(votes)


def _decides(strong: Proposal, weak: Proposal) -> bool:
    drifted = weak.by_sequence == 0 and strong.by_sequence >= _SURE_SEQUENCE and strong.h != weak.h
    return drifted or _certainty(weak) <= _DECISIVE * _certainty(strong)


def _certainty(proposal: Proposal) -> float:
    evidence = proposal.evidence
    return proposal.completeness * (1.0 if evidence >= STRONGEST else evidence / (evidence + _HALF_CERTAIN))


def _apart(candidates: Sequence[int], excluded: NDArray[np.bool_]) -> list[int]:
    """The first of the candidates in chain order that do not exclude each other."""
    apart: list[int] = []
    for j in candidates:
        if not any(excluded[j, k] for k in apart):
            apart.append(j)
    return apart


class _Exhausted(Exception):
    """More states than allowed."""


def _best_set(
    weights: Sequence[float], excluded: NDArray[np.bool_], settings: PartitionSettings
) -> tuple[list[int], float]:
    """Independent set of the largest weight, component by component, and the bound on what it may miss."""
    masks = [sum(1 << j for j in row.nonzero()[0].tolist()) for row in excluded]
    chosen: list[int] = []
    missed = 0.0
    for component in _components(masks):
        try:
            best = _exact(component, weights, masks, settings.max_layout_states)
        except _Exhausted:
            best = _greedy(component, weights, masks)
            missed += _bound(component, weights, masks) - sum(weights[i] for i in best)
        chosen += best
    total = sum(weights[i] for i in chosen)
    return sorted(chosen), missed / total if total > 0 else 0.0


def _components(masks: Sequence[int]) -> list[int]:
    left = (1 << len(masks)) - 1
    components = []
    while left:
        grown, seen = left & -left, 0
        while grown:
            i = (grown & -grown).bit_length() - 1
            seen |= 1 << i
            grown = (grown | masks[i]) & ~seen
        components.append(seen)
        left &= ~seen
    return components


def _exact(component: int, weights: Sequence[float], masks: Sequence[int], max_states: int) -> list[int]:
    known: dict[int, tuple[float, int]] = {0: (0.0, 0)}
    todo = [component]
    while todo:
        left = todo[-1]
        if left in known:
            todo.pop()
            continue
        lowest = left & -left
        i = lowest.bit_length() - 1
        with_it, without_it = left & ~lowest & ~masks[i], left & ~lowest
        missing = [state for state in ((without_it, with_it) if masks[i] & left else (with_it,)) if state not in known]
        if missing:
            todo += missing
            if len(known) + len(todo) > max_states:
                raise _Exhausted
            continue
        gain, members = known[with_it]
        best = (gain + weights[i], members | lowest)
        if masks[i] & left:
            other = known[without_it]
            best = max(best, other, key=lambda value: round(value[0], 6))
        known[left] = best
        todo.pop()
    members = known[component][1]
    return [i for i in range(len(weights)) if members >> i & 1]


def _greedy(component: int, weights: Sequence[float], masks: Sequence[int]) -> list[int]:
    chosen: list[int] = []
    for i in sorted((i for i in range(len(weights)) if component >> i & 1), key=lambda i: (-weights[i], i)):
        if not any(masks[i] >> j & 1 for j in chosen):
            chosen.append(i)
    return chosen


def _bound(component: int, weights: Sequence[float], masks: Sequence[int]) -> float:
    """No layout of the component weighs more: at most one of each clique of mutually exclusive proposals."""
    left, total = component, 0.0
    while left:
        i = max((i for i in range(len(weights)) if left >> i & 1), key=lambda i: weights[i])
        total += weights[i]
        clique, common = 1 << i, masks[i] & left
        while common:
            j = (common & -common).bit_length() - 1
            clique |= 1 << j
            common &= masks[j] & ~(1 << j)
        left &= ~clique
    return total
