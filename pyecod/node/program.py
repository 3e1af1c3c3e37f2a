"""External programs: found, started so that they never outlive us, watched, and their ends explained.

A program started here dies with the thread that started it, and so with its process, however that ends: the kernel
signals it (``PR_SET_PDEATHSIG``). The signal follows the *thread* that forked, so the thread that starts a program
also waits for it; that is why no handle of a running program is ever passed around. The program has a session of
its own, so that a time limit kills it with everything it started.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pyecod.errors import FailureKind, MissingProgramError, OutOfMemoryError, ProgramError

INSTALL_HINTS = {
    "blastp": "Debian: apt-get install ncbi-blast+; conda: conda install -c conda-forge -c bioconda blast",
    "makeblastdb": "Debian: apt-get install ncbi-blast+; conda: conda install -c conda-forge -c bioconda blast",
    "hhblits": "Debian: apt-get install hhsuite; conda: conda install -c conda-forge -c bioconda hhsuite",
    "hhsearch": "Debian: apt-get install hhsuite; conda: conda install -c conda-forge -c bioconda hhsuite",
}
_VERSION_OPTIONS = {"blastp": "-version", "makeblastdb": "-version", "hhblits": "-h", "hhsearch": "-h"}
_VERSION = re.compile(r"(?:: |HHblits |HHsearch )([0-9][0-9A-Za-z.+-]*)")

# Runs in a fresh interpreter, which then becomes the program: asked of the kernel between fork and exec in our own
# process (preexec_fn), the same could deadlock where other threads hold locks. Arguments: parent, file limit, command.
_BECOME = """
import _signal, ctypes, os, resource, sys
for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
    _signal.signal(number, _signal.SIG_DFL)
if hasattr(libc := ctypes.CDLL(None), "prctl"):
    libc.prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent process has gone")
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
os.execv(sys.argv[3], sys.argv[3:])
"""
_STDERR_KEPT = 8000
_WATCH_SECONDS = 1.0


class ProgramTimeoutError(ProgramError):
    """A program ran longer than it may."""

    kind = FailureKind.OUT_OF_TIME


class ProgramStoppedError(ProgramError):
    """A program was ended because nobody waits for its result any more."""


def find_program(name: str) -> Path:
    """Absolute path of a program on the PATH.

    Raises:
        MissingProgramError: it is not there; the hint says how to install it.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingProgramError(f"the program {name} is not on the PATH", hint=INSTALL_HINTS.get(name))
    return Path(found).absolute()


def program_version(name: str) -> str:
    """Version of a program as it names itself (``2.12.0+``, ``3.3.0``); asked once per process.

    Raises:
        ProgramError: missing, does not start, or prints no version.
    """
    path = find_program(name)
    return _ask_version(path, path.stat().st_mtime_ns)


def program_versions() -> dict[str, str]:
    """Versions of the search programs; those that are missing or broken are left out."""
    versions = {}
    for name in INSTALL_HINTS:
        with suppress(ProgramError):
            versions[name] = program_version(name)
    return versions


@lru_cache(maxsize=64)
def _ask_version(path: Path, _modified: int) -> str:
    output = b"".join(stream_program([path, _VERSION_OPTIONS[path.name]], timeout=60)).decode(errors="replace")
    match = _VERSION.search(output.partition("\n")[0])
    if match is None:
        raise ProgramError(f"{path.name} does not say its version but {output[:80]!r}", where=path)
    return match[1]


def run_program(
    command: Sequence[str | Path],
    *,
    timeout: float,
    file_limit: int | None = None,
    stop: threading.Event | None = None,
    folder: Path | None = None,
) -> None:
    """Run a program to its end; what it prints is thrown away. See :func:`stream_program`."""
    for _ in stream_program(command, timeout=timeout, file_limit=file_limit, stop=stop, folder=folder):
        pass


