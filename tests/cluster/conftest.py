"""A real SLURM, a real Prefect server, and flows as processes of their own, for the tests of this folder."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pyecod.batch import Batch

_SPEC = importlib.util.spec_from_file_location("slurm_on_one_machine", Path(__file__).with_name("slurm.py"))
slurm_module = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = slurm_module
_SPEC.loader.exec_module(slurm_module)

ENTRIES = int(os.environ.get("CHAOS_ENTRIES", "12"))
PYECOD = Path(sys.executable).with_name("pyecod")
# the checksum is that of a summary with its time
_TIMES = re.compile(r'<timestamp>[^<]*</timestamp>|timestamp="[^"]*"|<summary sha256="[^"]*"/>')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where no SLURM can be started these tests are skipped, and say why."""
    reason = slurm_module.why_not()
    for item in items:
        if Path(__file__).parent in item.path.parents and reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def slurm() -> Iterator[Any]:
    """Three nodes of two cores."""
    with slurm_module.SlurmOnOneMachine(nodes=3, cores=2, memory=4000) as cluster:
        yield cluster


@dataclass
class PrefectServer:
    """``prefect server start`` on a free port of the loopback, with a database of its own."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have to use it."""
        return {
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", Path(sys.executable).with_name("prefect"), "server", "start",
                 "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"],
                env={**os.environ, **self.environment}, cwd=self.home,
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        slurm_module.wait_until(self.is_up, 120, "the Prefect server")

    def is_up(self) -> bool:
        """It answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Kill it: what a crash of its host does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server for the session."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = PrefectServer(tmp_path_factory.mktemp("prefect"), free.getsockname()[1])
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Run:
    """A ``pyecod`` command as a process of its own; ``log`` is what it says to a person."""

    process: subprocess.Popen[bytes]
    out: Path
    log: Path

    def wait(self, seconds: float = 600) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    def finish(self, seconds: float = 600) -> Any:
        """Its results; it must come to its end, with or without failed chains."""
        assert self.wait(seconds) in (0, 1), self.say()
        assert self.out.stat().st_size, self.say()  # a crash of Python is a 1 as well
        return self.results()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send its process a signal."""
        os.kill(self.process.pid, number)

    def say(self) -> str:
        """All it said."""
        return self.log.read_text(errors="replace")

    def results(self) -> Any:
        """What it printed with ``--json``."""
        return json.loads(self.out.read_text())


@dataclass
class Site:
    """A person's view of the cluster: a settings file, and commands that use it."""

    folder: Path
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    runs: list[Run] = field(default_factory=list)

    def start(self, *command: str, changes: Mapping[str, Any] | None = None, **environment: str) -> Run:
        """Start a ``pyecod`` command with the site's settings; ``changes`` are merged into its sections."""
        number = len(self.runs)
        file = self.folder / f"settings-{number}.yaml"
        merged = {key: dict(value) if isinstance(value, dict) else value for key, value in self.settings.items()}
        for key, value in (changes or {}).items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(merged))
        out, log = self.folder / f"out-{number}.json", self.folder / f"log-{number}.txt"
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [PYECOD, *command, "--settings", str(file)],
                env={**os.environ, **self.environment, **environment}, cwd=self.folder,
                stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        run = Run(process, out, log)
        self.runs.append(run)
        return run

    def update_weeks(self, day: Any, **more: Any) -> Run:
        """``pyecod update-weeks`` for one release."""
        return self.start("update-weeks", "--start-date", str(day), "--end-date", str(day), "--json", **more)

    def batch(self) -> Path:
        """The only batch there is."""
        (path,) = (self.folder / "batches").glob("ecod_*")
        return path

    def forget(self) -> None:
        """Remove the batch and the search cache, to begin again."""
        shutil.rmtree(self.folder / "batches")
        shutil.rmtree(self.folder / "cache", ignore_errors=True)

    def outputs(self) -> dict[str, str]:
        """What the batch came to, times aside."""
        return outputs(self.batch())


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], object], float, str], None]:
    """Wait for a condition, at most so many seconds."""
    waiting: Callable[[Callable[[], object], float, str], None] = slurm_module.wait_until
    return waiting


@pytest.fixture
def site(tmp_path: Path, cluster_world: Any, slurm: Any, prefect_server: PrefectServer) -> Iterator[Site]:
    """Settings of a small SLURM site; whatever a test leaves running is ended."""
    settings = {
        "base_path": str(tmp_path / "batches"),
        "status_dir": str(cluster_world.world.status_dir),
        "mirror": str(cluster_world.world.mirror),
        "reference": str(cluster_world.reference),
        "search": {"cache_dir": str(tmp_path / "cache")},
        "database": {"mode": "none"},
        "run": {"retries": 0, "retry_delay": 0, "chunk_size": 4, "hhsearch_chunk_size": 2},
        "workers": {
            "kind": "slurm",
            "count": 3,
            "memory_gib": 0.9,
            "slurm": {"interface": "lo", "check_seconds": 2.0},
        },
    }
    made = Site(tmp_path, settings, {**slurm.environment, **prefect_server.environment})
    yield made
    for run in made.runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
    with contextlib.suppress(subprocess.CalledProcessError):
        slurm.run("scancel", "--quiet", *[job[0] for job in slurm.queue()])
    slurm_module.wait_until(lambda: not slurm.queue(), 60, "the queue to be empty")


