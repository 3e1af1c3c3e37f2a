"""What 0.1 began goes on: nothing it searched is searched again, what failed is repaired, and all is well."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

import pytest

from flows.classify import classify
from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.partition.xml import read_partition

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

PENDING = "ecod_weekly_20250912"


def test_a_killed_week_is_finished_with_the_one_search_that_is_missing(site) -> None:
    said = site.said("records")[PENDING]["chains"]
    left = {key for key, chain in said.items() if chain["partition_status"] == "pending"}
    assert len({said[key]["representative"] for key in left}) == 3
    update_weeks(start_date=datetime.date(2025, 9, 12))
    batch = site.batch(PENDING)
    assert batch.header.completed
    assert batch.header.changes == ()  # no setting means anything else than it did
    assert (batch.counters().left, batch.counters().failed) == (0, 0)
    # two of the three have all their results in the cache, the third has its profile there
    assert site.searched() == Counter(hhsearch=1)
    for key in left:
        partition = read_partition(batch.path / batch.manifest.chains[key].files["partition"]).partition
        assert len(partition.domains) == batch.manifest.chains[key].domain_count
    for key, chain in said.items():
        if key not in left:
            assert batch.manifest.chains[key].updated_at == chain["updated_at"]


def test_sequences_that_0_1_searched_come_from_the_cache(site) -> None:
    classify(Path("two.fasta"), batch_name="again")
    assert site.searched() == Counter()
    again, before = site.batch("again"), site.batch("two_sequences")
    for key in ("query1", "query2"):
        new, old = (b.path / b.manifest.chains[key].files["partition"] for b in (again, before))
        assert read_partition(new).partition == read_partition(old).partition


def test_a_chain_that_failed_is_repaired_and_no_other(site) -> None:
    result = repair("error_fix", failed=True)
    assert [(str(outcome.item.key), str(outcome.verdict)) for outcome in result.outcomes] == [("9tw5_A", "better")]
    assert site.searched() == Counter(blastp=2, hhblits=1, hhsearch=1)
    rows = {row["batch"]: row for row in site.json("status")}
    assert (rows["ecod_weekly_20250905"]["failed"], rows["ecod_weekly_20250905"]["mended"]) == (2, 2)


def test_a_repair_uses_the_evidence_of_0_1(site) -> None:
    """Partitioned again from old summaries, a chain comes out as it did."""
    assert repair("user_request", chains=["9gj0_A"]).verdicts == {"same": 1}
    assert site.searched() == Counter()


def test_a_finished_site_has_nothing_left_to_do(site) -> None:
    planned = site.pyecod("update-weeks", "--start-date", "2025-09-05", "--dry-run")
    assert "2025-09-05  done" in planned
    assert "2025-09-12  resume" in planned


def test_the_doctor_finds_nothing_to_rebuild(site) -> None:
    findings = site.json("doctor")["findings"]
    assert [finding for finding in findings if finding["state"] == "problem"] == []
