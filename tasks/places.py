"""Where a task run works: the SLURM job, which its results and its errors take home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NAME = "slurm_job"


def slurm_job() -> str | None:
    """Id of the SLURM job that this process belongs to; None outside SLURM."""
    return os.environ.get("SLURM_JOB_ID") or None


@contextmanager
def told_in_errors() -> Iterator[None]:
    """What is raised within knows the SLURM job; see :func:`slurm_job_of`."""
    try:
        yield
    except Exception as error:
        if job := slurm_job():
            error.__dict__[_NAME] = job
        raise


def slurm_job_of(error: BaseException) -> str | None:
    """The SLURM job in which an error was raised, as far as it was noted."""
    job = error.__dict__.get(_NAME)
    return str(job) if job else None
