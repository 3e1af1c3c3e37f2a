"""Task runs in a bounded window: what ends is recorded, what follows is submitted, what fails is halved or repeated.

This is the one place that decides what becomes of a task run that did not end well. It knows neither chains nor
entries nor Prefect: it is given a ``submit`` and a :class:`Ledger`, and it waits through a :class:`Clock`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from flows.workers.failures import Fault

Item = TypeVar("Item")
Result = TypeVar("Result")
R_contra = TypeVar("R_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class Future(Protocol[R_co]):
    """A task run that was submitted."""

    def result(self) -> R_co:
        """What it returned; raises what it raised."""

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        """Have ``fn`` called with the future once it has ended, from whatever thread."""


@dataclass(frozen=True, slots=True)
class Portion(Generic[Item]):
    """Items that one task run works through at a stage; it is submitted ``delay`` seconds from now at the earliest."""

    stage: str
    items: tuple[Item, ...]
    delay: float = 0.0


class Ledger(Protocol[Item, R_contra]):
    """Where it is written down what became of portions; only the flow's process writes."""

    def succeeded(self, portion: Portion[Item], future: Future[Any], result: R_contra) -> Iterable[Portion[Item]]:
        """Record what a task run achieved; gives what follows from it."""

    def failed(self, portion: Portion[Item], future: Future[Any], error: Exception) -> None:
        """Record that a task run failed, whatever becomes of its items."""

    def gave_up(self, portion: Portion[Item], error: Exception) -> None:
        """Record that the one item of a portion has failed."""


class Clock:
    """The time, and waiting."""

    def now(self) -> float:
        """Seconds from some beginning."""
        return time.monotonic()

    def wait_for(self, ended: SimpleQueue[T], seconds: float) -> T | None:
        """The next that ended; None when none did within so many seconds."""
        try:
            return ended.get(timeout=max(0.0, seconds))
        except Empty:
            return None


@dataclass
class Dispatcher(Generic[Item, Result]):
    """Keeps at most ``window`` task runs submitted until nothing is left.

    ``order`` has the stages, the one nearest to the end first: what is nearest to its end goes first. ``judge`` says
    what is to blame for an error, and what the error is in the words of the cluster. ``wait_for_server`` returns when
    the server is back. ``on_progress`` is called after every record, and at least every ``turn`` seconds. ``release``
    lets Dask forget a future: what the flow still holds is run again whenever its worker goes.
    """

    submit: Callable[[Portion[Item]], Future[Result]]
    ledger: Ledger[Item, Result]
    window: int
    order: Sequence[str]
    judge: Callable[[Exception], tuple[Fault, Exception]]
    wait_for_server: Callable[[], None]
    on_progress: Callable[[], None]
    release: Callable[[Future[Result]], None]
    clock: Clock = field(default_factory=Clock)
    turn: float = 30.0
    _waiting: dict[str, deque[Portion[Item]]] = field(init=False)
    _running: dict[Future[Result], Portion[Item]] = field(default_factory=dict)
    _ended: SimpleQueue[Future[Result]] = field(default_factory=SimpleQueue)
    _later: list[tuple[float, Portion[Item]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waiting = {stage: deque() for stage in self.order}

    def run(self, portions: Iterable[Portion[Item]]) -> None:
        """Work until nothing is left, neither of these portions nor of what follows from them.

        Raises:
            Exception: of a task run that failed because the set-up is at fault; what has ended stays recorded.
        """
        self._add(portions)
        while self._fill_window() or self._later:
            future = self._next_ended()
            if future is not None:
                portion = self._running.pop(future)
                try:
                    self._settle(portion, future)
                finally:
                    self.release(future)
            self.on_progress()

    def _add(self, portions: Iterable[Portion[Item]]) -> None:
        for portion in portions:
            if portion.delay > 0:
                self._later.append((self.clock.now() + portion.delay, portion))
            else:
                self._waiting[portion.stage].append(portion)

    def _fill_window(self) -> bool:
        """Submit what there is room for; whether anything runs now."""
        self._add_due()
        while len(self._running) < self.window:
            queue = next((self._waiting[stage] for stage in self.order if self._waiting[stage]), None)
            if queue is None:
                break
            portion = queue.popleft()
            future = self.submit(portion)
            self._running[future] = portion
            future.add_done_callback(self._ended.put)
        return bool(self._running)

    def _add_due(self) -> None:
        now = self.clock.now()
        due = [portion for moment, portion in self._later if moment <= now]
        self._later = [(moment, portion) for moment, portion in self._later if moment > now]
        for portion in due:
            self._waiting[portion.stage].append(portion)

    def _next_ended(self) -> Future[Result] | None:
        """The next task run to end; None when a turn has passed or something is to be repeated before that."""
        due = min((moment for moment, _ in self._later), default=float("inf"))
        return self.clock.wait_for(self._ended, min(self.turn, due - self.clock.now()))

    def _settle(self, portion: Portion[Item], future: Future[Result]) -> None:
        try:
            result = future.result()
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is judged
            fault, error = self.judge(raised)
            self.ledger.failed(portion, future, error)
            self._after_failure(portion, fault, error)
        else:
            self._add(self.ledger.succeeded(portion, future, result))

    def _after_failure(self, portion: Portion[Item], fault: Fault, error: Exception) -> None:
        queue = self._waiting[portion.stage]
        if fault is Fault.SETUP:
            raise error from None
        if fault is Fault.SERVER:
            self.wait_for_server()
        if fault is not Fault.ITEM:
            queue.appendleft(portion)
        elif len(portion.items) > 1:
            queue.extendleft(reversed(halves(portion)))
        else:
            self.ledger.gave_up(portion, error)


def halves(portion: Portion[Item]) -> tuple[Portion[Item], Portion[Item]]:
    """Two portions of about the same cost where the items are sorted by cost."""
    return Portion(portion.stage, portion.items[::2]), Portion(portion.stage, portion.items[1::2])
