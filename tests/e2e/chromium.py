"""Headless Chromium, driven as a person drives it: over its debugging port, by mouse and keyboard."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chromium import DevTools, debugging_port, start_chromium
from tests.e2e.installation import stop, wait_until


class Browser(DevTools):
    """Headless Chromium over its debugging port."""

    def __init__(self, folder: Path, pictures: Path | None) -> None:
        self.pictures = pictures
        english = os.environ | {"LANGUAGE": "en_US", "LANG": "C.UTF-8"}  # how a date is typed depends on it
        self.process = start_chromium("chromium", folder, "window-size=1400,1000", env=english)
        port = debugging_port(folder, self.process)
        pages = wait_until(
            lambda: [p for p in httpx.get(f"http://127.0.0.1:{port}/json").json() if p["type"] == "page"], 30, "a page"
        )
        super().__init__(pages[0]["webSocketDebuggerUrl"])

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        wait_until(lambda: self.evaluate("document.readyState") == "complete", 60, url)

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

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
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def type_into(self, element: str, text: str) -> None:
        """Keys typed into an element, given as a JavaScript expression."""
        focused = f"(e => {{ e?.focus(); return !!e && document.activeElement === e }})({element})"
        wait_until(lambda: self.evaluate(focused), 20, element)
        for letter in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    def resize(self, height: int = 1000) -> None:
        """Make the window so many pixels high, for a page that is to be seen whole."""
        self.call("Emulation.setDeviceMetricsOverride", width=1400, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, name: str) -> bytes:
        """The page as PNG; kept where ``--pictures`` says."""
        time.sleep(1.0 if self.pictures else 0.0)  # animations end
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            (self.pictures / f"{name}.png").write_bytes(data)
        return data

    def close(self) -> None:
        self.socket.close()
        stop(self.process, 5)
