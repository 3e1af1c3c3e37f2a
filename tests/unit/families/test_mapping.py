"""A member's domains are the representative's, carried over its own alignment, or it is searched itself."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.families import BadMappingError, align, map_partition
from pyecod.partition.model import Defeat, Domain, Outcome, Partition, Quality, Rival, Unassigned, UnassignedReason
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.settings import Settings

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
REPRESENTATIVE = "".join(random.Random(1).choices(LETTERS, k=200))


def partition(*ranges: str, length: int = 200) -> Partition:
    domains = tuple(
        Domain(n, ResidueRange.parse(text), "e1abcA1", "1.1.1", "1.1", "1", EvidenceType.HHSEARCH, probability=99.0)
        for n, text in enumerate(ranges, 1)
    )
    free = ResidueRange.parse(f"1-{length}").difference(ResidueRange.of(s for d in domains for s in d.range.segments))
    unassigned = tuple(Unassigned(ResidueRange.of([s]), UnassignedReason.TAG) for s in free.segments)
    return Partition(length, Outcome.ASSIGNED, Quality.GOOD, domains, unassigned, {}, "v", "a", "1")


def mapped(member: str, *ranges: str) -> Partition:
    return map_partition(partition(*ranges), "8abc_A", member, align(member, REPRESENTATIVE), Settings())


def ranges_of(result: Partition) -> list[str]:
    return [str(domain.range) for domain in result.domains]


def mutated(text: str, share: float, seed: int = 2) -> str:
    chosen = random.Random(seed)
    return "".join(chosen.choice(LETTERS) if chosen.random() < share else letter for letter in text)


def test_an_identical_sequence_keeps_the_ranges() -> None:
    result = mapped(REPRESENTATIVE, "10-90", "95-190")
    assert ranges_of(result) == ["10-90", "95-190"]
    assert result.parameters["identity"] == 1.0
    assert result.parameters["mapped_from"] == "8abc_A"
    assert [str(u.range) for u in result.unassigned] == ["1-9", "91-94", "191-200"]
    assert {u.reason for u in result.unassigned} == {UnassignedReason.TAG}


def test_what_is_aligned_of_the_representatives_domain_is_mapped_too() -> None:
    whole = partition("10-90")
    whole = replace(whole, domains=(replace(whole.domains[0], evidence_range=ResidueRange.parse("20-60,65-80")),))
    member = REPRESENTATIVE[5:]
    (domain,) = map_partition(whole, "8abc_A", member, align(member, REPRESENTATIVE), Settings()).domains
    assert (str(domain.range), str(domain.evidence_range)) == ("5-85", "15-55,60-75")
    assert mapped(member, "10-90").domains[0].evidence_range is None


@pytest.mark.parametrize(
    ("rival", "member", "expected"),
    [
        ("20-150", slice(0, 120), "20-120"),  # it ends with the member
        ("20-150", slice(5, None), "15-145"),
        ("150-190", slice(0, 120), None),
    ],
)
def test_the_rival_is_where_the_member_has_its_residues(rival: str, member: slice, expected: str | None) -> None:
    whole = partition("10-90")
    other = Rival("e1xyzA1", "2.1.1", "2.1", ResidueRange.parse(rival), 0.5, Defeat.WEAKER)
    whole = replace(whole, domains=(replace(whole.domains[0], rival=other),))
    text = REPRESENTATIVE[member]
    (domain,) = map_partition(whole, "8abc_A", text, align(text, REPRESENTATIVE), Settings()).domains
    assert (str(domain.rival.range) if domain.rival else None) == expected


def test_ranges_shift_with_a_missing_start_and_a_tag() -> None:
    assert ranges_of(mapped(REPRESENTATIVE[5:], "10-90", "95-190")) == ["5-85", "90-185"]
    assert ranges_of(mapped("GSHMASGSHM" + REPRESENTATIVE, "10-90", "95-190")) == ["20-100", "105-200"]


@pytest.mark.parametrize(
    ("member", "ranges", "unassigned"),
    [
        (REPRESENTATIVE[:49] + REPRESENTATIVE[54:], ["10-85", "90-185"], ["1-9", "86-89", "186-195"]),
        (REPRESENTATIVE[15:], ["1-75", "80-175"], ["76-79", "176-185"]),
        (REPRESENTATIVE[:180], ["10-90", "95-180"], ["1-9", "91-94"]),
        (REPRESENTATIVE[:92] + "GGGG" + REPRESENTATIVE[92:], ["10-90", "99-194"], ["1-9", "91-98", "195-204"]),
        (REPRESENTATIVE[:190] + "HHHHHH", ["10-90", "95-190"], ["1-9", "91-94", "191-196"]),
    ],
    ids=["inside a domain", "over a domain's start", "over a domain's end", "between domains", "another tail"],
)
def test_what_a_member_lacks_or_has_more_moves_its_ranges(
    member: str, ranges: list[str], unassigned: list[str]
) -> None:
    result = mapped(member, "10-90", "95-190")
    assert ranges_of(result) == ranges
    assert [str(region.range) for region in result.unassigned] == unassigned
    assert result.coverage == pytest.approx(sum(len(domain.range) for domain in result.domains) / len(member))


def test_an_insertion_inside_a_segment_belongs_to_the_domain_and_coverage_is_its_own() -> None:
    member = REPRESENTATIVE[:50] + "GGGGGGGG" + REPRESENTATIVE[50:]
    result = mapped(member, "10-90", "95-190")
    assert ranges_of(result) == ["10-98", "103-198"]
    assert result.coverage == pytest.approx((89 + 96) / 208)


def test_discontinuous_domains_stay_so() -> None:
    assert ranges_of(mapped(mutated(REPRESENTATIVE, 0.1), "1-40,120-200", "45-115")) == ["1-40,120-200", "45-115"]


def test_quality_is_judged_by_the_members_own_coverage() -> None:
    assert mapped(REPRESENTATIVE[:170], "1-168").quality is Quality.GOOD
    assert mapped(REPRESENTATIVE + "GSGSGSGSGSGSGSGSGSGSGSGS", "1-170").quality is Quality.LOW_COVERAGE


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (mutated(REPRESENTATIVE, 0.6), "too low"),
        (REPRESENTATIVE[:60] + "".join(random.Random(5).choices(LETTERS, k=200)), "too low|counterpart"),
        (REPRESENTATIVE[:100] + "".join(random.Random(6).choices(LETTERS, k=40)) + REPRESENTATIVE[100:], "counterpart"),
        (REPRESENTATIVE[:90] + REPRESENTATIVE[140:], "of domain 2"),
    ],
    ids=["dissimilar", "another half", "a new domain inside", "most of a domain gone"],
)
def test_what_maps_badly_is_refused(member: str, reason: str) -> None:
    with pytest.raises(BadMappingError, match=reason):
        mapped(member, "1-90", "91-150")


def test_a_representative_without_domains_gives_none() -> None:
    result = mapped(mutated(REPRESENTATIVE, 0.1))
    assert (result.domains, result.quality) == ((), Quality.NO_DOMAINS)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_mapped_domains_never_overlap_and_stay_inside(seed: int) -> None:
    chosen = random.Random(seed)
    member = mutated(REPRESENTATIVE, 0.15, seed)
    for _ in range(3):
        at = chosen.randrange(len(member))
        cut = chosen.randrange(1, 10)
        member = member[:at] + "".join(chosen.choices(LETTERS, k=cut)) * chosen.randrange(2) + member[at + cut :]
    try:
        result = mapped(member, "5-60,130-160", "61-129", "165-198")
    except BadMappingError:
        return
    seen = np.zeros(len(member), dtype=int)
    for domain in result.domains:
        assert domain.range.end <= len(member)
        seen += domain.range.mask(len(member))
    for region in result.unassigned:
        seen += region.range.mask(len(member))
    assert (seen == 1).all()
