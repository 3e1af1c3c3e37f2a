"""The one dispatcher, as a table: what goes in, how each task run ends, and what is submitted and written down."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from flows.batch.dispatch import Dispatcher, Portion
from flows.workers.failures import Fault

Words = tuple[str, ...]
ORDER = ("last", "middle", "first")


class Hopeless(Exception):
    """The set-up is at fault."""


class NoServer(Exception):
    """The server is away."""


class BadNode(Exception):
    """The node is at fault."""


FAULTS = {Hopeless: Fault.SETUP, NoServer: Fault.SERVER, BadNode: Fault.NODE, ValueError: Fault.ITEM}


class HandMade:
    """A future that ends when it is told to."""

    def __init__(self, portion: Portion[str]) -> None:
        self.portion = portion
        self.end: object = None
        self.callbacks: list[Callable[[Any], None]] = []

    def result(self) -> str:
        if isinstance(self.end, Exception):
            raise self.end
        return str(self.end)

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        self.callbacks.append(fn)

    def finish(self, end: object) -> None:
        self.end = end
        for fn in self.callbacks:
            fn(self)


@dataclass
class HandClock:
    """Time goes on only while somebody waits; events strike when it reaches them."""

    time: float = 0.0
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def now(self) -> float:
        return self.time

    def at(self, moment: float, strike: Callable[[], None]) -> None:
        heapq.heappush(self.events, (moment, next(self._numbers), strike))

    def wait_for(self, ended: SimpleQueue[Any], seconds: float) -> Any:
        until = self.time + max(0.0, seconds)
        while True:
            try:
                return ended.get_nowait()
            except Empty:
                assert self.events or seconds != float("inf"), "it waits for something that never comes"
            if not self.events or self.events[0][0] > until:
                self.time = until
                return None
            self.time, _, strike = heapq.heappop(self.events)
            strike()


@dataclass
class Desk:
    """Submits to hand-made futures that end after ``seconds`` as ``ends`` says of their first word, and keeps the
    ledger. The end of a word is its list of ends, one for each time it is submitted first; the last one stays."""

    clock: HandClock
    ends: dict[str, list[object]] = field(default_factory=dict)
    follows: dict[str, list[Portion[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    submitted: list[tuple[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    failed_runs: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    released: list[HandMade] = field(default_factory=list)
    futures: list[HandMade] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    waits: int = 0
    shown: int = 0

    def submit(self, portion: Portion[str]) -> HandMade:
        future = HandMade(portion)
        self.submitted.append((portion.stage, "".join(portion.items)))
        self.times.append(self.clock.now())
        self.futures.append(future)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        poison = [item for item in portion.items if item in self.ends]
        ends = self.ends[poison[0]] if poison else ["fine"]
        end = ends.pop(0) if len(ends) > 1 else ends[0]
        self.clock.at(self.clock.now() + self.seconds.get(portion.items[0], 1.0), lambda: self._end(future, end))
        return future

    def _end(self, future: HandMade, end: object) -> None:
        self.open -= 1
        future.finish(end)

    def succeeded(self, portion: Portion[str], future: Any, result: str) -> Iterable[Portion[str]]:
        assert result == "fine"
        self.done += portion.items
        return [follow for item in portion.items for follow in self.follows.get(item, ())]

    def failed(self, portion: Portion[str], future: Any, error: Exception) -> None:
        self.failed_runs.append(f"{''.join(portion.items)}: {error}")

    def gave_up(self, portion: Portion[str], error: Exception) -> None:
        (item,) = portion.items
        self.lost[item] = str(error)

    def wait_for_server(self) -> None:
        self.waits += 1
        self.clock.time += 75

    def show(self) -> None:
        self.shown += 1


def dispatch(portions: Sequence[Portion[str]], window: int = 2, **more: Any) -> Desk:
    """Run the portions to the end."""
    clock = HandClock()
    desk = Desk(clock, **more)
    run_with(desk, portions, window)
    return desk


def run_with(desk: Desk, portions: Sequence[Portion[str]], window: int = 2) -> None:
    Dispatcher(
        submit=desk.submit,
        ledger=desk,
        window=window,
        order=ORDER,
        judge=lambda error: (FAULTS[type(error)], error),
        wait_for_server=desk.wait_for_server,
        on_progress=desk.show,
        release=desk.released.append,  # type: ignore[arg-type]
        clock=desk.clock,  # type: ignore[arg-type]
        turn=30.0,
    ).run(portions)


def portions(*words: str, stage: str = "first") -> list[Portion[str]]:
    """Each word is a portion, each of its letters an item."""
    return [Portion(stage, tuple(word)) for word in words]


def submitted(desk: Desk) -> list[str]:
    return [word for _, word in desk.submitted]


def nothing_is_lost_or_done_twice(desk: Desk, letters: str) -> None:
    assert sorted([*desk.done, *desk.lost]) == sorted(letters)
    assert desk.released == [future for future in desk.released if future.end is not None]
    assert sorted(map(id, desk.released)) == sorted(map(id, desk.futures)), "a future is held, or was let go twice"


def test_everything_is_done_in_order_within_the_window() -> None:
    desk = dispatch(portions("ab", "cd", "ef", "gh", "ij"), window=3)
    assert submitted(desk) == ["ab", "cd", "ef", "gh", "ij"]
    assert desk.most_open == 3
    assert desk.times == [0, 0, 0, 1, 1]
    assert desk.shown == 5
    nothing_is_lost_or_done_twice(desk, "abcdefghij")


@pytest.mark.parametrize("window", [1, 2, 5, 9])
def test_the_window_is_full_and_never_more(window: int) -> None:
    desk = dispatch(portions(*"abcdefg"), window=window)
    assert desk.most_open == min(window, 7)


def test_the_next_is_submitted_as_soon_as_one_ends_and_not_when_all_have() -> None:
    desk = dispatch(portions(*"abcd"), seconds={"a": 10.0})
    assert dict(zip(submitted(desk), desk.times, strict=True)) == {"a": 0, "b": 0, "c": 1, "d": 2}


def test_what_is_nearest_to_its_end_goes_first() -> None:
    later = portions("x", stage="middle") + portions("y", stage="last")
    desk = dispatch(portions(*"abc"), window=1, follows={"a": later, "x": portions("z", stage="last")})
    assert desk.submitted == [
        ("first", "a"), ("last", "y"), ("middle", "x"), ("last", "z"), ("first", "b"), ("first", "c"),
    ]  # fmt: skip
    nothing_is_lost_or_done_twice(desk, "abcxyz")


def test_a_portion_that_fails_is_halved_down_to_the_one_at_fault() -> None:
    desk = dispatch(portions("abcdef", "gh"), window=1, ends={"e": [ValueError("killed its worker")]})
    assert submitted(desk) == ["abcdef", "ace", "ae", "a", "e", "c", "bdf", "gh"]
    assert desk.lost == {"e": "killed its worker"}
    assert desk.failed_runs == [f"{word}: killed its worker" for word in ("abcdef", "ace", "ae", "e")]
    nothing_is_lost_or_done_twice(desk, "abcdefgh")


def test_a_fault_that_passes_costs_a_halving_and_nobody() -> None:
    desk = dispatch(portions("abcd"), ends={"a": [ValueError("once"), "fine"]})
    assert submitted(desk) == ["abcd", "ac", "bd"]
    assert desk.lost == {}
    nothing_is_lost_or_done_twice(desk, "abcd")


def test_two_at_fault_are_both_found() -> None:
    broken = {letter: [ValueError(letter)] for letter in "bc"}
    desk = dispatch(portions("abcd"), window=3, ends=broken)
    assert desk.lost == {"b": "b", "c": "c"}
    nothing_is_lost_or_done_twice(desk, "abcd")


def test_a_hopeless_error_ends_it_and_what_has_ended_stays_recorded() -> None:
    desk = Desk(HandClock(), ends={"c": [Hopeless("no reference")]})
    with pytest.raises(Hopeless, match="no reference") as raised:
        run_with(desk, portions(*"abcdef"))
    assert raised.value.__suppress_context__
    assert desk.done == ["a", "b"]
    assert desk.lost == {}
    assert submitted(desk) == ["a", "b", "c", "d"]
    assert desk.failed_runs == ["c: no reference"]
    assert len(desk.released) == 3


def test_the_server_is_waited_for_and_the_same_portion_goes_again_first() -> None:
    desk = dispatch(portions("ab", "cd", "ef"), window=1, ends={"a": [NoServer("away"), "fine"]})
    assert submitted(desk) == ["ab", "ab", "cd", "ef"]
    assert (desk.waits, desk.times[1]) == (1, 76)
    assert desk.lost == {}
    nothing_is_lost_or_done_twice(desk, "abcdef")


def test_a_portion_leaves_a_bad_node_at_once_and_whole() -> None:
    desk = dispatch(portions("ab", "cd"), window=1, ends={"a": [BadNode("disk full"), "fine"]})
    assert submitted(desk) == ["ab", "ab", "cd"]
    assert (desk.waits, desk.failed_runs) == (0, ["ab: disk full"])
    nothing_is_lost_or_done_twice(desk, "abcd")


def test_what_is_to_be_repeated_later_waits_for_its_time_and_holds_up_nobody() -> None:
    again = [Portion("first", ("x",), delay=50.0)]
    desk = dispatch(portions(*"abc"), window=1, follows={"a": again})
    assert submitted(desk) == ["a", "b", "c", "x"]
    assert desk.times == [0, 1, 2, 51]
    nothing_is_lost_or_done_twice(desk, "abcx")


def test_several_repeats_come_each_at_its_own_time() -> None:
    again = [Portion("first", (name,), delay=delay) for name, delay in (("x", 20.0), ("y", 5.0), ("z", 5.0))]
    desk = dispatch(portions("a"), window=1, follows={"a": again})
    assert submitted(desk) == ["a", "y", "z", "x"]
    assert desk.times == [0, 6, 7, 21]
    nothing_is_lost_or_done_twice(desk, "axyz")


def test_what_follows_a_repeat_is_done_too() -> None:
    again = [Portion("first", ("x",), delay=5.0)]
    desk = dispatch(portions("a"), follows={"a": again, "x": portions("y", stage="last")})
    assert desk.submitted == [("first", "a"), ("first", "x"), ("last", "y")]


def test_progress_is_shown_while_one_task_takes_long() -> None:
    desk = dispatch(portions("a"), seconds={"a": 100.0})
    assert desk.shown == 4  # after 30, 60 and 90 seconds, and at the end


def test_nothing_to_do_is_done_at_once() -> None:
    desk = dispatch([])
    assert (desk.submitted, desk.shown) == ([], 0)


@pytest.mark.parametrize("window", [1, 2, 3, 7])
def test_nothing_is_lost_or_done_twice_whatever_happens(window: int) -> None:
    ends: dict[str, list[object]] = {
        "a": [NoServer("1"), ValueError("2"), "fine"],
        "e": [ValueError("always")],
        "f": [BadNode("1"), NoServer("2"), "fine"],
        "k": [ValueError("1"), BadNode("2"), ValueError("always")],
    }
    follows = {"b": [*portions("xy", stage="last"), Portion("middle", ("z",), delay=40.0)]}
    desk = dispatch(portions("abcd", "efgh", "ijkl"), window=window, ends=ends, follows=follows)
    assert set(desk.lost) == {"e", "k"}
    assert desk.most_open <= window
    nothing_is_lost_or_done_twice(desk, "abcdefghijklxyz")
