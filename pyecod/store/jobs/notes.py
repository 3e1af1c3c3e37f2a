"""What is written down about jobs, and how it gets into the tables."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from pyecod.files import sha256_of

if TYPE_CHECKING:
    from pyecod.store.connection import Connection, Store

Key = tuple[int, ...]  # this process's number of the run, then the parts: (run, 2, 7) is 1.2.7 once the run is job 1


class JobStatus(StrEnum):
    """State of a job; it only moves forwards."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class JobNote:
    """State of a job at one moment; times are UTC, ISO 8601."""

    key: Key
    name: str
    created_at: str
    batch_name: str | None = None
    flow_run_id: str | None = None
    task_run_id: str | None = None
    status: JobStatus = JobStatus.PENDING
    started_at: str | None = None
    finished_at: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file a job read or wrote; ``size`` and ``sha256`` are taken before it is written down."""

    key: Key
    path: Path
    role: Literal["IN", "OUT"]
    recorded_at: str
    import_source: str | None = None
    sha256: str | None = None
    checksum: bool = True
    size: int | None = None
    is_measured: bool = False


@dataclass(frozen=True, slots=True)
class ValueNote:
    """A number or word measured by a job."""

    key: Key
    name: str
    value: float | str


Note = JobNote | FileNote | ValueNote

_JOB = """
INSERT INTO pdb_update.job AS j (number, parent, name, batch_name, status, message, flow_run_id, task_run_id, host, pid,
                                 created_at, started_at, finished_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (number) DO UPDATE SET status = excluded.status, message = excluded.message,
    started_at = excluded.started_at, finished_at = excluded.finished_at
"""
_FILE = """
INSERT INTO pdb_update.job_file (number, role, path, size, sha256, import_source, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (number, role, path) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256,
    import_source = excluded.import_source, recorded_at = excluded.recorded_at
"""
_VALUE = """
INSERT INTO pdb_update.{} (number, name, value) VALUES (%s, %s, %s)
ON CONFLICT (number, name) DO UPDATE SET value = excluded.value
"""
_FLOAT, _CHAR = _VALUE.format("job_float_value"), _VALUE.format("job_char_value")


def measured(note: Note) -> Note:
    """A file's note with its size and checksum, as far as the file is still there; other notes as they are."""
    if not isinstance(note, FileNote) or note.is_measured:
        return note
    size, sha256 = None, note.sha256
    try:
        if note.path.is_file():
            size = note.path.stat().st_size
            if sha256 is None and note.checksum:
                sha256 = sha256_of(note.path)
    except OSError:
        size = sha256 = None  # gone, or no longer readable: the record says so by having neither
    return replace(note, size=size, sha256=sha256, is_measured=True)


def write_notes(connection: Connection, notes: Sequence[Note], roots: dict[int, int]) -> list[str]:
    """Write notes in one transaction; ``roots`` maps this process's run numbers to job numbers and is completed.

    Returns:
        Why single notes were refused; the others are written.
    """
    for note in notes:
        if isinstance(note, JobNote) and len(note.key) == 1 and note.key[0] not in roots:
            row = connection.execute("SELECT nextval('pdb_update.job_root_number')").fetchone()
            assert row is not None
            roots[note.key[0]] = row[0]
    latest: dict[Any, Note] = {_identity(note): note for note in notes}  # the last of each; parents stay first
    grouped: dict[str, list[tuple[Any, ...]]] = {_JOB: [], _FILE: [], _FLOAT: [], _CHAR: []}
    for note in latest.values():
        statement, values = _statement(note, roots)
        grouped[statement].append(tuple(_writable(value) for value in values))
    try:
        with connection.transaction(), connection.cursor() as cursor:
            for statement, rows in grouped.items():
                if rows:
                    cursor.executemany(statement, rows)
    except (psycopg.DataError, psycopg.IntegrityError):
        return _write_singly(connection, grouped)
    return []


def close_stale_jobs(store: Store) -> int:
    """Jobs of this machine that are open though their process is gone become FAILED; how many there were.

    Raises:
        StoreError: the database cannot be reached or has no schema.
    """
    with store.connect() as connection:
        host = socket.gethostname()
        rows = connection.execute(
            "SELECT DISTINCT pid FROM pdb_update.job WHERE host = %s AND status IN ('PENDING', 'RUNNING')", (host,)
        )
        dead = [pid for (pid,) in rows if not _is_alive(pid)]
        closed = connection.execute(
            "UPDATE pdb_update.job SET status = 'FAILED', finished_at = now(), message = 'its process is gone' "
            "WHERE host = %s AND pid = ANY(%s) AND status IN ('PENDING', 'RUNNING')",
            (host, dead),
        )
        return closed.rowcount


def job_number(key: Key, roots: dict[int, int]) -> str:
    """``1.2.7`` of a key whose run has its number."""
    return ".".join(map(str, (roots[key[0]], *key[1:])))


def _identity(note: Note) -> tuple[Any, ...]:
    if isinstance(note, JobNote):
        return (JobNote, note.key)
    if isinstance(note, FileNote):
        return (FileNote, note.key, note.role, note.path)
    return (ValueNote, note.key, note.name, isinstance(note.value, str))


def _statement(note: Note, roots: dict[int, int]) -> tuple[str, tuple[Any, ...]]:
    number = job_number(note.key, roots)
    if isinstance(note, FileNote):
        values = (number, note.role, str(note.path), note.size, note.sha256, note.import_source, note.recorded_at)
        return _FILE, values
    if isinstance(note, ValueNote):
        return (_CHAR if isinstance(note.value, str) else _FLOAT), (number, note.name, note.value)
    return _JOB, (
        number,
        job_number(note.key[:-1], roots) if len(note.key) > 1 else None,
        note.name,
        note.batch_name,
        str(note.status),
        note.message,
        note.flow_run_id,
        note.task_run_id,
        socket.gethostname(),
        os.getpid(),
        note.created_at,
        note.started_at,
        note.finished_at,
    )


def _writable(value: Any) -> Any:
    """Text without what PostgreSQL does not take: zero bytes, and names of files in an unknown encoding."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return value


def _write_singly(connection: Connection, grouped: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    refused = []
    for statement, rows in grouped.items():
        for row in rows:
            try:
                with connection.transaction():
                    connection.execute(statement, row)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                refused.append(f"job {row[0]}: {error.diag.message_primary or error}")
    return refused


def _is_alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
