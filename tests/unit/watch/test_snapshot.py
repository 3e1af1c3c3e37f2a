"""What a look at a batch's folder tells, without Prefect and without its driver's help."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate, EntryRecord, Status
from pyecod.cli.main import main
from pyecod.ids import ChainKey
from pyecod.settings import Settings
from pyecod.slurm.queue import batch_job_name
from pyecod.watch.snapshot import coverage_classes, finished_per_hour, look, worker_jobs

DONE = {
    "blast_status": Status.COMPLETE,
    "hhsearch_status": Status.COMPLETE,
    "partition_status": Status.COMPLETE,
    "partition_coverage": 0.93,
    "partition_quality": "good",
}


def chain(name: str, **fields: Any) -> ChainRecord:
    return ChainRecord(ChainKey.parse(name), 100, hashlib.md5(name.encode()).hexdigest(), **fields)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    header = BatchHeader.new("ecod_weekly_20250905", "weekly", Settings(), release_date="2025-09-05")
    chains = [chain("8abc_A", **DONE), chain("8abc_B"), chain("8abc_C"), chain("8abc_D", can_classify=False)]
    return Batch.create(tmp_path, header, chains=chains, entries=[EntryRecord("7aaa", Status.FAILED, "not gzip")])


def test_a_look_while_another_holds_the_batch_sees_what_it_marked(batch: Batch) -> None:
    with batch.lock():
        batch.mark([ChainUpdate(ChainKey("8abc", "B"), {"blast_status": Status.RUNNING})])
        failed = {"blast_status": Status.FAILED, "failed_step": "blast", "failure_reason": "[no] hits file"}
        batch.mark([ChainUpdate(ChainKey("8abc", "C"), failed)])
        seen = look(batch.path, now=datetime.now(UTC) + timedelta(minutes=3))
    assert seen.driver is not None
    assert [(one.chain, one.step) for one in seen.running] == [("8abc_B", "blast")]
    assert seen.running[0].seconds == pytest.approx(180, abs=5)
    assert [(one.chain, one.step, one.reason) for one in seen.failed] == [
        ("8abc_C", "blast", "[no] hits file"),
        ("7aaa", "entry", "not gzip"),
    ]
    assert seen.counters.done == 1
    assert seen.is_unfinished
    assert seen.workers == "2 × threads"
    assert seen.free["batches"] > 0


def test_without_a_driver_there_is_no_rate(batch: Batch) -> None:
    seen = look(batch.path)
    assert (seen.driver, seen.per_hour, seen.seconds_left) == (None, None, None)


def test_the_rate_is_that_of_the_last_quarter_of_an_hour() -> None:
    now = datetime(2025, 9, 5, 12, tzinfo=UTC)
    ages = [1, 5, 14, 16, 300]
    records = [
        chain(f"1{n:03d}_A", **DONE, updated_at=(now - timedelta(minutes=age)).isoformat())
        for n, age in enumerate(ages)
    ]
    assert finished_per_hour(records, now - timedelta(hours=9), now) == 3 * 4
    assert finished_per_hour(records, now - timedelta(minutes=10), now) == 2 * 6
    assert finished_per_hour(records, now, now) is None


def test_jobs_of_slurm_workers_are_asked_of_the_queue(
    batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker_jobs(look(batch.path)).jobs is None  # threads
    seen = replace(look(batch.path), workers="10 × slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert worker_jobs(seen).jobs is None  # no SLURM here
    squeue = tmp_path / "squeue"
    squeue.write_text(
        f'#!/bin/sh\ncase "$*" in *{batch_job_name(batch.path)}*) echo 7 RUNNING; echo 8 PENDING;; esac\n'
    )
    squeue.chmod(0o755)
    assert worker_jobs(seen).jobs == {"running": 1, "pending": 1}


def test_time_left_follows_from_the_rate(batch: Batch) -> None:
    with batch.lock():
        batch.manifest.chains["8abc_A"].updated_at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        seen = look(batch.path, now=datetime.now(UTC) + timedelta(minutes=10), batch=batch)
    assert seen.per_hour == pytest.approx(6, rel=0.01)
    assert seen.seconds_left == pytest.approx(2 / 6 * 3600, rel=0.01)


def test_coverage_has_ten_classes_and_full_coverage_is_in_the_last() -> None:
    covered = [0.0, 0.09, 0.1, 0.55, 0.95, 1.0]
    records = [chain(f"1{n:03d}_A", **{**DONE, "partition_coverage": value}) for n, value in enumerate(covered)]
    assert coverage_classes([*records, chain("8abc_A")]) == (2, 1, 0, 0, 0, 1, 0, 0, 0, 2)


def test_memory_is_blamed_by_the_kind_of_a_failure_and_not_by_its_words(batch: Batch) -> None:
    words = {"blast_status": Status.FAILED, "failed_step": "blast", "failure_reason": "the title says: out of memory"}
    with batch.lock():
        batch.mark([ChainUpdate(ChainKey("8abc", "B"), words)])
        batch.mark([ChainUpdate(ChainKey("8abc", "C"), {**words, "failure_kind": "out_of_memory"})])
    assert look(batch.path).memory_kills == 1


def run(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["pyecod", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_stats_show_stages_failures_and_disks(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("monitor", "--base-path", str(batch.path.parent), "--stats", monkeypatch=monkeypatch) == 0
    out = capsys.readouterr().out
    for words in ("ecod_weekly_20250905", "blast", "hhsearch", "partition", "not gzip", "GiB", "nobody", "coverage"):
        assert words in out


def test_the_report_holds_every_number(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    assert run("monitor", str(batch.path), "--report", str(out), monkeypatch=monkeypatch) == 0
    told = json.loads(out.read_text())
    assert told["counters"]["classifiable"] == 3
    assert told["failed"] == [{"chain": "7aaa", "step": "entry", "reason": "not gzip", "at": ""}]
    assert {"per_hour", "seconds_left", "running", "coverage", "free", "alerts", "workers"} <= set(told)


@pytest.mark.slow
def test_watch_ends_with_the_batch_in_another_process(batch: Batch) -> None:
    command = [sys.executable, "-c", "from pyecod.cli.main import main; main()"]
    with batch.lock():
        watching = subprocess.Popen(
            [*command, "monitor", str(batch.path), "--watch", "--interval", "0.5"], stdout=subprocess.PIPE, text=True
        )
        assert watching.stdout is not None
        assert "1 of 3 done" in watching.stdout.readline()
        settled = {"blast_status": Status.COMPLETE, "hhsearch_status": Status.NOT_NEEDED}
        settled |= {"partition_status": Status.COMPLETE}
        batch.mark([ChainUpdate(ChainKey("8abc", c), settled) for c in "BC"])
    last = watching.communicate(timeout=60)[0].splitlines()[-1]
    assert "3 of 3 done" in last
    assert watching.returncode == 0


def test_watch_and_report_exclude_each_other(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("monitor", str(batch.path), "--watch", "--stats", monkeypatch=monkeypatch) == 2


def test_alerts_show_ends_with_one_where_there_are_findings(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("alerts", "show", batch.name, "--base-path", str(batch.path.parent))
    monkeypatch.setenv("PYECOD_ALERTS__DISK_GIB", "0")
    monkeypatch.setenv("PYECOD_ALERTS__SCRATCH_GIB", "0")
    assert run(*words, monkeypatch=monkeypatch) == 0
    monkeypatch.setenv("PYECOD_ALERTS__DISK_GIB", "1e9")
    assert run(*words, monkeypatch=monkeypatch) == 1
    assert "disk-low" in capsys.readouterr().out


def test_an_address_never_stands_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "address"
    bad.write_text("secret-without-scheme")
    assert run("alerts", "apply", "--to", str(bad), monkeypatch=monkeypatch) == 2
    assert "secret-without-scheme" not in capsys.readouterr().err
    assert run("alerts", "apply", monkeypatch=monkeypatch) == 2
