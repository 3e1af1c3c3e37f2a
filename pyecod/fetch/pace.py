"""How fast, and when to wait: one pace for all connections of a fetch."""

from __future__ import annotations

import datetime
import random
import threading
import time
from email.utils import parsedate_to_datetime


class StoppedError(Exception):
    """The fetch is being ended."""


class Pace:
    """Spaces out requests to ``per_second``, lets all of them wait when the server asks for it, and stops them."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Wait for this request's turn.

        Raises:
            StoppedError: the fetch ended meanwhile.
        """
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        self.sleep(turn - time.monotonic())

    def hold(self, seconds: float) -> None:
        """No request begins within the next ``seconds``."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the fetch.

        Raises:
            StoppedError: the fetch ended meanwhile.
        """
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError

    def check(self) -> None:
        """Raise StoppedError where the fetch has ended."""
        self.sleep(0)

    def stop(self) -> None:
        """End the fetch: whoever waits or transfers stops."""
        self._stopped.set()


def backoff(attempt: int, delay: float, longest: float) -> float:
    """Seconds before try number ``attempt`` (1 is the first again): doubled each time, and scattered by a quarter."""
    return min(longest, delay * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.0)


def retry_after(value: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header, which is a number or a date (RFC 9110, 10.2.3); None where it says none."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())
