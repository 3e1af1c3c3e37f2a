"""A mirror of the PDB on loopback with every fault a server can have."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pyecod.settings import FetchSettings


@dataclass
class FaultyServer:
    """Files by path, faults by path (used up one per request), and what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, deque[Any]] = field(default_factory=dict)
    always: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    ranges: bool = True
    validators: bool = True
    tag: str = '"1"'
    modified: float = 1_757_000_000.0
    headers: dict[str, str] = field(default_factory=dict)
    together: int = 0
    most_together: int = 0
    url: str = ""

    def fail(self, path: str, *faults: Any) -> None:
        """The next requests of ``path`` go wrong so: a status, ("retry", status, Retry-After), ("cut", bytes),
        ("slow", seconds), ("bytes", content), ("length", claimed length), ("drip", seconds)."""
        self.faults[path] = deque(faults)

    def serve(self, folder: Path, under: str) -> None:
        """Offer every file of a folder below a path."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.files[f"{under}/{path.relative_to(folder)}"] = path.read_bytes()

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return Counter(p for _, p, _ in self.requests)[path]

    def bytes_of(self, path: str) -> list[str]:
        """The Range header of each request of a path, empty where it had none."""
        return [headers.get("range", "") for _, p, headers in self.requests if p == path]


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FaultyServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        state = self.state
        state.together += 1
        state.most_together = max(state.most_together, state.together)
        try:
            state.requests.append((time.monotonic(), self.path, {k.lower(): v for k, v in self.headers.items()}))
            queue = state.faults.get(self.path)
            self._answer(queue.popleft() if queue else state.always.get(self.path))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            state.together -= 1

    def _answer(self, fault: Any) -> None:
        state, content = self.state, self.state.files.get(self.path)
        kind = fault[0] if isinstance(fault, tuple) else None
        if isinstance(fault, int):
            return self._plain(fault)
        if kind == "retry":
            return self._plain(fault[1], {"Retry-After": str(fault[2])})
        if kind == "redirect":
            return self._plain(302, {"Location": fault[1]})
        if kind == "slow":
            time.sleep(fault[1])
        if kind == "bytes":
            content = fault[1]
        if content is None:
            return self._plain(404)
        since = self.headers.get("If-Modified-Since")
        if since and parsedate_to_datetime(since).timestamp() >= int(state.modified):
            return self._plain(304)
        start = self._start(content)
        if start is not None and start >= len(content):
            return self._plain(416, {"Content-Range": f"bytes */{len(content)}"})
        self.send_response(206 if start is not None else 200)
        body = content[start or 0 :]
        length = fault[1] if kind == "length" else len(body)
        self.send_header("Content-Length", str(length))
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if state.validators:
            self.send_header("ETag", state.tag)
            self.send_header("Last-Modified", formatdate(state.modified, usegmt=True))
        for name, value in state.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if kind == "cut":
            self.wfile.write(body[: fault[1]])
            self.close_connection = True
        elif kind == "drip":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(fault[1])
        else:
            self.wfile.write(body)
            if length != len(body):
                self.close_connection = True

    def _start(self, content: bytes) -> int | None:
        wanted = self.headers.get("Range")
        if not wanted or not self.state.ranges:
            return None
        condition = self.headers.get("If-Range")
        if condition and condition not in (self.state.tag, formatdate(self.state.modified, usegmt=True)):
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _plain(self, status: int, headers: dict[str, str] | None = None) -> None:
        body = b"" if status == 304 else b"<html>no</html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    state = FaultyServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Answer", (_Answer,), {"state": state}))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture
def settings(server: FaultyServer) -> FetchSettings:
    """No waiting between tries, otherwise as shipped."""
    return FetchSettings(
        status_url=f"{server.url}/status",
        entries_url=f"{server.url}/mmCIF",
        retry_delay=0,
        retries=2,
        timeout=5,
        per_second=1000,
    )
