"""SLURM as seen from its commands: which jobs there are, what became of one, and how to end them."""

from __future__ import annotations

import getpass
import hashlib
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import MissingProgramError, ProgramError
from pyecod.node.program import find_program

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")
ENDED_BY_CLUSTER = ("TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED", "BOOT_FAIL", "DEADLINE")
"""States of jobs that did not end by themselves."""

_NOT_ENDED = ("PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING")
_COMMAND_SECONDS = 60.0
_UNKNOWN_JOB = re.compile(r"invalid job id", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as ``scontrol`` describes it: ``state`` is SLURM's word, ``reason`` why it waits or ended so."""

    id: str
    state: str
    reason: str = ""
    node: str = ""
    exit_code: str = ""

    def __str__(self) -> str:
        where = f" on {self.node}" if self.node and self.node != "(null)" else ""
        why = f", {self.reason}" if self.reason not in ("", "None") else ""
        return f"SLURM job {self.id}{where}: {self.state}{why}"


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """What became of a worker: its SLURM job, as an id and as SLURM knows it, what its log says of its process, and
    where the log is."""

    worker: str
    job_id: str = ""
    job: QueuedJob | None = None
    process: str = ""
    log: Path | None = None
    is_forgotten: bool = False

    def __str__(self) -> str:
        if not self.job_id:
            return f"worker {self.worker}"
        known = str(self.job or f"SLURM job {self.job_id}") + (", which SLURM has forgotten" * self.is_forgotten)
        return f"{known}; {self.process}" if self.process else known

    @property
    def exit_code(self) -> str:
        """``0:9``: the job's exit code and the signal that ended it; empty while it runs and where it is unknown."""
        return self.job.exit_code if self.job and self.job.state not in _NOT_ENDED else ""


def batch_job_name(batch_path: Path) -> str:
    """Name of all jobs of a batch; batches of one name in different places have different ones."""
    place = hashlib.sha256(str(batch_path.absolute()).encode()).hexdigest()[:8]
    return f"pyecod-{batch_path.name}-{place}"


def ask_slurm(command: Sequence[str | Path], *, stdin: str | None = None) -> str:
    """Run one of SLURM's commands and return what it prints.

    Raises:
        MissingProgramError: it is not installed here.
        ProgramError: it failed or did not answer within a minute; with its own words.
    """
    name = str(command[0])
    try:
        program = find_program(name)
    except MissingProgramError as error:
        raise MissingProgramError(error.what, hint="run this on a host where SLURM's commands are installed") from None
    try:
        done = subprocess.run(
            [program, *map(str, command[1:])], input=stdin or "", capture_output=True, text=True,
            timeout=_COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{name} did not answer within {_COMMAND_SECONDS:g} s", hint="is slurmctld up?") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise ProgramError(f"{name} failed: {said or f'exit code {done.returncode}'}")
    return done.stdout


def jobs_named(*names: str, node: str | None = None) -> dict[str, str]:
    """Own jobs of these names that wait or run, on one node or anywhere: id to state.

    Raises:
        ProgramError: as :func:`ask_slurm`.
    """
    there = ["-w", node] if node else []
    command = ["squeue", "-h", "-u", getpass.getuser(), "-n", ",".join(names), *there, "-o", "%A %T"]
    return dict(line.split()[:2] for line in ask_slurm(command).splitlines() if line.strip())


def nodes_of(partition: str | None) -> set[str]:
    """Nodes that could run a job of the partition now or later, of all partitions without one.

    Raises:
        ProgramError: as :func:`ask_slurm`.
    """
    wanted = ["-p", partition] if partition else []
    return set(ask_slurm(["sinfo", "-h", "-N", *wanted, "-t", "idle,alloc,mix,comp", "-o", "%N"]).split())


def cancel_jobs(*names: str, node: str | None = None, patience: float = 60.0) -> list[str]:
    """Cancel own jobs of these names, on one node or anywhere; wait at most ``patience`` seconds until they are gone.

    Raises:
        ProgramError: as :func:`ask_slurm`, or jobs are still there after the wait.
    """
    found = list(jobs_named(*names, node=node))
    left = found
    deadline = time.monotonic() + patience
    while left:
        ask_slurm(["scancel", "--quiet", *left])
        time.sleep(0.5)
        left = list(jobs_named(*names, node=node))
        if left and time.monotonic() > deadline:
            raise ProgramError(
                f"jobs {', '.join(left)} do not end although they were cancelled", hint=f"scancel {' '.join(left)}"
            )
    return found


def find_job(job_id: str) -> QueuedJob | None:
    """What SLURM knows of a job; None once it has forgotten it (``MinJobAge``, 300 s by default).

    Raises:
        ProgramError: as :func:`ask_slurm`.
    """
    try:
        text = ask_slurm(["scontrol", "--oneliner", "show", "job", job_id])
    except ProgramError as error:
        if _UNKNOWN_JOB.search(error.what):
            return None
        raise
    values = dict(part.partition("=")[::2] for part in text.split() if "=" in part)
    return QueuedJob(
        job_id,
        values.get("JobState", "UNKNOWN"),
        values.get("Reason", ""),
        values.get("NodeList", ""),
        values.get("ExitCode", ""),
    )


def time_limit(hours: float) -> str:
    """Hours as sbatch takes them: ``1-02:30:00``; at least a minute."""
    minutes = max(1, round(hours * 60))
    days, minutes = divmod(minutes, 24 * 60)
    return f"{days}-{minutes // 60:02}:{minutes % 60:02}:00"
