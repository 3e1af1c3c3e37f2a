"""Which weeks a run without dates takes up."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, EntryRecord, Status, weekly_name
from pyecod.batch.header import utc_now
from pyecod.errors import BatchError
from pyecod.pdb import find_releases
from pyecod.settings import RunSettings, Settings
from pyecod.weeks.begin import begin_week
from pyecod.weeks.lists import acknowledge
from pyecod.weeks.plan import WeekPlan, plan_weeks
from pyecod.work.start import new_header

NEWEST = datetime.date(2025, 9, 26)


def begin(settings: Settings, weeks_ago: int, entry: EntryRecord, *, completed: bool) -> None:
    """A week as a run left it: its release and its batch."""
    day = NEWEST - datetime.timedelta(weeks=weeks_ago)
    release(settings, day)
    header = BatchHeader.new(
        weekly_name(day), "weekly", settings, reference_version="r", reference_id="r", release_date=day.isoformat()
    )
    batch = Batch.create(settings.base_path, header, entries=[entry])
    if completed:
        with batch.lock():
            batch.update_header(completed=utc_now())


def release(settings: Settings, day: datetime.date) -> None:
    """The lists of a release."""
    assert settings.status_dir is not None
    folder = settings.status_dir / f"{day:%Y%m%d}"
    folder.mkdir(parents=True)
    (folder / "added.pdb").write_text("9zzz\n")


def test_a_week_that_was_never_finished_is_taken_up_again_after_its_successor(tmp_path: Path) -> None:
    settings = Settings(
        base_path=tmp_path / "batches", status_dir=tmp_path / "status", run=RunSettings(look_back_weeks=8)
    )
    unread = EntryRecord("9zzz")
    failed = EntryRecord("9zzz", Status.FAILED, failure_reason="no mmCIF file")
    begin(settings, 9, unread, completed=False)  # too long ago: an alert speaks of it for 60 days
    begin(settings, 8, unread, completed=False)
    begin(settings, 3, failed, completed=True)  # done with failures: repairs are for those
    begin(settings, 2, EntryRecord("9zzz", Status.COMPLETE), completed=False)  # killed before its end
    begin(settings, 0, EntryRecord("9zzz", Status.COMPLETE), completed=True)
    release(settings, NEWEST - datetime.timedelta(weeks=1))  # its list came late
    plans = plan_weeks(settings)
    ago = {(NEWEST - plan.release.date).days // 7: (plan.state, plan.reason) for plan in plans}
    assert ago == {8: ("resume", ""), 2: ("resume", "not finished"), 1: ("new", ""), 0: ("done", "complete")}
    assert [p.release.date for p in plan_weeks(settings, max_batches=1)] == [NEWEST - datetime.timedelta(weeks=8)]
    assert len(plan_weeks(settings, NEWEST - datetime.timedelta(weeks=9))) == 6  # who names a start gets every week


def test_releases_to_be_fetched_are_new_weeks_in_their_place(tmp_path: Path) -> None:
    settings = Settings(base_path=tmp_path / "batches", status_dir=tmp_path / "status")
    coming = [NEWEST - datetime.timedelta(weeks=1), NEWEST]
    plans = plan_weeks(settings, absent=coming)  # no status folder yet
    assert [(plan.release.date, plan.state, plan.reason) for plan in plans] == [
        (day, "new", "its lists are fetched first") for day in coming
    ]
    assert len(plan_weeks(settings, absent=coming, max_batches=1)) == 1


def rewrite(settings: Settings, day: datetime.date, text: str) -> None:
    """Another text of a release's list."""
    assert settings.status_dir is not None
    (settings.status_dir / f"{day:%Y%m%d}" / "added.pdb").write_text(text)


def only(settings: Settings, **dates: datetime.date) -> WeekPlan:
    """The only week of a plan."""
    (plan,) = plan_weeks(settings, **dates)
    return plan


@pytest.fixture
def weeks(tmp_path: Path) -> Settings:
    """Two weeks that are done, the newest one a week after the other."""
    settings = Settings(base_path=tmp_path / "batches", status_dir=tmp_path / "status")
    for ago in (1, 0):
        begin(settings, ago, EntryRecord("9zzz", Status.COMPLETE), completed=True)
    return settings


OLD = NEWEST - datetime.timedelta(weeks=1)


