"""The README's way: one command from nothing to a page, as a newcomer types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

PYECOD = Path(sys.executable).parent / "pyecod"


def run_demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The demo as somebody types it whose home is this folder and who has no settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PYECOD_", "PG"))}
    environment |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "PREFECT_HOME": str(folder / "prefect")}
    command = [PYECOD, "demo", "--entries", "8", "--families", "12", "--json"]
    return subprocess.run(
        command, cwd=folder, env=environment | more, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A demo in a home of its own, without any server."""
    folder = tmp_path_factory.mktemp("readme")
    done = run_demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, json.loads(done.stdout)


def test_the_demo_ends_well_and_agrees_with_the_truth(demo: Any) -> None:
    folder, told = demo
    score = told["score"]
    assert score["chains_recorded"] == score["chains_expected"] == score["eligibility_right"] > 0
    assert score["overlaps"] == 0
    assert score["iou_80"] > 0.9
    assert Path(told["report"]).is_relative_to(folder / "demo")


def test_a_demo_whose_database_cannot_be_used_fails_and_says_why(demo: Any) -> None:
    folder, told = demo
    assert told["not_loaded"] is None
    again = run_demo(folder, PYECOD_DATABASE__DATA_DIR="/proc/no-such-place")
    assert again.returncode == 1
    assert "database could not be used" in again.stderr
    assert "/proc/no-such-place" in json.loads(again.stdout)["not_loaded"]


def test_its_page_opens_in_a_browser(demo: Any, browser: Any) -> None:
    _, told = demo
    browser.open(Path(told["report"]).as_uri())
    assert "ecod_weekly_2025" in browser.wait_for("Quality", 30) or "ecod_weekly_2025" in browser.text
    assert browser.evaluate("document.querySelectorAll('svg').length") > 3


def test_the_monitor_shows_the_finished_batch(demo: Any) -> None:
    folder, told = demo
    done = subprocess.run(
        [PYECOD, "monitor", told["batch"], "--stats"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "100.0%" in done.stdout
