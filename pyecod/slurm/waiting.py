"""Why jobs wait, in SLURM's own words, and which of these reasons no waiting helps."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Mapping

from pyecod.slurm.queue import ask_slurm

_WALLTIME = "lower workers.slurm.walltime_hours, or choose another workers.slurm.partition (`sinfo -o '%P %l'`)"
_CORES = "lower workers.cores, or choose another workers.slurm.partition"
_MEMORY = "lower workers.memory_gib, or choose another workers.slurm.partition"
_ANY = (
    "lower workers.slurm.walltime_hours, workers.cores or workers.memory_gib, or choose another workers.slurm.partition"
)
_ACCOUNT = "correct workers.slurm.account (`sacctmgr show associations user=$USER`)"
_QOS = "correct the --qos among workers.slurm.directives"

NEVER_PASSES: Mapping[str, str] = {
    "AccountNotAllowed": _ACCOUNT,
    "InvalidAccount": _ACCOUNT,
    "InvalidQOS": _QOS,
    "QOSNotAllowed": _QOS,
    "PartitionTimeLimit": _WALLTIME,
    "AssocMaxWallDurationPerJobLimit": _WALLTIME,
    "QOSMaxWallDurationPerJobLimit": _WALLTIME,
    "PartitionNodeLimit": _CORES,
    "PartitionConfig": _ANY,
    "AssocMaxCpuPerJobLimit": _CORES,
    "QOSMaxCpuPerJobLimit": _CORES,
    "AssocMaxMemPerJob": _MEMORY,
    "QOSMaxMemoryPerJob": _MEMORY,
    "MaxMemPerLimit": _MEMORY,
    "BadConstraints": "correct the constraints among workers.slurm.directives (`sinfo -o '%N %f'`)",
    "DependencyNeverSatisfied": "correct the --dependency among workers.slurm.directives",
}
"""Reasons of waiting jobs that only other settings end, each with what to change (SLURM's manual, "Job reason codes").
Limits of a user, a group or the cluster are not among them: they pass when other jobs end."""


def reasons_for_waiting(*names: str) -> dict[str, str]:
    """Own jobs of these names that wait: id to the reason SLURM gives.

    Raises:
        ProgramError: as :func:`~pyecod.slurm.queue.ask_slurm`.
    """
    command = ["squeue", "-h", "-u", getpass.getuser(), "-n", ",".join(names), "-t", "PENDING", "-o", "%A|%r"]
    lines = (line.partition("|") for line in ask_slurm(command).splitlines() if line.strip())
    return {job_id.strip(): reason.strip() for job_id, _, reason in lines}


def why_they_wait(reasons: Mapping[str, str]) -> str:
    """The reasons in a few words: ``3 jobs wait: Priority (2), Resources (1)``; empty where none waits."""
    if not reasons:
        return ""
    counts = Counter(reasons.values()).most_common()
    words = ", ".join(reason if len(counts) == 1 else f"{reason} ({number})" for reason, number in counts)
    return f"{len(reasons)} job{'s wait' if len(reasons) > 1 else ' waits'}: {words}"


def hopeless_reason(reasons: Mapping[str, str]) -> str | None:
    """A reason that no waiting helps, where every waiting job has one; None otherwise."""
    hopeless = [reason for reason in reasons.values() if reason in NEVER_PASSES]
    return hopeless[0] if hopeless and len(hopeless) == len(reasons) else None
