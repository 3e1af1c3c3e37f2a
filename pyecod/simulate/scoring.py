"""How right partitions are: their domains held against a table of true ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.simulate.truth import TruthDomain

_SAME = 0.5  # share of the shorter one that a true and an assigned domain must have in common to be compared
_GOOD_IOU = 0.8


class AssignedDomain(Protocol):
    """What is scored: a range and a T-group (``2003.1.1``), as :class:`pyecod.partition.Domain` has them."""

    @property
    def range(self) -> ResidueRange:
        """Residues in SEQRES numbering."""

    @property
    def t_group(self) -> str:
        """T-group id."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores over a set of chains; shares are 0 to 1.

    ``exact_counts`` is the share of chains with the true number of domains. ``iou`` is the mean over true domains of
    the best intersection over union with an assigned one, 0 where there is none; ``iou_80`` the share with at least
    0.8. ``termini_10`` and ``termini_20``: share of true first and last residues at most 10 and 20 residues off, among
    true domains that share residues with an assigned one; ``termini_10_of_all`` among all true domains. ``t_right``,
    ``t_wrong``, ``t_none`` count labelled true domains by the T-group of the assigned domain they share most residues
    with (none: it shares less than half of the shorter); likewise ``h`` and ``x``. ``right`` counts labelled domains
    with the right H-group and an IoU of 0.8. ``discontinuous`` counts true domains of several segments,
    ``discontinuous_80`` those of them with an IoU of 0.8. ``overlaps`` counts chains in which two assigned domains
    share a residue. ``coverage`` is the mean share of residues assigned.
    """

    chains: int
    true_domains: int
    assigned_domains: int
    exact_counts: float
    iou: float
    iou_80: float
    termini_10: float
    termini_20: float
    termini_10_of_all: float
    labelled: int
    right: int
    t_right: int
    t_wrong: int
    t_none: int
    h_right: int
    h_wrong: int
    x_right: int
    x_wrong: int
    overlaps: int
    coverage: float
    discontinuous: int
    discontinuous_80: int

    def flat(self, prefix: str = "") -> dict[str, float | int]:
        """The scores by name, shares rounded to four digits."""
        return {f"{prefix}{k}": round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def score(
    assigned: Mapping[ChainKey, Sequence[AssignedDomain]], truth: Iterable[TruthDomain], *, findable: bool = False
) -> Scores:
    """Scores of the domains ``assigned`` to each chain of ``truth``; a chain that is missing has none.

    With ``findable`` true domains that nothing in the reference is related to (kind ``novel``) are left out, as are
    chains with no other.
    """
    chains: dict[ChainKey, list[TruthDomain]] = {}
    for domain in truth:
        if not (findable and domain.kind == "novel"):
            chains.setdefault(domain.chain, []).append(domain)
    tally: Counter[str] = Counter()
    iou = coverage = 0.0
    for key, true in chains.items():
        found = assigned.get(key, ())
        tally["assigned"] += len(found)
        tally["exact"] += len(found) == len(true)
        residues = sum(len(d.range) for d in found)
        union = ResidueRange.of(s for d in found for s in d.range.segments)
        tally["overlaps"] += residues != len(union)
        coverage += union.coverage(true[0].length)
        for domain in true:
            iou += _compare(domain, found, tally)
    count, true_count = max(len(chains), 1), max(sum(map(len, chains.values())), 1)
    met = max(tally["met"], 1)
    return Scores(
        chains=len(chains),
        true_domains=sum(map(len, chains.values())),
        assigned_domains=tally["assigned"],
        exact_counts=tally["exact"] / count,
        iou=iou / true_count,
        iou_80=tally["iou_80"] / true_count,
        termini_10=tally["termini_10"] / (2 * met),
        termini_20=tally["termini_20"] / (2 * met),
        termini_10_of_all=tally["termini_10"] / (2 * true_count),
        coverage=coverage / count,
        **{
            name: tally[name]
            for name in (
                *("labelled", "right", "t_right", "t_wrong", "t_none"),
                *("h_right", "h_wrong", "x_right", "x_wrong", "overlaps", "discontinuous", "discontinuous_80"),
            )
        },
    )


def _compare(true: TruthDomain, found: Sequence[AssignedDomain], tally: Counter[str]) -> float:
    """Add one true domain to the tally; its best IoU."""
    nearest = max(found, key=lambda d: true.range.iou(d.range), default=None)
    iou = true.range.iou(nearest.range) if nearest else 0.0
    tally["iou_80"] += iou >= _GOOD_IOU
    tally["discontinuous"] += true.range.is_discontinuous
    tally["discontinuous_80"] += true.range.is_discontinuous and iou >= _GOOD_IOU
    if nearest and iou > 0:
        tally["met"] += 1
        for there, here in ((true.range.start, nearest.range.start), (true.range.end, nearest.range.end)):
            tally["termini_10"] += abs(there - here) <= 10
            tally["termini_20"] += abs(there - here) <= 20
    if true.t_group:
        tally["labelled"] += 1
        _compare_groups(true, found, tally)
    return iou


def _compare_groups(true: TruthDomain, found: Sequence[AssignedDomain], tally: Counter[str]) -> None:
    same = max(found, key=lambda d: true.range.overlap(d.range), default=None)
    if same is None or true.range.overlap(same.range) < _SAME * min(len(true.range), len(same.range)):
        tally["t_none"] += 1
        return
    expected, got = str(true.t_group).split("."), same.t_group.split(".")
    for level, depth in (("x", 1), ("h", 2), ("t", 3)):
        tally[f"{level}_{'right' if expected[:depth] == got[:depth] else 'wrong'}"] += 1
    tally["right"] += expected[:2] == got[:2] and true.range.iou(same.range) >= _GOOD_IOU
