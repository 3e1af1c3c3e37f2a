"""Dask workers as SLURM jobs: started and replaced with the work, encrypted, and none left behind.

One job is one worker with one thread, so that it works on one chunk at a time and gives all its cores to the search
programs: to blastp as threads, to HH-suite as processes side by side. That way BLAST and profile search are content
with the same jobs, and none waits for a worker of the other kind.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import shlex
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import dask
from dask_jobqueue.slurm import SLURMCluster, SLURMJob
from distributed.core import Status
from distributed.deploy.adaptive import Adaptive
from distributed.security import Security
from prefect.logging import get_logger

from flows.workers.seams import forget_worker, set_directives, stop_waiting_for_workers
from pyecod.batch.paths import BatchPaths
from pyecod.errors import ConfigError, ProgramError
from pyecod.settings import Settings
from pyecod.slurm.queue import (
    WorkerEnd,
    ask_slurm,
    batch_job_name,
    cancel_jobs,
    find_job,
    jobs_named,
    nodes_of,
    time_limit,
)
from pyecod.slurm.waiting import NEVER_PASSES, hopeless_reason, reasons_for_waiting, why_they_wait
from pyecod.targets import slurm_option

log = get_logger("slurm")

CERTIFICATES = ".workers-tls"
_HOPELESS_JOBS = 5
_TELL_SECONDS = 300.0
_BROKEN_NODES = 5
_CHUNK_SECONDS = "300s"
_SBATCH_SAYS = re.compile(r"sbatch: error: (?:Batch job submission failed: )?(.*)")
NO_WEB_SERVER = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""Dask's schedulers and workers serve pages and figures to anyone, in plain HTTP; they cannot do without a port."""
_PROCESS_END = re.compile(r"process \d+ (was killed|exited) .*|.*memory budget.*|slurmstepd: error: .*")


def dask_settings(settings: Settings) -> dict[str, Any]:
    """Dask's own configuration for the flow's process."""
    return {
        # a chunk may lose three workers without being at fault, and none waits in a worker's own queue
        "distributed.scheduler.allowed-failures": 3,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.no-workers-timeout": f"{settings.workers.slurm.patience_hours * 3600:.0f}s",
        # what the number of workers is fitted by until the first chunks have been timed
        "distributed.scheduler.default-task-durations": {
            "blast_chunk": _CHUNK_SECONDS,
            "profile_chunk": _CHUNK_SECONDS,
        },
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.comm.timeouts.connect": "60s",
        "distributed.comm.timeouts.tcp": "60s",
    }


