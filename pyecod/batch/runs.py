"""Run history: every result of a chain is kept as run 1, 2, 3…, and nothing is overwritten.

``runs/{data_type}/{chain}/run{n}_chain2{data_type}.json`` holds one run, ``runs/processing_log.jsonl`` a line for each.
Workers write side by side: a number belongs to whoever creates its file. Runs are not forced to disk one by one (that
would cost more than the work they record); a file that a power cut damaged fails its checksum and is no valid run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from pyecod.batch.record import Step
from pyecod.errors import BatchError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.locks import locked

LOG_NAME = "processing_log.jsonl"

_CHECKSUM = b'{"sha256":"'
_BODY = len(_CHECKSUM) + 64 + len(b'",')
_CURRENT = "current"
_CONTENT = ("inputs", "result")  # of a run, too long for the log


class DataType(StrEnum):
    """What a run made: the result of a step, or the domain summary between search and partition."""

    BLAST = Step.BLAST.value
    HHSEARCH = Step.HHSEARCH.value
    SUMMARY = "summary"
    PARTITION = Step.PARTITION.value

    @classmethod
    def of(cls, step: Step) -> DataType:
        """What a step makes."""
        return cls(step.value)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one chain. ``outcome`` is ``complete`` or ``failed``; times are UTC, ISO 8601; ``peak_mib`` is the
    largest resident memory of the process, MiB; ``inputs`` name what it depended on (versions, checksums, parameters).
    """

    number: int
    data_type: DataType
    key: ChainKey
    outcome: str
    started: str
    finished: str
    seconds: float
    peak_mib: float | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """The run as its file holds it."""
        return {
            "run": self.number,
            "data_type": str(self.data_type),
            "chain": str(self.key),
            "outcome": self.outcome,
            "started": self.started,
            "finished": self.finished,
            "seconds": self.seconds,
            "peak_mib": self.peak_mib,
            "inputs": self.inputs,
            "result": self.result,
        }


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as a listing shows it; ``run`` is None where the file is damaged."""

    number: int
    path: Path
    run: Run | None
    is_current: bool


class RunHistory:
    """The runs of one batch."""

    def __init__(self, batch_path: Path) -> None:
        self.root = batch_path / "runs"
        self._root = str(self.root)
        self._log_file = self.root / LOG_NAME

    def path(self, data_type: DataType, key: ChainKey, number: int) -> Path:
        """File of one run."""
        return Path(_file(self._folder(data_type, key), data_type, number))

    def numbers(self, data_type: DataType, key: ChainKey) -> list[int]:
        """Numbers of the runs there are, damaged ones included, rising."""
        try:
            names = os.listdir(self._folder(data_type, key))
        except FileNotFoundError:
            return []
        name = re.compile(rf"run([1-9][0-9]*)_chain2{data_type}\.json")
        return sorted(int(match[1]) for match in map(name.fullmatch, names) if match)

    def next_number(self, data_type: DataType, key: ChainKey) -> int:
        """The number the next run gets, unless somebody else is quicker."""
        return max(self.numbers(data_type, key), default=0) + 1

    def is_processed(self, data_type: DataType, key: ChainKey) -> bool:
        """Whether there is a current run."""
        return self.current(data_type, key) is not None

    def save(
        self,
        data_type: DataType,
        key: ChainKey,
        result: Mapping[str, Any],
        *,
        started: datetime,
        finished: datetime | None = None,
        outcome: str = "complete",
        peak_mib: float | None = None,
        inputs: Mapping[str, Any] | None = None,
        make_current: bool = True,
    ) -> Run:
        """Keep a result as the chain's next run, and log it.

        With ``make_current=False`` the run that is current now stays so, whatever is newest. A failed run is kept and
        never current.

        Raises:
            BatchError: the disk is full or not writable; the runs there were are untouched.
        """
        finished = finished or datetime.now(UTC)
        try:
            if not make_current and outcome == "complete":
                self._pin_current(data_type, key)
            run = self._create(
                Run(
                    number=1,
                    data_type=data_type,
                    key=key,
                    outcome=outcome,
                    started=started.isoformat(timespec="milliseconds"),
                    finished=finished.isoformat(timespec="milliseconds"),
                    seconds=round((finished - started).total_seconds(), 3),
                    peak_mib=peak_mib,
                    inputs=inputs or {},
                    result=result,
                )
            )
            if make_current and outcome == "complete":
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._pin(data_type, key))
            self._log("saved", {name: value for name, value in run.to_plain().items() if name not in _CONTENT})
        except OSError as error:
            raise BatchError(
                f"cannot keep the run: {error.strerror}", where=self._folder(data_type, key), hint="free some space"
            ) from error
        return run

    def load(self, data_type: DataType, key: ChainKey, number: int) -> Run:
        """Read one run.

        Raises:
            BatchError: there is no such run, or its file is damaged.
        """
        path = self.path(data_type, key, number)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            known = ", ".join(map(str, self.numbers(data_type, key))) or "none"
            raise BatchError(
                f"{key} has no {data_type} run {number}", where=path.parent, hint=f"runs: {known}"
            ) from None
        run = _parse(data)
        if run is None or (run.number, run.data_type, run.key) != (number, data_type, key):
            raise BatchError("the run is damaged: its checksum does not fit", where=path)
        return run

    def current(self, data_type: DataType, key: ChainKey) -> Run | None:
        """The run that counts: the one marked, else the newest valid complete one; None where there is none.

        Raises:
            BatchError: the marked run is damaged or gone.
        """
        marked = self._marked(data_type, key)
        if marked is not None:
            return self.load(data_type, key, marked) if marked else None
        for number in reversed(self.numbers(data_type, key)):
            with contextlib.suppress(BatchError):  # damaged: the one before it counts
                run = self.load(data_type, key, number)
                if run.outcome == "complete":
                    return run
        return None

    def mark_current(self, data_type: DataType, key: ChainKey, number: int) -> None:
        """Make one run the current one, until a newer one is saved as current.

        Raises:
            BatchError: there is no such run, it is damaged, or it failed.
        """
        if self.load(data_type, key, number).outcome != "complete":
            raise BatchError(f"run {number} failed and cannot be current", where=self.path(data_type, key, number))
        atomic_write(Path(self._pin(data_type, key)), f"{number}\n")
        self._log("marked current", {"data_type": str(data_type), "chain": str(key), "run": number})

    def withdraw(self, data_type: DataType, key: ChainKey) -> None:
        """The newest run shall not count: the complete one before it is current, or none where there is none."""
        complete = [s for s in self.states(data_type, key) if s.run is not None and s.run.outcome == "complete"]
        number = complete[-2].number if len(complete) > 1 else 0
        atomic_write(Path(self._pin(data_type, key)), f"{number}\n")
        self._log("withdrawn", {"data_type": str(data_type), "chain": str(key), "current": number})

    def states(self, data_type: DataType, key: ChainKey) -> list[RunState]:
        """All runs of a chain, oldest first."""
        runs: dict[int, Run | None] = {}
        for number in self.numbers(data_type, key):
            runs[number] = None
            with contextlib.suppress(BatchError):  # shown as damaged
                runs[number] = self.load(data_type, key, number)
        current = self._marked(data_type, key)
        if current is None:
            current = max((n for n, run in runs.items() if run is not None and run.outcome == "complete"), default=0)
        return [RunState(n, self.path(data_type, key, n), run, n == current) for n, run in runs.items()]

    def chains(self, data_type: DataType) -> Iterator[ChainKey]:
        """Chains that have runs, by name."""
        try:
            names = sorted(path.name for path in (self.root / data_type).iterdir())
        except FileNotFoundError:
            return
        for name in names:
            yield ChainKey.parse(name.partition("~")[0])

    def prune(
        self,
        keep: int,
        older_than: timedelta | None = None,
        *,
        data_types: Sequence[DataType] = tuple(DataType),
        dry_run: bool = True,
    ) -> list[Path]:
        """Remove old runs: all but each chain's newest ``keep`` and its current one, and only those that finished more
        than ``older_than`` ago. With ``dry_run`` nothing is removed.

        Returns:
            The files removed, or that would be.

        Raises:
            BatchError: ``keep`` is below 1, or the mark of a current run cannot be read.
        """
        if keep < 1:
            raise BatchError(f"cannot keep {keep} runs", hint="keep at least 1")
        now = datetime.now(UTC)
        removed = []
        for data_type in data_types:
            for key in self.chains(data_type):
                for state in self.states(data_type, key)[:-keep]:
                    if state.is_current or (older_than is not None and now - _finished(state) <= older_than):
                        continue
                    removed.append(state.path)
                    if not dry_run:
                        state.path.unlink(missing_ok=True)
                        name = {"data_type": str(data_type), "chain": str(key), "run": state.number}
                        self._log("pruned", name)
        return removed

    def log_lines(self) -> Iterator[dict[str, Any]]:
        """The processing log, oldest first; a line a crash left unfinished is left out."""
        try:
            data = self._log_file.read_bytes()
        except FileNotFoundError:
            return
        for line in data.splitlines():
            with contextlib.suppress(orjson.JSONDecodeError):
                yield orjson.loads(line)

    def _folder(self, data_type: DataType, key: ChainKey) -> str:
        return f"{self._root}/{data_type}/{key.file_stem}"

    def _pin(self, data_type: DataType, key: ChainKey) -> str:
        return f"{self._folder(data_type, key)}/{_CURRENT}"

    def _marked(self, data_type: DataType, key: ChainKey) -> int | None:
        """Number of the run marked current, 0 for none of them, None where nothing is marked."""
        path = self._pin(data_type, key)
        try:
            with open(path, encoding="ascii") as pin:
                return int(pin.read())
        except FileNotFoundError:
            return None
        except ValueError:
            raise BatchError("the mark of the current run is damaged", where=path, hint="remove the file") from None

    def _pin_current(self, data_type: DataType, key: ChainKey) -> None:
        """Mark what is current now, before a newer run comes that shall not be."""
        if self._marked(data_type, key) is None:
            current = self.current(data_type, key)
            _make_folder(self._folder(data_type, key))
            atomic_write(Path(self._pin(data_type, key)), f"{current.number if current else 0}\n")

    def _create(self, run: Run) -> Run:
        """Write the run under the first number that is free."""
        folder = self._folder(run.data_type, run.key)
        if not _make_folder(folder):
            run = replace(run, number=self.next_number(run.data_type, run.key))
        while True:
            path = _file(folder, run.data_type, run.number)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileExistsError:  # somebody else's
                run = replace(run, number=run.number + 1)
                continue
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(_format(run))
            except OSError:
                os.unlink(path)
                raise
            return run

    def _log(self, event: str, values: Mapping[str, Any]) -> None:
        line = orjson.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **values})
        with locked(self._log_file) as stream:  # on NFS appends of several hosts would overwrite each other
            size = stream.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
            data = (b"\n" if torn else b"") + line + b"\n"
            if stream.write(data) < len(data):
                stream.truncate(size)
                raise OSError(errno.ENOSPC, "no space left for the processing log")


def _file(folder: str, data_type: DataType, number: int) -> str:
    return f"{folder}/run{number}_chain2{data_type}.json"


def _make_folder(folder: str) -> bool:
    """Make the folder; False where it is there already."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return False
    except FileNotFoundError:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        return _make_folder(folder)
    return True


