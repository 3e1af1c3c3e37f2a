"""The search cache: what was once searched is not searched again, in whatever week, chain or run it comes back."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pyecod.files import atomic_write
from pyecod.search.encoding import (
    DamagedEntryError,
    ResultHeader,
    decode_header,
    decode_profile,
    decode_result,
    encode_profile,
    encode_result,
)
from pyecod.search.hit import SearchResult

log = logging.getLogger(__name__)

KINDS = ("results", "profiles")
_DAY = 86_400.0
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file of the cache. ``used`` is when it was last used, to the day, in seconds since 1970."""

    path: Path
    kind: str
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """Files and bytes, and the oldest and newest last use in seconds since 1970 (None without files)."""

    files: int = 0
    bytes: int = 0
    oldest: float | None = None
    newest: float | None = None

    @classmethod
    def of(cls, entries: list[CacheEntry]) -> CacheUsage:
        """Sum over entries."""
        used = [entry.used for entry in entries]
        return cls(len(entries), sum(entry.size for entry in entries), min(used, default=None), max(used, default=None))


@dataclass(frozen=True, slots=True)
class DamagedEntry:
    """A file of the cache that cannot be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class CacheCheck:
    """What :meth:`SearchCache.verify` found."""

    checked: int
    bytes: int
    damaged: tuple[DamagedEntry, ...]


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What :meth:`SearchCache.prune` removed (or would remove) and what stays."""

    removed: CacheUsage
    kept: CacheUsage
    dry_run: bool


class SearchCache:
    """Content-addressed store of search results and query profiles in a folder that all workers share.

    Entries are written to a temporary file and renamed, so that any number of writers, also on NFS, meet whole
    entries only. A damaged entry counts as absent: it is removed, reported in the log, and searched again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).absolute()

    def get(self, key: str) -> SearchResult | None:
        """The result kept under a :func:`~pyecod.search.search_key`, or None."""
        return self._read("results", key, decode_result)

    def header(self, key: str) -> ResultHeader | None:
        """The result's counts and coverage without its hits, many times as fast as :meth:`get`; or None."""
        return self._read("results", key, decode_header)

    def put(self, key: str, result: SearchResult) -> ResultHeader:
        """Keep a result; what is there under the same key is replaced.

        Raises:
            OSError: the cache's disk is full or not writable.
        """
        header = ResultHeader.of(key, result)
        self._write("results", key, encode_result(header, result.hits))
        return header

    def get_profile(self, key: str) -> bytes | None:
        """The alignment (a3m) kept under a profile key, or None."""
        return self._read("profiles", key, decode_profile)

    def put_profile(self, key: str, alignment: bytes) -> None:
        """Keep an alignment (a3m); errors as in :meth:`put`."""
        self._write("profiles", key, encode_profile(key, alignment))

    def forget(self, kind: str, keys: Iterable[str]) -> int:
        """Remove the entries (``results`` or ``profiles``) under these keys, so that they are made anew; how many there
        were."""
        known = [path for path in (self.path(kind, key) for key in keys) if path.exists()]
        for path in known:
            path.unlink(missing_ok=True)
        return len(known)

    def path(self, kind: str, key: str) -> Path:
        """File of an entry; two levels of 256 folders keep each folder small at ten million entries."""
        return self.folder / kind / key[:2] / key[2:4] / key[4:]

    def entries(self) -> Iterator[CacheEntry]:
        """Every entry, in no particular order; files that vanish meanwhile are left out."""
        for kind in KINDS:
            for path in (self.folder / kind).glob("??/??/*"):
                with suppress(FileNotFoundError):
                    state = path.stat()
                    yield CacheEntry(path, kind, state.st_size, state.st_mtime)

    def usage(self) -> dict[str, CacheUsage]:
        """Files and bytes per kind: ``results``, ``profiles``."""
        entries = list(self.entries())
        return {kind: CacheUsage.of([entry for entry in entries if entry.kind == kind]) for kind in KINDS}

    def verify(self, *, remove: bool = False) -> CacheCheck:
        """Unpack every entry; with ``remove``, damaged ones are deleted so that they are searched again."""
        checked, size = 0, 0
        damaged: list[DamagedEntry] = []
        for entry in self.entries():
            if _is_temporary(entry):
                continue
            checked += 1
            size += entry.size
            try:
                _verify(entry)
            except DamagedEntryError as error:
                damaged.append(DamagedEntry(entry.path, str(error)))
                if remove:
                    entry.path.unlink(missing_ok=True)
        return CacheCheck(checked, size, tuple(damaged))

    def prune(
        self, *, older_than: timedelta | None = None, max_bytes: int | None = None, dry_run: bool = True
    ) -> PruneReport:
        """Remove entries not used for so long, then the longest unused until the rest fits ``max_bytes``.

        Temporary files of writers that died more than a day ago go as well. Nothing else of the cache's folder is
        touched. Removing is always safe: what is needed again is searched again.
        """
        now = time.time()
        age_limit = older_than.total_seconds() if older_than is not None else float("inf")
        entries = sorted(self.entries(), key=lambda entry: entry.used)
        left = sum(entry.size for entry in entries)
        removed: list[CacheEntry] = []
        kept: list[CacheEntry] = []
        for entry in entries:
            age = now - entry.used
            too_much = max_bytes is not None and left > max_bytes
            if (age > _DAY) if _is_temporary(entry) else (age > age_limit or too_much):
                removed.append(entry)
                left -= entry.size
            else:
                kept.append(entry)
        if not dry_run:
            for entry in removed:
                entry.path.unlink(missing_ok=True)
        return PruneReport(CacheUsage.of(removed), CacheUsage.of(kept), dry_run)

    def _read(self, kind: str, key: str, decode: Callable[[bytes, str], Content]) -> Content | None:
        path = self.path(kind, key)
        try:
            with path.open("rb") as stream:
                data = stream.read()
                used = os.fstat(stream.fileno()).st_mtime
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise
        try:
            content = decode(data, key)
        except DamagedEntryError as error:
            log.warning("search cache: %s is damaged (%s); removed, it will be searched again", path, error)
            path.unlink(missing_ok=True)
            return None
        if time.time() - used > _DAY:
            with suppress(OSError):  # a cache that may only be read still serves
                os.utime(path)
        return content

    def _write(self, kind: str, key: str, data: bytes) -> None:
        path = self.path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data, durable=False)


def _is_temporary(entry: CacheEntry) -> bool:
    return entry.path.name.startswith(".")


def _verify(entry: CacheEntry) -> None:
    key = "".join(entry.path.parts[-3:])
    data = entry.path.read_bytes()
    if entry.kind == "profiles":
        decode_profile(data, key)
    else:
        decode_result(data, key)
