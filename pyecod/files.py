"""Files that appear whole or not at all, and their checksums."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import resource
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pyecod.errors import BrokenInputError

_GZIP = b"\x1f\x8b"
_PACKED_TWICE = 2  # mirrors have files that were gzipped twice
_PACKED = {
    "xz": b"\xfd7zXZ",
    "bzip2": b"BZh",
    "zstd": b"\x28\xb5\x2f\xfd",
    "unzip": b"PK\x03\x04",
    "7z": b"7z\xbc\xaf",
}


def product_folder(name: str) -> Path:
    """A folder or file that belongs to the product beside the code (``sql``, ``deployments``, ``prefect.yaml``): a
    checkout's own, or what the installed package carries."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.exists() else package.parent / name


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


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, gunzipping it when its first bytes say so, whatever its name is.

    Raises:
        BrokenInputError: it is packed by another program than gzip. OSError, EOFError, zlib.error: it cannot be read.
    """
    with ExitStack() as opened:
        stream: Any = opened.enter_context(path.open("rb"))
        for _ in range(_PACKED_TWICE):
            if stream.peek(2)[:2] != _GZIP:
                break
            stream = opened.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
        head = stream.peek(6)[:6]
        program = next((name for name, mark in _PACKED.items() if head.startswith(mark)), None)
        if program is not None:
            hint = f"only gzip is read: unpack it with {program} first"
            raise BrokenInputError(f"the file is packed with {program}", where=path, hint=hint)
        yield stream


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a text file for reading, gunzipping it when its first bytes say so; a byte order mark is left out.

    It is UTF-8, or UTF-16 with a byte order mark; a byte that is not UTF-8 is read as its Latin-1 letter: names may
    hold one, and ids never do.

    Raises:
        BrokenInputError, OSError, EOFError, zlib.error: as :func:`open_bytes`.
    """
    with open_bytes(path) as stream:
        peekable: Any = stream
        wide = peekable.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = io.TextIOWrapper(stream, encoding="utf-16" if wide else "utf-8-sig", errors=LATIN_1)
        try:
            yield text
        finally:
            text.detach()


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end  # what Latin-1 is called on Windows, where it has dashes and quotes
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


LATIN_1 = "pyecod_latin_1"
"""Name of the error handler that decodes what is not UTF-8 as Latin-1."""
codecs.register_error(LATIN_1, _latin_1)


def memory_limit() -> int:
    """Bytes this process may use: the least of the machine's memory, its control groups' and its own limit.

    A reader of a file of unknown size derives its limit from it, so that too large a file is one declared error and
    not the end of the process.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    if own != resource.RLIM_INFINITY:
        limits.append(own)
    return min([*limits, *_control_group_limits()])


def _control_group_limits() -> Iterator[int]:
    """``memory.max`` of this process's control group and those above it (version 2), or what version 1 has."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for number, controllers, name in groups:
        if number == "0":
            top, file = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            top, file = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        folder = top / name.lstrip("/")
        for place in [folder, *folder.parents]:
            with suppress(OSError, ValueError):
                yield int((place / file).read_text())
            if place == top:
                break
