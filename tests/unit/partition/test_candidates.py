"""Candidates: reference coverage, missing ends, pieces, and chain hits cut into domains."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pyecod.partition.candidates import KINDS, CandidateTable, tabulate
from pyecod.partition.counting import Verdict, indices_by_type
from pyecod.partition.strength import STRONGEST
from pyecod.search.hit import EvidenceType, Hit
from pyecod.settings import PartitionSettings

Make = Callable[..., Any]


def pieces(table: CandidateTable, place: int = 0) -> list[tuple[int, int]]:
    span = slice(table.first_piece[place], table.first_piece[place + 1])
    return list(zip(table.piece_start[span].tolist(), table.piece_end[span].tolist(), strict=True))


def table_of(
    reference: Any, evidence: SimpleNamespace, *hits: Hit, length: int = 400
) -> tuple[CandidateTable, list[str]]:
    made = evidence.summary(length, *hits)
    table, verdicts = tabulate(made, indices_by_type(made), reference, PartitionSettings())
    return table, [Verdict(code).name.lower() for code in verdicts]


@pytest.fixture
def reference(make_reference: Make) -> Any:
    return make_reference(
        e1aaaA1=("1.1.1.1", "1-100"),
        e1aaaA2=("2.1.1.1", "101-150,201-250"),
        e1aaaA3=("3.1.1.1", "151-200"),
        e1bbbA1=("1.1.1.2", "1-180"),
        e1cccA1=("", "1-100"),
    )


def test_reference_coverage_uses_the_true_length_and_never_exceeds_one(
    evidence: SimpleNamespace, reference: Any
) -> None:
    half = evidence.blast("e1bbbA1", evidence.hsp("11-100", "31-120"))
    table, _ = table_of(reference, evidence, half)
    assert table.reference_coverage[0] == 0.5
    assert (table.missing_start[0], table.missing_end[0]) == (30, 60)
    longer = evidence.blast("e1aaaA1", evidence.hsp("1-120", "1-120"))
    table, _ = table_of(reference, evidence, longer)
    assert table.reference_coverage[0] == 1.0
    assert table.missing_end[0] == 0


def test_small_gaps_are_closed_and_insertions_kept_open(evidence: SimpleNamespace, reference: Any) -> None:
    small = evidence.blast("e1aaaA1", evidence.hsp("1-50,71-120", "1-50,51-100"))
    table, _ = table_of(reference, evidence, small)
    assert pieces(table) == [(1, 120)]
    large = evidence.blast("e1aaaA1", evidence.hsp("1-50,151-200", "1-50,51-100"))
    table, _ = table_of(reference, evidence, large)
    assert pieces(table) == [(1, 50), (151, 200)]


def test_a_gap_that_the_reference_has_too_is_no_insertion(evidence: SimpleNamespace, reference: Any) -> None:
    hit = evidence.blast("e1bbbA1", evidence.hsp("1-50,101-180", "1-50,101-180"))
    table, _ = table_of(reference, evidence, hit)
    assert pieces(table) == [(1, 180)]


def test_a_chain_hit_gives_every_domain_it_meets(evidence: SimpleNamespace, reference: Any) -> None:
    hit = evidence.chain("1aaa_A", evidence.hsp("11-260", "1-250", 1e-50))
    table, verdicts = table_of(reference, evidence, hit)
    found = {reference.ids[row]: pieces(table, i) for i, row in enumerate(table.row.tolist())}
    assert found == {"e1aaaA1": [(11, 110)], "e1aaaA2": [(111, 160), (211, 260)], "e1aaaA3": [(161, 210)]}
    assert table.reference_coverage.tolist() == [1.0, 1.0, 1.0]
    assert np.allclose(np.sort(table.evidence), [10, 20, 20])
    assert verdicts == ["usable"]


def test_one_domain_of_a_many_domain_chain_counts(evidence: SimpleNamespace, reference: Any) -> None:
    table, _ = table_of(reference, evidence, evidence.chain("1aaa_A", evidence.hsp("1-96", "3-98", 1e-30)))
    assert [reference.ids[row] for row in table.row] == ["e1aaaA1"]
    assert (table.missing_start[0], table.missing_end[0]) == (2, 2)


def test_an_alignment_gap_inside_a_chain_hits_domain_is_closed(evidence: SimpleNamespace, reference: Any) -> None:
    table, _ = table_of(reference, evidence, evidence.chain("1aaa_A", evidence.hsp("1-40,51-110", "1-40,41-100", 0.0)))
    assert pieces(table) == [(1, 110)]
    assert table.evidence[0] == STRONGEST


def test_hits_without_a_use_say_why(evidence: SimpleNamespace, reference: Any) -> None:
    hits = (
        evidence.blast("e9zzzA1", evidence.hsp("1-90", "1-90")),
        evidence.blast("e1cccA1", evidence.hsp("1-90", "1-90")),
        evidence.chain("9zzz_A", evidence.hsp("1-90", "1-90")),
        evidence.chain("1aaa_A", evidence.hsp("1-90", "301-390")),
    )
    table, verdicts = table_of(reference, evidence, *hits)
    assert len(table) == 0
    assert verdicts == ["unknown_reference", "unclassified_reference", "unknown_reference", "unmapped"]


def test_old_evidence_without_target_residues_can_be_used(evidence: SimpleNamespace, reference: Any) -> None:
    hits = (
        evidence.blast("e1aaaA1", evidence.hsp("1-90", "0-0")),
        evidence.chain("1bbb_A", evidence.hsp("1-170", "0-0")),
    )
    table, verdicts = table_of(reference, evidence, *hits)
    assert verdicts == ["usable", "usable"]
    assert sorted(pieces(table, i)[0] for i in range(2)) == [(1, 90), (1, 170)]
    assert table.missing_start.tolist() == [0, 0]
    divided, verdicts = table_of(reference, evidence, evidence.chain("1aaa_A", evidence.hsp("1-170", "0-0")))
    assert (len(divided), verdicts) == (0, ["unmapped"])


def test_candidates_are_sorted_best_first_within_their_h_group(evidence: SimpleNamespace, reference: Any) -> None:
    hits = (
        evidence.profile("e1aaaA1", "1-100", "1-100", 80.0),
        evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30)),
    )
    table, _ = table_of(reference, evidence, *hits)
    assert [KINDS[kind] for kind in table.kind] == [EvidenceType.DOMAIN_BLAST, EvidenceType.HHSEARCH]
    assert table.score[0] > table.score[1]


def test_a_chain_hits_domain_that_no_domain_search_finds_is_believed_less(
    evidence: SimpleNamespace, reference: Any
) -> None:
    chain = evidence.chain("1aaa_A", evidence.hsp("1-200", "1-200", 1e-90))
    confirming = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-40))
    table, _ = table_of(reference, evidence, chain, confirming)
    by_chain = {
        reference.ids[row]: e for row, kind, e in zip(table.row, table.kind, table.evidence, strict=True) if kind
    }
    assert by_chain["e1aaaA1"] == pytest.approx(45)
    assert by_chain["e1aaaA3"] == 5.0
    assert by_chain["e1aaaA2"] == 2.5
    alone, _ = table_of(reference, evidence, chain)
    assert sorted(alone.evidence) == pytest.approx([22.5, 22.5, 45])


def ranked(reference: Any, evidence: SimpleNamespace, *hits: Hit) -> list[tuple[str, EvidenceType, int, int]]:
    """The table's candidates in its order, which must not depend on that of the hits."""
    orders = []
    for given in (hits, hits[::-1]):
        table, _ = table_of(reference, evidence, *given)
        assert len(set(table.score.tolist())) == 1  # all equally good
        rows = zip(table.row, table.kind, table.start, table.end, strict=True)
        orders.append([(reference.ids[row], KINDS[kind], int(start), int(end)) for row, kind, start, end in rows])
    assert orders[0] == orders[1]
    return orders[0]


