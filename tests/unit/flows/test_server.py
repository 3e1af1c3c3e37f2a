"""An outage of the Prefect server: said once when it begins and once when it ends, whoever notices, and waited out."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from flows.workers.quiet import one_word_of_outages
from flows.workers.server import ServerWatch, server_is_away, server_trouble
from pyecod.errors import WorkersLostError


def watch(answers: list[str | None], patience: float = 60.0) -> tuple[ServerWatch, list[str]]:
    """A watch whose server answers as told; the last answer stays."""
    said: list[str] = []
    told: Iterator[str | None] = iter(answers)
    last = answers[-1]
    return ServerWatch(patience, said.append, pause=0.0, trouble=lambda: next(told, last)), said


def test_an_outage_is_said_once_and_its_end_once() -> None:
    server, said = watch([None, "refused", "refused", "refused", None, None])
    assert [server.is_away() for _ in range(6)] == [False, True, True, True, False, False]
    assert said == [
        "the Prefect server is away (refused): what runs goes on, the rest waits",
        "the Prefect server is back after 0 s",
    ]


def test_two_outages_are_two() -> None:
    server, said = watch(["a", None, "b", None])
    assert [server.is_away() for _ in range(4)] == [True, False, True, False]
    assert [words.split("(")[0].split(" after")[0] for words in said] == [
        "the Prefect server is away ", "the Prefect server is back",
    ] * 2  # fmt: skip


def test_waiting_ends_with_the_outage() -> None:
    server, said = watch(["refused", "refused", None])
    server.wait()
    assert len(said) == 2


def test_waiting_has_an_end() -> None:
    server, said = watch(["refused"], patience=0.0)
    with pytest.raises(WorkersLostError, match="has been away for 0 hours"):
        server.wait()
    assert len(said) == 1


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        trouble = server_trouble()
    assert trouble is not None
    assert "refused" in trouble
    assert "\n" not in trouble


def test_what_means_that_the_server_is_away() -> None:
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError

    def answer(code: int) -> PrefectHTTPStatusError:
        request = httpx.Request("GET", "http://127.0.0.1/api")
        plain = httpx.HTTPStatusError("no", request=request, response=httpx.Response(code, request=request))
        return PrefectHTTPStatusError.from_httpx_error(plain)

    assert server_is_away(httpx.ConnectError("refused"))
    assert server_is_away(RuntimeError("Failed to reach API at http://127.0.0.1/api"))
    assert [server_is_away(answer(code)) for code in (404, 409, 500, 503)] == [False, False, True, True]
    assert not server_is_away(RuntimeError("another"))
    assert not server_is_away(ValueError("Failed to reach API"))


def test_what_prefect_says_of_each_lost_event_is_dropped_during_an_outage_only() -> None:
    said_by_prefect: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said_by_prefect.append(record.getMessage())

    logger = logging.getLogger("prefect.events.clients")
    filters, handler = list(logger.filters), Keep()
    server, said = watch([None, "refused", "refused", None])
    logger.addHandler(handler)
    try:
        with one_word_of_outages(server):
            for words in ("one event is lost", "Unable to connect", "Unable to connect", "the last of the outage"):
                logger.warning(words)
    finally:
        logger.removeHandler(handler)
    assert said_by_prefect == ["one event is lost"]
    assert len(said) == 2
    assert logger.filters == filters
    assert logging.raiseExceptions
