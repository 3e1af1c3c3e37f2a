"""Modules in the folder where something runs are not ours, whatever they are called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyecod.cli.launch import load_flow
from pyecod.errors import ConfigError
from pyecod.settings import Settings
from pyecod.slurm.checks import probe_script


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user's whose modules have the names of ours and of what we import."""
    for name in ("tasks", "flows", "typer", "orjson"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the user was imported')\n")
    return tmp_path


def test_the_module_form_of_the_command_leaves_them_alone(folder: Path) -> None:
    command = [sys.executable, "-m", "pyecod", "config", "keys"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_stands_before_ours_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "flows", raising=False)
    with pytest.raises(ConfigError, match=r"flows\.py.*(.|\n)*PYTHONPATH"):
        load_flow("flows.sync:sync")


def test_jobs_search_no_working_folder(tmp_path: Path) -> None:
    from flows.workers.slurm import job_options

    assert " -P -m pyecod.slurm.probe " in probe_script(Settings(), tmp_path, "probe")
    prologue = job_options(Settings(), "job", tmp_path)["job_script_prologue"]
    assert "export PYTHONSAFEPATH=1" in prologue