class WorkerCluster(SLURMCluster):
    """The SLURM workers of one batch.

    When it starts it cancels what an earlier run of the batch left in the queue, has SLURM check a job without
    submitting it, and makes certificates; when it ends no job and no certificate is left. The batch's lock must be
    held: all its jobs have one name.
    """

    def __init__(self, settings: Settings, batch_path: Path) -> None:
        """Start the scheduler in this process; jobs come with :meth:`adapt`.

        Raises:
            ConfigError: SLURM refuses such jobs; with its own words.
            ProgramError: SLURM does not answer.
        """
        self.slurm_name = batch_job_name(batch_path)
        self.job_ids: dict[str, list[str]] = defaultdict(list)
        self.log_folder = BatchPaths(batch_path).logs / "workers"
        self._certificates = batch_path / CERTIFICATES
        self._ended_early = 0
        self._told = time.monotonic()
        self._refusals: set[str] = set()
        self.hopeless = ""
        self._registered: set[str] = set()
        self._avoided: set[str] = set()
        self._partition = settings.workers.slurm.partition
        orphans = cancel_jobs(self.slurm_name)
        if orphans:
            log.warning("cancelled jobs that an earlier run left behind: %s", ", ".join(orphans))
        dask.config.set(dask_settings(settings))
        logging.getLogger("distributed").setLevel(logging.WARNING)
        security = make_certificates(self._certificates)
        slurm = settings.workers.slurm
        options = job_options(settings, self.slurm_name, self.log_folder)
        self._directives: list[str] = options["job_extra_directives"]
        try:
            super().__init__(
                job_cls=cast(Any, _WorkerJob),
                name=self.slurm_name,
                security=security,
                interface=slurm.interface,
                scheduler_options={**NO_WEB_SERVER, **({"host": slurm.host} if slurm.host else {})},
                job_ids=self.job_ids,
                refused=self.refused,
                **options,
            )
            self._check_job()
        except BaseException:
            self._clean_up()
            raise

    def _check_job(self) -> None:
        """Have SLURM look at the job without starting it."""
        try:
            ask_slurm(["sbatch", "--test-only"], stdin=self.job_script())
        except ProgramError as error:
            self.close()
            raise ConfigError(
                f"SLURM refuses the workers' jobs: {error.what}",
                where="workers",
                hint="correct workers.slurm.partition, account, walltime_hours, directives, or workers.cores and "
                "memory_gib; `pyecod doctor --profile …` tries them",
            ) from None

    def close(self, timeout: float | None = None) -> Any:
        """End all workers, cancel their jobs, and wait until they are gone."""
        waiting = super().close(timeout)
        self._clean_up()
        return waiting

    def _clean_up(self) -> None:
        shutil.rmtree(self._certificates, ignore_errors=True)
        try:
            cancel_jobs(self.slurm_name)
        except ProgramError as error:
            log.error("%s; they end by themselves within a few minutes, or when the batch is resumed", error)

    def avoid(self, node: str) -> bool:
        """End the jobs on a node whose disk is full or broken and have no more of them there.

        False when that would leave no node, when there are so many that it is no accident of one, or when SLURM does
        not answer.
        """
        self._avoided.add(node)
        try:
            if len(self._avoided) > _BROKEN_NODES or not nodes_of(self._partition) - self._avoided:
                return False
            exclude = f"--exclude={','.join(sorted(self._avoided))}"
            set_directives(self, [*self._directives, exclude])
            cancel_jobs(self.slurm_name, node=node)
        except ProgramError as error:
            log.error("%s", error)
            return False
        return True

    async def forget_ended_jobs(self) -> None:
        """Drop jobs that are in the queue no more and have no worker, so that they are replaced.

        Dask notices only the end of workers it has met. When many jobs end before their worker arrives, something is
        wrong with all of them: the batch stops instead of feeding the queue for ever.
        """
        met = {info["name"] for info in self.scheduler_info["workers"].values()}
        self._registered |= met
        missing = [name for name in self.workers if name not in met]
        if not missing:
            return
        try:
            queued = await asyncio.to_thread(jobs_named, self.slurm_name)
            waiting = await asyncio.to_thread(reasons_for_waiting, self.slurm_name)
        except ProgramError as error:
            log.warning("cannot see the queue at the moment: %s", error)
            return
        for name in missing:
            job_id = self.workers[name].job_id
            if job_id not in queued:
                forget_worker(self, name)
                self._ended_early += bool(job_id) and name not in self._registered
        self._tell_of_waiting(waiting, anyone_works=bool(met))
        if met:
            self._ended_early = 0
        elif self._ended_early >= _HOPELESS_JOBS:
            log.error("%d jobs ended before their worker arrived: giving up", self._ended_early)
            stop_waiting_for_workers(self)

    def _tell_of_waiting(self, waiting: Mapping[str, str], *, anyone_works: bool) -> None:
        """Every few minutes one line with what SLURM says of the jobs that wait; where it says that none of them will
        ever start, and nobody works, the wait ends."""
        hopeless = hopeless_reason(waiting)
        if hopeless and not anyone_works:
            self.hopeless = f"{why_they_wait(waiting)}: {NEVER_PASSES[hopeless]}"
            log.error("SLURM will never start them: %s", self.hopeless)
            stop_waiting_for_workers(self)
        elif waiting and time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            log.info("%s", why_they_wait(waiting))

    def refused(self, error: Exception) -> None:
        """SLURM took a job not: a limit of submitted jobs, as a rule. Who works goes on; it is tried again later."""
        said = _SBATCH_SAYS.search(str(error))
        reason = said[1] if said else " ".join(str(error).split())[:300]
        if reason not in self._refusals:
            self._refusals.add(reason)
            log.warning("SLURM takes no more jobs at the moment: %s; those it took go on", reason)

    def end_of(self, worker: str) -> WorkerEnd:
        """What became of a worker: its last job as SLURM knows it, and how its process ended as its log has it."""
        ids = self.job_ids.get(worker)
        if not ids:
            return WorkerEnd(worker)
        job_id, job, is_forgotten = ids[-1], None, False
        try:
            job = find_job(job_id)
            is_forgotten = job is None
        except ProgramError:
            pass  # SLURM does not answer: the id and the log are known all the same
        path = self.log_of(job_id)
        said = path.read_text(errors="replace") if path.is_file() else ""
        ends = [found[0] for line in said.splitlines() if (found := _PROCESS_END.search(line))]
        return WorkerEnd(worker, job_id, job, ends[-1] if ends else "", path, is_forgotten)

    def log_of(self, job_id: str) -> Path:
        """Where the worker of a SLURM job says what happens to it."""
        return self.log_folder / f"{self.slurm_name}-{job_id}.err"

    def last_words(self) -> str:
        """The end of the newest log of a worker that says anything."""
        if not self.log_folder.is_dir():
            return ""
        for path in sorted(self.log_folder.glob("*.err"), key=lambda path: path.stat().st_mtime, reverse=True):
            lines = path.read_text(errors="replace").strip().splitlines()
            if lines:
                return f"{path}: {lines[-1][:300]}"
        return ""


