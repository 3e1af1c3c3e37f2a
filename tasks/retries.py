"""When a chunk's task is tried again, and when trying again is pointless."""

from __future__ import annotations

from typing import Any, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from pyecod.errors import ConfigError, MissingProgramError, ReferenceDataError, is_disk_trouble
from pyecod.settings import RunSettings

AnyTask = TypeVar("AnyTask", bound=Task[Any, Any])


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


def _worth_retrying(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return not (isinstance(error, BaseException) and is_hopeless(error))
