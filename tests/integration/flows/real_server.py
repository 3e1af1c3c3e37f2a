"""Prefect servers of a test's own, and weeks that are run against them as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

WITH_FAULTS = Path(__file__).with_name("server_with_faults.py")


@dataclass
class Server:
    """A server that can be stopped and started again on its port; its database stays."""

    folder: Path
    command: list[str] = field(default_factory=list)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def environment(self) -> dict[str, str]:
        home = {"PREFECT_HOME": str(self.folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        return {**os.environ, **home, "PREFECT_API_URL": self.url}

    def start(self) -> None:
        prefect = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--no-ui", "--port", "{port}"]
        command = [word.format(port=self.port) for word in self.command or prefect]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.3)

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ask(self, path: str, **question: Any) -> list[dict[str, Any]]:
        """What the server answers to a question with a filter."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{path}", json.dumps(question).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


@contextmanager
def server(folder: Path, command: list[str] | None = None) -> Iterator[Server]:
    """A server that answers."""
    folder.mkdir(parents=True, exist_ok=True)
    own = Server(folder, command or [])
    own.start()
    try:
        yield own
    finally:
        own.kill()


def start_week(
    world: Any, server: Server, folder: Path, environment: dict[str, str], **more: Any
) -> tuple[subprocess.Popen[bytes], Path]:
    """``pyecod update-weeks`` of the first week, and the file of what it says."""
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(world.overrides(folder / "batches", **more)))
    day = str(world.world.dates[0])
    command = [sys.executable, "-m", "pyecod", "update-weeks", "--yes", "--settings", str(settings)]
    command += ["--start-date", day, "--end-date", day]
    said = folder / "said"
    with said.open("wb") as log:
        run = subprocess.Popen(command, stdout=log, stderr=log, env={**server.environment, **environment}, cwd=folder)
    return run, said
