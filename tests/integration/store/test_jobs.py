import asyncio
import hashlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pyecod.store import JobLog, Store, migrate, track_job
from pyecod.store.jobs.notes import close_stale_jobs

pytestmark = pytest.mark.integration

TREE = "SELECT number, parent, name, status, message FROM pdb_update.job ORDER BY sort_key"


def test_a_run_its_steps_and_chunks_are_a_numbered_tree(store, query):
    async def work(log):
        async with track_job(log, "update-weeks", batch_name="week", flow_run_id="flow-1") as run:
            for step in ("search", "partition"):
                async with track_job(log, step, parent=run) as part:
                    for task in range(2):
                        async with track_job(log, "chunk", parent=part, task_run_id=f"task-{task}"):
                            await asyncio.sleep(0)

    with JobLog(store) as log:
        asyncio.run(work(log))
    rows = query(TREE)
    assert [(number, parent, name) for number, parent, name, _, _ in rows] == [
        ("1", None, "update-weeks"),
        ("1.1", "1", "search"), ("1.1.1", "1.1", "chunk"), ("1.1.2", "1.1", "chunk"),
        ("1.2", "1", "partition"), ("1.2.1", "1.2", "chunk"), ("1.2.2", "1.2", "chunk"),
    ]  # fmt: skip
    assert {status for *_, status, _ in rows} == {"FINISHED"}
    assert query("SELECT DISTINCT batch_name, flow_run_id, host, pid FROM pdb_update.job") == [
        ("week", "flow-1", socket.gethostname(), os.getpid())
    ]
    assert query(
        "SELECT count(*) FROM pdb_update.job WHERE NOT created_at <= started_at OR NOT started_at <= finished_at"
    ) == [(0,)]
    with JobLog(store) as log, track_job(log, "repair"):
        pass
    assert query("SELECT number FROM pdb_update.job WHERE name = 'repair'") == [("2",)]


def test_files_are_recorded_with_size_checksum_and_source(store, query, tmp_path):
    read, written, gone = tmp_path / "in.cif", tmp_path / "out.xml", tmp_path / "gone"
    read.write_bytes(b"data")
    written.write_bytes(b"result")
    with JobLog(store) as log, track_job(log, "chunk") as job:
        job.add_file(read, "IN", import_source="https://example.org/in.cif")
        job.add_file(written, "OUT")
        job.add_file(gone, "OUT")
        job.add_file(written, "IN", checksum=False)
    rows = query("SELECT role, path, size, sha256, import_source FROM pdb_update.job_file ORDER BY role, path")
    assert rows == [
        ("IN", str(read), 4, hashlib.sha256(b"data").hexdigest(), "https://example.org/in.cif"),
        ("IN", str(written), 6, None, None),
        ("OUT", str(gone), None, None, None),
        ("OUT", str(written), 6, hashlib.sha256(b"result").hexdigest(), None),
    ]


def test_numbers_and_words_are_kept_apart_and_the_last_value_counts(store, query):
    with JobLog(store) as log, track_job(log, "chunk") as job:
        job.kpi(coverage=0.5, program="blastp 2.12.0")
        job.kpi(coverage=0.93)
    assert query("SELECT name, value FROM pdb_update.job_char_value") == [("program", "blastp 2.12.0")]
    values = dict(query("SELECT name, value FROM pdb_update.job_float_value"))
    assert values.keys() == {"coverage", "seconds"}
    assert values["coverage"] == 0.93


def test_an_exception_and_a_cancellation_close_every_job_above_them(store, query):
    async def cancelled(log):
        async with track_job(log, "flow") as run, track_job(log, "step", parent=run):
            await asyncio.sleep(60)

    async def main(log):
        task = asyncio.create_task(cancelled(log))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with JobLog(store) as log:
        asyncio.run(main(log))
        with pytest.raises(OSError, match="no space"), track_job(log, "flow"):
            raise OSError("no space")
    assert query(TREE) == [
        ("1", None, "flow", "FAILED", "cancelled"),
        ("1.1", "1", "step", "FAILED", "cancelled"),
        ("2", None, "flow", "FAILED", "OSError: no space"),
    ]


