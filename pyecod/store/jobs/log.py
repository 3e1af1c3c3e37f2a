"""Provenance: which run did what, with which files, and how it went, without the work ever waiting for the database."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pyecod.errors import StoreError, StoreUnavailableError, describe
from pyecod.store.connection import Store
from pyecod.store.jobs.notes import (
    FileNote,
    JobNote,
    JobStatus,
    Key,
    Note,
    ValueNote,
    close_stale_jobs,
    job_number,
    measured,
    write_notes,
)

_log = logging.getLogger("pyecod.store")
_PAUSE = 0.5  # seconds between two writes: what comes meanwhile goes together
_LONGEST_PAUSE = 30.0  # while the database is away


class JobLog:
    """Writes jobs into the database from a thread of its own; the work only puts notes into a queue.

    A database that is away for a while is waited for; one that refuses (no schema, no permission) or is absent
    (``store=None``) ends the recording, which is said once and stops nothing. Use it in a ``with`` block: leaving it
    closes what is still open and waits until everything is written, ``patience`` seconds at most.
    """

    def __init__(self, store: Store | None, *, patience: float = 30.0) -> None:
        self._store = store
        self._patience = patience
        self._notes: deque[Note] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._runs = itertools.count(1)
        self._roots: dict[int, int] = {}
        self._open: dict[Key, Job] = {}
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._said = False

    @property
    def unwritten(self) -> int:
        """Notes that are not in the database (yet)."""
        return len(self._notes)

    def close(self) -> None:
        """Close open jobs as failed, write what is left and end."""
        for job in list(self._open.values()):
            job.finish("the run ended before this job")
        self._deadline = time.monotonic() + self._patience
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(self._patience + 5)
        if self._notes and self._store is not None:
            _log.warning("%d notes about jobs could not be written to %s", len(self._notes), self._store.target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, note: Note) -> None:
        """Queue a note; costs microseconds."""
        if self._store is None:
            if not self._said:
                self._said = True
                _log.warning("no database: jobs, their files and numbers are not recorded")
            return
        self._notes.append(note)
        if self._thread is None:
            with self._guard:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._write_until_closed, name="job log", daemon=True)
                    self._thread.start()
        self._wake.set()

    def number(self, key: Key) -> str | None:
        """``1.2.7``; None until the database has given the run its number."""
        return job_number(key, self._roots) if key[0] in self._roots else None

    def _write_until_closed(self) -> None:
        pause = _PAUSE
        is_first = True
        while self._notes or not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(pause)
            self._wake.clear()
            taken = [measured(self._notes.popleft()) for _ in range(len(self._notes))]
            try:
                self._write(taken, is_first)
                pause, is_first = _PAUSE, False
            except StoreUnavailableError as error:
                self._notes.extendleft(reversed(taken))
                self._wake.set()
                if pause == _PAUSE:
                    _log.warning("jobs are recorded later: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE)
                if time.monotonic() > self._deadline:
                    return
                if self._closing.is_set():
                    time.sleep(_PAUSE)
            except StoreError as error:
                _log.warning("jobs are not recorded: %s", error)
                self._store = None
                self._said = True
                self._notes.clear()
                return

    def _write(self, notes: list[Note], is_first: bool) -> None:
        assert self._store is not None
        if is_first:
            close_stale_jobs(self._store)
        if not notes:
            return
        with self._store.connect() as connection:
            for refusal in write_notes(connection, notes, self._roots):
                _log.warning("not recorded: %s", refusal)


class Job:
    """One piece of work: a flow run, a step of it, a chunk of that. Made by :func:`track_job`.

    As a context manager, plain or async, it is RUNNING inside the block and FINISHED after it; an exception, a
    cancellation or an interrupt makes it FAILED with the reason, and goes on its way. The methods may be called from
    any thread.
    """

    def __init__(self, log: JobLog, note: JobNote) -> None:
        self._log = log
        self._note = note
        self._parts = itertools.count(1)
        self._start: float | None = None
        self._began: datetime | None = None
        log._open[note.key] = self
        log.add(note)

    @property
    def number(self) -> str | None:
        """``1.2.7``; None until the database has given the run its number."""
        return self._log.number(self._note.key)

    @property
    def name(self) -> str:
        """What it is called in the database."""
        return self._note.name

    @property
    def status(self) -> JobStatus:
        """Where the job stands."""
        return self._note.status

    def add_file(
        self,
        path: Path,
        role: Literal["IN", "OUT"],
        *,
        import_source: str | None = None,
        sha256: str | None = None,
        checksum: bool = True,
    ) -> None:
        """Note a file that was read or written; its size and checksum are taken in the background, soon.

        ``import_source`` says where an imported file came from. ``sha256`` is the checksum where it is known already;
        ``checksum=False`` leaves it out, for files too large to be read again.
        """
        self._log.add(
            FileNote(self._note.key, path.absolute(), role, _now(), import_source, sha256=sha256, checksum=checksum)
        )

    def kpi(self, **values: float | str) -> None:
        """Note measured numbers and words: ``job.kpi(coverage=0.93, peak_mb=412, program="blastp 2.12.0")``."""
        for name, value in values.items():
            self._log.add(ValueNote(self._note.key, name, value if isinstance(value, str) else float(value)))

    def begin(self, started: datetime | None = None) -> None:
        """The job is RUNNING from now on, or from when it was ``started``."""
        self._start = time.monotonic()
        self._began = started or datetime.now(UTC)
        self._change(status=JobStatus.RUNNING, started_at=_text(self._began))

    def finish(self, message: str | None = None, seconds: float | None = None, *, remark: str | None = None) -> None:
        """The job has ended: FINISHED, or FAILED where ``message`` says why. Only the first end counts.

        ``seconds`` is how long it took where it began and ended elsewhere, earlier. ``remark`` is what is to be said of
        a job that FINISHED all the same.
        """
        if self._log._open.pop(self._note.key, None) is None:
            return
        finished = datetime.now(UTC)
        if seconds is not None and self._began is not None:
            finished = self._began + timedelta(seconds=seconds)
        elif self._start is not None:
            seconds = time.monotonic() - self._start
        if seconds is not None:
            self.kpi(seconds=seconds)
        ended = JobStatus.FINISHED if message is None else JobStatus.FAILED
        self._change(status=ended, finished_at=_text(finished), message=message or remark)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.finish(None if error is None else _reason(error))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _change(self, **values: Any) -> None:
        self._note = replace(self._note, **values)
        self._log.add(self._note)


def track_job(
    log: JobLog,
    name: str,
    *,
    parent: Job | None = None,
    batch_name: str | None = None,
    flow_run_id: str | None = None,
    task_run_id: str | None = None,
) -> Job:
    """A new PENDING job, to be used as ``with`` or ``async with``; with ``parent`` it is a part of that one.

    >>> async with track_job(log, "search", parent=run) as job:      # doctest: +SKIP
    ...     job.add_file(path, "OUT")
    ...     job.kpi(hits=490)
    """
    if parent is None:
        return Job(log, JobNote((next(log._runs),), name, _now(), batch_name, flow_run_id, task_run_id))
    above = parent._note
    return Job(
        log,
        JobNote(
            (*above.key, next(parent._parts)),
            name,
            _now(),
            batch_name or above.batch_name,
            flow_run_id or above.flow_run_id,
            task_run_id,
        ),
    )


def _now() -> str:
    return _text(datetime.now(UTC))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return describe(error)
