import pickle

import pytest

from pyecod.search import EvidenceType, Hit, Hsp, Query, SearchOutcome, SearchResult, Segment
from pyecod.search.encoding import ResultHeader
from pyecod.search.outcome import Finished, longest_first, outcome_of

from .conftest import query_of

DOMAIN, CHAIN = EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST


def finished(kind: EvidenceType, length: int, covered: int, *, cached: bool = False) -> Finished:
    hits = (Hit(kind, "e1suaA1", 90, (Hsp((Segment(1, covered, 1, covered),), evalue=0.0),)),) if covered else ()
    result = SearchResult(kind, query_of("A" * length), hits, 7, "blastp", "2.12.0+", "d", 2.5)
    return Finished(ResultHeader.of(str(kind), result), cached=cached)


def blast_outcome(length: int, covered: int, below: float = 0.9) -> SearchOutcome:
    both = {DOMAIN: finished(DOMAIN, length, covered), CHAIN: finished(CHAIN, length, length)}
    return outcome_of(query_of("A" * length), both, decides=DOMAIN, hhsearch_below=below)


@pytest.mark.parametrize("length", [10, 30, 70, 110, 310, 990, 4330])
def test_exactly_the_threshold_needs_no_profile_search_and_one_residue_less_does(length: int) -> None:
    enough = length * 9 // 10
    assert blast_outcome(length, enough).needs_hhsearch is False
    assert blast_outcome(length, enough - 1).needs_hhsearch is True


def test_chain_hits_do_not_count_for_the_decision() -> None:
    outcome = blast_outcome(100, 0)
    assert (outcome.coverage, outcome.needs_hhsearch) == (0.0, True)
    assert (outcome.found, outcome.kept) == ({DOMAIN: 7, CHAIN: 7}, {DOMAIN: 0, CHAIN: 1})


def test_one_failed_type_fails_the_sequence_with_its_reason() -> None:
    both = {DOMAIN: finished(DOMAIN, 100, 100), CHAIN: Finished(error="chain_blast: crashed")}
    outcome = outcome_of(query_of("A" * 100), both, decides=DOMAIN, hhsearch_below=0.9)
    assert (outcome.error, outcome.coverage, outcome.needs_hhsearch) == ("chain_blast: crashed", None, None)
    assert outcome.keys == {DOMAIN: "domain_blast"}


def test_cached_results_took_no_time() -> None:
    both = {DOMAIN: finished(DOMAIN, 100, 100, cached=True), CHAIN: finished(CHAIN, 100, 100)}
    outcome = outcome_of(query_of("A" * 100), both, decides=DOMAIN, hhsearch_below=0.9)
    assert (outcome.cached, outcome.seconds) == ((DOMAIN,), 2.5)


def test_an_outcome_is_small_and_survives_pickling() -> None:
    outcome = blast_outcome(100, 50)
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert len(pickle.dumps(outcome)) < 1500


def test_each_sequence_comes_once_the_longest_first() -> None:
    short, long = query_of("ACD"), query_of("ACDEFG")
    assert longest_first([short, long, Query(short.md5, short.sequence)]) == [long, short]
