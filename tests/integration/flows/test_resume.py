"""A run that is killed goes on where it stopped, and ends with what an undisturbed run ends with."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pyecod.batch import Batch

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

_TIMES = re.compile(rb"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:+.]+|[0-9a-f]{64}")  # and the checksum of a timed summary


def _start(world: Any, base_path: Path, cache: Path) -> subprocess.Popen[bytes]:
    """``pyecod update-weeks`` as a person starts it, in a process group of its own."""
    from prefect.settings import PREFECT_API_URL

    settings = base_path.parent / "settings.yaml"
    settings.write_text(yaml.safe_dump(world.overrides(base_path, search={"cache_dir": str(cache)})))
    command = [sys.executable, "-m", "pyecod", "update-weeks", "--yes", "--settings", str(settings)]
    command += ["--start-date", str(world.world.dates[0])]
    log = (base_path.parent / "log").open("ab")
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def _partitions(base_path: Path) -> dict[str, bytes]:
    files = base_path.glob("ecod_weekly_*/partitions/*.xml")
    return {str(path.relative_to(base_path)): _TIMES.sub(b"", path.read_bytes()) for path in files}


def test_a_run_killed_three_times_ends_with_the_same_partitions(small_world: Any, done: Any, tmp_path: Path) -> None:
    base_path, cache = tmp_path / "b", tmp_path / "cache"
    moments = random.Random(11)
    killed = 0
    for _ in range(3):
        process = _start(small_world, base_path, cache)
        journal = base_path / f"ecod_weekly_{small_world.world.dates[0]:%Y%m%d}" / "journal.jsonl"
        deadline = time.monotonic() + 120
        while not journal.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(moments.uniform(0, 4))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed >= 2
    last = _start(small_world, base_path, cache)
    code = last.wait(timeout=400)
    assert code in (0, 1), (tmp_path / "log").read_text()[-3000:]
    assert _partitions(base_path) == _partitions(done[0])
    for result in done[1]:
        undisturbed, resumed = Batch.open(result.path), Batch.open(base_path / result.name)
        assert resumed.counters().done == undisturbed.counters().done
        assert resumed.counters().left == 0
        for key, record in undisturbed.manifest.chains.items():
            assert resumed.manifest.chains[key].evidence == record.evidence
