"""One run of a deployment at a time: others end or wait, and a dead one leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from flows.workers.turns import turn
from pyecod.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

_HOLD = """
import sys, time
from pathlib import Path
from pyecod.batch.lock import BatchLock
with BatchLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As in a run of update-weeks/weekly."""
    monkeypatch.setattr("flows.workers.turns.deployment_name", lambda: "weekly")
    return Settings(base_path=tmp_path)


@pytest.fixture
def other(settings: Settings) -> Any:
    """Another run, in a process of its own."""
    path = settings.base_path / ".turn-update-weeks-weekly.lock"
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def run(settings: Settings, *, wait: bool = False) -> Any:
    @flow(name="update-weeks")
    def update_weeks() -> str:
        with turn(settings, "update-weeks", wait=wait) as another:
            return another or "worked"

    return update_weeks(return_state=True)


def test_a_run_works_when_it_is_alone(settings: Settings) -> None:
    assert run(settings).result() == "worked"
    assert run(settings).result() == "worked"


def test_the_second_run_is_cancelled_and_names_the_first(settings: Settings, other: subprocess.Popen[str]) -> None:
    state = run(settings)
    assert state.type.value == "CANCELLED"
    assert f"another run of update-weeks/weekly is at work: pid {other.pid}" in state.message


def test_a_run_that_was_killed_does_not_keep_the_turn(settings: Settings, other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert run(settings).result() == "worked"


def test_a_run_that_may_wait_goes_on_when_the_other_has_ended(
    settings: Settings, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.workers.turns._LOOK_SECONDS", 0.1)
    threading.Timer(2, other.kill).start()
    begin = time.monotonic()
    assert run(settings, wait=True).result() == "worked"
    assert time.monotonic() - begin > 1.5


def test_runs_from_the_command_line_take_no_turns(tmp_path: Path) -> None:
    with turn(Settings(base_path=tmp_path), "update-weeks") as another:
        assert another is None
    assert list(tmp_path.iterdir()) == []
