"""Can the SLURM workers of these settings work? A probe job looks from where they would be."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from pyecod.checks import START_SERVER_FOR_NODES, Finding
from pyecod.errors import ProgramError, PyecodError
from pyecod.node.program import INSTALL_HINTS
from pyecod.settings import Settings
from pyecod.slurm.queue import COMMANDS, ask_slurm, cancel_jobs, find_job, time_limit
from pyecod.slurm.waiting import NEVER_PASSES
from pyecod.targets import slurm_option

_PROBE_SECONDS = 180.0
_CALL_SECONDS = 5.0
_SIOCGIFADDR = 0x8915


def check_cluster(
    settings: Settings, *, api_url: str | None = None, patience: float = _PROBE_SECONDS
) -> Iterator[Finding]:
    """Commands, partition, memory, and what a job sees; at most ``patience`` seconds for the job to be run.

    ``api_url`` is that of the Prefect server; left out, what PREFECT_API_URL says.
    """
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        yield _finding("slurm commands", "", f"not found: {', '.join(missing)}", "run this on a login or submit host")
        return
    workers = settings.workers
    needed = settings.parallel_programs * settings.search.memory_gib
    if needed > workers.memory_gib:
        yield _finding(
            "worker memory",
            "",
            f"{settings.parallel_programs} HH-suite processes of search.memory_gib {settings.search.memory_gib:g} may "
            f"want {needed:g} GiB, a worker has {workers.memory_gib:g}",
            "raise workers.memory_gib, or lower search.memory_gib or search.parallel_programs",
        )
    try:
        yield _partition(settings)
        url = os.environ.get("PREFECT_API_URL", "") if api_url is None else api_url
        yield from _probe(settings, url, patience)
    except (ProgramError, OSError) as error:
        hint = error.hint if isinstance(error, PyecodError) else None
        what = error.what if isinstance(error, PyecodError) else str(error)
        remedy = (
            "correct workers.cores, workers.memory_gib, or workers.slurm.partition, account, walltime_hours, directives"
        )
        yield _finding("slurm", "", what, hint or remedy)


def _finding(check: str, detail: str, problem: str = "", remedy: str = "") -> Finding:
    return Finding(check, "problem" if problem else "ok", problem or detail, remedy)


def _partition(settings: Settings) -> Finding:
    slurm = settings.workers.slurm
    wanted = ["-p", slurm.partition] if slurm.partition else []
    lines = [line.split("|") for line in ask_slurm(["sinfo", "-h", *wanted, "-o", "%P|%a|%l|%D"]).splitlines()]
    if not wanted:
        lines = [line for line in lines if line[0].endswith("*")]
    if not lines:
        known = ", ".join(sorted({line.rstrip("*") for line in ask_slurm(["sinfo", "-h", "-o", "%P"]).split()}))
        name = slurm.partition or "(the default one)"
        return _finding(
            "partition", "", f"there is no partition {name}", f"set workers.slurm.partition to one of: {known}"
        )
    name, state, limit, nodes = lines[0]
    name = name.rstrip("*")  # sinfo's mark of the default one
    if state != "up":
        return _finding("partition", "", f"{name} is {state}", "choose another partition, or wait until it is up")
    return _finding("partition", f"{name} is up, {nodes} nodes, time limit {limit}")


def _probe(settings: Settings, api_url: str, patience: float) -> Iterator[Finding]:
    settings.base_path.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".doctor-", dir=settings.base_path))
    name = folder.name[1:]
    listener = socket.create_server(("", 0))
    try:
        host = scheduler_host(settings)
        ask = _questions(settings, api_url, host, listener.getsockname()[1])
        (folder / "ask.json").write_bytes(orjson.dumps(ask))
        job_id = ask_slurm(["sbatch", "--parsable"], stdin=probe_script(settings, folder, name)).strip().split(";")[0]
        yield from _wait_for_answer(settings, folder, job_id, host, patience)
    finally:
        cancel_jobs(name)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


def probe_script(settings: Settings, folder: Path, name: str) -> str:
    """A job that asks for what a worker asks for."""
    workers, slurm = settings.workers, settings.workers.slurm
    options = [
        f"-J {name}",
        f"-o {folder}/job.log",
        f"--cpus-per-task={workers.cores}",
        f"--mem={round(workers.memory_gib * 1024)}M",
        f"-t {time_limit(slurm.walltime_hours)}",
        "--no-requeue",
        *([f"-p {slurm.partition}"] if slurm.partition else []),
        *([f"-A {slurm.account}"] if slurm.account else []),
        *slurm.directives,
    ]
    python = shlex.quote(str(slurm.python or sys.executable))
    lines = ["#!/usr/bin/env bash", *(f"#SBATCH {slurm_option(option)}" for option in options), *slurm.prologue]
    return "\n".join([*lines, f"exec {python} -P -m pyecod.slurm.probe {shlex.quote(str(folder))}", ""])


def _questions(settings: Settings, api_url: str, host: str, port: int) -> dict[str, Any]:
    paths = [settings.base_path, settings.mirror, settings.reference, *_databases(settings)]
    return {
        "paths": [str(path) for path in paths if path is not None],
        "programs": list(INSTALL_HINTS),
        "prefect": api_url,
        "scheduler": [host, port],
        "scratch": str(settings.scratch.dir or tempfile.gettempdir()),
    }


def _databases(settings: Settings) -> list[Path]:
    """Prefixes of the databases that are searched."""
    found = [settings.search.profile_db]
    if settings.reference is not None:
        from pyecod.reference import Reference

        reference = Reference.open(settings.reference)
        found += [reference.domain_db, reference.chain_db, reference.hh_db]
    return [prefix for prefix in found if prefix is not None]


def _wait_for_answer(settings: Settings, folder: Path, job_id: str, host: str, patience: float) -> Iterator[Finding]:
    deadline = time.monotonic() + patience
    called = False
    while not (folder / "answer.json").exists():
        if not called and (folder / "listen.json").exists():
            called = True
            _call(*orjson.loads((folder / "listen.json").read_bytes()))
        job = find_job(job_id)
        state = job.state if job else "gone"
        if state not in ("PENDING", "RUNNING", "CONFIGURING", "COMPLETING"):
            time.sleep(2)  # the answer may still be on its way through the file system
            if not (folder / "answer.json").exists():
                yield _silent(folder, str(job or job_id))
                return
        if state == "PENDING" and job is not None and job.reason in NEVER_PASSES:
            what = f"SLURM will never start such a job: {job.reason}"
            yield _finding("probe job", "", what, NEVER_PASSES[job.reason])
            return
        if time.monotonic() > deadline:
            reason = f"{state}, {job.reason}" if job else state
            remedy = "look at `squeue`; a busy cluster may only need time: ask again, or with more --patience"
            yield Finding("probe job", "note", f"no answer within {patience:g} s: {reason}", remedy)
            return
        time.sleep(0.5)
    answer = orjson.loads((folder / "answer.json").read_bytes())
    yield from _judge(answer, host)
    yield _scratch(settings, answer)


def _call(address: str, port: int) -> None:
    """Call a node as the scheduler calls its workers; whether the call came the node says."""
    with contextlib.suppress(OSError):
        socket.create_connection((address, port), timeout=_CALL_SECONDS).close()


def _silent(folder: Path, job: str) -> Finding:
    log = folder / "job.log"
    said = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
    words = " / ".join(said) or "nothing in its log: workers may not see this folder"
    return _finding(
        "probe job",
        "",
        f"{job}; it said: {words}",
        "correct workers.slurm.prologue or python, or use a shared base_path",
    )


def _judge(answer: dict[str, Any], host: str) -> Iterator[Finding]:
    node = answer["host"]
    yield _finding("probe job", f"ran on {node} with {answer['cores']} cores")
    for path, problem in answer["paths"].items():
        remedy = "put it on a file system that all nodes share"
        yield _finding("seen by workers", path, f"{path}: {problem} on {node}" if problem else "", remedy)
    for name, problem in answer["programs"].items():
        remedy = f"load it in workers.slurm.prologue; {INSTALL_HINTS[name]}"
        yield _finding("workers' programs", name, f"{name}: {problem} on {node}" if problem else "", remedy)
    problem = answer["scheduler"]
    yield _finding(
        "scheduler",
        f"workers reach {host}",
        f"{node} cannot reach {host}: {problem}" if problem else "",
        "set workers.slurm.interface or host to an address of this machine that the nodes reach; open its ports",
    )
    problem = answer["reached"]
    if not answer["scheduler"]:
        yield _finding(
            "workers called",
            f"this host reaches {node}",
            f"this host cannot reach {node}: {problem}" if problem else "",
            "open the ports of the nodes for this host, or set workers.slurm.interface to a network both are in",
        )
    problem = answer["prefect"]
    yield _finding(
        "workers' prefect",
        "workers reach the Prefect server",
        f"{node} cannot reach it: {problem}" if problem else "",
        START_SERVER_FOR_NODES,
    )


def _scratch(settings: Settings, answer: dict[str, Any]) -> Finding:
    """A bound that the disk is too small for is only a note, copies of databases that do not fit end the batch."""
    from pyecod.node.staging import staged_size

    scratch, free = settings.scratch, answer["scratch_gib"]
    copies = sum(staged_size(prefix, scratch) for prefix in _databases(settings)) / 2**30
    wanted = f"{copies:.1f} GiB for databases and " if copies else ""
    detail = f"{free:.1f} GiB free on {answer['host']}, {wanted}at most {scratch.max_gib:g} for intermediates"
    if free >= copies + scratch.max_gib:
        return _finding("workers' scratch", detail)
    remedy = "choose another scratch.dir, free some space there, or lower scratch.max_gib or scratch.stage_gib"
    return Finding("workers' scratch", "problem" if copies else "note", detail, remedy)


def scheduler_host(settings: Settings) -> str:
    """Address of this machine that workers are told.

    Raises:
        OSError: there is no such network interface.
    """
    slurm = settings.workers.slurm
    if slurm.host:
        return slurm.host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        if slurm.interface:
            name = struct.pack("256s", slurm.interface.encode()[:15])
            try:
                return socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, name)[20:24])
            except OSError as error:
                raise OSError(error.errno, f"network interface {slurm.interface}: {error.strerror}") from None
        probe.connect(("192.0.2.1", 9))  # sends nothing: the kernel only chooses the address it would use
        return str(probe.getsockname()[0])