def _format(run: Run) -> bytes:
    body = orjson.dumps(run.to_plain(), option=orjson.OPT_SERIALIZE_NUMPY)
    return b'%b%b",%b' % (_CHECKSUM, sha256(body).hexdigest().encode(), body[1:])


def _parse(data: bytes) -> Run | None:
    body = b"{" + data[_BODY:]
    if data[:_BODY] != b'%b%b",' % (_CHECKSUM, sha256(body).hexdigest().encode()):
        return None
    plain = orjson.loads(body)
    return Run(
        number=plain.pop("run"),
        data_type=DataType(plain.pop("data_type")),
        key=ChainKey.parse(plain.pop("chain")),
        **plain,
    )


def _finished(state: RunState) -> datetime:
    if state.run is not None:
        return datetime.fromisoformat(state.run.finished)
    return datetime.fromtimestamp(state.path.stat().st_mtime, UTC)


def compare_runs(before: Run, after: Run) -> list[tuple[str, Any, Any]]:
    """What differs between two runs: (where, before, after), ``None`` where one of them has nothing."""
    old, new = _leaves(before.to_plain()), _leaves(after.to_plain())
    names = list(dict.fromkeys([*old, *new]))
    return [
        (name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name) and name not in ("run", "started", "finished", "seconds", "peak_mib")
    ]


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        items = [(f"{name}.{key}" if name else str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and value:
        items = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
    else:
        return {name: value}
    return {leaf: item for key, part in items for leaf, item in _leaves(part, key).items()}
