"""A weekly run of a deployment outlives its Prefect server, and the database behind it: it completes, nothing repeated.

``make outages`` (or ``OUTAGE_MINUTES=1,4,8``) waits as long as a site's outages last; without it they are short.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch
from pyecod.batch.lock import read_holder
from tests.e2e.installation import Platform, installed, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

LONG = [float(m) for m in os.environ.get("OUTAGE_MINUTES", "").split(",") if m]
MINUTES = LONG or [0.4]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

# a search that takes as long as a site's, and says what it searched
SLOW = """#!/bin/sh
for word in "$@"; do case "$previous" in -query) query="$word" ;; esac; previous="$word"; done
test -n "$query" && sleep {seconds} && grep '^>' "$query" | sed "s/$/ $(basename "$0")/" >> {log}
exec {program} "$@"
"""


@dataclass
class Site:
    """An installation whose searches are slow."""

    platform: Platform
    log: Path
    day: Any

    def begin(self) -> str:
        """A week, begun by its deployment and at work in its searches."""
        run = self.platform.start_run("update-weeks/weekly", start_date=str(self.day), end_date=str(self.day))
        folder = self.platform.base_path / f"ecod_weekly_{self.day:%Y%m%d}"
        wait_until(lambda: self.searching(folder), 120, "the first search")
        return run

    @staticmethod
    def searching(folder: Path) -> bool:
        if not (folder / "batch_manifest.yaml").is_file():
            return False
        return any(r.blast_status == "running" for r in Batch.open(folder).manifest.chains.values())

    def searches(self) -> Counter[str]:
        """How often each sequence was searched by each BLAST."""
        return Counter(self.log.read_text().splitlines())


@pytest.fixture
def site(small_world: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    minutes: float = request.node.callspec.params["minutes"]
    programs, log = tmp_path / "programs", tmp_path / "searched.txt"
    programs.mkdir()
    seconds = 6 + 60 * minutes / 3
    (programs / "blastp").write_text(SLOW.format(seconds=seconds, log=log, program=shutil.which("blastp")))
    (programs / "blastp").chmod(0o755)
    log.touch()
    settings = small_world.overrides(
        tmp_path / "batches",
        search={"cache_dir": str(tmp_path / "cache")},
        scratch={"dir": str(tmp_path / "scratch")},
        run={"retry_delay": 0, "retries": 1, "chunk_size": 5},
        workers={"kind": "dask", "count": 2},
    )
    with installed(tmp_path, settings, path=str(programs)) as platform:
        yield Site(platform, log, small_world.world.dates[0])


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("absent", ["server", "database"] if LONG else ["server"])
def test_a_running_week_outlives(site: Site, minutes: float, absent: str) -> None:
    run = site.begin()
    with site.platform.without_server() if absent == "server" else site.platform.without_database():
        time.sleep(60 * minutes)
    state = site.platform.wait(run, *ENDED, seconds=600 + 120 * minutes)["state"]
    assert state["type"] == "COMPLETED", state
    batch = Batch.open(site.platform.base_path / f"ecod_weekly_{site.day:%Y%m%d}")
    counters = batch.counters()
    assert counters.done == counters.classifiable > 0
    assert batch.header.completed
    searched = site.searches()
    assert searched
    assert {name: times for name, times in searched.items() if times > 2} == {}  # domains and chains, once each
    said = "".join(path.read_text() for path in batch.paths.logs.glob("*.log"))
    assert "Traceback" not in said
    assert said.count("is away") == said.count("is back")
    assert said.count("is away") == 1 or absent == "database"  # which nobody may have asked for meanwhile


@pytest.mark.parametrize("minutes", [0.25])
def test_a_suspended_week_stops_and_goes_on_when_it_is_resumed(site: Site, minutes: float) -> None:
    run = site.begin()
    folder = site.platform.base_path / f"ecod_weekly_{site.day:%Y%m%d}"
    suspended = {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_reschedule": True}}
    site.platform.api("POST", f"/flow_runs/{run}/set_state", json={"state": suspended, "force": True})
    wait_until(lambda: read_holder(folder / "batch.lock") is None, 180, "the run to leave the batch")
    assert site.platform.run_of(run)["state"]["type"] == "PAUSED"
    assert not Batch.open(folder).counters().is_finished
    site.platform.api("POST", f"/flow_runs/{run}/resume", json={})
    state = site.platform.wait(run, *ENDED, seconds=300)["state"]
    assert state["type"] == "COMPLETED", state
    assert Batch.open(folder).header.completed
    left = [r for r in site.platform.runs("process-batch") if r["state"]["type"] not in ENDED]
    assert left == []
