"""Locks on files: for one holder or many readers, and gone with their process, however that ends.

All of them are ``flock``: the kernel takes them away with the open file; on NFS (Linux) they hold across hosts. A lock
says nothing about the name of its file: somebody may have removed or replaced the file meanwhile, and then another
process can have a lock under the same name. :func:`lock_file` therefore looks again once it has the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Protocol

_PAUSE_SECONDS = 0.05


class HasNumber(Protocol):
    """An open file of any kind."""

    def fileno(self) -> int: ...


def lock_file(path: Path, *, shared: bool = False, patience: float | None = None) -> FileIO:
    """Open and lock the file at ``path``, made where there is none; closing it gives the lock back.

    ``shared`` lets other readers in, but no writer. ``patience`` is how many seconds to wait for others, None: as long
    as it takes. The file is not emptied: it may name its holder.

    Raises:
        BlockingIOError: another process, or another open file of this one, has the lock.
        OSError: the file cannot be opened, or its file system knows no locks.
    """
    deadline = None if patience is None else time.monotonic() + patience
    while True:
        stream = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
        try:
            take_lock(stream, shared=shared, patience=None if deadline is None else deadline - time.monotonic())
            if is_in_place(stream, path):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()  # removed while this process waited: what is there now is another lock


@contextmanager
def locked(path: Path, *, shared: bool = False, patience: float | None = None) -> Iterator[FileIO]:
    """The file at ``path``, locked within the block; as :func:`lock_file`."""
    with lock_file(path, shared=shared, patience=patience) as stream:
        yield stream


def take_lock(file: HasNumber | int, *, shared: bool = False, patience: float | None = None) -> None:
    """Lock a file that is open already, or turn its shared lock into the only one and back.

    Turning is not one step: a writer may come between, and who waits for it in vain has no lock any more.

    Raises:
        BlockingIOError: others have it for longer than ``patience`` seconds.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    if patience is None:
        fcntl.flock(file, kind)
        return
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(min(_PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


def is_in_place(file: HasNumber | int, path: Path) -> bool:
    """Whether ``path`` still is the file that is open here, and was not removed or replaced."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file if isinstance(file, int) else file.fileno()))
    except FileNotFoundError:
        return False


def knows_no_locks(error: OSError) -> bool:
    """Whether it is the file system's fault: it was mounted without locks."""
    return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
