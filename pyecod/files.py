"""Files that appear whole or not at all, and their checksums."""

from __future__ import annotations

import gzip
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO


def product_folder(name: str) -> Path:
    """A folder that belongs to the product beside the code (``sql``, ``deployments``): a checkout's own, or what the
    installed package carries."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def atomic_write(path: Path, data: str | bytes, *, durable: bool = True) -> None:
    """Write ``path`` so that a reader, a crash or a full disk meets the old content or the new, never a part.

    ``durable`` forces the content to disk before the rename; leave it on for records, off for what can be made again.
    The folder must exist.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:80]}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def fsync_folder(folder: Path) -> None:
    """Force a folder's names to disk, so that a file made or renamed in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_text(path: Path) -> IO[str]:
    """Open a text file for reading, gunzipping it when its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
