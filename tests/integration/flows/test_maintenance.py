"""Maintenance and the hourly watch through the real flows."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.batch.announce import Lookout
from flows.batch.progress import log_file
from flows.batch.shown import Shown
from flows.maintenance import UpkeepError, maintenance
from flows.watch import watch
from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate, RunHistory
from pyecod.batch.runs import DataType
from pyecod.cli.main import main
from pyecod.cli.mend.maintain import maintain
from pyecod.errors import ConfigError
from pyecod.ids import ChainKey
from pyecod.settings import AlertSettings, Settings, load_settings
from pyecod.store import open_store

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

KEY = ChainKey("8abc", "A")


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    chain = ChainRecord(KEY, 100, hashlib.md5(b"one").hexdigest())
    header = BatchHeader.new("ecod_weekly_20250905", "weekly", Settings(), release_date="2025-09-05")
    return Batch.create(tmp_path / "batches", header, chains=[chain])


def overrides(batch: Batch, **more: Any) -> dict[str, Any]:
    return {"base_path": str(batch.path.parent), "database": {"mode": "none"}, **more}


def old(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_old_logs_and_unused_results_go_and_the_rest_stays(batch: Batch) -> None:
    logs = [batch.paths.logs / name for name in ("old.log", "new.log")]
    for log in logs:
        log.write_text("…")
    old(logs[0], 200)
    entry = batch.path.parent / "search_cache" / "results" / "ab" / "cd" / ("e" * 60)
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"x")
    old(entry, 400)
    tried = maintenance(dry_run=True, overrides=overrides(batch))
    assert (tried.logs, tried.cache_files) == (1, 1)
    assert all(path.exists() for path in (*logs, entry))
    done = maintenance(overrides=overrides(batch))
    assert (done.logs, done.cache_files, done.database) == (1, 1, None)
    assert [path.exists() for path in (*logs, entry)] == [False, True, False]


def test_the_log_of_a_run_tells_what_failed_and_what_stopped_it(batch: Batch) -> None:
    with batch.lock():
        with log_file(batch):
            logging.getLogger("prefect").warning("a word of the run")
            batch.mark([ChainUpdate(KEY, {"blast_status": "failed", "failure_reason": "cut short"})])
        with pytest.raises(ConfigError), log_file(batch):
            raise ConfigError("there are no workers")
    said = "".join(path.read_text() for path in sorted(batch.paths.logs.glob("*.log")))
    assert re.search(r"Z WARNING ecod_weekly_20250905: a word of the run\nfailed  8abc_A: cut short\n", said)
    assert "stopped: there are no workers" in said


def test_a_running_batch_is_left_alone(batch: Batch) -> None:
    log = batch.paths.logs / "old.log"
    log.write_text("…")
    old(log, 200)
    with batch.lock():
        done = maintenance(overrides=overrides(batch))
    assert log.exists()
    assert "is running" in done.skipped[0]


def test_old_runs_go_but_never_the_newest(batch: Batch) -> None:
    history = RunHistory(batch.path)
    then = datetime.now(UTC) - timedelta(days=100)
    for number in range(5):
        history.save(DataType.PARTITION, KEY, {"number": number}, started=then, finished=then)
    assert maintenance(runs_older_than_days=101, overrides=overrides(batch)).runs == 0
    assert maintenance(overrides=overrides(batch)).runs == 2
    assert history.numbers(DataType.PARTITION, KEY) == [3, 4, 5]


def test_differences_between_database_and_files_fail_the_run(
    small_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.update_weeks import update_weeks

    settings = small_world.overrides(
        tmp_path / "b", database={"mode": "embedded", "data_dir": str(tmp_path / "postgres")}
    )
    day = small_world.world.dates[0]
    (result,) = update_weeks(start_date=day, end_date=day, overrides=settings)
    fine = maintenance(overrides=settings)
    assert fine.database is not None
    assert fine.database.checked > 0
    assert fine.database.findings == ()
    batch = Batch.open(result.path)
    with open_store(load_settings(overrides=settings).database) as store, store.connect() as connection:
        changed = connection.execute(
            "UPDATE pdb_update.partition_domain SET t_group = '9.9.9' WHERE ctid = "
            "(SELECT ctid FROM pdb_update.partition_domain LIMIT 1)"
        )
        assert changed.rowcount == 1
    with pytest.raises(UpkeepError, match="differences between database and files") as failed:
        maintenance(overrides=settings)
    assert failed.value.results.database.checked == fine.database.checked
    monkeypatch.setenv("PYECOD_DATABASE__DATA_DIR", str(tmp_path / "postgres"))
    monkeypatch.setattr(sys, "argv", ["pyecod", "maintain", "--yes", "--base-path", str(batch.path.parent)])
    with pytest.raises(SystemExit, match=r"^1$"):
        main()
    told = capsys.readouterr()
    assert f"- database: {fine.database.checked} chains compared with their files, 1 differences" in told.out
    assert "pyecod sync --overwrite" in told.err
    batch.path.rename(tmp_path / "archived")
    gone = maintenance(overrides=settings).database
    assert (gone.checked, gone.findings) == (0, ())
    assert "there is no batch any more" in gone.passed_over[0]


def test_the_command_does_what_the_deployment_does(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = batch.paths.logs / "old.log"
    log.write_text("…")
    old(log, 100)
    monkeypatch.setenv("PYECOD_DATABASE__MODE", "none")

    def command(*words: str) -> dict[str, Any]:
        words = ("pyecod", "maintain", "--yes", "--json", "--base-path", str(batch.path.parent), *words)
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    assert command()["logs"] == 0
    tried = command("--logs-older-than-days", "90", "--dry-run")
    assert (tried["logs"], tried["dry_run"], log.exists()) == (1, True, True)
    assert (command("--logs-older-than-days", "90")["logs"], log.exists()) == (1, False)


def test_the_command_offers_every_parameter_with_the_defaults_of_the_flow() -> None:
    flow = inspect.signature(maintenance.fn).parameters
    command = inspect.signature(maintain, eval_str=True).parameters
    assert set(flow) - {"overrides"} == set(command) - {"yes", "base_path", "as_json"}
    for name, option in command.items():
        if option.default is True:
            assert flow[name].default.default is True
            continue
        stated = re.search(r"; default: (\S+)$", option.annotation.__metadata__[0].help)
        if stated or (name in flow and flow[name].default.default):
            assert stated is not None, name
            assert float(stated[1]) == flow[name].default.default, name


def test_watch_announces_a_dead_batch_as_an_event(batch: Batch) -> None:
    for path in (batch.paths.manifest, batch.paths.journal):
        if path.exists():
            old(path, 1)
    alerts = watch(overrides=overrides(batch, alerts={"disk_gib": 0}))
    assert [alert.kind for alert in alerts] == ["batch-abandoned"]


def test_a_running_batch_announces_each_kind_once(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect import flow

    from flows.batch import announce as room

    announced: list[str] = []
    monkeypatch.setattr(room, "announce", lambda found: announced.extend(alert.kind for alert in found))

    @flow
    def run() -> list[tuple[str, ...]]:
        settings = AlertSettings(disk_gib=10**9, scratch_gib=0)
        lookout = Lookout(batch, settings, Shown.of_this_run(), interval=0.0)
        return [tuple(a.kind for a in lookout.check(last=last)) for last in (False, False, True)]

    looks = run()
    assert all("disk-low" in look for look in looks)
    assert announced == list(dict.fromkeys(looks[0]))
