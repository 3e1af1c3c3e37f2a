"""Search results become one summary, and only of the sequence they were made for."""

from __future__ import annotations

import pytest

from pyecod.errors import BrokenInputError
from pyecod.evidence import summarise
from pyecod.ids import ChainKey
from pyecod.search.hit import EvidenceType, Hit, Hsp, Query, SearchResult, Segment

SEQUENCE = "MKV" * 20
QUERY = Query("0" * 32, SEQUENCE)


def result(kind: EvidenceType, *ends: int, found: int | None = None, query: Query = QUERY) -> SearchResult:
    hits = tuple(Hit(kind, f"e{end:04d}A1", None, (Hsp((Segment(1, end, 1, end),), 0.0),)) for end in ends)
    return SearchResult(kind, query, hits, len(hits) if found is None else found, "blastp", "2.12.0", "f" * 64)


def test_hits_of_all_types_and_their_counts_are_taken_over() -> None:
    results = {
        EvidenceType.HHSEARCH: result(EvidenceType.HHSEARCH, 30, found=12),
        EvidenceType.DOMAIN_BLAST: result(EvidenceType.DOMAIN_BLAST),
        EvidenceType.CHAIN_BLAST: result(EvidenceType.CHAIN_BLAST, 20, 10),
    }
    summary = summarise(ChainKey("8abc", "A"), 60, SEQUENCE, results, "develop291", "ecod_weekly_20250905")
    assert [hit.query_range.end for hit in summary.hits] == [20, 10, 30]
    assert dict(summary.found) == {
        EvidenceType.CHAIN_BLAST: 2,
        EvidenceType.DOMAIN_BLAST: 0,
        EvidenceType.HHSEARCH: 12,
    }
    assert (summary.reference_version, summary.batch_id) == ("develop291", "ecod_weekly_20250905")


def test_a_type_that_was_not_searched_is_absent() -> None:
    summary = summarise(ChainKey("8abc", "A"), 60, SEQUENCE, {})
    assert (summary.hits, dict(summary.found)) == ((), {})


def test_the_result_of_another_sequence_is_refused() -> None:
    other = result(EvidenceType.HHSEARCH, 30, query=Query("1" * 32, "W" * 60))
    with pytest.raises(BrokenInputError, match=r"8abc_A.*hhsearch"):
        summarise(ChainKey("8abc", "A"), 60, SEQUENCE, {EvidenceType.HHSEARCH: other})


def test_a_result_filed_under_another_type_is_refused() -> None:
    with pytest.raises(BrokenInputError, match="of type hhsearch"):
        summarise(ChainKey("8abc", "A"), 60, SEQUENCE, {EvidenceType.CHAIN_BLAST: result(EvidenceType.HHSEARCH)})


def test_the_length_must_be_that_of_the_sequence() -> None:
    with pytest.raises(BrokenInputError, match="length 61"):
        summarise(ChainKey("8abc", "A"), 61, SEQUENCE, {})
