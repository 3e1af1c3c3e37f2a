"""A small week where every path is outside ASCII, or full of what shells and programs take for something else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch

pytestmark = pytest.mark.integration

NAMES = ["josé Ω 中", "a b [c] {d} 'e' \"f\" & $g; #h,i=j%k"]
ENTRIES = 4


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_and_a_week_in_a_folder_of_that_name(small_world: Any, person: Any, name: str) -> None:
    someone = person(name)
    world = Path(shutil.copytree(small_world.world.folder, someone.folder / "world é"))
    at = {path: world / path.relative_to(small_world.world.folder) for path in small_world.world.folder.rglob("*")}
    day = small_world.world.dates[0]
    added = world / small_world.world.status_dir.name / f"{day:%Y%m%d}" / "added.pdb"
    added.write_text("\n".join(added.read_text().split()[:ENTRIES]) + "\n")
    sources = small_world.world
    someone.run(
        *("reference", "build", "--version", "odd1", "--out", someone.folder / "reference é"),
        *("--domains", at[sources.domain_list], "--domain-fasta", at[sources.domain_fasta]),
        *("--chain-fasta", at[sources.chain_fasta], "--hh-db", world / sources.hh_db.relative_to(sources.folder)),
    )
    someone.write_settings(
        {
            "base_path": "batches é",
            "status_dir": str(at[sources.status_dir]),
            "mirror": str(at[sources.mirror]),
            "reference": "reference é",
            "scratch": {"dir": "scratch é"},
            "run": {"retry_delay": 0, "retries": 1},
            "database": {"mode": "none"},
        }
    )
    (someone.folder / "scratch é").mkdir()
    use = ("--settings", someone.settings)
    someone.run("update-weeks", "--start-date", day, "--end-date", day, "--yes", *use)
    (path,) = (someone.folder / "batches é").glob("ecod_weekly_*")
    counters = Batch.open(path).counters()
    assert counters.done == counters.classifiable > 0
    assert counters.failed == 0
    assert Batch.open(path).counters().steps["hhsearch"]["complete"] > 0  # profiles were searched too
    doctor = someone.run("doctor", *use, code=None).stdout
    assert not [line for line in doctor.splitlines() if line.startswith("problem") and "reference" in line]
    someone.run("report", "batch", path.name, *use)
    someone.run("export", path.name, *use)
