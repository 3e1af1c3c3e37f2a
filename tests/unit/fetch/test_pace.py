from __future__ import annotations

import datetime
import threading
import time
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.fetch.pace import Pace, StoppedError, backoff, retry_after


@given(st.integers(1, 60), st.floats(0, 100), st.floats(0, 1000))
def test_a_wait_is_never_longer_than_allowed_and_never_negative(attempt: int, delay: float, longest: float) -> None:
    assert 0 <= backoff(attempt, delay, longest) <= longest


def test_waits_double() -> None:
    for attempt in range(1, 8):
        assert 0.75 * 2**attempt <= backoff(attempt, 2, 1e9) <= 2**attempt


def test_retry_after_is_seconds_or_a_date() -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    assert retry_after("120") == 120
    assert retry_after(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=2)
    assert retry_after("Fri, 05 Sep 2025 00:00:00 GMT") == 0
    for nothing in (None, "", "soon", "-5", "1.5"):
        assert retry_after(nothing) is None


def test_threads_share_one_pace() -> None:
    pace, begun = Pace(per_second=50), time.monotonic()
    threads = [threading.Thread(target=lambda: [pace.wait() for _ in range(3)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun >= 11 / 50


def test_who_waits_stops_with_the_fetch() -> None:
    pace = Pace(per_second=1)
    pace.hold(3600)
    threading.Timer(0.1, pace.stop).start()
    with pytest.raises(StoppedError):
        pace.wait()
