"""The weekly routine where no mirror is kept: lists and entries come from the server, as a run needs them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, Status
from pyecod.errors import PyecodError
from pyecod.ids import parse_pdb_id
from pyecod.pdb import find_entry, read_entry
from pyecod.settings import load_settings
from pyecod.weeks.releases import absent_releases

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

    lists = f"/status/{first:%Y%m%d}/added.pdb"
    whole = pdb.files[lists]
    pdb.files[lists], pdb.modified, pdb.tag = whole + b"9zzz\n", time.time(), '"grown"'
    publish(pdb, [first])
    update_weeks(overrides=overrides)
    assert "9zzz" in Batch.open(result.path).manifest.entries
    pdb.files[lists] = whole

    publish(pdb, [first, second])
    pdb.always["/status/"] = 503
    done = command(file)
    assert done.returncode == 3
    assert "/status/" in done.stderr
    pdb.requests.clear()
    kept = load_settings(overrides={**overrides, "mirror": str(small_world.world.mirror)})
    assert absent_releases(kept) == []  # who keeps a mirror never asks the server
    assert pdb.requests == []


def test_a_repair_reads_entries_from_the_server(pdb: Any, settings: Any, small_world: Any, tmp_path: Path) -> None:
    """What was never read, what no batch knows, and what was modified."""
    world, day = small_world.world, small_world.world.dates[0]
    overrides = small_world.overrides(
        tmp_path / "batches", mirror=None, status_dir=str(tmp_path / "status"), run={"until": "entries", "retries": 0},
        scratch={"dir": str(tmp_path / "scratch")}, fetch={**settings.model_dump(), "enabled": True},
    )  # fmt: skip
    broken, stranger, changed, donor = (classifiable(world, n) for n in ((0, 0), (1, 0), (0, 1), (0, 2)))
    whole = pdb.files.pop(broken.url)
    (week,) = update_weeks(start_date=day, end_date=day, overrides=overrides)
    assert Batch.open(week.path).manifest.entries[broken.pdb_id].status is Status.FAILED

    pdb.files[broken.url] = whole
    text = gzip.decompress(pdb.files[donor.url]).decode()  # another entry's coordinates under this id
    for name in (donor.pdb_id, donor.pdb_id.upper()):
        text = text.replace(name, changed.pdb_id)
    pdb.files[changed.url] = gzip.compress(text.encode())
    (tmp_path / "status" / f"{day:%Y%m%d}" / "modified.pdb").write_text(f"{changed.pdb_id}\n{donor.pdb_id}\n")
    result = repair(reason="error_fix", failed=True, modified=True, chains=[stranger.chain], overrides=overrides)
    assert "the file is as it was read" in result.plan.left[donor.pdb_id]
    assert {chain.item.key.entry_id for chain in result.plan.chains} == {
        broken.pdb_id, stranger.pdb_id, changed.pdb_id
    }  # fmt: skip
    repaired = Batch.open(result.plan.batch_path)
    assert {broken.chain, stranger.chain} <= set(repaired.manifest.chains)
    assert all(repaired.paths.fasta_path(r.key).is_file() for r in repaired.manifest.chains.values() if r.can_classify)
    assert list((tmp_path / "scratch").iterdir()) == []  # nothing is kept


@dataclass(frozen=True)
class Known:
    """An entry with a chain that can be classified, and its path on the server."""

    pdb_id: str
    chain: str
    url: str


def classifiable(world: Any, place: tuple[int, int]) -> Known:
    """Of the release of that number, the entry of that number that has a chain to classify."""
    release, number = place
    found = []
    for name in (world.status_dir / f"{world.dates[release]:%Y%m%d}" / "added.pdb").read_text().split():
        try:
            path = find_entry(world.mirror, name)
            entry = read_entry(path, name, load_settings().chains)
        except PyecodError:
            continue
        url = f"/mmCIF/{path.relative_to(world.mirror)}"
        found += [Known(entry.pdb_id, str(c.key), url) for c in entry.chains[:1] if c.cannot_classify is None]
    return found[number]


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
