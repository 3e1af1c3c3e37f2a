from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate, EntryRecord, Status
from pyecod.errors import BatchError, BatchLockedError
from pyecod.ids import ChainKey
from pyecod.settings import Settings

A, B, N = ChainKey("8abc", "A"), ChainKey("8abc", "B"), ChainKey("8s72", "N")
BLAST_DONE = {"blast_status": Status.COMPLETE, "blast_coverage": 0.93, "needs_hhsearch": False}


def test_what_is_marked_is_there_for_everyone_at_once_and_after_the_snapshot(batch: Batch) -> None:
    with batch.lock():
        assert batch.mark([ChainUpdate(A, BLAST_DONE)]) == 1
        assert Batch.open(batch.path).record(A).blast_coverage == 0.93
        assert batch.snapshot()
        assert batch.paths.journal.stat().st_size == 0
        assert Batch.open(batch.path).record(A).blast_status is Status.COMPLETE
    assert Batch.open(batch.path).manifest == batch.manifest


def test_marking_the_same_twice_writes_nothing_and_counts_nothing(batch: Batch) -> None:
    with batch.lock():
        batch.mark([ChainUpdate(A, {**BLAST_DONE, "updated_at": "2025-09-05T00:00:00+00:00"})])
        size, state = batch.paths.journal.stat().st_size, replace(batch.record(A))
        assert batch.mark([ChainUpdate(A, {**BLAST_DONE, "updated_at": "2025-09-06T00:00:00+00:00"})]) == 0
        assert batch.paths.journal.stat().st_size == size
        assert batch.record(A) == state
        assert batch.mark([]) == 0


def test_every_change_carries_its_time(batch: Batch) -> None:
    with batch.lock():
        batch.mark([ChainUpdate(A, {"attempts": 1}), ChainUpdate(B, {"attempts": 1, "updated_at": "then"})])
    assert batch.record(A).updated_at is not None
    assert batch.record(B).updated_at == "then"


def test_files_and_evidence_of_later_steps_are_added(batch: Batch) -> None:
    with batch.lock():
        batch.mark([ChainUpdate(A, {"files": {"fasta": "fastas/8abc_A.fa"}, "evidence": {"hhsearch": {"found": 2}}})])
        batch.mark([ChainUpdate(A, {"files": {"summary": "summaries/x.xml"}})])
        batch.mark([ChainUpdate(A, {"files": {"fasta": "fastas/8abc_A.fa"}})])
    record = Batch.open(batch.path).record(A)
    assert record.files == {"fasta": "fastas/8abc_A.fa", "summary": "summaries/x.xml"}
    assert record.evidence == {"hhsearch": {"found": 2}}


def test_several_updates_of_one_chain_in_one_mark_apply_in_order(batch: Batch) -> None:
    with batch.lock():
        updates = [
            ChainUpdate(A, {"attempts": 1, "files": {"a": "a"}}),
            ChainUpdate(A, {"attempts": 2, "files": {"b": "b"}}),
        ]
        assert batch.mark(updates) == 1
    record = Batch.open(batch.path).record(A)
    assert (record.attempts, record.files) == (2, {"a": "a", "b": "b"})


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.FAILED, Status.NOT_NEEDED])
@pytest.mark.parametrize("step", ["blast", "hhsearch", "partition"])
def test_a_complete_step_is_undone_by_a_repair_only(batch: Batch, step: str, status: Status) -> None:
    field = f"{step}_status"
    with batch.lock():
        batch.mark([ChainUpdate(A, {field: Status.COMPLETE})])
        with pytest.raises(BatchError, match=f"{field} is complete") as caught:
            batch.mark([ChainUpdate(B, {field: Status.COMPLETE}), ChainUpdate(A, {field: status})])
        assert "8abc_A" in str(caught.value)
        assert getattr(batch.record(B), field) is Status.PENDING  # all or nothing
        batch.mark([ChainUpdate(A, {field: status})], repair=True)
    assert getattr(Batch.open(batch.path).record(A), field) is status


def test_other_transitions_are_free(batch: Batch) -> None:
    with batch.lock():
        for status in (
            Status.RUNNING,
            Status.PENDING,
            Status.FAILED,
            Status.RUNNING,
            Status.NOT_NEEDED,
            Status.COMPLETE,
        ):
            batch.mark([ChainUpdate(A, {"hhsearch_status": status})])
            assert batch.record(A).hhsearch_status is status