def stream_program(
    command: Sequence[str | Path],
    *,
    timeout: float,
    file_limit: int | None = None,
    stop: threading.Event | None = None,
    folder: Path | None = None,
) -> Generator[bytes, None, None]:
    """Run a program and yield its standard output in pieces; use it up, or close it, in the thread that began it.

    ``command`` begins with the program's absolute path; no shell is involved. ``timeout`` is in seconds,
    ``file_limit`` the largest file it may write, in bytes. Setting ``stop`` from another thread ends it. It works in
    ``folder`` where one is given.

    Raises:
        ProgramError: it failed, was killed, was stopped, or ran out of time; with the end of its error output.
        OSError: it says that the disk is full.
    """
    name = Path(command[0]).name
    started = time.monotonic()
    process = _start(command, file_limit or 0, folder)
    messages = bytearray()
    try:
        with selectors.DefaultSelector() as selector:
            for pipe in (process.stdout, process.stderr):
                selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type]
            while selector.get_map():
                left = _time_left(name, started, timeout, stop)
                for key, _ in selector.select(min(left, _WATCH_SECONDS)):
                    data = os.read(key.fd, 1 << 20)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stdout:
                        yield data
                    else:
                        messages = (messages + data)[-_STDERR_KEPT:]
        code = _wait(process, name, started, timeout, stop)
    finally:
        _end(process)
    if code:
        raise _explain(name, code, messages.decode(errors="replace"), time.monotonic() - started)


def _start(command: Sequence[str | Path], file_limit: int, folder: Path | None) -> subprocess.Popen[bytes]:
    wrapped = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(file_limit), *map(str, command)]
    # BLAST+ reports its use over the network unless told not to; one thread per program is what we count with
    environment = {**os.environ, "BLAST_USAGE_REPORT": "false", "OMP_NUM_THREADS": "1", "LC_ALL": "C"}
    return subprocess.Popen(
        wrapped,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=folder,
        env=environment,
    )


def _time_left(name: str, started: float, timeout: float, stop: threading.Event | None) -> float:
    if stop is not None and stop.is_set():
        raise ProgramStoppedError(f"{name} was stopped because the search was given up")
    if not threading.main_thread().is_alive():
        raise ProgramStoppedError(f"{name} was stopped because the process is ending")
    left = started + timeout - time.monotonic()
    if left <= 0:
        raise ProgramTimeoutError(f"{name} was killed after its time limit of {timeout:g} s")
    return left


def _wait(
    process: subprocess.Popen[bytes], name: str, started: float, timeout: float, stop: threading.Event | None
) -> int:
    while True:
        left = _time_left(name, started, timeout, stop)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(min(left, _WATCH_SECONDS))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        pipe.close()  # type: ignore[union-attr]


def _explain(name: str, code: int, messages: str, seconds: float) -> ProgramError | OSError:
    said = " / ".join(line.strip() for line in messages.strip().splitlines()[-5:] if line.strip())[-500:]
    tail = f": {said}" if said else ""
    if os.strerror(errno.ENOSPC) in said:
        return OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, says {name}")
    if code < 0:
        killer = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        if -code == signal.SIGXFSZ:
            what, hint = f"{name} wrote more than its share of the scratch space", "raise scratch.max_gib"
        elif -code == signal.SIGKILL:
            what = f"{name} was killed (SIGKILL) after {seconds:.0f} s, as happens when memory runs out"
            hint = "give the worker more memory, or let fewer programs run side by side"
            return OutOfMemoryError(what + tail, hint=hint)
        else:
            what, hint = f"{name} crashed ({killer}) after {seconds:.0f} s", None
        return ProgramError(what + tail, hint=hint)
    if re.search(r"bad_alloc|out of memory|cannot allocate memory|memory limit", said, re.IGNORECASE):
        return OutOfMemoryError(f"{name} ran out of memory{tail}", hint="give the worker more memory")
    return ProgramError(f"{name} ended with exit code {code}{tail}")
