"""What 0.1 began goes on: nothing it searched is searched again, what failed is repaired, and all is well."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.classify import classify
from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.cli.main import app
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
    classify(fasta=Path("two.fasta"), batch_name="again")
    assert site.searched() == Counter()
    again, before = site.batch("again"), site.batch("two_sequences")
    for key in ("query1", "query2"):
        files = (b.path / b.manifest.chains[key].files["partition"] for b in (again, before))
        new, old = (read_partition(path).partition for path in files)
        assert new.counts == old.counts
        assert [(d.ecod_domain, d.t_group) for d in new.domains] == [(d.ecod_domain, d.t_group) for d in old.domains]
        assert all(d.confidence is None for d in old.domains)
        assert all(d.confidence for d in new.domains)


def test_a_chain_that_failed_is_repaired_and_no_other(site) -> None:
    result = repair(reason="error_fix", failed=True)
    assert [(str(outcome.item.key), str(outcome.verdict)) for outcome in result.outcomes] == [("9tw5_A", "better")]
    assert site.searched() == Counter(blastp=2, hhblits=1, hhsearch=1)
    rows = {row["batch"]: row for row in site.json("status")}
    assert (rows["ecod_weekly_20250905"]["failed"], rows["ecod_weekly_20250905"]["mended"]) == (2, 2)


def test_a_repair_uses_the_evidence_of_0_1(site) -> None:
    """Partitioned again from old summaries, a chain comes out as it did."""
    assert repair(reason="user_request", chains=["9gj0_A"]).verdicts == {"same": 1}
    assert site.searched() == Counter()


def test_a_finished_site_has_nothing_left_to_do(site) -> None:
    planned = site.pyecod("update-weeks", "--start-date", "2025-09-05", "--dry-run")
    assert "2025-09-05  done" in planned
    assert "2025-09-12  resume" in planned


def findings() -> list[dict[str, str]]:
    """What the doctor says of the site; how busy the tests' own Prefect server is does not belong here."""
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["findings"]
    return [finding for finding in found if finding["check"] not in ("prefect server", "clock")]


def test_the_doctor_finds_nothing_to_rebuild(site) -> None:
    found = {finding["check"]: finding for finding in findings()}
    assert [finding for finding in found.values() if finding["state"] == "problem"] == []
    assert (found["batches"]["state"], found["batches"]["detail"]) == ("ok", "5 looked at")
    assert found["kept searches"]["state"] == "ok"
    assert "all of them serve" in found["kept searches"]["detail"]


def test_the_doctor_names_what_would_be_searched_again_and_its_price(site) -> None:
    blastp = site.searches.parent / "programs" / "blastp"
    blastp.write_text(blastp.read_text().replace("2.12.0+", "2.16.0+"))
    result = next(path for path in (site.folder / "batches/search_cache/results").rglob("*") if path.is_file())
    result.write_bytes(b"PYECOD0\n" + result.read_bytes()[8:])
    (kept,) = [finding for finding in findings() if finding["check"] == "kept searches"]
    assert kept["state"] == "note"
    assert "blastp 2.12.0+, now 2.16.0+; " in kept["detail"]
    assert "not an entry of this version" in kept["detail"]
    assert "hours of CPU" in kept["detail"]
    assert "searched again when they are needed" in kept["remedy"]


def test_the_doctor_names_an_unfinished_batch_that_would_be_refused(site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYECOD_SEARCH__EVALUE", "0.01")
    (site.folder / "batches/two_sequences/batch_manifest.yaml").write_text("nothing\n")
    lines = [
        f
        for f in json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["findings"]
        if f["check"] == "batches"
    ]
    details = [line["detail"] for line in lines]
    assert f"{PENDING} is unfinished, and now search.evalue: 0.002 -> 0.01" in details
    assert any(line["state"] == "problem" and "two_sequences" in line["detail"] for line in lines)
