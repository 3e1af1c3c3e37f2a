"""Scratch folders: where intermediates live while a search runs, gone afterwards even when the process was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pyecod.config import ScratchSettings

_PREFIX = "pyecod-search-"
_YOUNG_SECONDS = 60  # a lock file may exist this long before it is locked
_FULL_BYTES = 1 << 20


@contextmanager
def scratch_folder(settings: ScratchSettings) -> Iterator[Path]:
    """A new folder for intermediates, removed at the end.

    Folders that killed processes left behind are removed on the way: each has a lock file beside it, and the lock
    is held only as long as its process lives.

    Raises:
        OSError: the scratch disk is full or not writable.
    """
    parent = Path(settings.dir or tempfile.gettempdir()).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".lock", dir=parent)
    lock, folder = Path(name), Path(name).with_suffix("")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(handle)


def _sweep(parent: Path) -> None:
    for lock in parent.glob(f"{_PREFIX}*.lock"):
        with suppress(OSError):  # another user's, or swept by another process at this moment
            if time.time() - lock.stat().st_mtime < _YOUNG_SECONDS:
                continue
            with lock.open("r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()


def check_space(folder: Path, writer: str) -> None:
    """Raise what a full disk raises when ``folder`` has no space left: programs rarely say why they failed.

    Raises:
        OSError: ENOSPC, naming the folder and who was writing.
    """
    state = os.statvfs(folder)
    if state.f_bavail * state.f_frsize < _FULL_BYTES:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} for {writer}", str(folder))
