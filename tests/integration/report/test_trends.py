"""The page of all weeks: every batch counted as its own page counts it, gaps and damage said, self-contained."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pyecod.batch import Batch, BatchHeader, ChainRecord, EntryRecord, Status
from pyecod.ids import ChainKey
from pyecod.report.trends import gather_weeks, missing_weeks, write_weeks
from pyecod.search.hit import EvidenceType
from pyecod.settings import Settings

pytestmark = pytest.mark.integration
FIRST = datetime.date(2025, 9, 5)
START = datetime.datetime(2025, 9, 6, 8, tzinfo=datetime.UTC)


def make_week(
    base: Path, number: int, *, good: int = 6, failed: int = 1, pause_hours: float = 0, **header: Any
) -> Batch:
    """The batch of the week ``number``: chains recorded a minute apart, with a pause after the first."""
    day = FIRST + datetime.timedelta(weeks=number)
    records = []
    for i in range(good + failed):
        record = ChainRecord(ChainKey(f"{number % 9 + 1}ab{i % 9}", f"A{i}"), 100, f"{i:032x}")
        record.blast_status = Status.COMPLETE
        if i < failed:
            record.hhsearch_status, record.failure_reason = Status.FAILED, "hhblits was killed"
        else:
            moment = START + datetime.timedelta(minutes=i, hours=pause_hours * (i > failed))
            record.hhsearch_status = record.partition_status = Status.COMPLETE
            record.partition_coverage, record.partition_quality = 0.5 + 0.5 * (i % 2), "good"
            record.partition_outcome, record.domain_count = "assigned", 2
            record.updated_at = moment.isoformat()
            hits = {"found": 3, "kept": 3, "considered": 3, "accepted": 3 * (i % 2)}
            record.evidence = {"domain_blast": hits}
        records.append(record)
    head = BatchHeader.new(f"ecod_weekly_{day:%Y%m%d}", "weekly", Settings(), release_date=day.isoformat(), **header)
    head = BatchHeader(**{name: getattr(head, name) for name in head.__slots__} | {"created": START.isoformat()})
    return Batch.create(base, head, entries=[EntryRecord("9zzz", Status.FAILED)], chains=records)


def test_every_week_is_counted_as_its_batch_counts_itself(batch_of: Callable[..., Batch]) -> None:
    batch = batch_of(60)
    ((week,), problems) = gather_weeks(batch.path.parent)
    assert problems == []
    assert week.counters == batch.counters()
    assert sum(week.states.values()) == week.counters.chains
    done = [r for r in batch.manifest.chains.values() if r.partition_coverage is not None]
    assert week.coverage == pytest.approx(sum(r.partition_coverage or 0 for r in done) / len(done))


def test_evidence_is_the_share_of_searched_chains_with_accepted_hits(tmp_path: Path) -> None:
    make_week(tmp_path, 0, good=6, failed=0)
    ((week,), _) = gather_weeks(tmp_path)
    assert week.evidence == {EvidenceType.DOMAIN_BLAST: 0.5}


@pytest.mark.parametrize("pause", [0, 5000])
def test_an_interruption_does_not_slow_a_week(tmp_path: Path, pause: float) -> None:
    make_week(tmp_path, 0, good=30, failed=0, pause_hours=pause)
    ((week,), _) = gather_weeks(tmp_path)
    assert week.hours == pytest.approx((29 if not pause else 28 + 60) / 60)
    assert week.per_hour == pytest.approx(30 / week.hours)


def test_weeks_without_a_batch_are_named(tmp_path: Path) -> None:
    for number in (0, 1, 4):
        make_week(tmp_path, number)
    weeks, _ = gather_weeks(tmp_path)
    assert missing_weeks(weeks) == [FIRST + datetime.timedelta(weeks=n) for n in (2, 3)]
    assert "No batch for the week of 2025-09-19, 2025-09-26" in write_weeks(tmp_path).read_text()


def test_a_damaged_batch_is_said_and_does_not_hide_the_others(tmp_path: Path) -> None:
    make_week(tmp_path, 0)
    (make_week(tmp_path, 1).path / "batch_manifest.yaml").write_text("{")
    text = write_weeks(tmp_path).read_text()
    assert "ecod_weekly_20250912" in text
    rows = html.fromstring(text).findall(".//table/tr")
    assert [row.findtext("td") or row.findtext("td/a") for row in rows[1:]] == ["2025-09-05"]


def test_the_table_has_every_number_of_a_week_and_links_to_its_page(tmp_path: Path) -> None:
    batch = make_week(tmp_path, 0, good=8, failed=2, reference_version="<b>")
    (batch.path / "report").mkdir(exist_ok=True)
    (batch.path / "report" / "index.html").write_text("page")
    page = write_weeks(tmp_path)
    heads, cells = ([c.text_content() for c in row] for row in html.fromstring(page.read_text()).findall(".//table/tr"))
    row = dict(zip(heads, cells, strict=True))
    expected = {"release": "2025-09-05", "reference": "<b>", "entries": "1", "not read": "1", "chains": "10",
        "done": "8", "failed": "2", "left": "0", "domains": "16", "per chain": "2.00", "good": "100%",
        "coverage": "75%", "domain BLAST": "50%", "HHsearch": "–", "state": "done"}  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    (link,) = html.fromstring(page.read_text()).findall(".//table//a")
    assert (page.parent / link.get("href")).resolve() == batch.path / "report" / "index.html"


def test_two_years_are_one_page_in_a_browser_without_errors_or_requests(
    tmp_path: Path, browser: Callable[[], Any]
) -> None:
    for number in range(104):
        make_week(tmp_path, number, good=5, reference_version="<script>alert(1)</script>")
    path = write_weeks(tmp_path)
    page = browser()
    page.call("Page.navigate", url=path.as_uri())
    page.wait("document.readyState === 'complete' && document.querySelectorAll('table tr').length === 105")
    assert page.run("document.querySelectorAll('figure svg').length") == 6
    assert page.run("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith("file:")] == []


def test_the_command_writes_it_under_the_base_path(tmp_path: Path) -> None:
    make_week(tmp_path, 0)
    program = Path(sys.executable).with_name("pyecod")
    done = subprocess.run(
        [program, "report", "weeks", "--base-path", tmp_path, "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"report": str(tmp_path / "report" / "weeks.html")}
    away = subprocess.run(
        [program, "report", "weeks", "--base-path", tmp_path / "away"], capture_output=True, text=True, check=False
    )
    assert away.returncode == 3
    assert "cannot list the batches" in away.stderr
