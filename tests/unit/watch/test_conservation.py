"""Lost evidence is loud, and a small or a dull batch is not lost evidence."""

from __future__ import annotations

from typing import Any

import pytest

from pyecod.batch.record import ChainRecord, Status
from pyecod.errors import EvidenceLostError
from pyecod.ids import ChainKey
from pyecod.search.hit import EvidenceType
from pyecod.watch.conservation import MIN_CHAINS, check_conservation, conservation, find_losses


def record(number: int, evidence: dict[str, dict[str, int]], **fields: Any) -> ChainRecord:
    fields = {"partition_status": Status.COMPLETE, "partition_outcome": "assigned"} | fields
    return ChainRecord(ChainKey(f"{number:04d}", "A"), 100, "0" * 32, evidence=evidence, **fields)


def counts(found: int = 0, kept: int = 0, considered: int = 0, accepted: int = 0, **rejected: int) -> dict[str, int]:
    return {"found": found, "kept": kept, "considered": considered, "accepted": accepted, **rejected}


def batch(size: int, kind: str, *numbers: int, **fields: Any) -> list[ChainRecord]:
    return [record(i, {kind: counts(*numbers)}, **fields) for i in range(size)]


def losses(records: list[ChainRecord]) -> list[str]:
    return [f"{loss.type}:{loss.before}>{loss.after}" for loss in find_losses(conservation(records))]


def test_totals_are_hits_summed_over_chains() -> None:
    records = [
        record(1, {"hhsearch": counts(30, 12, 10, 4, unknown=2)}),
        record(2, {"hhsearch": counts(10, 0, 0, 0), "domain_blast": counts(5, 5, 5, 5)}),
    ]
    totals = conservation(records).types
    profile = totals[EvidenceType.HHSEARCH]
    assert (profile.found, profile.kept, profile.considered, profile.accepted) == (40, 12, 10, 4)
    assert profile.chains == {"found": 2, "kept": 1, "considered": 1, "accepted": 1}
    assert profile.rejected == {"unknown": 2}
    assert EvidenceType.CHAIN_BLAST not in totals


def test_identical_chains_share_one_search_and_count_once() -> None:
    shared = {"domain_blast": counts(5, 5, 5, 5)}
    records = [record(1, shared, representative="0001_A"), record(2, shared, representative="0001_A")]
    assert conservation(records).types[EvidenceType.DOMAIN_BLAST].found == 5
    assert conservation(records[1:]).types[EvidenceType.DOMAIN_BLAST].found == 5


@pytest.mark.parametrize("kind", list(EvidenceType))
def test_hits_that_vanish_between_summary_and_partitioner_are_loud_in_the_smallest_batch(kind: str) -> None:
    with pytest.raises(EvidenceLostError, match=rf"{kind}: 7 hits kept over 1 chains, none considered") as caught:
        check_conservation(conservation(batch(1, kind, 7, 7, 0, 0)), where="ecod_weekly_20250905")
    assert str(caught.value).startswith("ecod_weekly_20250905: evidence was lost")


def test_hits_that_the_reference_mostly_does_not_know_are_those_of_another_version() -> None:
    records = [record(i, {"chain_blast": counts(10, 10, 4, 4, unknown_reference=6)}) for i in range(MIN_CHAINS)]
    (loss,) = find_losses(conservation(records))
    assert str(loss) == "chain_blast: 60 hits kept over 10 chains, none known to the reference"
    assert losses(records[1:]) == []  # too few to tell
    few = [record(i, {"chain_blast": counts(10, 10, 6, 6, unknown_reference=4)}) for i in range(MIN_CHAINS)]
    assert losses(few) == []


@pytest.mark.parametrize("kind", ["chain_blast", "domain_blast"])
def test_blast_hits_that_never_reach_the_summary_are_loud_in_the_smallest_batch(kind: str) -> None:
    assert losses(batch(1, kind, 3, 0, 0, 0)) == [f"{kind}:found>kept"]


def test_improbable_profile_hits_of_a_few_novel_chains_are_not_lost_but_of_many_are() -> None:
    assert losses(batch(MIN_CHAINS - 1, "hhsearch", 10, 0, 0, 0)) == []
    assert losses(batch(MIN_CHAINS, "hhsearch", 10, 0, 0, 0)) == ["hhsearch:found>kept"]


def test_residues_covered_by_a_search_without_recorded_hits_are_loud() -> None:
    fields = {"blast_status": Status.COMPLETE, "blast_coverage": 0.95, "updated_at": "2025-09-05T10:00:00+00:00"}
    assert losses([record(1, {}, **fields)]) == ["domain_blast:searched>kept"]
    assert losses([record(1, {"domain_blast": counts()}, **fields)]) == ["domain_blast:searched>kept"]
    assert losses([record(1, {}, blast_status=Status.COMPLETE, blast_coverage=0.0)]) == []


@pytest.mark.parametrize("outcome", ["weak_evidence", "unknown_evidence"])
def test_a_chain_whose_evidence_is_weak_or_unknown_explains_itself_but_ten_do_not(outcome: str) -> None:
    assert losses(batch(1, "hhsearch", 9, 2, 0, 0, partition_outcome=outcome)) == []
    many = batch(MIN_CHAINS, "hhsearch", 9, 2, 0, 0, partition_outcome=outcome)
    assert losses(many) == ["hhsearch:kept>considered"]


def test_counted_rejections_explain_a_chain() -> None:
    assert losses([record(1, {"hhsearch": counts(3, 1, 0, 0, unknown_target=1)})]) == []


def test_a_partitioner_that_never_accepts_a_type_is_loud_from_ten_chains_on() -> None:
    assert losses(batch(MIN_CHAINS - 1, "chain_blast", 5, 5, 5, 0)) == []
    assert losses(batch(MIN_CHAINS, "chain_blast", 5, 5, 5, 0)) == ["chain_blast:considered>accepted"]


def test_one_chain_that_contributes_is_enough() -> None:
    records = batch(50, "chain_blast", 5, 5, 5, 0) + [record(99, {"chain_blast": counts(1, 1, 1, 1)})]
    assert losses(records) == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.PENDING, Status.RUNNING])
def test_chains_that_failed_or_are_not_finished_lose_nothing(status: Status) -> None:
    assert losses(batch(50, "domain_blast", 5, 5, 0, 0, partition_status=status)) == []


def test_nothing_found_anywhere_is_not_a_loss() -> None:
    assert losses(batch(50, "domain_blast", 0, 0, 0, 0)) == []
    assert losses([]) == []


def test_records_of_the_older_tools_count_no_hits_and_lose_none() -> None:
    records = [record(number, {}, blast_status=Status.COMPLETE, blast_coverage=0.98) for number in range(30)]
    assert losses(records) == []