class JobKeeper(Adaptive):
    """Fits the number of jobs to the work, and looks after lost ones first."""

    async def target(self) -> int:
        """Number of workers there should be."""
        await cast(WorkerCluster, self.cluster).forget_ended_jobs()
        wanted: int = await super().target()
        return wanted


class _WorkerJob(SLURMJob):
    """One job; its id goes to the cluster's list, to ask SLURM later what became of it.

    One that SLURM refuses has no id, and counts as running until the cluster looks after lost jobs: an error here would
    end the whole cluster.
    """

    def __init__(
        self, *arguments: Any, job_ids: dict[str, list[str]], refused: Callable[[Exception], None], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._job_ids = job_ids
        self._refused = refused

    async def start(self) -> None:
        try:
            await super().start()
        except RuntimeError as error:  # dask-jobqueue's word for a command that failed
            self._refused(error)
            self.status = Status.running
        else:
            self._job_ids[str(self.name)].append(str(self.job_id))

    async def close(self) -> None:
        await super().close()
        self.status = Status.closed


def adapt_options(settings: Settings) -> dict[str, Any]:
    """Options of ``adapt``: calm, because a job costs minutes of queue and start."""
    workers = settings.workers
    least = workers.count if workers.slurm.min_count is None else min(workers.slurm.min_count, workers.count)
    return {
        "Adaptive": JobKeeper,
        "minimum": least,
        "maximum": workers.count,
        "interval": f"{workers.slurm.check_seconds}s",
        "wait_count": max(1, math.ceil(600 / workers.slurm.check_seconds)),
        "target_duration": _CHUNK_SECONDS,
    }


def job_options(settings: Settings, name: str, log_folder: Path) -> dict[str, Any]:
    """What a job asks SLURM for, and how its worker is started."""
    workers, slurm, scratch = settings.workers, settings.workers.slurm, settings.scratch
    python = str(slurm.python or sys.executable)
    seconds = slurm.walltime_hours * 3600
    return {
        "cores": 1,  # one chunk at a time; the job's cores belong to the search programs
        "processes": 1,
        "job_cpu": workers.cores,
        "memory": f"{workers.memory_gib:g} GiB",
        "walltime": time_limit(slurm.walltime_hours),
        "queue": slurm_option(slurm.partition) if slurm.partition else None,
        "account": slurm_option(slurm.account) if slurm.account else None,
        "job_name": name,
        "log_directory": str(log_folder),
        "local_directory": str(scratch.dir) if scratch.dir else None,
        "python": python,
        "job_extra_directives": ["--no-requeue", *map(slurm_option, slurm.directives)],
        "job_script_prologue": [
            "export DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=60s DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP=60s",
            "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'",
            "export PYTHONSAFEPATH=1",  # a tasks.py in the folder where the job was submitted is not ours
            *slurm.prologue,
            *(_remove_copies(python, scratch.dir) if scratch.stage_gib else ()),
        ],
        "nanny": True,  # a process that dies is replaced inside the job, without going through the queue
        "death_timeout": 60,
        # workers end well before their jobs' time limit, and not all at once
        "worker_extra_args": [
            *("--lifetime", f"{seconds * 0.85:.0f}s"),
            *("--lifetime-stagger", f"{seconds * 0.1:.0f}s"),
            *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
        ],
    }


def _remove_copies(python: str, scratch_dir: Path | None) -> list[str]:
    """Lines of a job that remove the node's copies of databases at its end, since SLURM ends workers by a signal; the
    shell must outlive that."""
    remove = [python, "-m", "pyecod.node.staging", *([str(scratch_dir)] if scratch_dir else [])]
    return ["trap : TERM", f"trap {shlex.quote(shlex.join(remove))} EXIT"]


def make_certificates(folder: Path) -> Security:
    """A key and certificate for this run only, in files that only this user may read.

    Workers get the files' names on their command line: the folder must be on a file system they share.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    made = Security.temporary()
    files = {}
    for name, content in (("cert", made.tls_worker_cert), ("key", made.tls_worker_key)):
        path = folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_text(content)
        files[name] = str(path)
    roles = {f"tls_{role}_{name}": path for role in ("client", "scheduler", "worker") for name, path in files.items()}
    return Security(require_encryption=True, tls_ca_file=files["cert"], **roles)
