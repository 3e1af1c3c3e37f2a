"""A reference whose domains are not those of its databases: its hits are lost, and the week must not count as done."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bad_weeks import command

from flows.batch.result import WeeksFailedError
from flows.sync import SyncIncompleteError, sync
from flows.update_weeks import update_weeks
from pyecod.batch import Batch
from pyecod.reference import Reference, build_reference
from pyecod.settings import load_settings
from pyecod.simulate import WorldOptions, simulate_world
from pyecod.store import open_store
from pyecod.weeks.plan import plan_weeks

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


@pytest.fixture
def mixed_world(small_world: Any, tmp_path: Path) -> Any:
    """The small world with a reference that has the databases of the right domains and the tables of others."""
    other = simulate_world(tmp_path / "other", WorldOptions(seed=8, families=8, entries=2, weeks=1, profiles=False))
    folder = tmp_path / "reference"
    build_reference(
        folder, "mixed", domains=[other.domain_list], domain_fasta=[other.domain_fasta], chain_fasta=[other.chain_fasta]
    )
    right, wrong = Reference.open(small_world.reference), Reference.open(folder)
    for theirs, ours in ((right.domain_db, wrong.domain_db), (right.chain_db, wrong.chain_db)):
        for old in ours.parent.glob(f"{ours.name}.*"):
            old.unlink()
        for file in theirs.parent.glob(f"{theirs.name}.*"):
            shutil.copy(file, ours.with_name(ours.name + file.name.removeprefix(theirs.name)))
    return replace(small_world, reference=folder)


def test_a_week_that_lost_its_evidence_is_never_done_and_never_loaded(mixed_world: Any, tmp_path: Path) -> None:
    day = mixed_world.world.dates[0]
    database = {"mode": "embedded", "data_dir": str(tmp_path / "db")}
    search = {"cache_dir": str(tmp_path / "cache"), "hhsearch_below": 0}
    overrides = mixed_world.overrides(tmp_path / "batches", database=database, search=search)

    for _ in range(2):  # the second run finds nothing to search and must not call it done
        with pytest.raises(WeeksFailedError, match=r"evidence was lost: .*none known to the reference"):
            update_weeks(start_date=day, end_date=day, overrides=overrides)
        (plan,) = plan_weeks(load_settings(overrides=overrides).absolute(), day, day)
        assert plan.state == "resume"
        assert plan.reason.startswith("evidence was lost: ")

    batch = Batch.open(plan.batch_path)
    assert batch.header.completed is None
    assert batch.counters().left == 0
    assert "do not use it" in command(mixed_world, tmp_path / "batches", "status").stdout
    with pytest.raises(SyncIncompleteError, match=r"not loaded: .*evidence was lost") as caught:
        sync(overrides=overrides)
    assert [report.batch_name for report in caught.value.results] == [batch.path.name]
    with open_store(load_settings(overrides=overrides).database) as store, store.connect() as connection:
        assert connection.execute("SELECT count(*) FROM pdb_update.partition_run").fetchone() == (0,)

    (result,) = update_weeks(
        start_date=day, end_date=day, overrides={**overrides, "run": {**overrides["run"], "evidence_loss": "warn"}}
    )
    assert not result.problem  # whoever says so gets it as it is
    assert Batch.open(plan.batch_path).header.completed