def test_of_equally_good_candidates_the_one_that_aligns_more_comes_first(
    evidence: SimpleNamespace, reference: Any
) -> None:
    small = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100"))
    large = evidence.blast("e1bbbA1", evidence.hsp("1-180", "1-180"))
    assert [found[0] for found in ranked(reference, evidence, small, large)] == ["e1bbbA1", "e1aaaA1"]


def test_of_candidates_as_long_the_first_of_the_reference_comes_first(
    evidence: SimpleNamespace, make_reference: Make
) -> None:
    reference = make_reference(e1aaaA1=("1.1.1.1", "1-100"), e1dddA1=("1.1.1.1", "1-100"))
    hits = [evidence.blast(id_, evidence.hsp("11-110", "1-100")) for id_ in ("e1dddA1", "e1aaaA1")]
    assert [found[0] for found in ranked(reference, evidence, *hits)] == ["e1aaaA1", "e1dddA1"]


def test_of_two_searches_that_find_the_same_that_of_domains_comes_first(
    evidence: SimpleNamespace, reference: Any
) -> None:
    chain = evidence.chain("1bbb_A", evidence.hsp("1-180", "1-180"))
    domain = evidence.blast("e1bbbA1", evidence.hsp("1-180", "1-180"))
    kinds = [found[1] for found in ranked(reference, evidence, chain, domain)]
    assert kinds == [EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST]


def test_of_equal_repeats_the_left_one_comes_first(evidence: SimpleNamespace, reference: Any) -> None:
    hits = [evidence.blast("e1aaaA1", evidence.hsp(query, "1-100")) for query in ("201-300", "1-100")]
    assert [found[2:] for found in ranked(reference, evidence, *hits)] == [(1, 100), (201, 300)]
