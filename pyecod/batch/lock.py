"""One driver per batch: a lock that names its holder and is gone with the holder's process."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import orjson

from pyecod.errors import BatchError, BatchLockedError
from pyecod.locks import is_in_place, knows_no_locks, lock_file, take_lock

LOCK_NAME = "batch.lock"

_BEAT_SECONDS = 10.0
_RECORD_BYTES = 1024
_WHAT = "another process drives this batch"
_PATIENCE_SECONDS = 0.5  # somebody who only asks for the holder has the lock for a moment


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who drives a batch: host, process, user, since when, and the last sign of life (UTC, ISO 8601)."""

    host: str
    pid: int
    user: str
    since: str
    beat: str

    def __str__(self) -> str:
        return f"pid {self.pid} of {self.user} on {self.host} since {self.since}"


class BatchLock:
    """An exclusive ``flock`` on the batch's lock file, or on that of anything else that one process at a time may do;
    ``what`` says in words what another one does that has it.

    The kernel drops it with the process, however that ends; on NFS (Linux) it holds across hosts. Where a network file
    system keeps locks to one host, a holder elsewhere is noticed by its heartbeat. Threads of one process exclude each
    other too.
    """

    def __init__(self, path: Path, *, beat_seconds: float = _BEAT_SECONDS, what: str = _WHAT) -> None:
        self._path = path
        self._what = what
        self._beat_seconds = beat_seconds
        self._handle: FileIO | None = None
        self._name: str | None = None
        self._holder: LockHolder | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def holder(self) -> LockHolder | None:
        """This process as the holder, None while the lock is not held."""
        return self._holder

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            BatchLockedError: another live process, or another thread of this one, has it; it is named.
            BatchError: the file system knows no locks.
            OSError: the lock file cannot be written.
        """
        name = str(self._path.resolve())
        with _GUARD:
            other = _HELD.get(name)
            if other is not None:
                raise self._locked(other.holder)
            _close_in_children()
            try:
                self._handle = lock_file(self._path, patience=_PATIENCE_SECONDS)
            except BlockingIOError:
                raise self._locked(_named_in(self._path)) from None
            except OSError as error:
                if not knows_no_locks(error):
                    raise
                raise BatchError("the file system knows no locks", where=self._path, hint=_NO_LOCKS) from None
            _HELD[name] = self
        self._name = name
        try:
            self._refuse_living_stranger()
            self._sign()
        except BaseException:
            self.release()
            raise
        self._stop.clear()
        self._thread = threading.Thread(target=self._keep_beating, name="batch lock", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Give the lock up; the lock file stays."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        if self._handle is None:
            return
        if self._holder is not None:
            with contextlib.suppress(OSError):  # a name left behind does no harm: the lock itself is gone
                self._handle.truncate(0)
        with _GUARD:
            self._handle.close()
            self._handle = self._holder = None
            _HELD.pop(self._name or "", None)

    def verify(self) -> None:
        """Make sure the lock still protects the batch.

        Raises:
            BatchLockedError: it was never taken, or its file was removed, so that another process can have one too.
        """
        if self._handle is None or self._holder is None:
            raise BatchLockedError(
                "the batch is not locked by this process", where=self._path.parent, hint="use `with batch.lock():`"
            )
        if not is_in_place(self._handle, self._path):
            raise BatchLockedError(
                "the lock file was removed or replaced while this process drove the batch",
                where=self._path,
                hint="another process may drive it now; run the same command again",
            )

    def __enter__(self) -> BatchLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _refuse_living_stranger(self) -> None:
        """With the lock in hand, a name of another host is a dead holder's, unless its heart still beats."""
        assert self._handle is not None
        stranger = _read_holder(self._handle)
        if stranger is None or stranger.host == socket.gethostname() or _age(stranger.beat) > 30 * self._beat_seconds:
            return
        deadline = time.monotonic() + 2.5 * self._beat_seconds
        while time.monotonic() < deadline:
            time.sleep(self._beat_seconds / 10)
            now = _read_holder(self._handle)
            if now is None:
                return
            if now != stranger:
                raise self._locked(now)

    def _locked(self, holder: LockHolder | None) -> BatchLockedError:
        return BatchLockedError(
            f"{self._what}: {holder or 'its name is not written yet'}",
            where=self._path.parent,
            hint="wait until it is done, or end it; the lock goes with its process",
        )

    def _sign(self) -> None:
        assert self._handle is not None
        now = _now()
        since = self._holder.since if self._holder else now
        self._holder = LockHolder(socket.gethostname(), os.getpid(), _user(), since, now)
        record = orjson.dumps(asdict(self._holder)).ljust(_RECORD_BYTES - 1) + b"\n"
        os.pwrite(self._handle.fileno(), record, 0)
        os.fsync(self._handle.fileno())

    def _keep_beating(self) -> None:
        while not self._stop.wait(self._beat_seconds):
            with contextlib.suppress(OSError):  # a beat that cannot be written shows as an old one
                self._sign()


_GUARD = threading.RLock()
_HELD: dict[str, BatchLock] = {}
_NO_LOCKS = "mount the file system with locking (NFS: without nolock; Lustre: -o flock), or put the batch elsewhere"


def read_holder(path: Path) -> LockHolder | None:
    """Who holds the lock file's lock now, None when nobody does.

    A process can only be found by trying the lock, which is given back at once.
    """
    with _GUARD:
        other = _HELD.get(str(path.resolve()))
        if other is not None:
            return other.holder
        try:
            stream = path.open("r+b", buffering=0)
        except OSError:
            return _foreign_holder(path)
        with stream:
            try:
                take_lock(stream, patience=0)
            except OSError:
                unknown = LockHolder("an unknown host", 0, "an unknown user", "just now", _now())
                return _read_holder(stream) or unknown
    return None


def _named_in(path: Path) -> LockHolder | None:
    try:
        with path.open("rb", buffering=0) as stream:
            return _read_holder(stream)
    except OSError:
        return None


def _foreign_holder(path: Path) -> LockHolder | None:
    """The name in a lock file that may only be read; an old heartbeat is a dead one's."""
    holder = _named_in(path)
    return holder if holder is not None and _age(holder.beat) < 30 * _BEAT_SECONDS else None


def _read_holder(stream: FileIO) -> LockHolder | None:
    try:
        return LockHolder(**orjson.loads(os.pread(stream.fileno(), _RECORD_BYTES, 0)))
    except (ValueError, TypeError):
        return None


def _age(time_text: str) -> float:
    """Seconds since a time; a text that is none is old."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(time_text)).total_seconds()
    except (ValueError, TypeError):
        return float("inf")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


_registered = False


def _close_in_children() -> None:
    """A forked child shares the open file, and with it the lock: it must not keep it beyond its parent's death."""
    global _registered
    if not _registered:
        os.register_at_fork(after_in_child=_forget_locks)
        _registered = True


def _forget_locks() -> None:
    global _GUARD
    _GUARD = threading.RLock()
    for lock in _HELD.values():
        if lock._handle is not None:
            lock._handle.close()
        lock._handle = lock._holder = lock._thread = None
    _HELD.clear()
