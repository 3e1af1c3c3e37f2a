"""The weekly routine where no mirror is kept: lists and entries come from the server, as a run needs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.update_weeks import update_weeks
from pyecod.batch import Batch
from pyecod.config import load_settings
from pyecod.ids import parse_pdb_id
from pyecod.steps.releases import absent_releases

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


@pytest.fixture
def pdb(server: Any, small_world: Any) -> Any:
    """The small world as a server has it; its page names the first release alone."""
    world = small_world.world
    server.serve(world.mirror, "/mmCIF")
    for day in world.dates:
        server.serve(world.status_dir / f"{day:%Y%m%d}", f"/status/{day:%Y%m%d}")
    publish(server, world.dates[:1])
    return server


def publish(server: Any, days: Any) -> None:
    """The server's page names these releases."""
    server.files["/status/"] = "".join(f'<a href="{day:%Y%m%d}/">' for day in days).encode()


def test_lists_and_entries_come_from_the_server(pdb: Any, settings: Any, small_world: Any, tmp_path: Path) -> None:
    first, second = small_world.world.dates
    overrides = small_world.overrides(
        tmp_path / "batches", mirror=None, status_dir=str(tmp_path / "status"),
        scratch={"dir": str(tmp_path / "scratch")}, fetch={**settings.model_dump(), "enabled": True},
    )  # fmt: skip
    file = tmp_path / "settings.json"  # JSON is YAML
    file.write_text(json.dumps(overrides))

    assert plan(file) == [(str(first), "new", "its lists are fetched first")]
    assert not (tmp_path / "status").exists()  # a dry run changes nothing

    (result,) = update_weeks(overrides=overrides)
    batch = Batch.open(result.path)
    assert batch.header.completed
    added = (tmp_path / "status" / f"{first:%Y%m%d}" / "added.pdb").read_text().split()
    assert set(batch.manifest.entries) == {parse_pdb_id(name) for name in added}
    assert batch.counters().done == batch.counters().classifiable > 0

    publish(pdb, [first, second])
    assert plan(file)[1:] == [(str(second), "new", "its lists are fetched first")]
    assert not (tmp_path / "status" / f"{second:%Y%m%d}").exists()

    pdb.always["/status/"] = 503
    done = command(file)
    assert done.returncode == 3
    assert "/status/" in done.stderr
    pdb.requests.clear()
    kept = load_settings(overrides={**overrides, "mirror": str(small_world.world.mirror)})
    assert absent_releases(kept) == []  # who keeps a mirror never asks the server
    assert pdb.requests == []


def command(file: Path) -> subprocess.CompletedProcess[str]:
    """The dry run as a person runs it."""
    program = Path(sys.executable).with_name("pyecod")
    words = [program, "update-weeks", "--dry-run", "--json", "--settings", str(file)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def plan(file: Path) -> list[tuple[str, str, str]]:
    """Release, state and reason of each week."""
    done = command(file)
    assert done.returncode == 0, done.stderr
    return [(week["release"], week["state"], week["reason"]) for week in json.loads(done.stdout)]
