"""The command line as a person starts it, in a folder of its own and with settings of the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Done = subprocess.CompletedProcess[str]


class Person:
    """Somebody at a shell, in ``folder``, with a home and a settings file there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings.yaml"
        self.environment = {"COLUMNS": "200", "PREFECT_HOME": str(folder / "prefect"), "HOME": str(folder)}

    def write_settings(self, settings: dict[str, Any]) -> None:
        self.settings.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")

    def run(self, *words: object, code: int | None = 0, **how: Any) -> Done:
        """One command; it ends as it should (None: as it likes), and never with a stack of calls."""
        start = [sys.executable, "-c", how.pop("program", "from pyecod.cli.main import main; main()")]
        command = [*how.pop("under", []), *start, *map(str, words)]
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYECOD_", "PREFECT_", "PG"))
        }
        environment = {**clean, **self.environment, **how.pop("env", {})}
        options = {"cwd": self.folder, "capture_output": True, "text": True, "timeout": 500, **how}
        done = subprocess.run(command, env=environment, check=False, **options)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)


@pytest.fixture
def person(tmp_path: Path) -> Callable[[str], Person]:
    def make(name: str) -> Person:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        return Person(folder)

    return make


@pytest.fixture
def read_only() -> Callable[[Path], list[str]]:
    """Words that start a program for which a folder is read-only, and nobody else's is changed."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("only root can mount a folder read-only")
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    return lambda folder: ["unshare", "-m", "sh", "-c", script, str(folder)]


@pytest.fixture
def status_copy(small_world: Any, tmp_path: Path) -> Path:
    """The small world's release lists, to be spoilt."""
    return Path(shutil.copytree(small_world.world.status_dir, tmp_path / "status"))
