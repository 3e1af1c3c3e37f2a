"""The doctor names what is missing, what answers wrongly, and what to do."""

from __future__ import annotations

import base64
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from importlib.metadata import version
from pathlib import Path
from time import time
from typing import Any

import pytest

from pyecod.checks import Finding
from pyecod.doctor import Server, examine
from pyecod.settings import Settings

VERSION = version("prefect")


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an empty place without database."""
    return lambda **more: Settings(base_path=tmp_path, **{"database": {"mode": "none"}, **more})


@contextmanager
def answering(text: str, *, clock: float = 0.0, auth: str = "") -> Iterator[str]:
    """A server that says this version, by a clock so many seconds ahead, to whoever has the password."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = f"Basic {base64.b64encode(auth.encode()).decode()}"
            refused = bool(auth) and self.headers.get("Authorization") != wanted
            self.send_response_only(401 if refused else 200)
            self.send_header("Date", formatdate(time() + clock, usegmt=True))
            self.end_headers()
            self.wfile.write(f'"{text}"'.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()


def findings(settings: Settings, *server: str) -> dict[str, Finding]:
    """By check, with a server of this address and password."""
    return {finding.check: finding for finding in examine(settings, Server(*server))}


def test_without_a_mirror_it_counts_whether_entries_are_fetched(settings: Any) -> None:
    missing = findings(settings())["mirror"]
    assert (missing.state, missing.detail) == ("note", "not set")
    fetched = findings(settings(fetch={"enabled": True}))["mirror"]
    assert fetched.state == "ok"
    assert settings().fetch.entries_url in fetched.detail


def test_a_folder_that_is_not_there_is_a_problem_with_a_remedy(settings: Any) -> None:
    found = findings(settings(mirror="/nowhere/pdb"))["mirror"]
    assert found.state == "problem"
    assert "/nowhere/pdb" in found.detail
    assert "mount" in found.remedy


def test_the_server_is_asked_with_the_password(settings: Any) -> None:
    with answering(VERSION, auth="pyecod:secret") as url:
        right = findings(settings(), url, "pyecod:secret")
        wrong = findings(settings(), url, "pyecod:guess")
    assert right["prefect server"].state == right["clock"].state == "ok"
    assert wrong["prefect server"].state == "problem"
    assert "PREFECT_API_AUTH_STRING" in wrong["prefect server"].remedy
    assert not [f for f in wrong.values() if "secret" in f.detail or "guess" in f.detail]


def test_another_version_of_the_server_is_a_problem(settings: Any) -> None:
    with answering("2.20.1") as url:
        assert findings(settings(), url)["prefect server"].state == "problem"


@pytest.mark.parametrize(("clock", "words"), [(-300, "ahead of"), (300, "behind")])
def test_a_clock_that_is_off_is_a_problem(settings: Any, clock: float, words: str) -> None:
    with answering(VERSION, clock=clock) as url:
        found = findings(settings(), url)["clock"]
    assert found.state == "problem"
    assert words in found.detail


def test_a_server_that_is_away_is_a_problem(settings: Any) -> None:
    found = findings(settings(), "http://127.0.0.1:9/api")["prefect server"]
    assert found.state == "problem"
    assert "prefect server start" in found.remedy


def test_too_little_space_for_a_week_is_a_problem(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def space(gib: float) -> dict[str, str]:
        monkeypatch.setattr("pyecod.doctor.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, gib * 2**30))
        return {check: finding.state for check, finding in findings(settings()).items() if "disk" in check}

    week, scratch, server = ("disk of base_path", "disk of search cache"), ("scratch disk",), ("disk of prefect",)
    for gib, short in ((11.0, ()), (9.5, week), (4.5, week + scratch), (0.05, week + scratch + server)):
        found = space(gib)
        assert {check for check, state in found.items() if state == "problem"} == set(short)
        assert set(found) == {*week, *scratch, *server}


def test_the_disk_of_an_embedded_database_is_looked_at(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyecod.doctor.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 2**29))
    found = findings(settings(database={"mode": "embedded", "data_dir": tmp_path / "db"}))["disk of database"]
    assert (found.state, "database.data_dir" in found.remedy) == ("problem", True)


def test_the_scratch_disk_is_that_of_the_settings_and_of_local_workers(settings: Any, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    found = findings(settings(scratch={"dir": scratch}, alerts={"scratch_gib": 10**9}))["scratch disk"]
    assert (found.state, str(tmp_path) in found.detail, "scratch.dir" in found.remedy) == ("problem", True, True)
