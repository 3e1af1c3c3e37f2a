"""A Prefect server that is away or refuses: the week is done all the same, and says so once."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from real_server import WITH_FAULTS, server, start_week

from pyecod.batch import Batch

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def wait_for(said: Path, words: str, run: Any) -> None:
    deadline = time.monotonic() + 200
    while not re.search(words, said.read_text()):
        assert run.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.2)


def week_is_done(folder: Path) -> None:
    (path,) = (folder / "batches").glob("ecod_weekly_*")
    counters = Batch.open(path).counters()
    assert (counters.left, counters.failed) == (0, 0)
    assert counters.done == counters.classifiable > 0


@pytest.mark.parametrize("kind", ["threads", "dask"])
def test_an_outage_costs_one_warning_and_one_word_that_it_is_over(small_world: Any, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    slow = folder / "hhsearch"  # so that the outage falls into the searches
    slow.write_text(f'#!/bin/sh\nsleep 4\nexec {shutil.which("hhsearch")} "$@"\n')
    slow.chmod(0o755)
    impatient = {"PREFECT_CLIENT_MAX_RETRIES": "1"}  # Prefect gives up after seconds, as it does after a minute
    more = {"search": {"cache_dir": str(tmp_path / "cache")}, "workers": {"kind": kind, "count": 2}}
    more |= {"run": {"retries": 1, "retry_delay": 1, "hhsearch_chunk_size": 1}}
    with server(tmp_path / "server") as prefect:
        path = {"PATH": f"{folder}:{prefect.environment['PATH']}"}
        run, said = start_week(small_world, prefect, tmp_path, {**path, **impatient}, **more)
        wait_for(said, "hhsearch [1-9]", run)
        before = len(said.read_text().splitlines())
        prefect.kill()
        time.sleep(25)
        prefect.start()
        assert run.wait(400) == 0, said.read_text()
        bars = prefect.ask("artifacts/latest/filter", artifacts={"type": {"any_": ["progress"]}})
        (week,) = prefect.ask("flow_runs/filter", flows={"name": {"any_": ["process-batch"]}})
    lines = said.read_text().splitlines()[before:]
    trouble = [line for line in lines if re.search(r"\| (WARNING|ERROR)|Error logging to API", line)]
    # what Dask says at its end, and that the command ends only when Prefect has sent what it kept
    trouble = [line for line in trouble if "distributed." not in line and "Still processing items" not in line]
    assert [line.split(" - ")[1].split(" (")[0].split(" after")[0] for line in trouble] == [
        "the Prefect server is away", "the Prefect server is back",
    ], trouble  # fmt: skip
    assert {bar["data"] for bar in bars} == {100.0}
    assert {bar["key"].rsplit("-", 1)[1] for bar in bars} == {"entries", "blast", "hhsearch", "partition", "all"}
    assert week["state"]["type"] == "COMPLETED"
    week_is_done(tmp_path)


@pytest.mark.parametrize("seconds", [0.0, 0.15])
def test_a_week_begins_though_the_server_goes_just_then(small_world: Any, tmp_path: Path, seconds: float) -> None:
    with server(tmp_path / "server") as prefect:
        run, said = start_week(small_world, prefect, tmp_path, {})
        wait_for(said, "Beginning flow run", run)
        time.sleep(seconds)
        prefect.kill()
        time.sleep(3)
        prefect.start()
        assert run.wait(400) == 0, said.read_text()
    assert "Traceback" not in said.read_text()
    week_is_done(tmp_path)


def test_artifacts_that_are_refused_stop_nothing_and_are_tried_again(small_world: Any, tmp_path: Path) -> None:
    command = [sys.executable, str(WITH_FAULTS), "{port}", "1"]
    with server(tmp_path / "server", command) as prefect:
        run, said = start_week(small_world, prefect, tmp_path, {})
        assert run.wait(400) == 0, said.read_text()
        artifacts = prefect.ask("artifacts/latest/filter")
    assert said.read_text().count("progress cannot be shown, which is tried again later: ") == 1
    assert "Traceback" not in said.read_text()
    data = {artifact["key"]: artifact["data"] for artifact in artifacts}
    assert {value for key, value in data.items() if key.startswith("progress-")} == {100.0}
    assert "weekly-summary" in data
    week_is_done(tmp_path)
