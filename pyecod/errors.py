"""The one hierarchy of errors: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

_SHOWN = 20


class FailureKind(StrEnum):
    """Kinds of failures that something is decided by: workers with more memory and time may succeed; a chain that is
    unusable needs its entry's file mended."""

    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_TIME = "out_of_time"
    WORKER_KILLED = "worker_killed"
    UNUSABLE = "unusable"


class PyecodError(Exception):
    """Base of every error pyECOD raises on purpose.

    ``what`` is one sentence, ``where`` a file (with ``:line``), chain or key, ``hint`` the remedy.
    ``exit_code`` is what the command line returns when the error ends a command, ``kind`` what is recorded of a chain
    beside the words. ``results`` is what a run that ends with the error has done all the same.
    """

    exit_code = 3
    kind: FailureKind | None = None

    def __init__(
        self, what: str, *, where: str | Path | None = None, hint: str | None = None, results: Any = None
    ) -> None:
        self.what = what
        self.where = str(where) if where is not None else None
        self.hint = hint
        self.results = results
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        # keyword arguments do not survive Exception's own pickling, and workers send errors home
        more = {name: value for name, value in self.__dict__.items() if name not in _NOT_SENT}
        return (_rebuild, (type(self), self.what, self.where, self.hint), more or None)


_NOT_SENT = ("what", "where", "hint", "results")  # what is built anew, and what may be large


def _rebuild(cls: type[PyecodError], what: str, where: str | None, hint: str | None) -> PyecodError:
    error = cls.__new__(cls)
    PyecodError.__init__(error, what, where=where, hint=hint)
    return error


class UsageError(PyecodError):
    """The command was asked for something that cannot be: a wrong date, contradicting options."""

    exit_code = 2


class ConfigError(PyecodError):
    """A setting is unknown, impossible or missing."""

    exit_code = 2


class BrokenInputError(PyecodError):
    """A file that was handed in cannot be read as what it should be. Never "no evidence"."""


class IdError(BrokenInputError):
    """An id does not follow its grammar, so it may not become a file name or a key."""


class RangeError(BrokenInputError):
    """Text is not a residue range."""


class ReferenceDataError(PyecodError):
    """The ECOD reference is absent, incomplete, or not what its version record says."""


class ProgramError(PyecodError):
    """An external program is missing, failed, was killed or ran out of time."""


class OutOfMemoryError(ProgramError):
    """An external program had too little memory."""

    kind = FailureKind.OUT_OF_MEMORY


class WorkerKilledError(PyecodError):
    """Work on this chunk ended its worker, as often as is allowed."""

    kind = FailureKind.WORKER_KILLED
    end: Any = None
    """The :class:`~pyecod.slurm.queue.WorkerEnd` of the last one, where SLURM had it."""


class WorkersLostError(ConfigError):
    """There are no workers, or nobody to report to, and no chain is to blame: the batch stops."""

    exit_code = 3


class BrokenOutputError(ProgramError):
    """A search program's output is truncated, empty, or belongs to another query."""


class MissingProgramError(ProgramError):
    """A program is not installed on this machine: no sequence is to blame, every search would end the same way."""


class MissingResultError(PyecodError):
    """A search result that should be in the search cache is not there."""


class BatchError(PyecodError):
    """A batch directory, manifest or journal cannot be used."""


class BatchLockedError(BatchError):
    """Another live process drives this batch."""


class EvidenceLostError(BatchError):
    """An evidence type that had hits contributes nothing downstream: the batch must not count as done."""


class NodeDiskError(PyecodError):
    """The node's own disk (scratch folder) is full or broken; ``where`` is the node. Other nodes may be fine."""


class FetchError(PyecodError):
    """A file cannot be fetched; ``where`` is its URL."""


class StoreError(PyecodError):
    """PostgreSQL cannot be reached or refuses what it was given."""


E = TypeVar("E", bound=PyecodError)


def together(errors: Sequence[E], what: str, *, where: str | Path | None = None) -> E:
    """Several errors of a kind as one that lists them (the first twenty) under ``what``; a single one as it is."""
    if len(errors) == 1:
        return errors[0]
    lines = [what + ":", *map(str, errors[:_SHOWN])]
    if len(errors) > _SHOWN:
        lines.append(f"and {len(errors) - _SHOWN} more")
    return type(errors[0])("\n  ".join(lines), where=where)


def describe(error: BaseException) -> str:
    """One line for a ``failure_reason``: pyECOD's own errors as they are, others with their type."""
    if isinstance(error, PyecodError):
        return str(error)
    if isinstance(error, OSError) and is_disk_trouble(error):
        return explain(error)
    return f"{type(error).__name__}: {error}"


_SPACE = "free some space and run the same command again; all that was recorded is still there"
_ALLOWED = "run as the user who owns it, or name a place this user may use"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EROFS: "the disk is mounted read-only: run where it can be written, or name another place",
    errno.EACCES: _ALLOWED,
    errno.EPERM: _ALLOWED,
    errno.EMFILE: "too many files are open at once: raise the limit with `ulimit -n`",
    errno.ESTALE: "the file server lost it: run the same command again",
    errno.EIO: "the disk or its file server is broken: look at the system's log",
}


def explain(error: OSError) -> str:
    """What the operating system refused, of which file, and what helps."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    where = f"{' → '.join(names)}: " if names else ""
    hint = _REMEDIES.get(error.errno or 0)
    return f"{where}{(error.strerror or str(error)).lower()}" + (f" ({hint})" if hint else "")


def kind_of(error: BaseException) -> FailureKind | None:
    """What is recorded of a failure beside :func:`describe`; None where nothing is decided by it."""
    return error.kind if isinstance(error, PyecodError) else None


def is_disk_trouble(error: BaseException) -> bool:
    """The disk is full, over quota or read-only: the whole batch must stop, no chain is to blame."""
    if isinstance(error, NodeDiskError):
        return True
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class StoreUnavailableError(StoreError):
    """PostgreSQL cannot be reached, or the connection broke: worth another try later."""


class NoDatabaseError(StoreError):
    """The settings say that there is no database (``database.mode: none``)."""

    exit_code = 2