def test_a_wrong_mark_changes_nothing_and_names_the_chain(batch: Batch) -> None:
    with batch.lock():
        for bad in (
            ChainUpdate(ChainKey("9zzz", "Z"), {"attempts": 1}),
            ChainUpdate(B, {"attempts": "1"}),
            ChainUpdate(B, {"sequence_length": 5}),
        ):
            with pytest.raises(BatchError) as caught:
                batch.mark([ChainUpdate(A, {"attempts": 1}), bad])
            assert str(bad.key) in str(caught.value)
        assert batch.record(A).attempts == 0
        assert batch.paths.journal.stat().st_size == 0
    assert Batch.open(batch.path).record(A).attempts == 0


def test_entries_and_their_chains_are_recorded_together(batch: Batch, make_chain: Callable[..., ChainRecord]) -> None:
    entry = EntryRecord("9xyz", Status.COMPLETE, chain_count=1, title="β-lactamase", problems=("odd",), resolution=2.1)
    with batch.lock():
        assert (
            batch.mark(
                [ChainUpdate(ChainKey("9xyz", "A"), {"attempts": 1})], entries=[entry], chains=[make_chain("9xyz_A")]
            )
            == 2
        )
        assert batch.mark(entries=[entry], chains=[make_chain("9xyz_A")]) == 0
    again = Batch.open(batch.path)
    assert again.manifest.entries["9xyz"] == entry
    assert again.record(ChainKey("9xyz", "A")).attempts == 1


def test_a_known_chain_is_not_reset_by_being_recorded_again(
    batch: Batch, make_chain: Callable[..., ChainRecord]
) -> None:
    with batch.lock():
        batch.mark([ChainUpdate(N, BLAST_DONE)])
        assert batch.mark(chains=[make_chain("8s72_N", "three")]) == 0
        assert batch.record(N).blast_status is Status.COMPLETE
        other = make_chain("8s72_N", "changed by the PDB")
        with pytest.raises(BatchError, match="another sequence"):
            batch.mark(chains=[other])
        batch.mark(chains=[other], repair=True)
        assert batch.record(N).blast_status is Status.PENDING
    assert Batch.open(batch.path).record(N).sequence_md5 == other.sequence_md5


@pytest.mark.parametrize(
    "key", [ChainKey("../8abc", "A"), ChainKey("8abc", "a/b"), ChainKey("8ABC", "A"), ChainKey("8abc", "$(ls)")]
)
def test_a_key_that_could_not_be_read_back_is_refused(batch: Batch, key: ChainKey) -> None:
    with batch.lock(), pytest.raises(BatchError):
        batch.mark(chains=[ChainRecord(key, 10, "0" * 32)])


def test_only_the_holder_of_the_lock_may_change_a_batch(batch: Batch) -> None:
    with pytest.raises(BatchLockedError, match="not locked by this process"):
        batch.mark([ChainUpdate(A, {"attempts": 1})])
    other = Batch.open(batch.path)
    with batch.lock():
        assert other.holder is not None
        assert other.holder.pid == os.getpid()
        with pytest.raises(BatchLockedError, match=f"pid {os.getpid()}"), other.lock():
            pass
        with pytest.raises(BatchLockedError):
            other.mark([ChainUpdate(A, {"attempts": 1})])
    assert other.holder is None
    with other.lock():
        other.mark([ChainUpdate(A, {"attempts": 1})])


def test_the_next_driver_sees_what_the_last_one_did_after_it_was_opened(batch: Batch) -> None:
    other = Batch.open(batch.path)
    with batch.lock():
        batch.mark([ChainUpdate(A, {"attempts": 1})])
    with other.lock():
        assert other.record(A).attempts == 1
        other.mark([ChainUpdate(B, {"attempts": 1})])
    assert Batch.open(batch.path).manifest == other.manifest


def mark_and_die(batch: Batch, *acts: Callable[[Batch], object]) -> None:
    """Drive the batch and end by an error, which leaves everything in the journal."""
    with contextlib.suppress(ZeroDivisionError), batch.lock():
        for act in acts:
            act(batch)
        raise ZeroDivisionError