def test_jobs_of_a_killed_process_are_closed_by_the_next_run(store, query):
    code = """
import os, signal, sys, time
from pyecod.store import JobLog, Store, track_job
log = JobLog(Store(sys.argv[1]))
job = track_job(log, "killed"); job.begin()
while job.number is None or log.unwritten: time.sleep(0.05)
time.sleep(1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code, store.conninfo], timeout=60)
    assert query("SELECT status FROM pdb_update.job") == [("RUNNING",)]
    with JobLog(store) as log, track_job(log, "next"):
        pass
    assert query("SELECT name, status, message FROM pdb_update.job ORDER BY sort_key") == [
        ("killed", "FAILED", "its process is gone"),
        ("next", "FINISHED", None),
    ]
    assert close_stale_jobs(store) == 0


def test_jobs_may_be_recorded_from_many_threads(store, query):
    def work(run):
        for _ in range(50):
            with track_job(run._log, "chunk", parent=run) as job:
                job.kpi(hits=1)

    with JobLog(store) as log, track_job(log, "run") as run:
        threads = [threading.Thread(target=work, args=(run,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert query("SELECT count(*), count(DISTINCT number) FROM pdb_update.job WHERE status = 'FINISHED'") == [
        (201, 201)
    ]
    assert query("SELECT sum(value) FROM pdb_update.job_float_value WHERE name = 'hits'") == [(200,)]


def test_text_the_database_does_not_take_is_made_writable(store, query):
    with pytest.raises(ValueError, match="zero"), JobLog(store) as log, track_job(log, "odd \udcff name"):
        raise ValueError("zero \0 byte")
    assert query("SELECT name, message FROM pdb_update.job") == [("odd ? name", "ValueError: zero \ufffd byte")]


def test_a_note_that_is_refused_costs_only_itself(store, query, caplog):
    with caplog.at_level(logging.WARNING, "pyecod.store"), JobLog(store) as log, track_job(log, "chunk") as job:
        job.add_file(Path("/x"), "SIDEWAYS")
        job.kpi(hits=3)
    assert query("SELECT status FROM pdb_update.job") == [("FINISHED",)]
    assert query("SELECT count(*) FROM pdb_update.job_float_value") == [(2,)]
    assert "not recorded: job 1" in caplog.text


def test_without_the_schema_the_work_goes_on_and_it_is_said_once(empty_database, caplog):
    with caplog.at_level(logging.WARNING, "pyecod.store"), JobLog(empty_database) as log:
        with track_job(log, "run") as run:
            time.sleep(1)
        with track_job(log, "step", parent=run):
            pass
    assert [r.getMessage() for r in caplog.records if "not recorded" in r.getMessage()] != []
    assert len(caplog.records) == 1
    assert "pyecod db migrate" in caplog.text


def test_a_server_that_restarts_in_between_loses_nothing(debian_server):
    debian_server.execute("CREATE DATABASE jobs_restart")
    try:
        store = Store(debian_server.url("jobs_restart"))
        migrate(store)
        with JobLog(store) as log, track_job(log, "run") as run:
            for number in range(30):
                with track_job(log, "chunk", parent=run) as job:
                    job.kpi(number=number)
                if number == 10:
                    debian_server.restart()
                time.sleep(0.05)
        assert log.unwritten == 0
        with store.connect() as connection:
            counts = connection.execute(
                "SELECT count(*) FILTER (WHERE status = 'FINISHED'), "
                "(SELECT sum(value) FROM pdb_update.job_float_value WHERE name = 'number') FROM pdb_update.job"
            ).fetchone()
        assert counts == (31, 435)
    finally:
        debian_server.execute("DROP DATABASE jobs_restart WITH (FORCE)")


def test_a_server_that_never_comes_back_is_waited_for_with_patience_only(caplog):
    start = time.monotonic()
    away = Store("host=/nonexistent")
    with caplog.at_level(logging.WARNING, "pyecod.store"), JobLog(away, patience=2) as log, track_job(log, "run"):
        pass
    assert time.monotonic() - start < 30
    assert "notes about jobs could not be written" in caplog.text
