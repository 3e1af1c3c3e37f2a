"""The partitioner as a whole, on hand-made evidence: what it must get right, and what systems before it got wrong."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pyecod.errors import BrokenInputError
from pyecod.evidence.summary import DomainSummary
from pyecod.partition import (
    ALGORITHM,
    ALGORITHM_VERSION,
    Flag,
    Outcome,
    Quality,
    UnassignedReason,
    partition_chain,
)
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings, Settings

Make = Callable[..., Any]


@pytest.fixture
def reference(make_reference: Make) -> Any:
    return make_reference(
        e1aaaA1=("11.1.1.1", "1-100"),
        e1bbbA1=("2003.1.1.4", "1-150"),
        e1cccA1=("11.1.1.2", "1-104"),
        e1dddA1=("304.1.1.1", "1-60"),
        e1eeeA1=("11.1.1.1", "1-200"),
        e1fffA1=("11.1.1.1", "1-100"),
        e1fffA2=("2003.1.1.4", "101-250"),
        e1gggA1=("11.1.1", "1-100"),
    )


def test_the_published_case_8axb_has_one_domain(evidence: SimpleNamespace, make_reference: Make) -> None:
    reference = make_reference(e5b43A3=("604.10.1.1", "1-236"))
    hit = evidence.profile("e5b43A3", "239-417", "16-161", 98.4, 2.1e-10)
    found = evidence.partition(reference, 430, hit)
    assert len(found.domains) == 1
    domain = found.domains[0]
    assert domain.range.iou(evidence.hsp("239-417", "16-161").query_range) > 0.85
    assert (domain.ecod_domain, domain.t_group, domain.source) == ("e5b43A3", "604.10.1", EvidenceType.HHSEARCH)
    assert (domain.evalue, domain.probability, domain.support) == (2.1e-10, 98.4, 1)
    assert domain.reference_coverage == round(146 / 236, 4)
    assert (found.outcome, found.quality) == (Outcome.ASSIGNED, Quality.FRAGMENTARY)


# one test per lesson of the systems before


def test_an_evalue_of_zero_is_the_best_evidence(evidence: SimpleNamespace, reference: Any) -> None:
    exact = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 0.0))
    close = evidence.blast("e1bbbA1", evidence.hsp("1-100", "1-100", 1e-60))
    for hits in ((exact, close), (close, exact)):
        assert [d.t_group for d in evidence.partition(reference, 100, *hits).domains] == ["11.1.1"]


def test_hsps_after_the_first_count(evidence: SimpleNamespace, reference: Any) -> None:
    repeat = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100"), evidence.hsp("106-205", "1-100", 1e-12))
    found = evidence.partition(reference, 205, repeat)
    assert len(found.domains) == 2
    assert found.coverage > 0.97


def test_an_inserted_domain_leaves_the_domain_around_it_discontinuous(
    evidence: SimpleNamespace, reference: Any
) -> None:
    around = evidence.blast("e1bbbA1", evidence.hsp("1-75", "1-75", 1e-15), evidence.hsp("136-210", "76-150", 1e-14))
    inside = evidence.blast("e1dddA1", evidence.hsp("76-135", "1-60", 1e-20))
    found = evidence.partition(reference, 210, around, inside)
    assert evidence.ranges(found) == ["1-75,136-210", "76-135"]
    assert found.domains[0].flags == (Flag.DISCONTINUOUS,)


def test_the_probability_of_a_profile_hit_decides(evidence: SimpleNamespace, reference: Any) -> None:
    likely = evidence.profile("e1aaaA1", "1-100", "1-100", 99.0, 1.0)
    doubtful = evidence.profile("e1bbbA1", "1-100", "1-100", 60.0, 1e-9)
    found = evidence.partition(reference, 100, doubtful, likely)
    assert [d.t_group for d in found.domains] == ["11.1.1"]
    assert evidence.partition(reference, 100, doubtful).outcome is Outcome.WEAK_EVIDENCE


def test_the_template_length_is_that_of_the_reference_not_of_the_alignment(
    evidence: SimpleNamespace, reference: Any
) -> None:
    found = evidence.partition(reference, 60, evidence.blast("e1eeeA1", evidence.hsp("1-60", "21-80", 1e-20)))
    assert found.domains[0].reference_coverage == 0.3
    assert Flag.PARTIAL in found.domains[0].flags


def test_the_four_outcomes_are_told_apart(evidence: SimpleNamespace, reference: Any) -> None:
    weak = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 0.5))
    unknown = evidence.blast("e9zzzA1", evidence.hsp("1-100", "1-100"))
    good = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100"))
    outcomes = [evidence.partition(reference, 120, *hits).outcome for hits in ((), (weak,), (unknown,), (good,))]
    assert outcomes == [Outcome.NO_EVIDENCE, Outcome.WEAK_EVIDENCE, Outcome.UNKNOWN_EVIDENCE, Outcome.ASSIGNED]
    assert evidence.partition(reference, 120, weak, unknown).outcome is Outcome.WEAK_EVIDENCE
    assert evidence.partition(reference, 120, weak).quality is Quality.NO_DOMAINS


def test_a_summary_that_contradicts_itself_is_broken_input(evidence: SimpleNamespace, reference: Any) -> None:
    with pytest.raises(BrokenInputError, match="8abc_A: the summary says 100 residues, its sequence has 3"):
        partition_chain(DomainSummary(evidence.summary(1).key, 100, (), "ACD"), reference, Settings())


def test_counts_of_every_type_add_up(evidence: SimpleNamespace, reference: Any) -> None:
    hits = (
        evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100")),
        evidence.blast("e1bbbA1", evidence.hsp("1-100", "1-100", 0.01)),
        evidence.blast("e1dddA1", evidence.hsp("20-79", "1-60", 1e-4)),
        evidence.chain("1fff_A", evidence.hsp("1-250", "1-250", 1e-90)),
        evidence.chain("9zzz_A", evidence.hsp("1-250", "1-250", 1e-90)),
        evidence.profile("e1cccA1", "200-230", "1-31", 55.0),
    )
    found_counts = {EvidenceType.DOMAIN_BLAST: 7, EvidenceType.CHAIN_BLAST: 2, EvidenceType.HHSEARCH: 1}
    partition = partition_chain(evidence.summary(260, *hits, found=found_counts), reference, Settings())
    for kind, count in partition.counts.items():
        assert count.kept == sum(hit.type is kind for hit in hits)
        assert count.accepted + sum(count.rejected.values()) == count.kept <= count.found
    domain_blast = partition.counts[EvidenceType.DOMAIN_BLAST]
    assert (domain_blast.found, domain_blast.considered, domain_blast.accepted) == (7, 2, 1)
    assert domain_blast.rejected == {"conflict": 1, "weak": 1}
    assert partition.counts[EvidenceType.CHAIN_BLAST].rejected == {"unknown_reference": 1}
    assert partition.counts[EvidenceType.HHSEARCH].rejected == {"conflict": 1}


def test_a_type_that_was_searched_and_found_nothing_is_counted_too(evidence: SimpleNamespace, reference: Any) -> None:
    partition = partition_chain(evidence.summary(50, found={EvidenceType.HHSEARCH: 0}), reference, Settings())
    assert partition.counts[EvidenceType.HHSEARCH].found == 0
    assert EvidenceType.DOMAIN_BLAST not in partition.counts


# layouts


def test_a_chain_hit_transfers_its_domains(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 250, evidence.chain("1fff_A", evidence.hsp("1-250", "1-250", 0.0)))
    assert evidence.ranges(found) == ["1-100", "101-250"]
    assert [d.ecod_domain for d in found.domains] == ["e1fffA1", "e1fffA2"]
    assert {d.source for d in found.domains} == {EvidenceType.CHAIN_BLAST}


def test_one_h_group_in_tandem_is_several_domains(evidence: SimpleNamespace, reference: Any) -> None:
    copies = ("1-100", "103-202", "205-304")
    hits = [evidence.profile("e1aaaA1", q, "1-100", 99.0) for q in copies]
    spanning = evidence.profile("e1eeeA1", "1-200", "1-200", 99.0)
    found = evidence.partition(reference, 304, *hits, spanning)
    assert len(found.domains) == 3


def test_overrunning_neighbours_are_cut_where_the_votes_cross(evidence: SimpleNamespace, reference: Any) -> None:
    left = evidence.blast("e1aaaA1", evidence.hsp("1-110", "1-100", 1e-30))
    right = evidence.blast("e1bbbA1", evidence.hsp("96-245", "1-150", 1e-10))
    found = evidence.partition(reference, 245, left, right)
    assert evidence.ranges(found) == ["1-110", "111-245"]


def test_ends_are_extrapolated_by_the_missing_reference_residues(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 300, evidence.blast("e1bbbA1", evidence.hsp("60-180", "11-131")))
    assert evidence.ranges(found) == ["50-199"]


def test_a_fragment_is_no_vote_against_the_rest_of_the_domain(evidence: SimpleNamespace, reference: Any) -> None:
    whole = evidence.blast("e1bbbA1", evidence.hsp("50-199", "1-150", 1e-8))
    fragment = evidence.chain("1fff_A", evidence.hsp("90-140", "141-191", 0.0))
    found = evidence.partition(reference, 250, whole, fragment)
    assert evidence.ranges(found) == ["50-199"]


def test_no_domain_is_smaller_than_the_smallest(evidence: SimpleNamespace, reference: Any) -> None:
    small = evidence.blast("e1dddA1", evidence.hsp("10-33", "20-43", 0.0))
    assert evidence.partition(reference, 33, small, max_extrapolation=0, max_tail=0).domains == ()
    assert (
        len(evidence.partition(reference, 33, small, max_extrapolation=0, max_tail=0, min_domain_length=24).domains)
        == 1
    )


# classification


def test_the_f_group_is_given_where_the_hits_agree(evidence: SimpleNamespace, reference: Any) -> None:
    one = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-20))
    same = evidence.blast("e1fffA1", evidence.hsp("1-100", "1-100", 1e-19))
    other = evidence.blast("e1cccA1", evidence.hsp("1-100", "1-100", 1e-19))
    assert evidence.partition(reference, 100, one, same).domains[0].f_group == "11.1.1.1"
    assert evidence.partition(reference, 100, one, other).domains[0].f_group is None


def test_disagreement_on_the_h_group_is_kept_as_conflict(evidence: SimpleNamespace, reference: Any) -> None:
    winner = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-40))
    rival = evidence.blast("e1bbbA1", evidence.hsp("1-100", "1-100", 1e-4))
    domain = evidence.partition(reference, 100, winner, rival).domains[0]
    assert (domain.h_group, domain.support, domain.h_agreement) == ("11.1", 1, 0.5)
    assert Flag.CONFLICT in domain.flags


def test_a_domain_its_best_reference_hardly_covers_should_become_a_representative(
    evidence: SimpleNamespace, reference: Any
) -> None:
    hit = evidence.blast("e1bbbA1", evidence.hsp("31-100", "31-100", 1e-9))
    domain = evidence.partition(reference, 150, hit).domains[0]
    assert Flag.NEW_REPRESENTATIVE_CANDIDATE in domain.flags


def test_names_and_groups_come_from_the_reference(evidence: SimpleNamespace, reference: Any) -> None:
    domain = evidence.partition(reference, 100, evidence.blast("e1gggA1", evidence.hsp("1-100", "1-100"))).domains[0]
    assert (domain.x_group, domain.h_group, domain.t_group, domain.f_group) == ("11", "11.1", "11.1.1", None)
    assert domain.names["t"] == "name of 11.1.1"


# the result as a record


def test_the_parameters_used_are_part_of_the_result(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 100, min_domain_length=30)
    assert set(PartitionSettings().model_dump()) < set(found.parameters)
    assert (found.parameters["min_domain_length"], found.parameters["quality_good"]) == (30, 0.8)
    assert (found.algorithm, found.algorithm_version) == (ALGORITHM, ALGORITHM_VERSION)
    assert found.reference_version == "develop291"


@pytest.mark.parametrize(
    ("length", "quality"),
    [(125, Quality.GOOD), (126, Quality.LOW_COVERAGE), (200, Quality.LOW_COVERAGE), (201, Quality.FRAGMENTARY)],
)
def test_quality_is_judged_by_coverage(
    evidence: SimpleNamespace, reference: Any, length: int, quality: Quality
) -> None:
    hit = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 0.0))
    assert evidence.partition(reference, length, hit, max_tail=0).quality is quality


def test_what_is_left_over_has_its_reason(evidence: SimpleNamespace, reference: Any) -> None:
    first = evidence.blast("e1aaaA1", evidence.hsp("51-150", "1-100", 0.0))
    second = evidence.blast("e1dddA1", evidence.hsp("171-230", "1-60", 0.0))
    found = evidence.partition(reference, 245, first, second, max_tail=0, max_linker=0)
    assert [(str(u.range), u.reason) for u in found.unassigned] == [
        ("1-50", UnassignedReason.NO_EVIDENCE),
        ("151-170", UnassignedReason.LINKER),
        ("231-245", UnassignedReason.TOO_SHORT),
    ]


def test_a_domain_says_what_is_aligned_and_what_is_assigned(evidence: SimpleNamespace, reference: Any) -> None:
    first = evidence.blast("e1aaaA1", evidence.hsp("21-110", "1-90", 0.0))
    second = evidence.blast("e1dddA1", evidence.hsp("141-200", "1-60", 0.0))
    found = evidence.partition(reference, 215, first, second)
    assert [(str(d.evidence_range), str(d.range)) for d in found.domains] == [
        ("21-110", "1-130"),  # ten residues of its reference, and half of the other twenty
        ("141-200", "131-215"),
    ]
    assert found.unassigned == ()


def test_a_part_beyond_a_nested_domain_is_inferred_and_flagged(evidence: SimpleNamespace, reference: Any) -> None:
    outer = evidence.blast("e1aaaA1", evidence.hsp("1-60", "1-60", 0.0))
    nested = evidence.blast("e1dddA1", evidence.hsp("61-120", "1-60", 0.0))
    found = evidence.partition(reference, 165, outer, nested)
    assert evidence.ranges(found) == ["1-60,121-165", "61-120"]
    assert [Flag.DISCONTINUITY_INFERRED in d.flags for d in found.domains] == [True, False]
    assert str(found.domains[0].evidence_range) == "1-60"


def test_disordered_ends_are_not_part_of_the_domain(evidence: SimpleNamespace, reference: Any) -> None:
    hit = evidence.blast("e1aaaA1", evidence.hsp("21-120", "1-100", 0.0))
    summary = evidence.summary(140, hit)
    for observed, expected in (("13-135", "13-140"), ("6-134", "1-134"), ("30-110", "21-120")):
        seen = replace(summary, observed=ResidueRange.parse(observed))
        assert evidence.ranges(partition_chain(seen, reference, Settings())) == [expected]


def test_a_tag_is_not_part_of_the_domain(evidence: SimpleNamespace, reference: Any) -> None:
    sequence = "MGSSHHHHHHSSGLVPRGSH" + "ACDEFGIKLM" * 10
    hit = evidence.profile("e1aaaA1", "25-120", "5-100", 90.0)
    found = evidence.partition(reference, 120, hit, sequence=sequence)
    assert evidence.ranges(found) == ["21-120"]
    assert found.unassigned[0].reason is UnassignedReason.TAG


def test_a_domain_too_long_for_its_family_is_flagged(evidence: Any, make_reference: Any) -> None:
    reference = make_reference(e1aaaA1=("11.1.1.1", "1-100"))
    hit = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30))
    (plain,) = evidence.partition(reference, 105, hit).domains
    assert plain.flags == ()
    reference.longest = 90
    (long,) = evidence.partition(reference, 105, hit).domains
    assert long.flags == (Flag.MERGED,)
