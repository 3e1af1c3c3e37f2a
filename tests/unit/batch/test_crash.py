"""Whatever is interrupted, at whichever write: the state is the one before or the one after, never another."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyecod.batch import Batch, BatchHeader, BatchType, ChainRecord, ChainUpdate, EntryRecord, Status
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

SYSCALLS = ("write", "fsync", "replace", "ftruncate")
KEYS = [ChainKey("8abc", name) for name in "ABab"]
NAME = "ecod_weekly_20250905"

Folder = dict[str, bytes]
State = dict[str, Any]


class Crash(Exception):
    """The process is gone."""


def look(folder: Path) -> Folder:
    """The batch's own files as they are now, half-written ones included."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "batch.lock"}


def state_of(batch: Batch) -> State:
    chains = {
        name: (chain.attempts, str(chain.blast_status), dict(chain.files))
        for name, chain in batch.manifest.chains.items()
    }
    entries = {name: str(entry.status) for name, entry in batch.manifest.entries.items()}
    return {"chains": chains, "entries": entries, "tools": dict(batch.header.tool_versions)}


class Interrupted(RuleBasedStateMachine):
    """A driver that marks and takes snapshots; every write of it could be the last."""

    @initialize()
    def create(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="crash"))
        chains = [ChainRecord(key, 50, f"{i:032x}") for i, key in enumerate(KEYS[:3])]
        header = BatchHeader(NAME, BatchType.WEEKLY, "2025-09-05T00:00:00+00:00")
        self.batch = Batch.create(self.base, header, chains=chains)
        self.model = state_of(self.batch)
        self.moments: list[Folder] = []
        self.drive()

    def drive(self) -> None:
        self.driving = self.batch.lock()
        self.driving.__enter__()

    def die(self) -> None:
        with contextlib.suppress(Crash):
            self.driving.__exit__(Crash, Crash(), None)

    def teardown(self) -> None:
        if hasattr(self, "base"):
            self.die()
            shutil.rmtree(self.base)

    @contextlib.contextmanager
    def watched(self, fail_at: int | None) -> Iterator[None]:
        """Note the folder's state around every system call that changes it; let the call ``fail_at`` fail."""
        self.moments = []
        real = {name: getattr(os, name) for name in SYSCALLS}
        calls = 0

        def wrap(name: str) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                calls += 1
                self.moments.append(look(self.batch.path))
                if name == "write":
                    half = real[name](args[0], args[1][: len(args[1]) // 2])
                    self.moments.append(look(self.batch.path))
                    if calls == fail_at:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    result = half + real[name](args[0], args[1][half:])
                else:
                    if calls == fail_at:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    result = real[name](*args, **kwargs)
                self.moments.append(look(self.batch.path))
                return result

            return call

        try:
            for name in SYSCALLS:
                setattr(os, name, wrap(name))
            yield
        finally:
            for name in SYSCALLS:
                setattr(os, name, real[name])

    def attempt(self, act: Callable[[], object], after: State, fail_at: int | None) -> None:
        """Do something; it happens or, with a full disk, it does not; and no moment of it shows anything else."""
        before = self.model
        refused: BatchError | None = None
        try:
            with self.watched(fail_at):
                act()
        except BatchError as error:
            refused = error
        self.model = state_of(self.batch)
        if refused is None:
            assert self.model == after
        else:  # a header whose manifest was written counts, even if the journal could not be renewed
            assert self.model in (before, after)
            assert "no space left" in str(refused)
        for moment in self.moments:
            assert self.reopened(moment) in (before, after)

    def reopened(self, moment: Folder) -> State:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in moment.items():
                (Path(folder) / name).write_bytes(data)
            return state_of(Batch.open(Path(folder)))

    @rule(
        marks=st.lists(
            st.tuples(
                st.sampled_from(KEYS[:3]),
                st.integers(0, 5),
                st.sampled_from(["pending", "running", "failed"]),
                st.sampled_from(["a", "b"]),
            ),
            min_size=1,
            max_size=3,
        ),
        fail_at=st.none() | st.integers(1, 3),
    )
    def mark(self, marks: list[tuple[ChainKey, int, str, str]], fail_at: int | None) -> None:
        chains = dict(self.model["chains"])
        updates = []
        for key, attempts, status, file in marks:
            changes = {"attempts": attempts, "blast_status": status, "files": {file: f"{file}/{attempts}"}}
            updates.append(ChainUpdate(key, changes))
            chains[str(key)] = (attempts, status, {**chains[str(key)][2], file: f"{file}/{attempts}"})
        self.attempt(lambda: self.batch.mark(updates), {**self.model, "chains": chains}, fail_at)

    @rule(
        pdb_id=st.sampled_from(["8abc", "8s72"]), status=st.sampled_from(Status), fail_at=st.none() | st.integers(1, 3)
    )
    def record_entry(self, pdb_id: str, status: Status, fail_at: int | None) -> None:
        chain = ChainRecord(KEYS[3], 50, "f" * 32)
        after = {
            **self.model,
            "entries": {**self.model["entries"], pdb_id: str(status)},
            "chains": {str(KEYS[3]): (0, "pending", {}), **self.model["chains"]},
        }
        self.attempt(lambda: self.batch.mark(entries=[EntryRecord(pdb_id, status)], chains=[chain]), after, fail_at)

    @rule(fail_at=st.none() | st.integers(1, 6))
    def snapshot(self, fail_at: int | None) -> None:
        self.attempt(self.batch.snapshot, self.model, fail_at)

    @rule(version=st.sampled_from(["2.12", "2.16"]), fail_at=st.none() | st.integers(1, 6))
    def change_header(self, version: str, fail_at: int | None) -> None:
        after = {**self.model, "tools": {"blastp": version}}
        self.attempt(lambda: self.batch.update_header(tool_versions={"blastp": version}), after, fail_at)

    @rule()
    def end_and_begin_again(self) -> None:
        self.driving.__exit__(None, None, None)
        self.batch = Batch.open(self.batch.path)
        self.drive()

    @precondition(lambda self: self.moments)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """The process dies at one of the moments of what it did last, and another one goes on from there."""
        moment = data.draw(st.sampled_from(self.moments), label="moment")
        self.die()
        for path in self.batch.path.iterdir():
            if path.is_file() and path.name != "batch.lock":
                path.unlink()
        for name, content in moment.items():
            (self.batch.path / name).write_bytes(content)
        self.batch = Batch.open(self.batch.path)
        self.drive()
        self.model = state_of(self.batch)  # one of the two, as `attempt` has shown
        self.moments = []

    @invariant()
    def the_disk_says_what_memory_says(self) -> None:
        if hasattr(self, "batch"):
            assert state_of(Batch.open(self.batch.path)) == self.model


TestInterrupted = Interrupted.TestCase
TestInterrupted.pytestmark = [pytest.mark.slow]
TestInterrupted.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
