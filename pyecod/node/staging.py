"""Databases copied to the node's own disk, so that many nodes do not read them from one file server.

A copy is shared by all processes of a user on a node. It counts once what was written has been read back with the
checksums of what was read from the original; what a killed process left half done is made anew. Who searches a copy
holds a lock on it, which the kernel takes away however the process ends. The last one to end removes the copy; what
killed processes left is used by the next, or removed by it after an hour or when space is short.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from pyecod.errors import NodeDiskError
from pyecod.files import atomic_write, sha256_of
from pyecod.locks import is_in_place, lock_file, locked, take_lock
from pyecod.node.scratch import this_node

if TYPE_CHECKING:
    from pyecod.settings import ScratchSettings

log = logging.getLogger(__name__)

_COMPLETE = "complete.json"
_ABANDONED_SECONDS = 3600.0
_GIB = 1 << 30
_PIECE = 8 << 20
_PARTS = re.compile(r"(?:\.\d+)?\.p[a-z]{2}|_(?:a3m|hhm|cs219)\.ff(?:data|index)")

_guard = threading.Lock()
_held: dict[Path, FileIO] = {}


def staged(prefix: Path, database_id: str, scratch: ScratchSettings) -> Path:
    """Prefix under which a BLAST or HH-suite database is to be searched: that of its copy on this node, which is made
    now where there is none; the database itself where it is larger than ``scratch.stage_gib``.

    The copy stays until this process ends.

    Raises:
        NodeDiskError: this node has no room for it, or its disk does not give back what was written.
    """
    parts = _parts_of(prefix)
    size = sum(parts.values())
    if not parts or size > scratch.stage_gib * _GIB:
        return prefix
    with _guard:
        folder = _own_folder(scratch) / f"{prefix.name}-{database_id[:16]}"
        if folder not in _held:
            if not _held:
                atexit.register(release_copies)
            _remove_abandoned(folder.parent, _ABANDONED_SECONDS, keep=folder)
            _held[folder] = _take(folder, prefix, parts, scratch)
        return folder / prefix.name


def release_copies() -> None:
    """Let go of this process's copies; those that no other process uses are removed."""
    with _guard:
        for folder, lock in _held.items():
            with lock, suppress(BlockingIOError):
                take_lock(lock, patience=0)
                if is_in_place(lock, _lock_path(folder)):
                    _remove(folder)
        _held.clear()


def remove_unused(scratch_dir: Path | None = None) -> None:
    """Remove this user's copies on this node that no process uses: what a job does when its worker is gone."""
    folder = _folder_of(scratch_dir)
    if folder.is_dir():
        _remove_abandoned(folder, 0)


def staged_size(prefix: Path, scratch: ScratchSettings) -> int:
    """Bytes a copy of the database takes on each node, 0 where it is searched in its place."""
    size = sum(_parts_of(prefix).values())
    return size if size <= scratch.stage_gib * _GIB else 0


def _parts_of(prefix: Path) -> dict[str, int]:
    """Names and sizes of a database's files."""
    found = {}
    for path in prefix.parent.glob(f"{prefix.name}[._]*"):
        if _PARTS.fullmatch(path.name, len(prefix.name)):
            found[path.name] = path.stat().st_size
    return found


def _folder_of(scratch_dir: Path | None) -> Path:
    return Path(scratch_dir or tempfile.gettempdir()).absolute() / f"pyecod-databases-{os.getuid()}"


def _own_folder(scratch: ScratchSettings) -> Path:
    """The folder of this user's copies; its name can be guessed, so that it may be somebody else's."""
    folder = _folder_of(scratch.dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
        raise NodeDiskError(f"{folder} belongs to somebody else", where=this_node(), hint="change scratch.dir")
    return folder


def _take(folder: Path, prefix: Path, parts: dict[str, int], scratch: ScratchSettings) -> FileIO:
    """A reader's lock on the whole copy, which is made by the first who wants it."""
    while (reader := _lock_whole(folder, parts)) is None:
        with locked(_lock_path(folder)):
            if not _is_whole(folder, parts):
                _make_copy(folder, prefix, parts, scratch)
        # a writer's lock cannot be turned into a reader's in one step: look again
    return reader


def _lock_whole(folder: Path, parts: dict[str, int]) -> FileIO | None:
    """A reader's lock on the copy, None where there is none or it is not whole."""
    lock = lock_file(_lock_path(folder), shared=True)
    if _is_whole(folder, parts):
        os.utime(lock.fileno())
        return lock
    lock.close()
    return None


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _is_whole(folder: Path, parts: dict[str, int]) -> bool:
    try:
        return bool(orjson.loads((folder / _COMPLETE).read_bytes()) == parts == _parts_in(folder))
    except (OSError, orjson.JSONDecodeError):
        return False


def _parts_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.name != _COMPLETE}


def _make_copy(folder: Path, prefix: Path, parts: dict[str, int], scratch: ScratchSettings) -> None:
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    _check_room(folder, sum(parts.values()), scratch)
    try:
        folder.mkdir()
        for name in parts:
            _copy(prefix.with_name(name), folder / name)
        atomic_write(folder / _COMPLETE, orjson.dumps(parts))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    log.info("copied %s to %s in %.0f s", prefix, folder, time.monotonic() - started)


def _check_room(folder: Path, size: int, scratch: ScratchSettings) -> None:
    """The copy must leave room for the intermediates of a worker."""
    needed = size + scratch.max_gib * _GIB
    if shutil.disk_usage(folder.parent).free < needed:
        _remove_abandoned(folder.parent, 0, keep=folder)
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise NodeDiskError(
            f"{free / _GIB:.1f} GiB are free at {folder.parent}, the copy of the database {folder.name} and the "
            f"intermediates need {needed / _GIB:.1f}",
            where=this_node(),
            hint="free some space there, or lower scratch.stage_gib or scratch.max_gib",
        )


def _copy(source: Path, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        with source.open("rb") as original, target.open("wb") as copy:
            while piece := original.read(_PIECE):
                digest.update(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
            os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # so that the disk is read and not memory
        readback = sha256_of(target)
    except OSError as error:
        raise NodeDiskError(f"cannot copy {source} to {target}: {error.strerror}", where=this_node()) from error
    if readback != digest.hexdigest():
        raise NodeDiskError(f"{target} is not what was written: the disk is damaged", where=this_node())


def _remove_abandoned(parent: Path, seconds: float, *, keep: Path | None = None) -> None:
    """Remove copies nobody uses, and nobody has begun to use for so long."""
    for path in parent.glob("*.lock"):
        folder = path.with_suffix("")
        if folder != keep and folder not in _held and time.time() - path.stat().st_mtime >= seconds:
            with suppress(BlockingIOError), locked(path, patience=0):
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a copy whose lock this process alone holds."""
    shutil.rmtree(folder, ignore_errors=True)
    _lock_path(folder).unlink(missing_ok=True)


if __name__ == "__main__":
    remove_unused(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
