"""The server of a single run: a full home does it no harm, nobody else gets in, and nothing is left."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

LOOK = """
import json, sys, httpx
from pyecod.cli.launch import load_flow
load_flow("flows.watch:watch", runs=True)
from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings
with get_client(sync_client=True) as client:
    known = client.read_flows() == []
(server,) = SubprocessASGIServer._instances.values()
url = f"{server.api_url}/flows/filter"
refused = [httpx.post(url, json={}, auth=auth).status_code for auth in (None, ("pyecod", "guess"))]
print(json.dumps({"known": known, "refused": refused, "url": get_current_settings().server.database.connection_url
    .get_secret_value()}))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """A small file system of its own, and full."""
    mounted: list[Path] = []

    def mount(name: str, size: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "pyecod-test", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root can mount a small file system")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> None:
    with (folder / "full").open("wb", buffering=0) as stream:
        try:
            while stream.write(b"\1" * (1 << 16)):
                pass
        except OSError:
            return


def upkeep(someone: Any) -> tuple[str, ...]:
    someone.write_settings({"base_path": "batches", "database": {"mode": "none"}})
    (someone.folder / "batches").mkdir(exist_ok=True)
    return ("maintain", "--yes", "--settings", someone.settings)


def test_nobody_gets_in_without_the_password_of_the_run_and_nothing_is_left(person: Any, tmp_path: Path) -> None:
    someone = person("here")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary), "PREFECT_API_AUTH_STRING": "somebody:else"}
    done = someone.run(env=environment, program=LOOK)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["known"]
    assert told["refused"] == [401, 401]
    assert told["url"].startswith(f"sqlite+aiosqlite:///{temporary}/pyecod-search-")
    assert list(temporary.iterdir()) == []
    assert not list(Path(someone.environment["PREFECT_HOME"]).glob("*.db"))


def test_a_full_home_does_no_harm(person: Any, small_disk: Any) -> None:
    someone = person("here")
    home = small_disk("home", "1m")
    fill(home)
    environment = {"HOME": str(home), "PREFECT_HOME": str(home / ".prefect")}
    for _ in range(2):
        said = someone.run(*upkeep(someone), env=environment)
        assert "Error" not in said.stderr


def test_a_full_temporary_folder_is_one_sentence(person: Any, small_disk: Any) -> None:
    someone = person("here")
    temporary = small_disk("tmp", "8m")
    said = someone.run(*upkeep(someone), env={"TMPDIR": str(temporary)}, code=3)
    (sentence,) = [line for line in said.stderr.splitlines() if "pyecod: error" in line]
    assert "cannot keep its database: " in sentence
    assert "no space left" in sentence
    assert "set TMPDIR to another local disk" in sentence
    doctor = someone.run("doctor", "--settings", someone.settings, env={"TMPDIR": str(temporary)}, code=None)
    (line,) = [line for line in doctor.stdout.splitlines() if "disk of prefect" in line]
    assert line.startswith("problem")


def test_who_names_a_database_keeps_it(person: Any, tmp_path: Path) -> None:
    someone = person("here")
    mine = f"sqlite+aiosqlite:///{tmp_path / 'mine.db'}"
    done = someone.run(env={"PREFECT_API_DATABASE_CONNECTION_URL": mine}, program=LOOK)
    assert json.loads(done.stdout.splitlines()[-1])["url"] == mine
