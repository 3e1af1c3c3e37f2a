"""What workers' failures mean: whose fault they are, in the words of the cluster."""

from __future__ import annotations

import sys
from enum import StrEnum

from prefect import get_run_logger

from flows.workers.seams import end_of_killer, running_cluster
from flows.workers.server import server_is_away
from pyecod.errors import FetchError, NodeDiskError, WorkerKilledError, WorkersLostError, describe
from pyecod.slurm.queue import WorkerEnd
from tasks.retries import is_hopeless


class Fault(StrEnum):
    """What is to blame for a task run that failed as a whole."""

    ITEM = "item"
    """Something in it: it is halved until the item at fault is alone."""
    NODE = "node"
    """Its node, which gets no more work: it goes elsewhere at once."""
    SERVER = "server"
    """The absence of the Prefect server: it goes again once the server is back."""
    SETUP = "setup"
    """The set-up: every other task run would end the same way, so the batch stops."""


def judge(raised: Exception) -> tuple[Fault, Exception]:
    """What is to blame for a task run that failed, and the error in the words of the cluster.

    A node whose disk is at fault gets no more jobs from now on. A server of the PDB that cannot be reached, which the
    task has tried again by now, would be missed by every other chunk too.
    """
    error = explained(raised)
    if avoids_node(error):
        return Fault.NODE, error
    if is_hopeless(error) or isinstance(error, FetchError):
        return Fault.SETUP, error
    return (Fault.SERVER if server_is_away(error) else Fault.ITEM), error


def explained(error: Exception) -> Exception:
    """What went wrong in the words of the cluster where Dask only says that workers died; others as they are."""
    if "distributed" not in sys.modules:
        return error
    from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

    cluster = running_cluster()
    if isinstance(error, KilledWorker):
        worker, times = end_of_killer(error)
        end = cluster.end_of(worker) if cluster else WorkerEnd(worker)
        killed = WorkerKilledError(f"killed its worker {times} times, the last was {end}")
        killed.end = end
        return killed
    if isinstance(error, NoWorkerError | NoValidWorkerError):
        if cluster and cluster.hopeless:
            return WorkersLostError(
                "SLURM will never start the workers' jobs",
                hint=cluster.hopeless,
                where=cluster.log_folder.parent.parent,
            )
        words = cluster.last_words() if cluster else ""
        return WorkersLostError(
            "no worker has been running for too long" + (f"; the last one said: {words}" if words else ""),
            where=cluster.log_folder if cluster else None,
            hint="look at `squeue` and the workers' logs, then run the same command again: finished work is kept",
        )
    return error


def avoids_node(error: Exception) -> bool:
    """The disk of one node was at fault, and the SLURM workers can do without the node: the chunk may go elsewhere."""
    cluster = running_cluster()
    if not isinstance(error, NodeDiskError) or cluster is None or error.where is None:
        return False
    if not cluster.avoid(error.where):
        return False
    get_run_logger().warning(f"{describe(error)}; no more jobs there")
    return True