@pytest.fixture(scope="session")
def cluster_world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A smaller world than the other tests have, because every search here is done several times; a week of
    CHAOS_ENTRIES entries for `make chaos`."""
    for name in ("blastp", "makeblastdb", "hhblits", "hhsearch"):
        if shutil.which(name) is None:
            pytest.skip(f"not installed: {name} (run `make setup`)")
    from pyecod.reference import build_reference
    from pyecod.simulate import WorldOptions, simulate_world

    folder = tmp_path_factory.mktemp("cluster_world")
    world = simulate_world(folder / "world", WorldOptions(seed=11, families=max(8, ENTRIES // 8), entries=ENTRIES))
    build_reference(
        folder / "reference",
        "small",
        domains=[world.domain_list],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        hh_db=world.hh_db,
    )
    return World(world, folder / "reference", folder)


@dataclass(frozen=True)
class World:
    """A simulated world and its built reference."""

    world: Any
    reference: Path
    folder: Path


@pytest.fixture(scope="session")
def undisturbed(cluster_world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the week comes to with threads on this machine, nothing going wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    settings = {
        "base_path": str(folder / "batches"),
        "status_dir": str(cluster_world.world.status_dir),
        "mirror": str(cluster_world.world.mirror),
        "reference": str(cluster_world.reference),
        "search": {"cache_dir": str(cluster_world.folder / "cache")},
        "database": {"mode": "none"},
    }
    done = Site(folder, settings, {})
    done.update_weeks(cluster_world.world.dates[0]).finish(3600)
    return done.outputs()


def outputs(batch: Path) -> dict[str, str]:
    """Everything a batch came to, times aside: its files, and what is recorded of each chain."""
    found = {
        str(path.relative_to(batch)): _TIMES.sub("", path.read_text())
        for folder in ("summaries", "partitions", "fastas", "entries")
        for path in (batch / folder).iterdir()
    }
    for key, record in Batch.open(batch).manifest.chains.items():
        found[key] = str({name: getattr(record, name) for name in record.__slots__
                          if name not in ("updated_at", "attempts", "seconds", "checksums")})  # fmt: skip
    return found


@pytest.fixture
def poisoned(tmp_path: Path) -> Callable[[Mapping[str, int]], str]:
    """A PATH on which ``blastp`` kills the process that started it when it is given certain sequences.

    By MD5 of the sequence: the memory of the job, in MiB, below which it does.
    """

    def make(limits: Mapping[str, int]) -> str:
        folder = tmp_path / "poisoned"
        folder.mkdir()
        tests = "\n".join(
            f'if [ -n "$query" ] && grep -q {md5} "$query" && [ "${{SLURM_MEM_PER_NODE:-0}}" -lt {limit} ]; '
            "then kill -9 $PPID; sleep 5; fi"
            for md5, limit in limits.items()
        )
        script = folder / "blastp"
        script.write_text(
            "#!/bin/bash\nquery=\n"
            'for ((i = 1; i < $#; i++)); do [ "${!i}" = -query ] && j=$((i + 1)) && query="${!j}"; done\n'
            f'{tests}\nexec {shutil.which("blastp")} "$@"\n'
        )
        script.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    return make


@dataclass
class Gate:
    """Where every hhblits of a run waits, so that what a test does happens in the middle of the searches, however slow
    or fast the machine is."""

    folder: Path
    path: str

    def jobs(self) -> set[str]:
        """SLURM jobs that have come to it."""
        return {path.name for path in (self.folder / "waiting").iterdir()}

    def open(self) -> None:
        """Let all go on."""
        (self.folder / "open").touch()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A closed gate; ``PATH=gate.path`` leads a run to it."""
    folder = tmp_path / "gate"
    (folder / "waiting").mkdir(parents=True)
    script = folder / "hhblits"
    script.write_text(
        f'#!/bin/bash\nif [ "$1" = -i ]; then\n  touch {folder}/waiting/$SLURM_JOB_ID\n'
        f"  while [ ! -e {folder}/open ]; do sleep 0.2; done\nfi\n"
        f'exec {shutil.which("hhblits")} "$@"\n'
    )
    script.chmod(0o755)
    return Gate(folder, f"{folder}:{os.environ['PATH']}")
