"""The undisturbed runs that flow tests compare with, or spoil."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def done(small_world: Any, prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """Both weeks of the small world, undisturbed, with the embedded database."""
    from run_weeks import run

    base_path = tmp_path_factory.mktemp("batches")
    database = {"mode": "embedded", "data_dir": str(tmp_path_factory.mktemp("db"))}
    return base_path, run(small_world, base_path, database=database)


@pytest.fixture
def base_path(good_week: Path, tmp_path: Path) -> Path:
    """A copy of the good week that a test may spoil."""
    return Path(shutil.copytree(good_week, tmp_path / "batches"))
