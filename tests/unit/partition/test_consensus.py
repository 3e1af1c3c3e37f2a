"""Candidates of one H-group over one region vote for its extent."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pyecod.partition.candidates import tabulate
from pyecod.partition.consensus import Proposal, propose
from pyecod.partition.counting import indices_by_type
from pyecod.ranges import ResidueRange
from pyecod.settings import PartitionSettings


@pytest.fixture
def reference(make_reference: Callable[..., Any]) -> Any:
    return make_reference(
        **{f"e1aa{letter}A1": ("11.1.1.1", "1-100") for letter in "abcdefg"},
        e1bbbA1=("20.1.1.1", "1-100"),
        e1cccA1=("11.1.2.1", "1-200"),
    )


def proposals(evidence: SimpleNamespace, reference: Any, *hits: Any, **options: Any) -> list[Proposal]:
    settings = PartitionSettings(**options)
    made = evidence.summary(400, *hits)
    table, _ = tabulate(made, indices_by_type(made), reference, settings)
    return propose(table, 400, settings)


def core(proposal: Proposal) -> str:
    return str(ResidueRange.from_mask(proposal.core))


def test_hits_of_one_h_group_over_one_region_are_one_proposal(evidence: SimpleNamespace, reference: Any) -> None:
    hits = [evidence.blast(f"e1aa{c}A1", evidence.hsp(f"{s}-{s + 99}", "1-100")) for c, s in (("a", 11), ("b", 13))]
    found = proposals(evidence, reference, *hits, evidence.blast("e1bbbA1", evidence.hsp("11-110", "1-100")))
    assert sorted(len(p.members) for p in found) == [1, 2]


def test_hits_of_unlike_size_do_not_vote_together(evidence: SimpleNamespace, reference: Any) -> None:
    one = evidence.blast("e1aaaA1", evidence.hsp("11-110", "1-100"))
    two = evidence.blast("e1cccA1", evidence.hsp("11-210", "1-200"))
    assert sorted(core(p) for p in proposals(evidence, reference, one, two)) == ["11-110", "11-210"]


def test_the_majority_places_the_ends(evidence: SimpleNamespace, reference: Any) -> None:
    starts = zip("abcde", (11, 11, 11, 19, 3), strict=True)
    hits = [evidence.blast(f"e1aa{c}A1", evidence.hsp(f"{s}-{s + 99}", "1-100")) for c, s in starts]
    (found,) = proposals(evidence, reference, *hits)
    assert (found.start, found.end, core(found)) == (11, 110, "11-110")


def test_a_close_homolog_outvotes_remote_ones(evidence: SimpleNamespace, reference: Any) -> None:
    remote = [evidence.blast(f"e1aa{c}A1", evidence.hsp("20-119", "1-100", 1e-5)) for c in "bcdefg"]
    close = evidence.blast("e1aaaA1", evidence.hsp("11-110", "1-100", 1e-90))
    (found,) = proposals(evidence, reference, close, *remote)
    assert (found.start, found.end) == (11, 110)


def test_ends_nearer_to_the_references_ends_count_more(evidence: SimpleNamespace, reference: Any) -> None:
    short = [evidence.blast(f"e1aa{c}A1", evidence.hsp("61-110", "31-80")) for c in "bc"]
    whole = evidence.blast("e1aaaA1", evidence.hsp("25-124", "1-100"))
    (found,) = proposals(evidence, reference, whole, *short)
    assert (found.start, found.end) == (25, 124)


def test_extrapolation_is_limited_where_the_homology_is_uncertain(evidence: SimpleNamespace, reference: Any) -> None:
    uncertain = evidence.blast("e1cccA1", evidence.hsp("151-250", "61-160", 1e-6))
    (found,) = proposals(evidence, reference, uncertain, max_extrapolation=30)
    assert (found.start, found.end, core(found)) == (121, 280, "151-250")
    assert (found.whole_start, found.whole_end) == (91, 290)
    certain = evidence.blast("e1cccA1", evidence.hsp("151-250", "61-160", 1e-9))
    (found,) = proposals(evidence, reference, certain, max_extrapolation=30)
    assert (found.start, found.end, core(found)) == (91, 290, "151-250")


def test_agreement_raises_the_confidence_by_at_most_an_order_of_magnitude(
    evidence: SimpleNamespace, reference: Any
) -> None:
    hits = [evidence.profile(f"e1aa{c}A1", "11-110", "1-100", 80.0) for c in "abcdefg"]
    (alone,), (many,) = proposals(evidence, reference, hits[0]), proposals(evidence, reference, *hits)
    better = evidence.profile("e1aaaA1", "11-110", "1-100", 97.0)
    (best,) = proposals(evidence, reference, better)
    assert alone.confidence < many.confidence < best.confidence


def test_an_inserted_region_stays_open_where_most_agree(evidence: SimpleNamespace, reference: Any) -> None:
    around = [
        evidence.blast(f"e1aa{c}A1", evidence.hsp("11-60", "1-50"), evidence.hsp("141-190", "51-100")) for c in "ab"
    ]
    (found,) = proposals(evidence, reference, *around)
    assert core(found) == "11-60,141-190"


def test_of_two_equal_votes_for_an_end_the_left_one_counts(evidence: SimpleNamespace, reference: Any) -> None:
    hits = [evidence.blast(f"e1aa{c}A1", evidence.hsp(f"{s}-{s + 99}", "1-100")) for c, s in (("a", 15), ("b", 11))]
    for order in (hits, hits[::-1]):
        (found,) = proposals(evidence, reference, *order)
        assert (found.start, found.end, core(found)) == (11, 110, "11-110")
        assert found.best == found.members[0] == 0


@pytest.mark.parametrize(("letters", "alone"), [("abc", (47, 146)), ("cba", (1, 100))])
def test_of_equal_candidates_the_first_of_the_reference_gathers_the_others(
    evidence: SimpleNamespace, reference: Any, letters: str, alone: tuple[int, int]
) -> None:
    """Three in a row, each near the next only: the last in the reference's order stands alone."""
    starts = zip(letters, (1, 24, 47), strict=True)
    hits = [evidence.blast(f"e1aa{c}A1", evidence.hsp(f"{s}-{s + 99}", "1-100")) for c, s in starts]
    for order in (hits, hits[::-1]):
        two, one = proposals(evidence, reference, *order)
        assert (len(two.members), len(one.members)) == (2, 1)
        assert (one.start, one.end) == alone
