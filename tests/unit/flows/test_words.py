"""What a person reads in Prefect: names of task runs, how far a batch is, how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.batch.progress import how_far, stage_percents
from flows.batch.result import BatchResult, WeeksFailedError, ended, finished
from pyecod.batch import BatchCounters
from pyecod.ids import ChainKey
from pyecod.work.chunks import SequenceGroup
from tasks.ends import WITH_FAILURES, count, keys_of
from tasks.work import title_of_entries, title_of_groups


def group(name: str, length: int, members: int = 1) -> SequenceGroup:
    entry, chain = name.split("_")
    keys = tuple(ChainKey(entry, f"{chain}{number or ''}") for number in range(members))
    return SequenceGroup(f"{length:032x}", length, keys[0], keys)


@pytest.mark.parametrize(
    ("lengths", "title"),
    [
        ([412], "8s72_N"),
        ([500, 120], "8s72_N +1 (2 sequences, 620 residues)"),
        ([450] * 25, "8s72_N +24 (25 sequences, 11 k residues)"),
        ([999], "8s72_N"),
        ([500, 500], "8s72_N +1 (2 sequences, 1 k residues)"),
    ],
)
def test_a_chunk_is_named_by_what_is_in_it(lengths: list[int], title: str) -> None:
    assert title_of_groups([group("8s72_N", length) for length in lengths]) == title


def test_entries_are_named_too() -> None:
    assert title_of_entries(["1abc"]) == "1abc"
    assert title_of_entries(["1abc", *["2xyz"] * 24]) == "1abc +24 (25 entries)"


def test_a_failed_sequence_is_told_with_the_keys_of_its_chains() -> None:
    assert keys_of(group("8s72_N", 9)) == "8s72_N"
    assert keys_of(group("8s72_N", 9, 3)) == "8s72_N, 8s72_N1, 8s72_N2"
    assert keys_of(group("8s72_N", 9, 30)).endswith("8s72_N19 and 10 identical chains")


def test_words_are_counted_rightly() -> None:
    assert [count(1, "entry"), count(2, "entry"), count(0, "chain")] == ["1 entry", "2 entries", "0 chains"]


def statuses(**counts: int) -> dict[str, int]:
    return {status: counts.get(status, 0) for status in ("pending", "running", "complete", "failed", "not_needed")}


def counters(**changes: object) -> BatchCounters:
    plain: dict[str, object] = {
        "entries": {"complete": 20},
        "classifiable": 10,
        "steps": {
            "blast": statuses(complete=10),
            "hhsearch": statuses(complete=2, running=2, not_needed=6),
            "partition": statuses(complete=8, pending=2),
        },
        "done": 8,
        "left": 2,
    }
    return BatchCounters(**{**plain, **changes})  # type: ignore[arg-type]


def test_every_stage_has_its_count_and_its_bar() -> None:
    words = "8 of 10 chains done, 0 failed (blast 10 of 10, hhsearch 2 of 4, partition 8 of 10)"
    assert how_far(counters()) == words
    assert stage_percents(counters()) == {
        "entries": 100.0, "blast": 100.0, "hhsearch": 80.0, "partition": 80.0, "all": 80.0,
    }  # fmt: skip


def test_while_entries_are_read_no_stage_is_called_done() -> None:
    steps = {step: statuses() for step in ("blast", "hhsearch", "partition")}
    reading = counters(entries={"complete": 5, "pending": 15}, classifiable=0, done=0, left=0, steps=steps)
    assert how_far(reading) == "5 of 20 entries read"
    assert stage_percents(reading) == {"entries": 25.0, "blast": 0.0, "hhsearch": 0.0, "partition": 0.0, "all": 0.0}


def test_a_batch_without_entries_has_no_bar_for_them() -> None:
    assert "entries" not in stage_percents(counters(entries={}))


def test_a_batch_that_is_done_ends_with_its_counts() -> None:
    result = BatchResult(
        "ecod_weekly_20250905", Path("b"), counters(done=10, domains=17), database="b: 10 chains loaded"
    )
    state = ended(result, [result])
    assert (state.name, state.message) == ("Completed", "ecod_weekly_20250905: 10 chains done, 17 domains")
    assert state.result() is result


@pytest.mark.parametrize(
    ("failed", "database", "told"),
    [
        ("8 of 17 chains failed, first 8s72_N: no room", "", "8 of 17 chains failed, first 8s72_N: no room"),
        ("", "not loaded: no schema", "not loaded: no schema"),
        ("1 of 2 entries failed, first 1abc: cut", "not loaded", "1 of 2 entries failed, first 1abc: cut; not loaded"),
    ],
)  # fmt: skip
def test_a_batch_with_failures_says_so(failed: str, database: str, told: str) -> None:
    bad = BatchResult("bad", Path("b"), counters(), database=database, failed=failed)
    good = BatchResult("good", Path("g"), counters(domains=3))
    state = ended([good, bad], [good, bad])
    assert state.is_completed()
    assert state.name == WITH_FAILURES == "Completed with failures"
    assert state.message == f"good: 8 chains done, 3 domains\nbad: {told}"
    assert state.result() == [good, bad]


def test_a_week_without_work_says_so() -> None:
    assert ended([], [], nothing="no week has anything left to do").message == "no week has anything left to do"


def test_a_batch_that_could_not_be_finished_fails_the_run() -> None:
    good, bad = BatchResult("good", Path("g"), counters()), BatchResult("bad", Path("b"), problem="no reference")
    with pytest.raises(WeeksFailedError, match="bad: no reference") as raised:
        finished([good, bad])
    assert raised.value.results == [good, bad]
    finished([good])
