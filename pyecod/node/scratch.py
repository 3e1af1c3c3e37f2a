"""Scratch folders: where intermediates live while a search runs, gone afterwards even when the process was killed."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import NodeDiskError, is_disk_trouble
from pyecod.locks import take_lock

if TYPE_CHECKING:
    from pyecod.settings import ScratchSettings

_PREFIX = "pyecod-search-"
_YOUNG_SECONDS = 60  # a lock file may exist this long before it is locked
_FULL_BYTES = 1 << 20


@contextmanager
def scratch_folder(settings: ScratchSettings) -> Iterator[Path]:
    """A new folder for intermediates, removed at the end.

    Folders that killed processes left behind are removed on the way: each has a lock file beside it, and the lock
    is held only as long as its process lives.

    Raises:
        NodeDiskError: the scratch disk is full. OSError: it is not writable.
    """
    parent = Path(settings.dir or tempfile.gettempdir()).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    with _blaming_the_node(parent):
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".lock", dir=parent)
    lock, folder = Path(name), Path(name).with_suffix("")
    held = FileIO(handle, "r+")
    try:
        take_lock(held)
        with _blaming_the_node(parent):
            folder.mkdir()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        held.close()


def _sweep(parent: Path) -> None:
    for lock in parent.glob(f"{_PREFIX}*.lock"):
        with suppress(OSError):  # another user's, or swept by another process at this moment
            if time.time() - lock.stat().st_mtime < _YOUNG_SECONDS:
                continue
            with lock.open("r+b") as stream:
                take_lock(stream, patience=0)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()


@contextmanager
def _blaming_the_node(parent: Path) -> Iterator[None]:
    """What a full or broken disk does to those who write is this node's fault where the disk is the scratch disk."""
    try:
        yield
    except OSError as error:
        if is_disk_trouble(error) and (_is_full(parent) or _is_read_only(parent)):
            what = f"the scratch folder {parent}: {os.strerror(error.errno or 0).lower()}"
            raise NodeDiskError(what, where=this_node(), hint="free some space there, or change scratch.dir") from error
        raise


def this_node() -> str:
    """Name of the machine this process runs on: SLURM's where it is a node of a cluster."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def check_space(folder: Path, writer: str) -> None:
    """Raise what a full disk raises when ``folder`` has no space left: programs rarely say why they failed.

    Raises:
        OSError: ENOSPC, naming the folder and who was writing.
    """
    if _is_full(folder):
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} for {writer}", str(folder))


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _is_full(folder: Path) -> bool:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize < _FULL_BYTES
