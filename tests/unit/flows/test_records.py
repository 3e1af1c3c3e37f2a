"""What the jobs of chunks and steps say of how they ended and where."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.batch.provenance import RunRecord
from pyecod.batch import EntryRecord
from pyecod.batch.record import ChainUpdate, Status, Step, step_is
from pyecod.errors import BrokenInputError, WorkerKilledError
from pyecod.ids import ChainKey
from pyecod.slurm.queue import QueuedJob, WorkerEnd
from pyecod.store import JobLog, track_job
from pyecod.store.jobs.notes import JobNote, Note, ValueNote
from pyecod.work.chunks import SequenceGroup
from pyecod.work.entries import EntryOutcome
from pyecod.work.groups import Part, StepResult, failed_updates, group_updates
from tasks.places import slurm_job_of, told_in_errors


class Kept(JobLog):
    """Keeps the notes instead of writing them."""

    def __init__(self) -> None:
        super().__init__(None)
        self.notes: list[Note] = []

    def add(self, note: Note) -> None:
        self.notes.append(note)

    def ends(self) -> dict[str, tuple[str, str | None]]:
        return {n.name: (str(n.status), n.message) for n in self.notes if isinstance(n, JobNote)}

    def values(self, name: str) -> dict[str, float | str]:
        keys = {note.key for note in self.notes if isinstance(note, JobNote) and note.name == name}
        return {note.name: note.value for note in self.notes if isinstance(note, ValueNote) and note.key in keys}


@pytest.fixture
def log() -> Kept:
    return Kept()


@pytest.fixture
def record(log: Kept) -> RunRecord:
    return RunRecord(log, track_job(log, "run"))


def group(number: int) -> SequenceGroup:
    key = ChainKey("1abc", f"C{number}")
    return SequenceGroup(md5=f"{number:032x}", length=100, representative=key, members=(key,))


def result_of(step: Step, groups: list[SequenceGroup], failed: int, **more: Any) -> StepResult:
    updates: list[ChainUpdate] = []
    for one in groups[:failed]:
        updates += failed_updates(one, step, "it broke")
    for one in groups[failed:]:
        updates += group_updates(one, step_is(step, Status.COMPLETE))
    return StepResult(tuple(updates), failures={one.md5: "it broke" for one in groups[:failed]}, **more)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize(
    ("failed", "status", "message"),
    [
        (0, "FINISHED", None),
        (1, "FINISHED", "1 of 2 sequences failed, the first: it broke"),
        (2, "FAILED", "2 of 2 sequences failed, the first: it broke"),
    ],
)
def test_a_chunk_says_how_many_failed_and_fails_with_all(
    log: Kept, record: RunRecord, step: Step, failed: int, status: str, message: str | None
) -> None:
    groups = [group(1), group(2)]
    record.begin_chunk(step, "c", "future")
    record.note_result("future", groups, result_of(step, groups, failed, slurm_job="77"), batch=None)  # type: ignore[arg-type]
    record.end_steps()
    assert log.ends()[f"{step} c"] == (status, message)
    assert log.ends()[step] == (status, message.partition(",")[0] if message else None)
    assert log.values(f"{step} c")["failed"] == failed
    assert log.values(step)["failed"] == failed
    assert log.values(f"{step} c")["slurm_job"] == "77"
    assert "worker_log" not in log.values(f"{step} c")  # it has no workers of SLURM


def test_a_partition_that_fails_beside_a_search_is_no_failure_of_the_search(log: Kept, record: RunRecord) -> None:
    groups = [group(1), group(2)]
    part = Part("p", 2, 2, datetime.now(UTC), 1.0)
    record.begin_chunk(Step.BLAST, "c", "future")
    record.note_result("future", groups, result_of(Step.PARTITION, groups, 2, parts=(part,)), batch=None)  # type: ignore[arg-type]
    record.end_steps()
    failed = ("FAILED", "2 of 2 sequences failed, the first: it broke")
    assert log.ends() == {
        "run": ("PENDING", None),
        "blast": ("FINISHED", None),
        "blast c": ("FINISHED", None),
        "partition": ("FAILED", "2 of 2 sequences failed"),
        "partition p": failed,
    }


def test_what_a_later_chunk_has_done_has_not_failed(log: Kept, record: RunRecord) -> None:
    groups = [group(1), group(2)]
    record.begin_chunk(Step.HHSEARCH, "both", "f1")
    record.lose_chunk("f1", [one.md5 for one in groups], BrokenInputError("no"))
    record.begin_chunk(Step.HHSEARCH, "again", "f2")
    record.note_result("f2", groups, result_of(Step.HHSEARCH, groups, 0), batch=None)  # type: ignore[arg-type]
    record.end_steps()
    assert log.ends()["hhsearch both"] == ("FAILED", "no")
    assert log.ends()["hhsearch"] == ("FINISHED", None)


def test_entries_that_all_fail_make_their_chunk_fail(log: Kept, record: RunRecord) -> None:
    entries = [EntryRecord(name, Status.FAILED, failure_reason="cut") for name in ("1abc", "2abc")]
    record.begin_chunk("read entries", "all", "f1")
    record.note_entries("f1", [EntryOutcome(entry, slurm_job="5") for entry in entries])
    record.begin_chunk("read entries", "one", "f2")
    record.note_entries("f2", [EntryOutcome(entries[0]), EntryOutcome(EntryRecord("3abc", Status.COMPLETE))])
    record.end_steps()
    assert log.ends()["read entries all"] == ("FAILED", "2 of 2 entries failed, the first: 1abc: cut")
    assert log.ends()["read entries one"] == ("FINISHED", "1 of 2 entries failed, the first: 1abc: cut")
    assert log.ends()["read entries"] == ("FINISHED", "2 of 3 entries failed")
    assert log.values("read entries all")["slurm_job"] == "5"


def test_a_chunk_that_killed_its_worker_has_what_slurm_says(log: Kept, record: RunRecord) -> None:
    job = QueuedJob("9", "OUT_OF_MEMORY", "OutOfMemory", "n1", "0:125")
    error = WorkerKilledError("killed its worker 4 times")
    error.end = WorkerEnd("w", "9", job, "process 3 was killed by signal 9", Path("/b/logs/workers/n-9.err"))
    record.begin_chunk(Step.BLAST, "c", "future")
    record.lose_chunk("future", [group(1).md5], error)
    assert log.ends()["blast c"] == ("FAILED", "killed its worker 4 times")
    values = log.values("blast c")
    assert values.pop("seconds") is not None
    assert values == {
        "worker_end": "SLURM job 9 on n1: OUT_OF_MEMORY, OutOfMemory; process 3 was killed by signal 9",
        "slurm_job": "9",
        "slurm_state": "OUT_OF_MEMORY",
        "slurm_exit_code": "0:125",
        "worker_log": "/b/logs/workers/n-9.err",
    }


@pytest.mark.parametrize(
    ("end", "text", "code"),
    [
        (WorkerEnd("w"), "worker w", ""),
        (WorkerEnd("w", "9"), "SLURM job 9", ""),
        (WorkerEnd("w", "9", is_forgotten=True), "SLURM job 9, which SLURM has forgotten", ""),
        (WorkerEnd("w", "9", QueuedJob("9", "RUNNING", exit_code="0:0")), "SLURM job 9: RUNNING", ""),
        (WorkerEnd("w", "9", QueuedJob("9", "FAILED", exit_code="1:0")), "SLURM job 9: FAILED", "1:0"),
    ],
)
def test_the_end_of_a_worker_in_words(end: WorkerEnd, text: str, code: str) -> None:
    assert (str(end), end.exit_code) == (text, code)


@pytest.mark.parametrize("error", [ValueError("x"), BrokenInputError("x", where="f")])
def test_an_error_takes_its_slurm_job_home(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    with pytest.raises(type(error)) as raised, told_in_errors():
        raise error
    sent = pickle.loads(pickle.dumps(raised.value))
    assert slurm_job_of(sent) == "41"
    assert str(sent) == str(error)
    assert slurm_job_of(ValueError("elsewhere")) is None
