"""Fixtures of the tests that need a world: simulated once per session, searched by the real programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("blastp", "makeblastdb", "hhblits", "hhsearch")


@dataclass(frozen=True)
class SmallWorld:
    """A simulated world of two weeks and its built reference."""

    world: Any
    reference: Path

    def overrides(self, base_path: Path, **more: Any) -> dict[str, Any]:
        """Settings of a run in ``base_path``: no waiting before retries, searches shared with
        the other tests, no database unless ``more`` says so."""
        return {
            "base_path": str(base_path),
            "status_dir": str(self.world.status_dir),
            "mirror": str(self.world.mirror),
            "reference": str(self.reference),
            "run": {"retry_delay": 0, "retries": 1},
            "search": {"cache_dir": str(self.reference.parent / "search_cache")},
            "database": {"mode": "none"},
            **more,
        }


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """12 families, two releases of 20 entries."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (run `make setup`)")
    from pyecod.reference import build_reference
    from pyecod.simulate import WorldOptions, simulate_world

    folder = tmp_path_factory.mktemp("small_world")
    world = simulate_world(folder / "world", WorldOptions(seed=7, families=12, entries=20, weeks=2))
    build_reference(
        folder / "reference",
        "small",
        domains=[world.domain_list],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        hh_db=world.hh_db,
    )
    return SmallWorld(world, folder / "reference")


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """A temporary Prefect server and database for the whole session."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def good_week(small_world: Any, prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first week, done well, without a database; tests copy it."""
    from flows.update_weeks import update_weeks

    base_path = tmp_path_factory.mktemp("good")
    day = small_world.world.dates[0]
    update_weeks(start_date=day, end_date=day, overrides=small_world.overrides(base_path))
    return base_path
