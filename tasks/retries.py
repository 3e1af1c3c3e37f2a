"""When a chunk's task is tried again, and when trying again is pointless."""

from __future__ import annotations

from typing import Any, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext

from pyecod.config import RunSettings
from pyecod.errors import ConfigError, MissingProgramError, PyecodError, ReferenceDataError, is_disk_trouble
from pyecod.steps.groups import StepResult

AnyTask = TypeVar("AnyTask", bound=Task[Any, Any])


class ChunkIncompleteError(PyecodError):
    """Some sequences of a chunk failed; the finished ones are kept and a retry does only what is missing."""


def is_hopeless(error: BaseException) -> bool:
    """The set-up is at fault, not a chunk: every other chunk would fail the same way, so the batch stops."""
    return isinstance(error, ConfigError | MissingProgramError | ReferenceDataError) or is_disk_trouble(error)


def retried(chunk_task: AnyTask, settings: RunSettings) -> AnyTask:
    """The task with the retries and the backoff of the settings; time limits are those of the programs it runs,
    because Prefect cannot interrupt a thread that waits for a program."""
    return chunk_task.with_options(
        retries=settings.retries,
        retry_delay_seconds=[settings.retry_delay * 2**n for n in range(settings.retries)] or 0,
        retry_condition_fn=_worth_retrying,
    )  # type: ignore[return-value]


def complete_or_retry(label: str, result: StepResult) -> StepResult:
    """While retries are left, failed sequences fail the task run, so that Prefect tries the missing ones again.

    A profile search that ran out of time would do so again: it waits for the batch's second try, with longer limits.
    """
    failures = result.failures or {}
    context = TaskRunContext.get()
    if result.is_worth_repeating and context is not None and context.task_run.run_count <= context.task.retries:
        first = next(iter(failures.values()))
        raise ChunkIncompleteError(f"{len(failures)} sequences of chunk {label} failed, the first: {first}")
    return result


def _worth_retrying(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return not (isinstance(error, BaseException) and is_hopeless(error))
