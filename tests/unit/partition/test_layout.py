"""The layout search is exact, deterministic, and says so when it is not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.partition.consensus import Proposal
from pyecod.partition.layout import Layout, lay_out
from pyecod.settings import PartitionSettings

LENGTH = 120


def proposal(
    number: int,
    *segments: tuple[int, int],
    h: int = 0,
    confidence: float = 0.8,
    evidence: float = 20.0,
    hits: int = 1,
    sequence: bool = True,
) -> Proposal:
    core = np.zeros(LENGTH, dtype=bool)
    for start, end in segments:
        core[start - 1 : end] = True
    size = int(core.sum())
    return Proposal(
        number=number,
        h=h,
        members=np.arange(hits),
        voices=np.full(hits, evidence),
        trust=np.ones(hits),
        votes=core.astype(float),
        core=core,
        size=size,
        start=segments[0][0],
        end=segments[-1][1],
        whole_start=segments[0][0],
        whole_end=segments[-1][1],
        evidence=evidence,
        by_sequence=evidence if sequence else 0.0,
        confidence=confidence,
        completeness=1.0,
        weight=confidence * size - 8,
    )


def numbers(layout: Layout) -> list[int]:
    return [p.number for p in layout.chosen]


def options(**changes: int) -> PartitionSettings:
    return PartitionSettings(**{"min_domain_length": 5, "domain_cost": 0, **changes})


def test_two_neighbours_are_better_than_one_that_overlaps_both() -> None:
    wide, left, right = proposal(0, (20, 80), h=1), proposal(1, (1, 55), h=2), proposal(2, (56, 120), h=3)
    assert numbers(lay_out([wide, left, right], options())) == [1, 2]


def test_a_nested_domain_stands_beside_the_one_around_it() -> None:
    around, inside = proposal(0, (1, 40), (81, 120), h=1), proposal(1, (41, 80), h=2)
    assert numbers(lay_out([around, inside], options())) == [0, 1]


def test_tandem_domains_replace_a_proposal_that_spans_them() -> None:
    span, left, right = proposal(0, (1, 118), h=1), proposal(1, (1, 58), h=1), proposal(2, (60, 118), h=1)
    assert numbers(lay_out([span, left, right], options())) == [1, 2]


def test_weak_proposals_together_do_not_outweigh_a_strong_one() -> None:
    strong = proposal(0, (40, 80), h=1, confidence=0.95)
    weak = [proposal(n, s, h=n + 1, confidence=0.6, evidence=3.0) for n, s in ((1, (1, 60)), (2, (61, 120)))]
    assert numbers(lay_out([strong, *weak], options())) == [0]


def test_one_mislabelled_reference_is_outvoted_by_many_just_as_close() -> None:
    alone, many = proposal(0, (1, 90), h=1, evidence=17.0), proposal(1, (5, 80), h=2, evidence=16.0, hits=10)
    assert numbers(lay_out([alone, many], options())) == [1]
    few = proposal(1, (5, 80), h=2, evidence=16.0, hits=2)
    assert numbers(lay_out([alone, few], options())) == [0]


def test_many_remote_hits_do_not_outvote_a_much_closer_one() -> None:
    close, remote = proposal(0, (1, 90), h=1, evidence=100.0), proposal(1, (1, 90), h=2, evidence=15.0, hits=500)
    assert numbers(lay_out([close, remote], options())) == [0]


def test_profile_hits_alone_do_not_contradict_a_sure_sequence_hit() -> None:
    drifted = proposal(0, (1, 119), h=1, evidence=45.0, sequence=False)
    assert numbers(lay_out([drifted, proposal(1, (1, 80), h=2, evidence=28.0)], options())) == [1]
    assert numbers(lay_out([drifted, proposal(1, (1, 80), h=2, evidence=28.0, sequence=False)], options())) == [0]


def test_losers_are_told_who_beat_them() -> None:
    strong, weak = proposal(0, (1, 60), h=1, confidence=0.95), proposal(1, (10, 60), h=2, confidence=0.3)
    assert lay_out([strong, weak], options()).beaten_by[1].number == 0


def test_ties_go_to_the_stronger_evidence() -> None:
    a, b = proposal(0, (1, 60), h=1, evidence=20.0), proposal(1, (1, 60), h=2, evidence=21.0)
    assert numbers(lay_out([a, b], options())) == numbers(lay_out([b, a], options())) == [1]


def test_too_weak_or_too_small_proposals_are_not_domains() -> None:
    assert lay_out([proposal(0, (1, 60), confidence=0.1)], options()).chosen == ()
    assert lay_out([proposal(0, (1, 20))], options(min_domain_length=25)).chosen == ()


def test_a_search_that_gives_up_states_how_much_it_may_miss() -> None:
    crowd = [proposal(0, (25, 95), h=1), proposal(1, (1, 60), h=2), proposal(2, (61, 120), h=3)]
    exact, rough = lay_out(crowd, options()), lay_out(crowd, options(max_layout_states=1))
    assert exact.gap == 0
    best, found = (sum(p.weight for p in layout.chosen) for layout in (exact, rough))
    assert rough.gap > 0
    assert found <= best <= found * (1 + rough.gap) + 1e-6


segment = st.tuples(st.integers(1, 110), st.integers(5, 60)).map(lambda s: (s[0], min(s[0] + s[1], LENGTH)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(segment, st.floats(0.6, 1.0)), min_size=1, max_size=9))
def test_no_other_compatible_set_weighs_more(drawn: list[tuple[tuple[int, int], float]]) -> None:
    proposals = [proposal(i, s, h=i, confidence=c) for i, (s, c) in enumerate(drawn)]
    settings_ = options()
    able = [p for p in proposals if p.weight > 0 and p.size >= 5]
    found = sum(p.weight for p in lay_out(proposals, settings_).chosen)

    def compatible(group: tuple[Proposal, ...]) -> bool:
        return all(
            (a.core & b.core).sum() <= settings_.overlap_tolerance * min(a.size, b.size)
            for a, b in itertools.combinations(group, 2)
        )

    sets = itertools.chain.from_iterable(itertools.combinations(able, n) for n in range(len(able) + 1))
    best = max(sum(p.weight for p in group) for group in sets if compatible(group))
    assert found == pytest.approx(best)


def test_ties_of_equal_evidence_go_to_the_left_then_to_the_lower_group_then_to_the_lower_number() -> None:
    right, left = proposal(0, (31, 90), h=1), proposal(1, (11, 70), h=2)
    high, low = proposal(2, (11, 70), h=5), proposal(3, (11, 70), h=4)
    first, second = proposal(4, (11, 70), h=4), proposal(5, (11, 70), h=4)
    for pair, winner in (((right, left), 1), ((high, low), 3), ((first, second), 4)):
        for order in itertools.permutations(pair):
            for search in (options(), options(max_layout_states=1)):
                assert numbers(lay_out(order, search)) == [winner]


def test_weights_that_differ_by_rounding_only_are_a_tie() -> None:
    left, right = proposal(0, (11, 70), h=1), proposal(1, (31, 90), h=2, confidence=0.8 + 1e-10)
    assert right.weight > left.weight
    for order in ([left, right], [right, left]):
        assert numbers(lay_out(order, options())) == [0]


def test_of_two_that_share_as_much_the_heavier_one_is_named_as_the_winner() -> None:
    lost = proposal(0, (41, 80), h=1, confidence=0.3)
    left, right = proposal(1, (1, 60), h=2, confidence=0.8), proposal(2, (61, 120), h=3, confidence=0.9)
    assert numbers(lay_out([lost, left, right], options())) == [1, 2]
    assert lay_out([lost, left, right], options()).beaten_by[0].number == 2
