"""How a task run ends: its state says how much was done, its log names each chain that failed, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect import get_run_logger
from prefect.states import Completed

from pyecod.work.chunks import SequenceGroup

WITH_FAILURES = "Completed with failures"
"""Name of the state of task runs and flow runs that did their work while some of what they worked on failed."""

_MOST_KEYS = 20


def completed(result: Any, message: str, *, failures: bool = False) -> Any:
    """A state that a task or a flow returns in the place of ``result``: who calls the flow or awaits the task run gets
    the result all the same; who calls a task asks by :func:`result_of`."""
    return Completed(name=WITH_FAILURES if failures else None, message=message, data=result)


def result_of(task: Any, *arguments: Any) -> Any:
    """Run a task here; what it returns, whatever state it ends in. Raises what it raises."""
    return task(*arguments, return_state=True).result()


def log_failures(failures: Iterable[tuple[str, str]]) -> None:
    """One line for each (key, reason)."""
    for key, reason in failures:
        get_run_logger().warning(f"{key}: {reason}")


def keys_of(group: SequenceGroup) -> str:
    """The chains of a group, the first twenty by their keys."""
    keys = [str(key) for key in group.members[:_MOST_KEYS]]
    more = len(group.members) - len(keys)
    return ", ".join(keys) + (f" and {more} identical chains" if more else "")


def count(number: int, what: str) -> str:
    """``1 sequence``, ``25 sequences``."""
    return f"{number} {what}" if number == 1 else f"{number} {what[:-1] + 'ies' if what.endswith('y') else what + 's'}"
