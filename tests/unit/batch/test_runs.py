from __future__ import annotations

import multiprocessing
import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch.runs import DataType, RunHistory, compare_runs
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

KEY = ChainKey("8s72", "N")
PART = DataType.PARTITION
START = datetime(2025, 9, 5, 12, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> RunHistory:
    return RunHistory(tmp_path)


def save(history: RunHistory, coverage: float, **more: object) -> int:
    values = {"started": START, "finished": START + timedelta(seconds=1.5), **more}
    return history.save(PART, KEY, {"coverage": coverage, "domains": [{"range": "1-90"}]}, **values).number


def test_runs_are_numbered_named_and_logged_and_the_newest_is_current(history: RunHistory, tmp_path: Path) -> None:
    assert not history.is_processed(PART, KEY)
    assert [save(history, 0.5), save(history, 0.9, peak_mib=120.5, inputs={"reference": "develop291"})] == [1, 2]
    assert (tmp_path / "runs/partition/8s72_N/run2_chain2partition.json").is_file()
    run = history.current(PART, KEY)
    assert run is not None
    assert (run.number, run.result["coverage"], run.seconds, run.peak_mib) == (2, 0.9, 1.5, 120.5)
    assert run.inputs == {"reference": "develop291"}
    assert history.next_number(PART, KEY) == 3
    assert history.is_processed(PART, KEY)
    assert not history.is_processed(DataType.BLAST, KEY)
    first, second = history.log_lines()
    assert (first["event"], first["chain"], first["run"], first["outcome"]) == ("saved", "8s72_N", 1, "complete")
    assert (second["seconds"], second["peak_mib"], second["started"]) == (1.5, 120.5, "2025-09-05T12:00:00.000+00:00")


def test_a_run_file_is_json_for_everybody(history: RunHistory) -> None:
    save(history, 0.5)
    document = orjson.loads(history.path(PART, KEY, 1).read_bytes())
    assert (document["run"], document["chain"], document["result"]["coverage"]) == (1, "8s72_N", 0.5)


def test_a_worse_run_is_kept_without_becoming_current_until_it_is_marked(history: RunHistory) -> None:
    save(history, 0.9)
    save(history, 0.4, make_current=False)
    save(history, 0.3, make_current=False)
    assert [state.is_current for state in history.states(PART, KEY)] == [True, False, False]
    history.mark_current(PART, KEY, 2)
    assert history.current(PART, KEY).number == 2
    save(history, 0.95)
    assert history.current(PART, KEY).number == 4


def test_the_first_run_can_be_kept_without_being_current(history: RunHistory) -> None:
    save(history, 0.1, make_current=False)
    assert history.current(PART, KEY) is None
    save(history, 0.9)
    assert history.current(PART, KEY).number == 2


def test_a_failed_run_is_kept_and_never_current(history: RunHistory) -> None:
    save(history, 0.9)
    save(history, 0.0, outcome="failed")
    assert history.current(PART, KEY).number == 1
    with pytest.raises(BatchError, match="failed and cannot be current"):
        history.mark_current(PART, KEY, 2)


@given(at=st.integers(0, 250), flip=st.integers(1, 255))
def test_a_damaged_run_is_never_current(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int) -> None:
    history = RunHistory(tmp_path_factory.mktemp("runs"))
    save(history, 0.9)
    save(history, 0.8)
    path = history.path(PART, KEY, 2)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= flip
    path.write_bytes(data)
    assert history.current(PART, KEY).number == 1
    assert history.states(PART, KEY)[1].run is None
    with pytest.raises(BatchError, match="damaged"):
        history.load(PART, KEY, 2)
    assert save(history, 0.7) == 3


def test_a_marked_run_that_is_damaged_is_an_error_not_another_run(history: RunHistory) -> None:
    save(history, 0.9)
    save(history, 0.8, make_current=False)
    history.path(PART, KEY, 1).write_bytes(b"{}")
    with pytest.raises(BatchError, match="damaged"):
        history.current(PART, KEY)
    assert [state.is_current for state in history.states(PART, KEY)] == [True, False]


def test_an_unknown_run_is_an_error_that_names_those_there_are(history: RunHistory) -> None:
    save(history, 0.9)
    with pytest.raises(BatchError, match=r"has no partition run 5 .*runs: 1"):
        history.load(PART, KEY, 5)


def _write(folder: Path, count: int) -> None:
    history = RunHistory(folder)
    for number in range(count):
        history.save(PART, KEY, {"writer": os.getpid(), "number": number}, started=START)


@pytest.mark.slow
def test_parallel_writers_never_overwrite_each_other(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(tmp_path, 50)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    history = RunHistory(tmp_path)
    results = [state.run.result for state in history.states(PART, KEY)]
    assert len({(r["writer"], r["number"]) for r in results}) == len(results) == 200
    assert sorted(line["run"] for line in history.log_lines()) == list(range(1, 201))


def test_a_torn_log_line_does_not_swallow_the_next(history: RunHistory) -> None:
    save(history, 0.5)
    log = history.root / "processing_log.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    save(history, 0.6)
    assert [line["run"] for line in history.log_lines()] == [2]


def test_pruning_says_what_it_would_do_then_does_it_and_never_removes_the_current_run(history: RunHistory) -> None:
    for coverage in (0.9, 0.1, 0.2, 0.3, 0.4):
        save(history, coverage)
    history.mark_current(PART, KEY, 1)
    would = history.prune(2)
    assert [path.name[:4] for path in would] == ["run2", "run3"]
    assert history.numbers(PART, KEY) == [1, 2, 3, 4, 5]
    assert history.prune(2, dry_run=False) == would
    assert history.numbers(PART, KEY) == [1, 4, 5]
    assert history.next_number(PART, KEY) == 6
    assert [line["event"] for line in history.log_lines()][-2:] == ["pruned", "pruned"]


def test_pruning_leaves_young_runs(history: RunHistory) -> None:
    save(history, 0.9, finished=datetime.now(UTC) - timedelta(days=100))
    save(history, 0.9, finished=datetime.now(UTC) - timedelta(days=10))
    save(history, 0.9)
    assert [path.name[:4] for path in history.prune(1, timedelta(days=90))] == ["run1"]
    assert len(history.prune(1)) == 2
    assert history.prune(1, data_types=[DataType.BLAST]) == []
    with pytest.raises(BatchError, match="at least 1"):
        history.prune(0)


def test_chains_that_differ_by_case_have_their_own_runs(history: RunHistory) -> None:
    for key in (ChainKey("8abc", "A"), ChainKey("8abc", "a")):
        history.save(PART, key, {}, started=START)
    assert list(history.chains(PART)) == [ChainKey("8abc", "A"), ChainKey("8abc", "a")]
    assert history.numbers(PART, ChainKey("8abc", "a")) == [1]


def test_a_comparison_names_every_field_that_differs(history: RunHistory) -> None:
    save(history, 0.9)
    run = history.save(PART, KEY, {"coverage": 0.8, "domains": [{"range": "1-90"}, {"range": "91-120"}]}, started=START)
    assert compare_runs(history.load(PART, KEY, 1), run) == [
        ("result.coverage", 0.9, 0.8),
        ("result.domains[1].range", None, "91-120"),
    ]


def test_a_line_of_the_log_that_is_cut_short_is_taken_back_and_told(history: RunHistory) -> None:
    """A full disk takes a part of the line; a limit on the size of files does the same without one."""
    save(history, 0.5)
    log = history.root / "processing_log.jsonl"
    before = log.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OSError, match="no space left for the processing log"):
            history.mark_current(PART, KEY, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.read_bytes() == before
    history.mark_current(PART, KEY, 1)
    assert [line["event"] for line in history.log_lines()][1:] == ["marked current"]