def attempts(key: ChainKey, count: int) -> Callable[[Batch], object]:
    return lambda batch: batch.mark([ChainUpdate(key, {"attempts": count})])


def test_after_an_error_the_journal_has_everything_and_the_lock_is_free(batch: Batch) -> None:
    mark_and_die(batch, attempts(A, 1))
    assert batch.paths.journal.stat().st_size > 0
    with Batch.open(batch.path).lock() as again:
        assert again.record(A).attempts == 1


def test_a_torn_line_is_reported_and_cut_off_by_the_next_driver(batch: Batch) -> None:
    mark_and_die(batch, attempts(A, 1), attempts(B, 1))
    whole = batch.paths.journal.read_bytes()
    batch.paths.journal.write_bytes(whole[:-5])
    again = Batch.open(batch.path)
    assert again.torn_bytes > 0
    assert (again.record(A).attempts, again.record(B).attempts) == (1, 0)
    with again.lock():
        again.mark([ChainUpdate(N, {"attempts": 3})])
    last = Batch.open(batch.path)
    assert (last.torn_bytes, last.record(N).attempts, last.record(B).attempts) == (0, 3, 0)


def test_a_journal_that_does_not_belong_to_the_manifest_is_refused(batch: Batch) -> None:
    manifest = batch.paths.manifest.read_bytes()
    mark_and_die(batch, attempts(A, 1), Batch.snapshot, attempts(A, 2))
    batch.paths.manifest.write_bytes(manifest)
    with pytest.raises(BatchError, match="lines are missing"):
        Batch.open(batch.path)


def test_snapshots_come_no_more_often_than_asked_for_and_only_when_something_changed(batch: Batch) -> None:
    with batch.lock():
        assert not batch.snapshot()
        batch.mark([ChainUpdate(A, {"attempts": 1})])
        assert not batch.snapshot(min_seconds=3600)
        assert batch.snapshot(min_seconds=0)
        assert not batch.snapshot()


