"""Headless Chromium, driven as a person drives it: over its debugging port, by mouse and keyboard."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.installation import stop, wait_until


class Browser:
    """Headless Chromium over its debugging port."""

    def __init__(self, folder: Path, pictures: Path | None) -> None:
        self.pictures = pictures
        options = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        options += " disable-component-update disable-sync hide-scrollbars"
        self.process = subprocess.Popen(
            [
                "chromium",
                *(f"--{option}" for option in options.split()),
                "--remote-debugging-port=0",
                "--window-size=1400,1000",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            env=os.environ | {"LANGUAGE": "en_US", "LANG": "C.UTF-8"},  # how a date is typed depends on it
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        port_file = folder / "DevToolsActivePort"
        wait_until(lambda: port_file.exists() and port_file.read_text().count("\n") >= 1, 60, "Chromium")
        port = port_file.read_text().splitlines()[0]
        pages = wait_until(
            lambda: [p for p in httpx.get(f"http://127.0.0.1:{port}/json").json() if p["type"] == "page"], 30, "a page"
        )
        self.socket = connect(pages[0]["webSocketDebuggerUrl"], max_size=None)
        self._number = 0

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        wait_until(lambda: self.evaluate("document.readyState") == "complete", 60, url)

    def evaluate(self, expression: str) -> Any:
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    @property
    def text(self) -> str:
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def wait_for(self, words: str, seconds: float = 45) -> str:
        """The page's text once it has these words."""
        deadline = time.monotonic() + seconds
        while words not in self.text:
            if time.monotonic() > deadline:
                self.picture("unexpected")
                pytest.fail(f"the page never said {words!r} but:\n{self.text}")
            time.sleep(0.3)
        return self.text

    def click(self, element: str) -> None:
        """The left mouse button on an element, given as a JavaScript expression, once it is there and keeps still."""
        place = (
            f"(() => {{ const it = {element}; if (!it) return null; it.scrollIntoView({{block: 'center'}}); "
            "const box = it.getBoundingClientRect(); "
            "return box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null })()"
        )
        before: list[float] | None = None

        def still() -> list[float] | None:
            nonlocal before
            now = self.evaluate(place)
            found, before = (now if now == before else None), now
            return found

        x, y = wait_until(still, 20, element)
        for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def type_into(self, element: str, text: str) -> None:
        """Keys typed into an element, given as a JavaScript expression."""
        focused = f"(e => {{ e?.focus(); return !!e && document.activeElement === e }})({element})"
        wait_until(lambda: self.evaluate(focused), 20, element)
        for letter in text:
            self._call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self._call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    def resize(self, height: int = 1000) -> None:
        """Make the window so many pixels high, for a page that is to be seen whole."""
        self._call("Emulation.setDeviceMetricsOverride", width=1400, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, name: str) -> bytes:
        """The page as PNG; kept where ``--pictures`` says."""
        time.sleep(1.0 if self.pictures else 0.0)  # animations end
        data = base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            (self.pictures / f"{name}.png").write_bytes(data)
        return data

    def close(self) -> None:
        self.socket.close()
        stop(self.process, 5)
