"""Pictures and messages stop nothing: what cannot be shown costs one warning, and is tried again."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flows.batch import shown as room
from flows.batch.shown import Shown
from flows.workers.server import ServerWatch


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []

    class Log:
        def warning(self, text: str) -> None:
            words.append(f"warning: {text}")

        def info(self, text: str) -> None:
            words.append(f"info: {text}")

    monkeypatch.setattr(room, "get_run_logger", Log)
    return words


def server(*trouble: str | None) -> ServerWatch:
    told = list(trouble)
    return ServerWatch(0.0, logging.getLogger("test").info, trouble=lambda: told.pop(0) if told else None)


def test_a_server_that_refuses_is_said_once_and_asked_again(said: list[str]) -> None:
    shown, asked = Shown(server()), []

    def refuse() -> None:
        asked.append("no")
        raise RuntimeError("500 of /api/artifacts/")

    assert [shown.attempt("progress", refuse) for _ in range(3)] == [False, False, False]
    assert len(asked) == 3
    assert said == [
        "warning: progress cannot be shown, which is tried again later: RuntimeError: 500 of /api/artifacts/"
    ]
    assert shown.attempt("progress", lambda: None)
    assert shown.attempt("progress", lambda: None)
    assert said[1:] == ["info: progress: shown again"]


def test_each_kind_is_said_for_itself(said: list[str]) -> None:
    def refuse() -> Any:
        raise RuntimeError("no")

    shown = Shown(server())
    for what in ("progress", "alerts", "progress"):
        shown.attempt(what, refuse)
    assert [words.split()[1] for words in said] == ["progress", "alerts"]


def test_without_a_server_nothing_is_tried(said: list[str]) -> None:
    tried: list[str] = []
    shown = Shown(server("refused", "refused", None))
    assert [shown.attempt("progress", lambda: tried.append("now")) for _ in range(3)] == [False, False, True]
    assert (tried, said) == (["now"], [])


def test_a_server_that_goes_meanwhile_is_its_own_reason(said: list[str]) -> None:
    def refuse() -> None:
        raise RuntimeError("refused")

    assert not Shown(server(None, "refused")).attempt("progress", refuse)
    assert said == []


def test_what_needs_no_server_is_shown_without_one(said: list[str]) -> None:
    shown, done = Shown(server("refused", "refused")), []
    assert shown.guard("what is worth attention", lambda: done.append("now"))
    assert done == ["now"]


def test_a_signal_is_no_picture(said: list[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Shown(server()).attempt("progress", interrupted)