def test_a_snapshot_is_safe_on_disk_before_the_journal_is_emptied(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def spy(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            target = args[1] if name == "replace" else Path(f"/proc/self/fd/{args[0]}").readlink()
            calls.append(f"{name} {Path(str(target)).name}")
            return real(*args, **kwargs)

        return call

    with batch.lock():
        batch.mark([ChainUpdate(A, {"attempts": 1})])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", spy("fsync"))
            patch.setattr(os, "replace", spy("replace"))
            batch.snapshot()
    written, *rest = calls
    assert written.startswith("fsync .batch_manifest.yaml.")
    folder = f"fsync {batch.path.name}"
    assert rest == ["replace batch_manifest.yaml", folder, "replace journal.jsonl", folder]


def test_creating_a_batch_twice_is_an_error_and_an_interrupted_creation_is_done_again(
    tmp_path: Path, header: BatchHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pyecod.batch.batch.write_manifest", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Batch.create(tmp_path, header)
    with pytest.raises(BatchError, match="creation was interrupted"):
        Batch.open(tmp_path / header.batch_name)
    created = Batch.create(tmp_path, header, pdb_entries="8abc\n8s72\n", entries=[EntryRecord("8abc")])
    assert created.paths.pdb_entries.read_text() == "8abc\n8s72\n"
    with pytest.raises(BatchError, match="exists already"):
        Batch.create(tmp_path, header)


def test_a_lost_manifest_is_not_replaced_while_its_journal_is_there(batch: Batch) -> None:
    mark_and_die(batch, attempts(A, 1))
    batch.paths.manifest.unlink()
    with pytest.raises(BatchError, match="its manifest is gone"):
        Batch.create(batch.path.parent, batch.header)


def test_a_changed_setting_or_reference_stops_the_batch_unless_it_is_allowed(batch: Batch) -> None:
    assert batch.check_settings(Settings(), "develop291-0123") == []
    changed = Settings(search={"evalue": 0.01})
    with pytest.raises(BatchError) as caught:
        batch.check_settings(changed, "develop294-9999")
    assert "search.evalue: 0.002 -> 0.01" in str(caught.value)
    assert "reference: develop291-0123 -> develop294-9999" in str(caught.value)
    with batch.lock():
        assert len(batch.check_settings(changed, "develop294-9999", allow=True)) == 2
    again = Batch.open(batch.path)
    assert again.check_settings(changed, "develop294-9999") == []
    assert again.header.changes[0]["differences"][1] == "search.evalue: 0.002 -> 0.01"


def test_header_changes_are_kept(batch: Batch) -> None:
    with batch.lock():
        batch.update_header(tool_versions={"blastp": "2.12.0+"}, completed="2025-09-06T00:00:00+00:00")
    header = Batch.open(batch.path).header
    assert (header.tool_versions, header.completed) == ({"blastp": "2.12.0+"}, "2025-09-06T00:00:00+00:00")


@pytest.mark.parametrize(("code", "part"), [(errno.ENOSPC, "no space left"), (errno.EROFS, "cannot write")])
def test_a_full_disk_is_named_and_nothing_is_lost_or_half_done(
    code: int, part: str, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with batch.lock():
        batch.mark([ChainUpdate(A, {"attempts": 1})])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(BatchError, match=part) as caught:
                batch.mark([ChainUpdate(A, {"attempts": 2})])
            assert "journal.jsonl" in str(caught.value)
            with pytest.raises(BatchError, match=part) as caught:
                batch.snapshot()
            assert "batch_manifest.yaml" in str(caught.value)
        assert batch.record(A).attempts == 1
        assert Batch.open(batch.path).record(A).attempts == 1
        batch.mark([ChainUpdate(A, {"attempts": 3})])
    assert Batch.open(batch.path).record(A).attempts == 3
    assert not list(batch.path.glob(".*"))


@pytest.mark.parametrize(
    "where", ["before the write", "after the write", "before it is applied", "before the rotation"]
)
def test_a_signal_in_the_middle_of_a_change_leaves_a_batch_that_can_go_on(
    where: str, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupt_after_fsync(handle: int) -> None:
        real(handle)
        raise KeyboardInterrupt

    real = os.fsync
    with batch.lock():
        batch.mark([ChainUpdate(A, {"attempts": 1})])
        with monkeypatch.context() as patch:
            if where == "before the rotation":
                patch.setattr("pyecod.batch.journal.JournalWriter.rotate", interrupt)
            elif where == "before it is applied":
                patch.setattr("pyecod.batch.batch.apply_line", interrupt)
            else:
                patch.setattr(os, "fsync", interrupt if where == "before the write" else interrupt_after_fsync)
            with pytest.raises(KeyboardInterrupt):
                batch.snapshot() if where == "before the rotation" else batch.mark([ChainUpdate(B, {"attempts": 2})])
        batch.mark([ChainUpdate(N, {"attempts": 3})])
        assert Batch.open(batch.path).manifest == batch.manifest
    again = Batch.open(batch.path)
    assert (again.record(A).attempts, again.record(N).attempts) == (1, 3)
    assert again.record(B).attempts in (0, 2)


def test_readers_see_a_whole_state_while_the_driver_marks_and_snapshots(batch: Batch) -> None:
    stop, seen, faults = threading.Event(), [], []

    def read() -> None:
        while not stop.is_set():
            try:
                state = Batch.open(batch.path)
            except BatchError as error:
                faults.append(str(error))
                return
            if state.record(A).attempts != state.record(B).attempts:
                faults.append("half a mark was seen")
            seen.append(state.record(A).attempts)

    reader = threading.Thread(target=read)
    with batch.lock():
        reader.start()
        end = time.monotonic() + 2
        n = 0
        while time.monotonic() < end:
            n += 1
            batch.mark([ChainUpdate(A, {"attempts": n}), ChainUpdate(B, {"attempts": n})])
            if n % 3 == 0:
                batch.snapshot()
        stop.set()
        reader.join()
    assert faults == []
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


def test_threads_may_mark_side_by_side(batch: Batch) -> None:
    with batch.lock():
        threads = [
            threading.Thread(
                target=lambda key=key: [batch.mark([ChainUpdate(key, {"attempts": n})]) for n in range(1, 30)]
            )
            for key in (A, B, N)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert batch.manifest.journal_sequence == 87
    assert [Batch.open(batch.path).record(key).attempts for key in (A, B, N)] == [29, 29, 29]
