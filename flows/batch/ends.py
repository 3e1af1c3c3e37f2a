"""How the job of a chunk or a step ends: how much of it failed, and in which SLURM job it was worked on."""

from __future__ import annotations

from collections.abc import Sequence

from flows.workers.seams import running_cluster
from pyecod.errors import WorkerKilledError
from pyecod.store import Job
from tasks.ends import count
from tasks.places import slurm_job_of


def finish_counted(
    job: Job, failed: int, total: int, what: str, reasons: Sequence[str] = (), *, seconds: float | None = None
) -> None:
    """End a job of ``total`` sequences or entries: FAILED where all of them failed, FINISHED where some were done. Its
    value ``failed`` and its message say how many failed, and the first reason."""
    job.kpi(failed=failed)
    if not failed:
        job.finish(seconds=seconds)
        return
    share = f"{failed} of {count(total, what)} failed"
    first = next((reason for reason in reasons if reason), "")
    message = f"{share}, the first: {first}" if first else share
    if failed == total:
        job.finish(message, seconds)
    else:
        job.finish(seconds=seconds, remark=message)


def note_job(job: Job, slurm_job: str | None) -> None:
    """Record the SLURM job in which a chunk was worked on, and its worker's log where the run has such workers."""
    if not slurm_job:
        return
    job.kpi(slurm_job=slurm_job)
    cluster = running_cluster()
    if cluster is not None:
        job.kpi(worker_log=str(cluster.log_of(slurm_job)))


def note_end_of_worker(job: Job, error: Exception) -> None:
    """Record where a task run failed; of one that killed its workers, what became of the last of them."""
    end = error.end if isinstance(error, WorkerKilledError) else None
    if end is None:
        note_job(job, slurm_job_of(error))
        return
    job.kpi(worker_end=str(end))
    words = {
        "slurm_job": end.job_id,
        "slurm_state": end.job.state if end.job else "",
        "slurm_exit_code": end.exit_code,
        "worker_log": str(end.log or ""),
    }
    job.kpi(**{name: word for name, word in words.items() if word})
