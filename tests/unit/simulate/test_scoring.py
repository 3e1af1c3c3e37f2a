"""Scores against a table of true domains."""

from dataclasses import dataclass

from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.simulate.scoring import score
from pyecod.simulate.truth import Kind, TruthDomain

KEY = ChainKey("1abc", "A")


@dataclass(frozen=True)
class Assigned:
    range: ResidueRange
    t_group: str


def true(text: str, t_group: str | None = "1.1.1", kind: Kind | None = None, key: ChainKey = KEY) -> TruthDomain:
    return TruthDomain(key, 200, 1, ResidueRange.parse(text), t_group, kind=kind)


def assigned(*domains: tuple[str, str]) -> dict[ChainKey, list[Assigned]]:
    return {KEY: [Assigned(ResidueRange.parse(text), group) for text, group in domains]}


def test_a_perfect_partition_scores_one() -> None:
    scores = score(assigned(("1-100", "1.1.1"), ("101-200", "2.1.1")), [true("1-100"), true("101-200", "2.1.1")])
    assert (scores.exact_counts, scores.iou, scores.iou_80, scores.termini_10, scores.coverage) == (1, 1, 1, 1, 1)
    assert (scores.t_right, scores.right, scores.overlaps) == (2, 2, 0)


def test_groups_are_compared_level_by_level() -> None:
    scores = score(assigned(("1-100", "1.1.2"), ("101-200", "1.2.1")), [true("1-100"), true("101-200")])
    assert (scores.t_wrong, scores.h_right, scores.h_wrong, scores.x_right) == (2, 1, 1, 2)


def test_a_missed_domain_is_none_and_costs_iou() -> None:
    scores = score(assigned(("1-100", "1.1.1")), [true("1-100"), true("101-200")])
    assert (scores.exact_counts, scores.iou, scores.t_right, scores.t_none, scores.t_wrong) == (0, 0.5, 1, 1, 0)
    assert (scores.termini_10, scores.termini_10_of_all) == (1, 0.5)


def test_a_chain_without_a_partition_is_counted() -> None:
    scores = score({}, [true("1-100")])
    assert (scores.chains, scores.exact_counts, scores.t_none) == (1, 0, 1)


def test_overlapping_domains_are_counted_by_chain() -> None:
    assert score(assigned(("1-100", "1.1.1"), ("90-200", "1.1.1")), [true("1-200")]).overlaps == 1


def test_boundaries_are_measured_at_10_and_20_residues() -> None:
    scores = score(assigned(("12-115", "1.1.1")), [true("1-100")])
    assert (scores.termini_10, scores.termini_20) == (0, 1)


def test_discontinuous_domains_are_counted_apart() -> None:
    truth = [true("1-50,151-200"), true("51-150")]
    scores = score(assigned(("1-50,151-190", "1.1.1"), ("51-150", "1.1.1")), truth)
    assert (scores.discontinuous, scores.discontinuous_80, scores.iou_80) == (1, 1, 1)
    assert score(assigned(("1-50", "1.1.1"), ("51-150", "1.1.1")), truth).discontinuous_80 == 0


def test_unlabelled_domains_count_for_boundaries_only() -> None:
    scores = score(assigned(("1-100", "1.1.1")), [true("1-100", None)])
    assert (scores.labelled, scores.t_right, scores.iou_80) == (0, 0, 1)


def test_novel_domains_can_be_left_out() -> None:
    truth = [true("1-100"), true("101-200", None, Kind.NOVEL), true("1-50", None, Kind.NOVEL, ChainKey("2abc", "A"))]
    assert score(assigned(("1-100", "1.1.1")), truth).chains == 2
    findable = score(assigned(("1-100", "1.1.1")), truth, findable=True)
    assert (findable.chains, findable.exact_counts) == (1, 1)