def test_a_list_that_grew_makes_its_week_work_again_also_when_a_newer_one_was_begun(weeks: Settings) -> None:
    rewrite(weeks, OLD, "9zzz\n9yyy\n9xxx\n")
    late, newest = plan_weeks(weeks)
    assert (late.release.date, late.state, late.entries) == (OLD, "resume", 2)
    assert late.reason == "the list has 2 new entries"
    assert newest.state == "done"


def test_wrong_lines_stay_open_until_they_are_mended_or_acknowledged(weeks: Settings, monkeypatch: Any) -> None:
    rewrite(weeks, NEWEST, "9zzz\n9yyy 9xxx\n")
    plan = only(weeks)
    assert (plan.state, plan.reason) == ("resume", "other lines of the lists are wrong")
    assert len(plan.open_problems) == 1
    monkeypatch.setattr("pyecod.weeks.begin.go_on", lambda path, _: Batch.open(path))  # there is no reference here
    batch = begin_week(plan.release, weeks)
    assert batch.header.list_problems == ("added.pdb:2: '9yyy 9xxx' is not a PDB id",)
    again = only(weeks)
    assert (again.state, again.open_problems) == ("done", batch.header.open_problems)
    assert acknowledge(batch) == batch.header.list_problems
    assert only(weeks).open_problems == ()
    rewrite(weeks, NEWEST, "# a new first line\n9zzz\n9yyy 9xxx\n")  # the same line, further down
    assert only(weeks).open_problems == ()
    rewrite(weeks, NEWEST, "9zzz\n9yyy\n9xxx\n")
    mended = only(weeks)
    assert (mended.state, mended.entries, mended.open_problems) == ("resume", 2, ())
    batch = begin_week(mended.release, weeks)
    assert sorted(batch.manifest.entries) == ["9xxx", "9yyy", "9zzz"]
    assert batch.paths.pdb_entries.read_text() == "9zzz\n9yyy\n9xxx\n"
    assert (batch.header.list_problems, batch.header.completed) == ((), None)


def test_a_week_whose_list_was_empty_is_found_when_it_is_filled(weeks: Settings) -> None:
    between = NEWEST - datetime.timedelta(days=3)
    release(weeks, between)
    rewrite(weeks, between, "")
    assert [plan.release.date for plan in plan_weeks(weeks)] == [NEWEST]
    rewrite(weeks, between, "9yyy\n")
    late, _ = plan_weeks(weeks)
    assert (late.release.date, late.state, late.entries) == (between, "new", 1)
    before = OLD - datetime.timedelta(weeks=1)
    release(weeks, before)  # older than every batch: nobody asked for it
    assert [plan.release.date for plan in plan_weeks(weeks)] == [between, NEWEST]


def test_a_damaged_manifest_is_its_weeks_trouble(weeks: Settings) -> None:
    manifest = weeks.base_path / weekly_name(OLD) / "batch_manifest.yaml"
    manifest.write_bytes(manifest.read_bytes()[:200])
    broken, newest = plan_weeks(weeks)
    assert (broken.release.date, broken.state, broken.is_work) == (OLD, "broken", False)
    assert str(manifest) in broken.reason
    assert newest.state == "done"


def test_a_week_that_lost_its_manifest_is_not_planned_as_new(weeks: Settings) -> None:
    folder = weeks.base_path / weekly_name(OLD)
    (folder / "partitions").mkdir(exist_ok=True)
    (folder / "partitions" / "9zzz_A.json").write_text("{}")
    (folder / "batch_manifest.yaml").unlink()
    (plan,) = plan_weeks(weeks, OLD, OLD)
    assert (plan.state, plan.is_work) == ("broken", False)
    with pytest.raises(BatchError) as refused:  # what the run itself says
        new_header(folder.name, "weekly", weeks)
    assert plan.reason == str(refused.value)


def test_a_list_is_read_whatever_its_encoding_and_never_fills_the_memory(weeks: Settings) -> None:
    rewrite(weeks, NEWEST, "\ufeff9zzz\r\n")
    assert only(weeks).state == "done"
    assert weeks.status_dir is not None
    path = weeks.status_dir / f"{NEWEST:%Y%m%d}" / "added.pdb"
    path.write_bytes(gzip.compress(b"9zzz\n" * 100 + b"x" * (1 << 26)))
    (found,) = find_releases(weeks.status_dir, NEWEST)
    assert found.skip_reason == "added.pdb cannot be read"
    assert "a line of more than" in found.problems[0]
