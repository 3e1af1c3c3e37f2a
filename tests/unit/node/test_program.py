import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from pyecod.errors import FailureKind, MissingProgramError, ProgramError
from pyecod.node.program import (
    INSTALL_HINTS,
    ProgramStoppedError,
    ProgramTimeoutError,
    find_program,
    program_version,
    program_versions,
    run_program,
    stream_program,
)

SH = find_program("sh")


def shell(script: str, timeout: float = 20, **options: object) -> None:
    run_program([SH, "-c", script], timeout=timeout, **options)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until_dead(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def read_pid(path: Path) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the program did not start")


def test_standard_output_comes_in_full_and_in_order() -> None:
    with closing(stream_program([SH, "-c", "seq 1 200000"], timeout=20)) as output:
        assert b"".join(output) == b"".join(b"%d\n" % n for n in range(1, 200_001))


def test_arguments_are_passed_as_they_are_and_no_shell_sees_them() -> None:
    strange = "$(touch /nowhere) `id`; 'x' \"y\" *"
    output = stream_program([find_program("printf"), "%s", strange], timeout=20)
    assert b"".join(output).decode() == strange


def test_a_failure_has_the_exit_code_and_the_end_of_the_error_output() -> None:
    with pytest.raises(ProgramError, match=r"sh ended with exit code 7: .*last words"):
        shell("for i in $(seq 1 20000); do echo noise; done >&2; echo last words >&2; exit 7")


@pytest.mark.parametrize("name", ["SEGV", "ABRT", "TERM"])
def test_the_end_by_a_signal_is_named(name: str) -> None:
    with pytest.raises(ProgramError, match=f"crashed \\(SIG{name}\\)"):
        shell(f"kill -{name} $$")


def test_a_kill_is_explained_with_memory() -> None:
    with pytest.raises(ProgramError, match=r"SIGKILL.*memory") as caught:
        shell("kill -KILL $$")
    assert caught.value.hint is not None
    assert caught.value.kind is FailureKind.OUT_OF_MEMORY


@pytest.mark.parametrize("words", ["terminate called after throwing an instance of 'std::bad_alloc'", "Out of memory"])
def test_running_out_of_memory_is_named(words: str) -> None:
    with pytest.raises(ProgramError, match="ran out of memory") as caught:
        shell(f'echo "{words}" >&2; exit 3')
    assert caught.value.kind is FailureKind.OUT_OF_MEMORY


def test_a_full_disk_is_named_as_one() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        shell("echo 'write error: No space left on device' >&2; exit 2")
    assert caught.value.errno == errno.ENOSPC


def test_more_output_than_the_limit_is_stopped_and_named(tmp_path: Path) -> None:
    target = tmp_path / "big"
    honest = "import _signal; _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)"  # Python alone ignores the signal
    script = f"{honest}; open({str(target)!r}, 'wb').write(bytes(10**6))"
    with pytest.raises(ProgramError, match="scratch") as caught:
        run_program([sys.executable, "-c", script], timeout=20, file_limit=1000)
    assert "scratch.max_gib" in str(caught.value)
    assert target.stat().st_size <= 1000


def test_a_missing_program_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in INSTALL_HINTS:
        with pytest.raises(MissingProgramError, match=name) as caught:
            find_program(name)
        assert "apt-get install" in str(caught.value)
        assert "conda install" in str(caught.value)
    assert program_versions() == {}


def test_a_program_that_cannot_be_executed_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "blastp"
    broken.write_bytes(b"\x7fELF no program")
    broken.chmod(0o755)
    with pytest.raises(ProgramError):
        run_program([broken], timeout=20)


def test_a_version_is_read_and_asked_again_only_when_the_program_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program, asked = tmp_path / "blastp", tmp_path / "asked"
    program.write_text(f"#!/bin/sh\necho x >> {asked}\necho 'blastp: 2.16.0+'\n")
    program.chmod(0o755)
    assert [program_version("blastp") for _ in range(3)] == ["2.16.0+"] * 3
    assert asked.read_text() == "x\n"
    program.write_text("#!/bin/sh\necho 'blastp: 2.17.0+'\n")
    os.utime(program, (1, 1))
    assert program_version("blastp") == "2.17.0+"
    program.write_text("#!/bin/sh\necho hello\n")
    os.utime(program, (2, 2))
    with pytest.raises(ProgramError, match="does not say its version"):
        program_version("blastp")


def test_the_time_limit_kills_the_program_and_what_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(ProgramTimeoutError, match=r"time limit of 0\.5 s") as caught:
        shell(f"sleep 60 & echo $! > {pid_file}; wait", timeout=0.5)
    assert caught.value.kind is FailureKind.OUT_OF_TIME
    assert time.monotonic() - started < 5
    assert wait_until_dead(read_pid(pid_file))


def test_a_program_that_closes_its_output_and_goes_on_is_still_within_the_limit() -> None:
    with pytest.raises(ProgramTimeoutError):
        shell("exec >&- 2>&-; sleep 60", timeout=0.5)


def test_a_program_whose_output_is_not_wanted_any_more_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with closing(stream_program([SH, "-c", f"echo $$ > {pid_file}; while :; do echo x; done"], timeout=60)) as output:
        next(output)
    assert wait_until_dead(read_pid(pid_file))


def test_a_program_can_be_stopped_from_another_thread() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    with pytest.raises(ProgramStoppedError):
        shell("sleep 60", timeout=60, stop=stop)
    assert time.monotonic() - started < 5


WORKER = """
import sys, threading, time
from pathlib import Path
from pyecod.node.program import find_program, run_program

def work():
    run_program([find_program("sh"), "-c", f"echo $$ > {sys.argv[1]}; exec sleep 60"], timeout=60)

thread = threading.Thread(target=work)
thread.start()
if sys.argv[2] == "wait":
    time.sleep(60)
while not Path(sys.argv[1]).exists():
    time.sleep(0.02)
raise SystemExit("the main thread is at its end")
"""


def start_worker(pid_file: Path, what: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(pid_file), what], stderr=subprocess.DEVNULL)


def test_a_program_dies_with_its_worker_even_by_kill_9(tmp_path: Path) -> None:
    worker = start_worker(tmp_path / "pid", "wait")
    try:
        program = read_pid(tmp_path / "pid")
        assert is_alive(program)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert wait_until_dead(program)


def test_a_process_that_wants_to_end_does_not_wait_for_its_programs(tmp_path: Path) -> None:
    worker = start_worker(tmp_path / "pid", "end")
    assert worker.wait(timeout=15) == 1
    assert wait_until_dead(read_pid(tmp_path / "pid"))


def test_a_program_does_not_die_with_another_thread(tmp_path: Path) -> None:
    """The death signal is the starting thread's: the pool's other threads may come and go."""
    done: list[str] = []

    def work() -> None:
        shell(f"sleep 1; echo alive > {tmp_path / 'said'}")
        done.append("whole")

    starter = threading.Thread(target=work)
    starter.start()
    for _ in range(20):
        other = threading.Thread(target=shell, args=("true",))
        other.start()
        other.join()
    starter.join()
    assert done == ["whole"]
    assert (tmp_path / "said").read_text() == "alive\n"


def test_errors_survive_the_way_home_from_a_worker() -> None:
    with pytest.raises(ProgramTimeoutError) as caught:
        shell("sleep 60", timeout=0.2)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (ProgramTimeoutError, str(caught.value))
