"""A headless Chromium on loopback, and the debugging protocol of its pages."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

_OPTIONS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "hide-scrollbars", "remote-debugging-port=0",
)  # fmt: skip


def start_chromium(
    program: str, profile: Path, *options: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """The browser with a profile and a session of its own; ``options`` come on top of what all tests want."""
    words = [f"--{option}" for option in (*_OPTIONS, f"user-data-dir={profile}", *options)]
    return subprocess.Popen(
        [program, *words, "about:blank"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def debugging_port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """The port it listens on, once it does."""
    file, end = profile / "DevToolsActivePort", time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"Chromium ended with {process.returncode}")
        if file.exists() and "\n" in (text := file.read_text()):
            return int(text.splitlines()[0])
        time.sleep(0.05)
    pytest.fail("Chromium did not open its debugging port")


class DevTools:
    """One page over its debugging protocol."""

    def __init__(self, url: str) -> None:
        self.socket = connect(url, max_size=None)
        self._number = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """Send one command and wait for its answer; what the page tells meanwhile is noted."""
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.note(message)

    def note(self, message: dict[str, Any]) -> None:
        """What the page tells unasked; passed over here."""
