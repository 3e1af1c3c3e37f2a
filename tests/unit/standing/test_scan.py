from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, Status
from pyecod.errors import BrokenInputError
from pyecod.standing.scan import Priority, read_tasks, scan, write_tasks

SEARCHED = {"blast_status": Status.COMPLETE, "needs_hhsearch": False, "hhsearch_status": Status.NOT_NEEDED}


@pytest.fixture
def base(tmp_path: Path, header: BatchHeader, make_chain: Callable[..., ChainRecord]) -> Path:
    done = {**SEARCHED, "partition_status": Status.COMPLETE}
    first = Batch.create(
        tmp_path,
        header,
        chains=[
            make_chain("1aaa_A", "one", representative="1aaa_A"),
            make_chain("1aaa_B", "one", representative="1aaa_A"),
            make_chain("1aaa_C", blast_coverage=0.9, **SEARCHED),
            make_chain("1aaa_D", blast_coverage=0.2, **{**SEARCHED, "hhsearch_status": Status.COMPLETE}),
            make_chain("1aaa_E", blast_coverage=1.0, **done),
            make_chain("1aaa_F", can_classify=False),
        ],
    )
    first.paths.partition_path(first.record(make_chain("1aaa_E").key).key).write_text("<partition/>")
    later = replace(header, batch_name="ecod_weekly_20250912")
    Batch.create(
        tmp_path,
        later,
        chains=[
            make_chain("2aaa_A", blast_status=Status.FAILED, failure_reason="out of memory", attempts=2),
            make_chain("2aaa_B", blast_coverage=0.1, **done),  # its file is gone
        ],
    )
    return tmp_path


def names(result: object) -> list[str]:
    return [str(task.key) for task in result.tasks]


def test_failed_chains_come_first_then_strong_ones_simple_ones_and_the_rest_in_batch_order(base: Path) -> None:
    result = scan(base, strong_coverage=0.9)
    assert names(result) == ["2aaa_A", "1aaa_C", "1aaa_D", "2aaa_B", "1aaa_A", "1aaa_B"]
    failed, strong, *_ = result.tasks
    assert (failed.step, failed.reason, failed.attempts, failed.batch) == (
        "blast",
        "out of memory",
        2,
        "ecod_weekly_20250912",
    )
    assert (strong.priority, strong.step, strong.source_week) == (Priority.STRONG, "partition", "2025-09-05")
    assert result.tasks[3].reason == "the partition file is missing"
    week, later = result.batches
    assert (week.chains, week.done, week.tasks) == (6, 1, {"strong": 1, "simple": 1, "other": 2})
    assert later.tasks == {"failed": 1, "simple": 1}


def test_a_scan_can_be_narrowed(base: Path) -> None:
    assert names(scan(base, "*_20250912", strong_coverage=0.9)) == ["2aaa_A", "2aaa_B"]
    assert "1aaa_B" not in names(scan(base, strong_coverage=0.9, representatives_only=True))
    assert names(scan(base, strong_coverage=0.9, priorities=[Priority.OTHER])) == ["1aaa_A", "1aaa_B"]
    few = scan(base, strong_coverage=0.9, maximum=2)
    assert (names(few), few.left_out) == (["2aaa_A", "1aaa_C"], 4)
    assert "1aaa_E" in names(scan(base, strong_coverage=0.9, skip_existing=False))


def test_a_batch_that_cannot_be_read_is_reported_and_the_others_are_scanned(base: Path) -> None:
    (base / "ecod_weekly_20250905" / "batch_manifest.yaml").write_text("- no\n")
    result = scan(base, strong_coverage=0.9)
    assert names(result) == ["2aaa_A", "2aaa_B"]
    assert "not a mapping" in result.batches[0].problem


def test_a_task_list_comes_back_equal(base: Path, tmp_path: Path) -> None:
    tasks = scan(base, strong_coverage=0.9).tasks
    write_tasks(tmp_path / "tasks.json", tasks)
    assert tuple(read_tasks(tmp_path / "tasks.json")) == tasks


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda d: d.update(format="x"), "no task list"),
        (lambda d: d["tasks"][0].update(chain="a/b"), "task 1: 'a/b' is not a chain"),
        (lambda d: d["tasks"][1].update(batch="../x"), "task 2"),
        (lambda d: d["tasks"][0].pop("step"), "task 1"),
        (lambda d: d["tasks"].append(5), "task 7"),
        (lambda d: d["tasks"][0].update(priority="urgent"), "urgent"),
    ],
)
def test_a_wrong_task_list_is_refused(
    base: Path, tmp_path: Path, change: Callable[[dict[str, object]], object], part: str
) -> None:
    path = tmp_path / "tasks.json"
    write_tasks(path, scan(base, strong_coverage=0.9).tasks)
    document = orjson.loads(path.read_bytes())
    change(document)
    path.write_bytes(orjson.dumps(document))
    with pytest.raises(BrokenInputError) as caught:
        read_tasks(path)
    assert part in str(caught.value)
