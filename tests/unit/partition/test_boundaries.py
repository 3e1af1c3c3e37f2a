"""Every residue goes to one domain or to none."""

from made_proposals import extents, proposal

from pyecod.ranges import ResidueRange


def ranges(*chosen, **options) -> list[str]:
    found = extents(*chosen, **{"max_tail": 0, "max_linker": 0, **options})
    return [str(ResidueRange.from_mask(found.of(number).residues)) for number in range(len(chosen))]


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


def test_what_is_aligned_is_kept_apart_from_what_is_given() -> None:
    found = extents(proposal((21, 80), (91, 150), end=160), proposal((166, 195)))
    assert str(ResidueRange.from_mask(found.of(0).aligned)) == "21-80,91-150"
    assert str(ResidueRange.from_mask(found.of(0).residues)) == "1-163"
    assert str(ResidueRange.from_mask(found.of(1).aligned)) == "166-195"
    assert str(ResidueRange.from_mask(found.of(1).residues)) == "164-200"
    assert not found.inferred


def test_a_tag_stops_growth() -> None:
    assert ranges(proposal((30, 150), start=10), closed=(1, 22)) == ["23-150"]


def test_voted_ends_do_not_reach_into_a_region_with_evidence_of_its_own() -> None:
    taker, other = proposal((1, 100), end=180), proposal((120, 160), h=1)
    assert ranges(taker, losers=(other,)) == ["1-119"]
    assert ranges(taker, losers=(proposal((120, 160)),)) == ["1-180"]  # the same H-group says nothing else
    assert ranges(taker, losers=(proposal((120, 160), h=1, confidence=0.1),)) == ["1-180"]  # too weak for a domain
    assert ranges(taker, losers=(proposal((30, 110), h=1),)) == ["1-180"]  # lost its residues to the domain


def test_a_domain_left_with_too_few_residues_is_given_up_before_anything_is_given_to_it() -> None:
    strong, weak = proposal((1, 185), votes=0.9), proposal((170, 200), votes=0.5)
    assert ranges(strong, weak, max_tail=30) == ["1-200", ""]


def test_scraps_of_a_contest_go_to_the_neighbour_that_has_them_too() -> None:
    strong, weak = proposal((1, 100), votes=0.9), proposal((95, 200), votes=0.8)
    strong.votes[94:97] = 0.5  # a dip in the votes: three residues would go to the neighbour
    assert ranges(strong, weak) == ["1-100", "101-200"]
