"""The journal: ``journal.jsonl``, one checked and fsynced line per mark, whatever the size of the batch."""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pyecod.batch.manifest import dump_json
from pyecod.errors import BatchError
from pyecod.files import fsync_folder
from pyecod.locks import is_in_place

JOURNAL_NAME = "journal.jsonl"

_CHECKSUM = b'{"crc32":"'
_CHECKSUM_LENGTH = len(_CHECKSUM) + 8 + len(b'",')


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One mark: changes per chain, whole new chain records, whole entry records; all as plain values."""

    sequence: int
    time: str
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    chains: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal holds: its good lines, the bytes they take, and the bytes of an unfinished last line."""

    lines: tuple[JournalLine, ...] = ()
    good_bytes: int = 0
    torn_bytes: int = 0


def read_journal(data: bytes, path: Path) -> JournalContent:
    """Read a journal's bytes.

    A last line that is incomplete or fails its checksum is what a crash or a full disk leaves: it was never
    acknowledged and is left out.

    Raises:
        BatchError: a line before the last one is damaged or missing; file and line are named.
    """
    lines: list[JournalLine] = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1
        line = _read_line(data[start : end - 1]) if end else None
        if line is None:
            if data.find(_CHECKSUM, start + 1) >= 0:  # another line follows: this one was acknowledged
                raise BatchError(
                    "the journal is damaged in the middle",
                    where=f"{path}:{len(lines) + 1}",
                    hint="restore it from a copy; or cut it before this line, and what was done later is done again",
                )
            break
        if lines and line.sequence != lines[-1].sequence + 1:
            raise BatchError(
                f"line {line.sequence} follows line {lines[-1].sequence}: the journal lacks lines",
                where=f"{path}:{len(lines) + 1}",
                hint="restore it from a copy",
            )
        lines.append(line)
        start = end
    return JournalContent(tuple(lines), start, len(data) - start)


def _read_line(data: bytes) -> JournalLine | None:
    if not data.startswith(_CHECKSUM):
        return None
    body = b"{" + data[_CHECKSUM_LENGTH:]
    if data[len(_CHECKSUM) : _CHECKSUM_LENGTH] != b'%08x",' % zlib.crc32(body):
        return None
    try:
        return JournalLine(**orjson.loads(body))
    except (ValueError, TypeError):
        return None


def format_line(line: JournalLine) -> bytes:
    """The line as it stands in the file, its checksum first."""
    plain: dict[str, Any] = {"sequence": line.sequence, "time": line.time}
    for name in ("changes", "chains", "entries"):
        if getattr(line, name):
            plain[name] = getattr(line, name)
    body = dump_json(plain)
    return b'%b%08x",%b\n' % (_CHECKSUM, zlib.crc32(body), body[1:])


class JournalWriter:
    """Appends to the journal; only the holder of the batch's lock has one."""

    def __init__(self, path: Path, good_bytes: int) -> None:
        """Open the journal for appending after its first ``good_bytes``; the next write cuts off what follows them.

        Raises:
            OSError: it cannot be opened or created.
        """
        self._path = path
        self._length = good_bytes
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        fsync_folder(path.parent)

    def close(self) -> None:
        """Close the file; nothing is pending, every line was forced to disk."""
        os.close(self._handle)

    def append(self, line: JournalLine) -> None:
        """Append one line and force it to disk; when this returns, the line is there after any crash.

        Raises:
            OSError: the disk is full or not writable; the journal is as it was.
            BatchError: the journal was removed or replaced by someone else.
        """
        self._refuse_strange_file()
        data = format_line(line)
        try:
            if os.fstat(self._handle).st_size != self._length:
                os.ftruncate(self._handle, self._length)
            written = 0
            while written < len(data):
                written += os.write(self._handle, data[written:])
            os.fsync(self._handle)
        except OSError:
            with contextlib.suppress(OSError):  # the next append cuts it off, and so does the next reader
                os.ftruncate(self._handle, self._length)
            raise
        self._length += len(data)

    def rotate(self) -> None:
        """Begin an empty journal, after a snapshot that includes every line.

        The old file is replaced, not emptied: a reader that has it open can still read it to its end.

        Raises:
            OSError: the disk is full or not writable; the old journal stays and does no harm.
        """
        temporary = self._path.with_name(f".{self._path.name}.part")
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            temporary.replace(self._path)
        except OSError:
            os.close(handle)
            raise
        os.close(self._handle)
        self._handle, self._length = handle, 0
        fsync_folder(self._path.parent)

    def _refuse_strange_file(self) -> None:
        if not is_in_place(self._handle, self._path):
            raise BatchError(
                "the journal was removed or replaced while the batch was running",
                where=self._path,
                hint="nothing is lost up to the last snapshot; run the same command again",
            )
