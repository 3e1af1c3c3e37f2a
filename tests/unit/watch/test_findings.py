"""Each alert is made to happen, and does not happen just below its threshold."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch import Batch, BatchHeader, ChainRecord, EntryRecord, Status
from pyecod.errors import FailureKind
from pyecod.ids import ChainKey
from pyecod.settings import AlertSettings, Settings
from pyecod.watch.findings import Alert, batch_alerts, due_time, gravest_first, house_alerts
from pyecod.watch.snapshot import Snapshot, look

LIMITS = AlertSettings(disk_gib=0, scratch_gib=0)
DONE = {
    "blast_status": Status.COMPLETE,
    "hhsearch_status": Status.NOT_NEEDED,
    "partition_status": Status.COMPLETE,
    "partition_quality": "good",
    "partition_outcome": "classified",
    "evidence": {"domain_blast": {"found": 9, "kept": 9, "considered": 9, "accepted": 5}},
}
FAILED = {"blast_status": Status.FAILED, "failed_step": "blast", "failure_reason": "the output is truncated"}

Look = Callable[..., Snapshot]


def chain(number: int, **fields: Any) -> ChainRecord:
    key = ChainKey.parse(f"1{number:03d}_A")
    return ChainRecord(key, 100, hashlib.md5(str(key).encode()).hexdigest(), **fields)


def make(folder: Path, *groups: tuple[int, dict[str, Any]], day: str = "2025-09-05", **more: Any) -> Batch:
    """A weekly batch with so many chains of each kind."""
    chains = [chain(number, **fields) for number, fields in enumerate(f for n, f in groups for _ in range(n))]
    name = f"ecod_weekly_{day.replace('-', '')}"
    header = BatchHeader.new(name, "weekly", Settings(), release_date=day)
    return Batch.create(folder, header, chains=chains, **more)


@pytest.fixture
def at(tmp_path: Path) -> Look:
    """A look at a batch with so many chains of each kind."""
    return lambda *groups, **more: look(make(tmp_path, *groups, **more).path)


def kinds(snapshot: Snapshot, settings: AlertSettings = LIMITS) -> list[str]:
    return [alert.kind for alert in batch_alerts(snapshot, settings)]


def test_a_good_batch_is_not_worth_attention(at: Look) -> None:
    assert kinds(at((30, DONE))) == []


def test_a_tenth_of_failed_chains_is_not_told_and_more_is_with_the_reason(tmp_path: Path) -> None:
    assert kinds(look(make(tmp_path / "a", (27, DONE), (3, FAILED)).path)) == []
    (alert,) = batch_alerts(look(make(tmp_path / "b", (26, DONE), (4, FAILED)).path), LIMITS)
    assert (alert.kind, alert.severity) == ("failure-rate", "critical")
    assert "4 of 30 chains failed" in alert.text
    assert "the output is truncated" in alert.text


def test_too_few_chains_say_nothing(at: Look) -> None:
    assert kinds(at((10, FAILED), (9, {**DONE, "partition_quality": "fragmentary"}))) == []


def test_failed_entries_are_told(at: Look) -> None:
    entries = [EntryRecord(f"1{n:03d}", Status.FAILED if n < 4 else Status.COMPLETE, "no file") for n in range(30)]
    (alert,) = batch_alerts(at((30, DONE), entries=entries), LIMITS)
    assert alert.kind == "entry-failures"
    assert "no file" in alert.text


def test_poor_quality_is_told_above_its_share(tmp_path: Path) -> None:
    poor = [(4, {**DONE, "partition_quality": "fragmentary"}), (5, {**DONE, "partition_quality": "no_domains"})]
    assert kinds(look(make(tmp_path / "a", (21, DONE), *poor).path)) == []
    assert kinds(look(make(tmp_path / "b", (20, DONE), *poor).path)) == ["poor-quality"]


def test_an_evidence_type_that_drops_to_zero_is_told(at: Look) -> None:
    lost = {**DONE, "evidence": {"domain_blast": {"found": 9, "kept": 9, "considered": 9, "accepted": 0}}}
    (alert,) = batch_alerts(at((30, lost)), LIMITS)
    assert (alert.kind, alert.severity) == ("evidence-lost", "critical")
    assert "domain_blast" in alert.text


def test_a_database_without_a_single_hit_is_told(at: Look) -> None:
    none = {**DONE, "evidence": {"chain_blast": {"found": 0, "kept": 0, "considered": 0, "accepted": 0}}}
    (alert,) = batch_alerts(at((30, none)), LIMITS)
    assert alert.kind == "evidence-zero"
    assert "chain_blast" in alert.text


@pytest.mark.parametrize("kind", FailureKind)
def test_memory_kills_are_told_and_time_limits_are_not_taken_for_them(at: Look, kind: str) -> None:
    expected = [] if kind in (FailureKind.OUT_OF_TIME, FailureKind.UNUSABLE) else ["memory-kills"]
    assert kinds(at((30, DONE), (1, {**FAILED, "failure_kind": str(kind)}))) == expected


def test_full_disks_are_told_before_everything_else(at: Look) -> None:
    poor = {**DONE, "partition_quality": "fragmentary"}
    settings = AlertSettings(disk_gib=10**9, scratch_gib=10**9)
    found = kinds(at((30, poor)), settings)
    assert found[-1] == "poor-quality"
    assert {"disk-low", "scratch-low"} <= set(found)


def driven(batch: Batch, minutes: float, done: int) -> Snapshot:
    """A look ``minutes`` after the driver began and finished so many chains."""
    with batch.lock():
        start = datetime.now(UTC)
        finished = (start + timedelta(minutes=minutes - 1)).isoformat(timespec="seconds")
        for record in list(batch.manifest.chains.values())[:done]:
            record.updated_at = finished
        return look(batch.path, now=start + timedelta(minutes=minutes), batch=batch)


def test_a_slow_run_is_told_once_it_had_its_time(tmp_path: Path) -> None:
    batch = make(tmp_path, (24, DONE), (50, {}))
    assert kinds(driven(batch, 29, 24)) == []
    slow = driven(batch, 31, 24)  # 24 in the last quarter of an hour: 96 per hour
    assert slow.per_hour == pytest.approx(96, abs=1)
    assert kinds(slow) == ["throughput"]
    assert kinds(slow, LIMITS.model_copy(update={"chains_per_hour": 90.0})) == []


def test_a_run_that_does_nothing_at_all_is_told(tmp_path: Path) -> None:
    assert kinds(driven(make(tmp_path, (30, {})), 31, 0)) == ["throughput"]


def test_an_unfinished_batch_without_driver_is_dead(tmp_path: Path) -> None:
    batch = make(tmp_path, (3, DONE), (2, {}))
    settings = Settings(base_path=tmp_path, alerts=LIMITS)
    now = datetime.now(UTC)
    assert house_alerts(settings, now + timedelta(minutes=50)) == []
    (alert,) = house_alerts(settings, now + timedelta(minutes=70))
    assert (alert.kind, alert.subject) == ("batch-abandoned", batch.name)
    assert "2 chains left" in alert.text
    assert house_alerts(settings, now + timedelta(days=90)) == []  # history


def test_a_driven_batch_that_does_not_move_is_stalled(tmp_path: Path) -> None:
    batch = make(tmp_path, (2, {}))
    with batch.lock():
        (alert,) = house_alerts(Settings(base_path=tmp_path, alerts=LIMITS), datetime.now(UTC) + timedelta(minutes=70))
    assert alert.kind == "batch-stalled"
    assert str(os.getpid()) in alert.text


def test_a_damaged_batch_is_told(tmp_path: Path) -> None:
    batch = make(tmp_path, (2, DONE))
    batch.paths.manifest.write_text("nothing of the kind")
    (alert,) = house_alerts(Settings(base_path=tmp_path, alerts=LIMITS))
    assert alert.kind == "batch-damaged"


def complete(batch: Batch) -> None:
    with batch.lock():
        batch.update_header(completed="2025-09-10T09:00:00+00:00")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2025-09-11T11:59", False),  # Thursday before noon: last week's release still counts
        ("2025-09-11T12:01", False),  # the release of the Friday before is complete
        ("2025-09-18T11:59", False),
        ("2025-09-18T12:01", True),
        ("2025-09-22T08:00", True),
    ],
)
def test_a_week_that_did_not_come_by_thursday_is_told(tmp_path: Path, now: str, told: bool) -> None:
    complete(make(tmp_path, (2, DONE), day="2025-09-05"))
    settings = Settings(base_path=tmp_path, status_dir=tmp_path, alerts=LIMITS)
    alerts = house_alerts(settings, datetime.fromisoformat(f"{now}:00+00:00"))
    assert [alert.kind for alert in alerts] == ["week-overdue"] * told
    if told:
        assert "2025-09-05" in alerts[0].text


def test_an_unfinished_week_does_not_count_as_come(tmp_path: Path) -> None:
    make(tmp_path, (2, DONE), day="2025-09-12")
    settings = Settings(base_path=tmp_path, status_dir=tmp_path, alerts=LIMITS)
    found = house_alerts(settings, datetime.fromisoformat("2025-09-18T13:00:00+00:00"))
    assert [alert.kind for alert in found] == ["week-overdue"]


def test_who_does_not_follow_the_pdb_misses_no_week(tmp_path: Path) -> None:
    assert house_alerts(Settings(base_path=tmp_path, alerts=LIMITS)) == []


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["monday", "thursday", "sunday"]),
)
def test_the_due_time_is_the_last_noon_of_its_day(now: datetime, day: str) -> None:
    due = due_time(AlertSettings(weekly_due=day), now)  # type: ignore[arg-type]
    assert due.strftime("%A").lower() == day
    assert due.hour == 12
    assert timedelta(0) <= now - due < timedelta(days=7)


def test_the_gravest_come_first_and_each_once() -> None:
    warning, critical = Alert("a", "warning", "x", "…"), Alert("b", "critical", "x", "…")
    assert gravest_first([warning, critical, warning]) == [critical, warning]


@pytest.mark.slow
def test_many_batches_are_looked_over_in_moments(tmp_path: Path) -> None:
    for week in range(20):
        complete(make(tmp_path, (50, DONE), day=f"2025-{week // 4 + 1:02d}-{week % 4 * 7 + 1:02d}"))
    start = time.process_time()
    house_alerts(Settings(base_path=tmp_path, alerts=LIMITS))
    assert time.process_time() - start < 5
