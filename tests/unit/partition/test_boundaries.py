"""Every residue goes to one domain or to none."""

import numpy as np

from pyecod.partition.boundaries import FREE, assign_residues, range_of
from pyecod.partition.consensus import Proposal
from pyecod.settings import PartitionSettings

LENGTH = 200


def proposal(*segments: tuple[int, int], start: int = 0, end: int = 0, votes: float = 1.0) -> Proposal:
    core = np.zeros(LENGTH, dtype=bool)
    for first, last in segments:
        core[first - 1 : last] = True
    none = np.zeros(1)
    return Proposal(
        number=0, h=0, members=np.zeros(1, np.int64), voices=none, trust=none, votes=core * votes, core=core,
        size=int(core.sum()), start=start or segments[0][0], end=end or segments[-1][1], evidence=20.0,
        by_sequence=20.0,
        confidence=0.9, completeness=1.0, weight=1.0,
    )  # fmt: skip


def ranges(*chosen: Proposal, reach: float = 0.0, closed: tuple[int, int] | None = None) -> list[str]:
    shut = np.zeros(LENGTH, dtype=bool)
    if closed:
        shut[closed[0] - 1 : closed[1]] = True
    labels = assign_residues(chosen, [reach] * len(chosen), shut, PartitionSettings())
    assert set(labels.tolist()) <= {FREE, *range(len(chosen))}
    return [str(range_of(labels, number)) for number in range(len(chosen))]


def test_contested_residues_go_where_more_votes_are() -> None:
    assert ranges(proposal((1, 110), votes=0.6), proposal((100, 200), votes=0.9)) == ["1-99", "100-200"]


def test_voted_ends_claim_free_residues_but_never_a_neighbours_core() -> None:
    assert ranges(proposal((20, 80), start=5, end=95), proposal((90, 150))) == ["5-89", "90-150"]


def test_two_that_reach_for_the_same_residues_get_half_each() -> None:
    assert ranges(proposal((1, 80), end=100), proposal((101, 200), start=81)) == ["1-90", "91-200"]


def test_small_holes_stay_in_the_domain_and_large_ones_do_not() -> None:
    assert ranges(proposal((1, 80), (121, 200))) == ["1-200"]
    assert ranges(proposal((1, 60), (131, 200))) == ["1-60,131-200"]


def test_a_hole_with_another_domain_in_it_is_an_insertion() -> None:
    assert ranges(proposal((1, 80), (121, 200)), proposal((81, 120))) == ["1-80,121-200", "81-120"]


def test_short_tails_and_linkers_are_taken_as_far_as_the_ends_are_uncertain() -> None:
    pair = proposal((6, 95)), proposal((102, 195))
    assert ranges(*pair, reach=0.0) == ["6-95", "102-195"]
    assert ranges(*pair, reach=5.0) == ["1-98", "99-200"]
    assert ranges(*pair, reach=4.0) == ["6-98", "99-195"]


def test_a_tag_stops_growth() -> None:
    assert ranges(proposal((30, 150), start=10), closed=(1, 22)) == ["23-150"]
    assert ranges(proposal((30, 200)), reach=40.0, closed=(1, 22)) == ["30-200"]


def test_scraps_of_a_contest_go_to_the_neighbour_that_has_them_too() -> None:
    strong, weak = proposal((1, 100), votes=0.9), proposal((95, 200), votes=0.8)
    strong.votes[94:97] = 0.5  # a dip in the votes: three residues would go to the neighbour
    assert ranges(strong, weak) == ["1-100", "101-200"]
