"""A folder that appears whole or not at all: filled as a hidden sibling, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyecod.errors import ReferenceDataError
from pyecod.files import fsync_folder
from pyecod.locks import lock_file
from pyecod.reference.record import RECORD_NAME

_LOCK = "building.lock"


@contextmanager
def new_reference_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """Give an empty folder to build in; if the block ends without error it becomes ``out``.

    After an error it is removed; what a killed build left behind, the next one clears. With ``force`` an existing
    reference, or an empty folder, is replaced; anything else never is.

    Raises:
        ReferenceDataError: ``out`` exists and may not be replaced, or another build of it is running.
    """
    must_be_free(out, force=force)
    out.parent.mkdir(parents=True, exist_ok=True)
    workspace = out.parent / f".{out.name}.building"
    workspace.mkdir(exist_ok=True)
    try:
        lock = lock_file(workspace / _LOCK, patience=0)
    except (BlockingIOError, FileNotFoundError):  # without its folder: a build that has ended this moment
        raise ReferenceDataError("another build of this reference is running", where=workspace) from None
    with lock:
        try:
            _clear(workspace)
            yield workspace
            must_be_free(out, force=force)
            (workspace / _LOCK).unlink()
            _put_in_place(workspace, out)
        except BaseException:
            shutil.rmtree(workspace, ignore_errors=True)
            raise


def must_be_free(out: Path, *, force: bool) -> None:
    """See that a reference may be built at ``out``.

    Raises:
        ReferenceDataError: it may not; says why.
    """
    if not out.exists() and not out.is_symlink():
        return
    is_reference = (out / RECORD_NAME).is_file()
    if not is_reference and (not out.is_dir() or any(out.iterdir())):
        raise ReferenceDataError("this is something else than a reference", where=out, hint="give another --out")
    if is_reference and not force:
        raise ReferenceDataError("a reference is already here", where=out, hint="give another --out, or --force")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _put_in_place(workspace: Path, out: Path) -> None:
    replaced = out.parent / f".{out.name}.replaced-{os.getpid()}"
    exists = out.exists()
    if exists:
        out.rename(replaced)
    try:
        workspace.rename(out)
    except OSError:
        if exists:
            replaced.rename(out)
        raise
    fsync_folder(out.parent)
    shutil.rmtree(replaced, ignore_errors=True)
