"""One holder or many readers of a file, and nobody holds a file that is not in its place any more."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from pyecod.locks import is_in_place, lock_file, locked, take_lock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.lock"


def test_one_holder_excludes_others_and_readers(path: Path) -> None:
    with locked(path):
        for shared in (False, True):
            with pytest.raises(BlockingIOError):
                lock_file(path, shared=shared, patience=0)
    lock_file(path, patience=0).close()
    assert path.exists()


def test_readers_go_together_and_exclude_a_holder(path: Path) -> None:
    with locked(path, shared=True), locked(path, shared=True, patience=0), pytest.raises(BlockingIOError):
        lock_file(path, patience=0)


def test_the_last_reader_becomes_the_holder(path: Path) -> None:
    with locked(path, shared=True) as first:
        with locked(path, shared=True) as second, pytest.raises(BlockingIOError):
            take_lock(second, patience=0)
        take_lock(first, patience=0)
        with pytest.raises(BlockingIOError):
            lock_file(path, shared=True, patience=0)


def test_the_content_stays(path: Path) -> None:
    path.write_bytes(b"a holder")
    with locked(path) as stream:
        assert stream.read() == b"a holder"
    assert path.read_bytes() == b"a holder"


@pytest.mark.parametrize("patience", [None, 5.0])
def test_who_waits_gets_it_when_it_is_given_back(path: Path, patience: float | None) -> None:
    held = lock_file(path)
    threading.Timer(0.1, held.close).start()
    began = time.monotonic()
    with locked(path, patience=patience):
        assert time.monotonic() - began > 0.05


def test_patience_ends(path: Path) -> None:
    with locked(path):
        began = time.monotonic()
        with pytest.raises(BlockingIOError):
            lock_file(path, patience=0.2)
        assert 0.15 < time.monotonic() - began < 2


@pytest.mark.parametrize("replaced", [True, False])
def test_a_lock_of_a_removed_file_is_none(path: Path, replaced: bool) -> None:
    """Who waited for a file that its holder removed must not hold what nobody else can see."""
    held = lock_file(path)
    got: list[bool] = []

    def wait() -> None:
        with locked(path) as stream:
            got.append(is_in_place(stream, path))

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.1)
    path.unlink()
    if replaced:
        path.touch()
    assert not is_in_place(held, path)
    held.close()
    waiter.join(5)
    assert got == [True]


def test_a_file_of_any_kind_can_be_locked(path: Path) -> None:
    with path.open("ab") as stream:
        take_lock(stream, patience=0)
        assert is_in_place(stream, path)
        assert is_in_place(stream.fileno(), path)
        with pytest.raises(BlockingIOError):
            lock_file(path, patience=0)


def test_an_error_gives_the_lock_back(path: Path) -> None:
    with pytest.raises(ValueError, match="in the block"), locked(path):
        raise ValueError("in the block")
    lock_file(path, patience=0).close()


def _hold(path: Path, ready: object) -> None:
    with locked(path):
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_a_killed_process_has_no_lock(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(path, ready))
    process.start()
    assert ready.wait(30)
    with pytest.raises(BlockingIOError):
        lock_file(path, patience=0)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    lock_file(path, patience=5).close()
