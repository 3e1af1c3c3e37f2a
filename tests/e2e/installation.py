"""A real installation: PostgreSQL and Prefect server with passwords, deployments, a worker."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = ROOT / "deployments" / "systemd"
BIN = Path(sys.executable).parent
CANARIES = {
    "PGPASSWORD": "canary-of-the-database",
    "PREFECT_API_AUTH_STRING": "pyecod:canary-of-the-api",
}


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value, asked for every half second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = true()
        if value:
            return value
        time.sleep(0.5)
    pytest.fail(f"after {seconds:.0f} s still waiting for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """End a process started with a session of its own, and everything in it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass
class CommandLines:
    """Every command line seen on the machine while the tests ran."""

    seen: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stop.wait(0.2):
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or []))

    def end(self) -> None:
        self._stop.set()


@dataclass
class Platform:
    """The installation: where it is, and how to ask and tell it something."""

    home: Path
    url: str
    environments: Mapping[str, dict[str, str]]  # of the server, of the worker, of a person at a shell: each its own
    base_path: Path
    database: str
    command_lines: CommandLines
    world: Any = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    postgres: subprocess.Popen[bytes] = field(init=False)
    server: subprocess.Popen[bytes] = field(init=False)
    worker: subprocess.Popen[bytes] = field(init=False)
    _server_command: Sequence[str] = ()
    _postgres_folder: Path = Path()

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """``server``, ``worker``, or what a person starts, in a process group of its own, its output in a file."""
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.home,
                env=self.environments.get(name, self.environments["person"]),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    @contextlib.contextmanager
    def without_server(self) -> Iterator[None]:
        """The Prefect server is away for the body."""
        stop(self.server)
        yield
        self.server = self.start("server", *self._server_command)
        wait_until(lambda: answers(f"{self.url}/api/health"), 120, "the Prefect server")

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """PostgreSQL, with Prefect's database and ours, is away for the body."""
        self.postgres.send_signal(signal.SIGINT)  # a fast shutdown
        self.postgres.wait(30)
        yield
        self.postgres = run_postgres(self._postgres_folder)
        self.processes.append(self.postgres)

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command as a person types it in the checkout."""
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT,
            env=self.environments["person"] | environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        (self.home / "commands.log").open("a").write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def api(self, method: str, path: str, **more: Any) -> Any:
        """The Prefect API's answer."""
        user, _, password = CANARIES["PREFECT_API_AUTH_STRING"].partition(":")
        answer = httpx.request(method, f"{self.url}/api{path}", auth=(user, password), timeout=30, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def runs(self, flow: str, **state: Any) -> list[dict[str, Any]]:
        """Runs of a flow, the newest first."""
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 50}
        return list(self.api("POST", "/flow_runs/filter", json=asked))

    def run_of(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/flow_runs/{run_id}")
        return found

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/deployments/name/{name}")
        return found

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run as the UI's form does."""
        made = self.api(
            "POST", f"/deployments/{self.deployment(deployment)['id']}/create_flow_run", json={"parameters": parameters}
        )
        return str(made["id"])

    def wait(self, run_id: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        """The run once it is in one of these states."""

        def is_there() -> bool:
            with contextlib.suppress(httpx.HTTPError):  # a server whose database was away says so for a while
                return self.run_of(run_id)["state"]["type"] in states
            return False

        wait_until(is_there, seconds, f"run {run_id} to be {states}")
        return self.run_of(run_id)

    def hasten(self, automation: str, seconds: float) -> None:
        """Let an automation wait so long and no longer."""
        (found,) = [a for a in self.api("POST", "/automations/filter", json={}) if automation in a["name"]]
        found["trigger"]["within"] = seconds
        kept = {key: found[key] for key in ("name", "description", "enabled", "trigger", "actions")}
        self.api("PUT", f"/automations/{found['id']}", json=kept)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the results' database."""
        with psycopg.connect(self.database, password=CANARIES["PGPASSWORD"]) as connection:
            return connection.execute(sql.encode()).fetchall()

    def work_processes(self, run_id: str = "") -> list[psutil.Process]:
        """What the worker started and what that started; with ``run_id`` what belongs to this run."""
        found = []
        for child in psutil.Process(self.worker.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if run_id in ("", child.environ().get("PREFECT__FLOW_RUN_ID")):
                    found.append(child)
        return [child for child in found if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def run_postgres(folder: Path) -> subprocess.Popen[bytes]:
    """The server of a folder that :func:`start_postgres` made, for the first time or again."""
    options = ("-c", "listen_addresses=", "-c", "fsync=off", "-k", str(folder))
    return subprocess.Popen(
        [_postgres_programs() / "postgres", "-D", folder / "data", *options],
        user=_postgres_account(),
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server is installed (Debian: postgresql)")
    return found[-1].parent


def _postgres_account() -> str | None:
    return "postgres" if os.getuid() == 0 else None  # it refuses to run as root


def start_postgres(folder: Path) -> subprocess.Popen[bytes]:
    """A private PostgreSQL on a Unix socket in ``folder`` that asks for a password; databases ``prefect``, ``ecod``."""
    programs, account = _postgres_programs(), _postgres_account()
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    password = folder / "password"
    password.write_text(CANARIES["PGPASSWORD"] + "\n")
    if account:
        for path in (folder, data, password):
            shutil.chown(path, account)
    initdb = [programs / "initdb", "-D", data, "-U", "pyecod", "--auth=scram-sha-256", f"--pwfile={password}"]
    subprocess.run([*initdb, "--no-sync"], user=account, check=True, capture_output=True, cwd="/")
    password.unlink()
    server = run_postgres(folder)
    access = {"host": str(folder), "user": "pyecod", "password": CANARIES["PGPASSWORD"], "dbname": "postgres"}

    def answer() -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(**access, autocommit=True) as connection:
            for name in ("prefect", "ecod"):
                connection.execute(f"CREATE DATABASE {name}")
            return True
        return False

    try:
        wait_until(answer, 30, "PostgreSQL")
    except BaseException:
        stop(server)
        raise
    return server


@dataclass(frozen=True)
class Adapted:
    """The files of deployments/systemd and the commands of docs/operations.md, with the places of this installation."""

    places: Mapping[str, str]

    def text(self, text: str) -> str:
        """The text with our places; one pass, so that no place is taken for another."""
        return re.sub("|".join(map(re.escape, self.places)), lambda match: self.places[match[0]], text)

    def service(self, name: str) -> tuple[dict[str, str], list[str]]:
        """Environment and command of a service."""
        unit = (SYSTEMD / f"pyecod-prefect-{name}.service").read_text()
        stated = "\n".join(re.findall(r"^Environment=(.*)$", unit, re.MULTILINE))
        variables = stated + "\n" + (SYSTEMD / f"{name}.env").read_text()
        (command,) = re.findall(r"^ExecStart=\S*/(prefect .*)$", unit, re.MULTILINE)
        found = re.findall(r"^(\w+)=(.*)$", self.text(variables), re.MULTILINE)
        return dict(found), self.text(command).split()

    def commands(self, containing: str) -> str:
        """The one block of commands of the page that has these words."""
        page = (ROOT / "docs" / "operations.md").read_text()
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
        (block,) = (block for block in blocks if containing in block)
        return self.text(textwrap.dedent(block))


@contextlib.contextmanager
def installed(home: Path, settings: Mapping[str, Any], *, path: str = "") -> Iterator[Platform]:
    """Server, deployments and worker by docs/operations.md with these settings in ``home``.

    Environments and commands of both services are those of deployments/systemd, the commands of step 5 those of the
    page. Not of the page: the user, PostgreSQL, and that systemd starts the services. ``path`` is searched for programs
    before everything else.
    """
    port = free_port()
    postgres_folder = Path(tempfile.mkdtemp(prefix="pyecod-e2e-"))
    adapted = Adapted(
        {
            "/opt/pyecod/.venv/bin": str(BIN),
            ". .venv/bin/": f". {BIN}/",
            "/opt/pyecod": str(ROOT),
            "/etc/pyecod": str(home / "etc"),
            "/var/lib/pyecod": str(home),
            "/var/run/postgresql": str(postgres_folder),
            "4200": str(port),
            "pyecod:a-long-password": CANARIES["PREFECT_API_AUTH_STRING"],
        }
    )
    database = f"host={postgres_folder} user=pyecod dbname=ecod"
    (home / "etc").mkdir()
    everything = {**settings, "database": {"mode": "server", "url": database}}
    (home / "etc" / "settings.yaml").write_text(yaml.safe_dump(everything))
    (home / "etc" / "worker.env").write_text(adapted.text((SYSTEMD / "worker.env").read_text()))
    (home / "etc" / "worker.env").chmod(0o600)
    (home / "passwords").write_text(f"*:*:*:*:{CANARIES['PGPASSWORD']}\n")
    (home / "passwords").chmod(0o600)
    base_path = Path(settings["base_path"])
    base_path.mkdir()
    person = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "PYECOD_", "PG"))}
    (home / "tmp").mkdir()  # the worker's `runner_storage`: in /tmp it belongs to whoever had a worker here first
    person |= {
        "PREFECT_HOME": str(home / "prefect"),
        "PGPASSFILE": str(home / "passwords"),
        "TMPDIR": str(home / "tmp"),
    }
    of_server, server = adapted.service("server")
    of_worker, worker = adapted.service("worker")
    person["PATH"] = os.pathsep.join(filter(None, (path, str(BIN), os.environ["PATH"])))
    quick = {  # what a site waits for minutes
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
        "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "5",
    }
    environments = {
        "server": person | of_server | quick,
        "worker": person | {"PREFECT_WORKER_QUERY_SECONDS": "2"} | of_worker | {"PATH": person["PATH"]},
        # as docs/operations.md says: set -a; . /etc/pyecod/worker.env; set +a
        "person": person | dict(re.findall(r"^(\w+)=(.*)$", (home / "etc" / "worker.env").read_text(), re.MULTILINE)),
    }
    platform = Platform(home, f"http://127.0.0.1:{port}", environments, base_path, database, CommandLines())
    watching = threading.Thread(target=platform.command_lines.watch, daemon=True)
    watching.start()
    try:
        platform._postgres_folder, platform._server_command = postgres_folder, server
        platform.postgres = start_postgres(postgres_folder)
        platform.processes.append(platform.postgres)
        platform.server = platform.start("server", *server)
        wait_until(lambda: answers(f"{platform.url}/api/health"), 120, "the Prefect server")
        deploy = ["bash", "-e", "-c", adapted.commands("pyecod deploy")]
        done = subprocess.run(deploy, env=person, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        platform.worker = platform.start("worker", *worker)
        yield platform
    finally:
        for process in reversed(platform.processes):
            stop(process)
        shutil.rmtree(postgres_folder)
        platform.command_lines.end()
        watching.join()


def answers(url: str) -> bool:
    """Whether somebody answers there, if only to ask for a password."""
    try:
        return httpx.get(url, timeout=2).status_code in (200, 401)
    except httpx.HTTPError:
        return False
