"""The wheel is the product: installed outside any checkout, run where somebody has a tasks.py and a flows.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pyecod import __version__
from tests.e2e.installation import free_port, stop, wait_until

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = {"update-weeks/weekly", "repair/adhoc", "sync/after-update", "maintenance/sunday", "watch/hourly"}


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, and a folder of a user's in which everything runs."""

    wheel: Path
    bin: Path
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PYECOD_", "PG", "PYTHON"))}
        (self.home / "tmp").mkdir(exist_ok=True)
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "TMPDIR": str(self.home / "tmp"),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            **more,
        }

    def run(self, *command: str, **more: str) -> str:
        """Standard output of a command that ends well."""
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, name: str, *command: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """A server of ours for the body, its output in a file."""
        with (self.home / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self.environment(**more),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            stop(process)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True, with_pip=False)
    python = folder / "venv" / "bin" / "python"
    install = [Path(sys.executable).with_name("uv"), "pip", "install", "--system-certs", "-q", "--python", python]
    install += ["--constraints", ROOT / "requirements.lock", wheel]
    for offline in (["--offline"], []):  # what `make setup` has installed is in the cache
        done = subprocess.run([*map(str, install), *offline], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    home = folder / "home"
    home.mkdir()
    for name in ("tasks", "flows"):
        (home / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the user was imported')\n")
    return Installation(wheel, python.parent, home)


@pytest.fixture(scope="module")
def demo(installed: Installation) -> dict[str, Any]:
    """What `pyecod demo` says of the smallest week."""
    found: dict[str, Any] = json.loads(installed.run("pyecod", "demo", "--entries", "4", "--families", "8", "--json"))
    return found


@pytest.fixture(scope="module")
def server(installed: Installation) -> Iterator[str]:
    """Address of a Prefect server that runs in the user's folder."""
    port = free_port()
    command = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui")
    with installed.running("server", *command, PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS="2"):
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/api/health"), 180, "the Prefect server")
        yield f"http://127.0.0.1:{port}/api"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def settings_of(installed: Installation, demo: dict[str, Any], name: str, **workers: Any) -> str:
    """A settings file of the demo's world and database, for batches of their own."""
    world = installed.home / "demo" / "world"
    settings = {
        "base_path": str(installed.home / name),
        "status_dir": str(world / "status"),
        "mirror": str(world / "mirror"),
        "reference": str(installed.home / "demo" / "reference"),
        "search": {"cache_dir": str(Path(demo["batch"]).parent / "search_cache")},
        "workers": {"count": 1, **workers},
        "database": {"mode": "none"},
    }
    path = installed.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


def test_it_carries_all_it_needs(installed: Installation) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    assert {f"{package}/py.typed" for package in ("pyecod", "flows", "tasks")} <= names
    assert {f"pyecod/_data/{name}" for name in ("prefect.yaml", "deployments/retired.yaml")} <= names
    assert not any(name.startswith(("tests/", "benchmarks/", "docs/")) for name in names)
    assert installed.run("pyecod", "--version").split() == ["pyecod", __version__]
    place = installed.run("python", "-P", "-c", "import pyecod, flows, tasks; print(pyecod.__file__)")
    assert Path(place.strip()).is_relative_to(installed.bin.parent)
    absent = "import importlib.util as u; print([n for n in ('matplotlib', 'pytest') if u.find_spec(n)])"
    assert installed.run("python", "-P", "-c", absent).strip() == "[]"


def test_the_demo_is_right(demo: dict[str, Any]) -> None:
    assert demo["not_loaded"] is None
    assert demo["score"]["chains_recorded"] == demo["score"]["chains_expected"] > 0
    assert Path(demo["report"]).is_file()


def test_the_module_is_the_command(installed: Installation, demo: dict[str, Any]) -> None:
    command = ("python", "-m", "pyecod", "demo", "--entries", "4", "--families", "8", "--json")
    again = json.loads(installed.run(*command))
    assert again["score"] == demo["score"]


def test_the_doctor_is_content(installed: Installation, demo: dict[str, Any]) -> None:
    said = installed.run("pyecod", "doctor", "--settings", settings_of(installed, demo, "doctor"))
    assert "0 problems" in said


def test_a_module_of_the_same_name_on_the_search_path_is_named(installed: Installation, demo: dict[str, Any]) -> None:
    done = subprocess.run(
        [str(installed.bin / "pyecod"), "demo", "--entries", "4", "--families", "8"],
        cwd=installed.home,
        env=installed.environment(PYTHONPATH=str(installed.home)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{installed.home}/flows.py" in done.stderr
    assert "PYTHONPATH" in done.stderr


def test_deployments_are_registered_without_a_checkout(installed: Installation, server: str) -> None:
    done = json.loads(installed.run("pyecod", "deploy", "--json", PREFECT_API_URL=server))
    assert {one["name"]: one["happened"] for one in done} == dict.fromkeys(
        {*DEPLOYMENTS, "work pool pyecod"}, "created"
    )
    again = json.loads(installed.run("python", "-m", "pyecod", "deploy", "--json", PREFECT_API_URL=server))
    assert {one["happened"] for one in again} == {"unchanged"}


@pytest.mark.parametrize("command", [("pyecod",), ("python", "-m", "pyecod")], ids=" ".join)
def test_dask_workers_run_our_tasks(
    installed: Installation, demo: dict[str, Any], server: str, command: tuple[str, ...]
) -> None:
    name = f"dask-{len(command)}"
    settings = settings_of(installed, demo, name, kind="dask")
    installed.run(*command, "update-weeks", "--yes", "--settings", settings, PREFECT_API_URL=server)
    (batch,) = (installed.home / name).glob("ecod_weekly_*")
    assert (batch / "report" / "index.html").is_file()


def test_a_worker_runs_a_deployment_with_dask_workers(
    installed: Installation, demo: dict[str, Any], server: str
) -> None:
    installed.run("pyecod", "deploy", PREFECT_API_URL=server)
    settings = settings_of(installed, demo, "worker", kind="dask")
    access = {"PREFECT_API_URL": server, "PYECOD_SETTINGS_FILE": settings}
    with installed.running("worker", "prefect", "worker", "start", "--pool", "pyecod", "--type", "process", **access):
        run = ("prefect", "deployment", "run", "update-weeks/weekly", "--watch", "--watch-timeout", "300")
        installed.run(*run, **access)
    (batch,) = (installed.home / "worker").glob("ecod_weekly_*")
    assert (batch / "report" / "index.html").is_file()
    assert "was imported" not in (installed.home / "worker.log").read_text()
