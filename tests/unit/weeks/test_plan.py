"""Which weeks a run without dates takes up."""

from __future__ import annotations

import datetime
from pathlib import Path

from pyecod.batch import Batch, BatchHeader, EntryRecord, Status, weekly_name
from pyecod.batch.header import utc_now
from pyecod.settings import Settings
from pyecod.weeks.plan import plan_weeks

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
    settings = Settings(base_path=tmp_path / "batches", status_dir=tmp_path / "status")
    unread = EntryRecord("9zzz")
    failed = EntryRecord("9zzz", Status.FAILED, failure_reason="no mmCIF file")
    begin(settings, 9, unread, completed=False)  # too long ago: an alert speaks of it for 60 days
    begin(settings, 8, unread, completed=False)
    begin(settings, 3, failed, completed=True)  # done with failures: repairs are for those
    begin(settings, 2, EntryRecord("9zzz", Status.COMPLETE), completed=False)  # killed before its end
    begin(settings, 0, EntryRecord("9zzz", Status.COMPLETE), completed=True)
    release(settings, NEWEST - datetime.timedelta(weeks=1))  # never begun, and older than the newest batch
    plans = plan_weeks(settings)
    ago = {(NEWEST - plan.release.date).days // 7: (plan.state, plan.reason) for plan in plans}
    assert ago == {8: ("resume", ""), 2: ("resume", "not finished"), 0: ("done", "complete")}
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
