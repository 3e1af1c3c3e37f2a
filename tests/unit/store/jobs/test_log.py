import asyncio
import logging

import pytest

from pyecod.store import JobLog, JobStatus, track_job


def test_without_a_database_nothing_is_recorded_and_that_is_said_once(caplog, tmp_path):
    with caplog.at_level(logging.WARNING, "pyecod.store"), JobLog(None) as log:
        for _ in range(3):
            with track_job(log, "chunk") as job:
                job.add_file(tmp_path / "x", "IN")
                job.kpi(hits=3, program="blastp")
    assert [r.getMessage() for r in caplog.records] == ["no database: jobs, their files and numbers are not recorded"]
    assert log.unwritten == 0
    assert job.number is None


def test_a_job_ends_as_it_went():
    log = JobLog(None)
    with track_job(log, "good") as good:
        assert good.status is JobStatus.RUNNING
    with pytest.raises(ZeroDivisionError), track_job(log, "bad") as bad:
        _ = 1 / 0
    assert (good.status, bad.status) == (JobStatus.FINISHED, JobStatus.FAILED)
    assert bad._note.message == "ZeroDivisionError: division by zero"


def test_a_cancelled_job_has_failed():
    log = JobLog(None)
    jobs = []

    async def work():
        async with track_job(log, "wait") as job:
            jobs.append(job)
            await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (jobs[0].status, jobs[0]._note.message) == (JobStatus.FAILED, "cancelled")


def test_parts_count_from_one_under_their_parent_and_share_its_run():
    log = JobLog(None)
    run = track_job(log, "update-weeks", batch_name="ecod_weekly_20250905", flow_run_id="f")
    parts = [track_job(log, "search", parent=run) for _ in range(2)]
    chunk = track_job(log, "chunk", parent=parts[1], task_run_id="t")
    assert [p._note.key[1:] for p in (run, *parts, chunk)] == [(), (1,), (2,), (2, 1)]
    assert (chunk._note.batch_name, chunk._note.flow_run_id) == ("ecod_weekly_20250905", "f")


def test_what_is_still_open_when_the_log_closes_has_failed():
    with JobLog(None) as log:
        job = track_job(log, "left behind")
        job.begin()
    assert job.status is JobStatus.FAILED


def test_only_the_first_end_counts():
    log = JobLog(None)
    with track_job(log, "x") as job:
        job.finish("a reason of its own")
    assert (job.status, job._note.message) == (JobStatus.FAILED, "a reason of its own")
