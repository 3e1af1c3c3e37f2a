"""A real installation for the whole session, a browser, and a place where messages arrive.

``--pictures docs/images`` also keeps pictures of pages the tests look at.
"""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chromium import Browser
from tests.e2e.installation import Platform, installed, wait_until


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, default=None, help="folder for pictures of the pages looked at")


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Any:
    """:func:`wait_until` for the tests."""
    return wait_until


@pytest.fixture(scope="session")
def platform(small_world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An installation that follows the small world's releases."""
    home = tmp_path_factory.mktemp("platform")
    settings = small_world.overrides(
        home / "batches",
        search={"cache_dir": str(home / "cache")},
        scratch={"dir": str(home / "scratch")},
        alerts={"silent_minutes": 0.75},
    )
    with installed(home, settings) as platform:
        platform.world = small_world
        yield platform


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the session."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed (run `make setup`)")
    browser = Browser(tmp_path_factory.mktemp("chromium"), request.config.getoption("--pictures", default=None))
    try:
        yield browser
    finally:
        browser.close()


_STYLE = "<style>body { font: 15px sans-serif; margin: 2em } pre { white-space: pre-wrap; color: #444 }</style>"


class Receiver:
    """A web server on loopback that keeps what is sent to it, and shows it."""

    def __init__(self) -> None:
        received: list[dict[str, Any]] = []

        class Keep(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                shown = (f"<h3>{escape(m['subject'])}</h3><pre>{escape(m['body'])}</pre>" for m in received)
                self.wfile.write(f"<title>Messages</title>{_STYLE}<h1>Messages</h1>{''.join(shown)}".encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.received = received
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keep)
        self.url = f"http://127.0.0.1:{self.server.server_port}/canary-of-the-webhook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def find(self, subject: str, body: str = "") -> dict[str, Any] | None:
        """The first message with these words."""
        return next((m for m in self.received if subject in m["subject"] and body in m["body"]), None)

    def subjects(self) -> list[str]:
        return [str(message["subject"]) for message in self.received]


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where messages go."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
