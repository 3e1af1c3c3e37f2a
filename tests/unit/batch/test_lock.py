from __future__ import annotations

import errno
import multiprocessing
import os
import socket
import threading
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from pyecod.batch.lock import BatchLock, LockHolder, read_holder
from pyecod.errors import BatchError, BatchLockedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batch.lock"


def test_the_holder_is_named_with_host_process_user_and_time(path: Path) -> None:
    with BatchLock(path) as lock:
        holder = read_holder(path)
        assert holder == lock.holder
        assert holder is not None
        assert (holder.host, holder.pid) == (socket.gethostname(), os.getpid())
        assert datetime.fromisoformat(holder.since) <= datetime.now(UTC)
        with pytest.raises(BatchLockedError) as caught:
            BatchLock(path).acquire()
        assert f"pid {os.getpid()} of {holder.user} on {holder.host} since" in str(caught.value)
    assert read_holder(path) is None


def test_a_lock_can_be_taken_again_after_it_was_given_up(path: Path) -> None:
    for _ in range(3):
        with BatchLock(path):
            pass


def test_threads_exclude_each_other(path: Path) -> None:
    inside, worst, got = 0, 0, 0

    def work() -> None:
        nonlocal inside, worst, got
        for _ in range(20):
            try:
                with BatchLock(path):
                    inside += 1
                    worst = max(worst, inside)
                    time.sleep(0.001)
                    inside -= 1
                    got += 1
            except BatchLockedError:
                time.sleep(0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == 1
    assert got > 0


def test_a_forked_child_neither_keeps_the_lock_nor_thinks_it_has_it(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    started, stop = fork.Event(), fork.Event()

    def child() -> None:
        started.set()
        stop.wait(30)

    with BatchLock(path):
        process = fork.Process(target=child)
        process.start()
        started.wait(30)
    with BatchLock(path):  # would be refused if the living child still shared the open file
        pass
    stop.set()
    process.join()


def test_a_lock_file_taken_away_is_noticed(path: Path) -> None:
    with BatchLock(path) as lock:
        lock.verify()
        path.unlink()
        with pytest.raises(BatchLockedError, match="removed or replaced"):
            lock.verify()
    with pytest.raises(BatchLockedError, match="not locked by this process"):
        lock.verify()


def test_asking_for_the_holder_does_not_stand_in_anyones_way(path: Path) -> None:
    path.touch()
    stop = threading.Event()
    asked = 0

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            read_holder(path)
            asked += 1

    process = multiprocessing.get_context("spawn").Process(target=_take_often, args=(path,))
    process.start()
    thread = threading.Thread(target=ask)
    thread.start()
    process.join(60)
    stop.set()
    thread.join()
    assert process.exitcode == 0
    assert asked > 10


def _take_often(path: Path) -> None:
    for _ in range(30):
        with BatchLock(path):
            pass


def _stranger(age: float) -> LockHolder:
    now = datetime.now(UTC) - timedelta(seconds=age)
    return LockHolder("another-host", 4711, "somebody", now.isoformat(), now.isoformat())


def _write(path: Path, holder: LockHolder) -> None:
    """In one piece, as a holder does: nobody must see an empty file between two beats."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(orjson.dumps(asdict(holder)).ljust(1023) + b"\n")


def test_a_holder_on_another_host_whose_heart_beats_is_respected_even_where_its_lock_is_not_seen(path: Path) -> None:
    stranger = _stranger(0)
    _write(path, stranger)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(0.05):
            _write(path, replace(stranger, beat=datetime.now(UTC).isoformat()))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(BatchLockedError, match="pid 4711 of somebody on another-host"):
            BatchLock(path, beat_seconds=0.5).acquire()
    finally:
        stop.set()
        thread.join()
    with BatchLock(path, beat_seconds=0.1):  # its heart stopped: it died
        pass


def test_a_name_left_behind_long_ago_is_ignored_at_once(path: Path) -> None:
    _write(path, _stranger(3600))
    begin = time.monotonic()
    with BatchLock(path, beat_seconds=10):
        assert time.monotonic() - begin < 5


def test_the_heart_beats_while_the_lock_is_held(path: Path) -> None:
    with BatchLock(path, beat_seconds=0.05) as lock:
        first = lock.holder
        deadline = time.monotonic() + 10
        while lock.holder == first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lock.holder is not None
        assert first is not None
        assert lock.holder.beat > first.beat
        assert lock.holder.since == first.since


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"host": 1}', b"\xff" * 2000])
def test_rubbish_in_the_lock_file_does_no_harm(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with BatchLock(path):
        pass


def test_a_file_system_without_locks_is_named_with_the_remedy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(BatchError, match=r"knows no locks .*mount the file system with locking"):
        BatchLock(path).acquire()
