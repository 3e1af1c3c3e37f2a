"""A real SLURM on this machine: munged, slurmctld and several slurmd, each node a process, on loopback only.

    with SlurmOnOneMachine(nodes=3) as slurm: ...

needs root and Debian's ``slurm-wlm`` and ``munge``. Everything lives in one temporary folder; nothing of an installed
SLURM is read or changed, because every command is told by ``SLURM_CONF`` which cluster is meant.

    python tests/cluster/slurm.py [NODES]

keeps one running until Ctrl-C, to try things by hand.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "setpriv")


def why_not() -> str | None:
    """Why no SLURM can be started here, None when it can."""
    if os.geteuid() != 0:
        return "starting a SLURM needs root"
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    return f"not installed: {', '.join(missing)} (Debian: slurm-wlm munge)" if missing else None


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class SlurmOnOneMachine:
    """A cluster of ``nodes`` nodes ``n1``, ``n2`` …, each with ``cores`` cores and ``memory`` MiB as SLURM knows it."""

    def __init__(self, nodes: int = 3, cores: int = 2, memory: int = 3000) -> None:
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.cores, self.memory = cores, memory
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)  # munge wants its socket to be reachable
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> SlurmOnOneMachine:
        try:
            self._start_munge()
            (self.folder / "slurm.conf").write_text(self._configuration())
            self._start("slurmctld", "-D", "-f", self.environment["SLURM_CONF"])
            for node in self.nodes:
                self.start_node(node)
            wait_until(lambda: len(self._ready_nodes()) == len(self.nodes), 60, "nodes to come up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._daemons)):
            _stop(self._daemons.pop(name))
        for process in self._job_processes():
            _kill(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str) -> str:
        """Output of a command of this SLURM."""
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def queue(self) -> list[list[str]]:
        """Jobs that wait or run: id, name, state, node."""
        return [line.split("|") for line in self.run("squeue", "-h", "-o", "%A|%j|%T|%N").splitlines()]

    def start_node(self, node: str) -> None:
        """Start a node, or start it again after :meth:`kill_node`."""
        (self.folder / f"spool.{node}").mkdir(exist_ok=True)
        self._start(node, "-D", "-N", node, "-f", self.environment["SLURM_CONF"], program="slurmd")

    def kill_node(self, node: str) -> None:
        """Like a power cut: the node's daemon and every process of its jobs die at once."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in self._job_processes(node):
            _kill(process)

    def workers(self) -> list[int]:
        """Processes of Dask workers inside jobs, without the nannies that watch over them."""
        return [process for process in self._job_processes() if b"multiprocessing.spawn" in _read(process, "cmdline")]

    def state_of(self, job: str) -> str:
        """``RUNNING``, ``TIMEOUT``, …: also of a job that has ended."""
        return next(
            part.partition("=")[2]
            for part in self.run("scontrol", "--oneliner", "show", "job", job).split()
            if part.startswith("JobState=")
        )

    def log(self, name: str) -> str:
        """What a daemon has logged."""
        return (self.folder / f"{name}.out").read_text(errors="replace")

    def _ready_nodes(self) -> list[str]:
        try:
            return self.run("sinfo", "-h", "-N", "-p", "main", "-t", "idle,alloc,mix", "-o", "%N").split()
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return []

    def _start_munge(self) -> None:
        key, socket_path = self.folder / "munge.key", self.folder / "munge.socket"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        files = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in ("pid", "log", "seed")]
        self._start("munged", "--foreground", "--force", f"--socket={socket_path}", f"--key-file={key}", *files)
        wait_until(
            lambda: (
                subprocess.run(["munge", "-n", "-S", socket_path], capture_output=True, check=False).returncode == 0
            ),
            20,
            "munged to answer",
        )

    def _configuration(self) -> str:
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(1 + len(self.nodes))
        lines = {
            "ClusterName": "tests",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": ports[0],
            "SlurmUser": "root",
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.folder}/munge.socket",
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "StateSaveLocation": f"{self.folder}/state",
            "SlurmdSpoolDir": f"{self.folder}/spool.%n",
            "SlurmctldPidFile": f"{self.folder}/slurmctld.pid",
            "SlurmdPidFile": f"{self.folder}/slurmd.%n.pid",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU_Memory",
            "SlurmdParameters": "config_overrides",
            "SchedulerParameters": "sched_interval=2,bf_interval=2,batch_sched_delay=0",
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": "2",
            "JobAcctGatherParams": "OverMemoryKill",
            "AccountingStorageType": "accounting_storage/none",
            "ReturnToService": "2",
            "SlurmdTimeout": "10",
            "SlurmctldTimeout": "10",
            "InactiveLimit": "0",
            "KillWait": "30",
            "MinJobAge": "3600",
            "MpiDefault": "none",
            "MailProg": "/bin/true",
        }
        (self.folder / "state").mkdir()
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={self.cores} RealMemory={self.memory} State=UNKNOWN"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        ]
        partitions = [
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=200 State=UP",
            "PartitionName=short Nodes=ALL MaxTime=00:10:00 DefMemPerCPU=200 State=UP",
        ]
        return "\n".join([*(f"{key}={value}" for key, value in lines.items()), *nodes, *partitions, ""])

    def _start(self, name: str, *arguments: str, program: str | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                # killed with this process, however that ends
                ["setpriv", "--pdeathsig", "KILL", program or name, *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment, "PATH": _PATH}

    def _job_processes(self, node: str | None = None) -> list[int]:
        """Processes of this cluster's jobs, with the daemons that watch over them."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                if f"SLURM_CONF={self.environment['SLURM_CONF']}".encode() not in environment:
                    continue
                names = [entry for entry in environment if entry.startswith(b"SLURMD_NODENAME=")]
                if not names or (node and names != [f"SLURMD_NODENAME={node}".encode()]):
                    continue
                found.add(int(folder.name))
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if (Path("/proc") / str(parent) / "comm").read_text().startswith("slurmstepd"):
                    found.add(parent)
            except OSError:  # gone meanwhile
                continue
        return sorted(found)


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come true; ``what`` is named.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


def _read(process: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{file}").read_bytes()
    except OSError:  # gone meanwhile
        return b""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    with SlurmOnOneMachine(int(sys.argv[1]) if len(sys.argv) > 1 else 3) as cluster:
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
