"""Free residues go to the domains beside them, or to one that a nested domain interrupts."""

from made_proposals import extents, proposal

from pyecod.ranges import ResidueRange


def ranges(*chosen, **options) -> list[str]:
    found = extents(*chosen, **options)
    assert not found.inferred
    return [str(ResidueRange.from_mask(found.of(number).residues)) for number in range(len(chosen))]


def inferred(*chosen, **options) -> str:
    """Range of the first domain, when its last part is inferred."""
    found = extents(*chosen, **options)
    assert found.inferred <= {0}
    return str(ResidueRange.from_mask(found.of(0).residues)) if found.inferred else ""


def test_tails_up_to_the_setting_go_to_the_domain_beside_them() -> None:
    assert ranges(proposal((31, 170))) == ["1-200"]
    assert ranges(proposal((32, 169))) == ["32-169"]
    assert ranges(proposal((32, 169)), max_tail=31) == ["1-200"]


def test_linkers_up_to_the_setting_are_halved() -> None:
    assert ranges(proposal((1, 80)), proposal((111, 200))) == ["1-95", "96-200"]
    assert ranges(proposal((1, 80)), proposal((112, 200))) == ["1-80", "112-200"]
    assert ranges(proposal((1, 80)), proposal((111, 200)), max_linker=29) == ["1-80", "111-200"]


def test_what_a_domain_lacks_of_its_reference_does_not_count_as_rest() -> None:
    assert ranges(proposal((1, 130), lacks_behind=39)) == ["1-130"]
    assert ranges(proposal((1, 130), lacks_behind=40)) == ["1-200"]
    assert ranges(proposal((71, 200), lacks_before=40)) == ["1-200"]
    # each gets what it lacks, and half of the rest
    assert ranges(proposal((1, 80), lacks_behind=20), proposal((131, 200))) == ["1-115", "116-200"]
    assert ranges(proposal((1, 80)), proposal((131, 200), lacks_before=20)) == ["1-95", "96-200"]


def test_a_rest_of_more_than_a_third_of_a_small_domain_stays_free() -> None:
    assert ranges(proposal((21, 79)), proposal((80, 200))) == ["21-79", "80-200"]
    assert ranges(proposal((21, 80)), proposal((81, 200))) == ["1-80", "81-200"]


def test_tags_and_disordered_ends_stay_free() -> None:
    assert ranges(proposal((31, 200)), closed=(1, 22)) == ["23-200"]
    assert ranges(proposal((1, 180)), closed=(190, 200)) == ["1-189"]
    assert ranges(proposal((1, 90)), proposal((101, 200)), closed=(94, 96)) == ["1-90", "101-200"]


def test_a_flexible_end_stays_free_and_so_does_a_linker_that_is_flexible_throughout() -> None:
    assert ranges(proposal((11, 200)), flexible=(1, 6)) == ["7-200"]
    assert ranges(proposal((1, 190)), flexible=(191, 200)) == ["1-190"]
    assert ranges(proposal((1, 190)), flexible=(196, 200)) == ["1-195"]
    assert ranges(proposal((1, 90)), proposal((101, 200)), flexible=(91, 100)) == ["1-90", "101-200"]
    assert ranges(proposal((1, 90)), proposal((101, 200)), flexible=(91, 99)) == ["1-95", "96-200"]


def test_a_region_with_evidence_of_its_own_goes_to_nobody() -> None:
    assert ranges(proposal((1, 80)), proposal((111, 200)), losers=(proposal((85, 108), h=7),)) == ["1-80", "111-200"]
    assert ranges(proposal((31, 200)), losers=(proposal((1, 25), h=7),)) == ["26-200"]


def test_a_hole_that_is_too_large_is_nobodys_linker() -> None:
    assert ranges(proposal((1, 80), (101, 200)), max_hole=10) == ["1-80,101-200"]


def test_the_rest_of_an_interrupted_domain_lies_beyond_the_nested_one() -> None:
    nested = proposal((91, 150))
    assert inferred(proposal((1, 90), lacks_behind=40), nested) == "1-90,151-200"
    assert inferred(proposal((1, 90), lacks_behind=20), nested) == "1-90,151-200"
    assert inferred(proposal((1, 90), lacks_behind=19), nested) == ""  # 31 residues would be unaccounted for
    assert inferred(proposal((111, 200), lacks_before=30), proposal((51, 110))) == "1-50,111-200"


def test_no_rest_is_inferred_where_the_nested_domain_lacks_more() -> None:
    assert inferred(proposal((1, 90), lacks_behind=30), proposal((91, 150), lacks_behind=35)) == ""


def test_a_rest_is_20_to_70_residues_long() -> None:
    assert inferred(proposal((1, 90), lacks_behind=19), proposal((91, 181))) == ""
    assert inferred(proposal((1, 90), lacks_behind=20), proposal((91, 180))) == "1-90,181-200"
    assert inferred(proposal((1, 60), lacks_behind=70), proposal((61, 130))) == "1-60,131-200"
    assert inferred(proposal((1, 60), lacks_behind=71), proposal((61, 129))) == ""


def test_no_rest_is_inferred_across_two_domains_or_one_in_two_segments() -> None:
    outer = proposal((1, 60), lacks_behind=40)
    assert inferred(outer, proposal((61, 110)), proposal((111, 160))) == ""
    assert inferred(outer, proposal((61, 80), (141, 160)), proposal((81, 140))) == ""
