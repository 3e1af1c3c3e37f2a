"""When a repaired chain is better, the same, changed or worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate, DataType, RunHistory, Status
from pyecod.batch.record import Verdict
from pyecod.batch.repair_plan import RepairItem, Standing, repair_outcomes, write_repair_record
from pyecod.ids import ChainKey
from pyecod.repair.judge import judge_repair
from pyecod.settings import RepairSettings, Settings
from pyecod.standing.rule import is_accepted

KEY = ChainKey("8s72", "A")
MD5 = "0" * 32


def standing(**values: Any) -> Standing:
    good = {"quality": "good", "coverage": 0.9, "domains": 2, "outcome": "assigned", "sequence_md5": MD5}
    return Standing("ecod_weekly_20250905", "done", **{**good, **values})


def judged(tmp_path: Path, before: Standing | None, accept_worse: bool = False, **after: Any) -> tuple[Batch, Verdict]:
    done = {
        "blast_status": Status.COMPLETE, "partition_status": Status.COMPLETE, "partition_quality": "good",
        "partition_coverage": 0.9, "domain_count": 2, "partition_outcome": "assigned",
    }  # fmt: skip
    record = ChainRecord(KEY, 300, MD5, source_week="2025-09-05", **{**done, **after})
    header = BatchHeader.new(
        "ecod_repair_20250906", "repair", Settings(), reason="error_fix", accept_worse=accept_worse
    )
    batch = Batch.create(tmp_path, header, chains=[record])
    item = RepairItem(KEY, "2025-09-05", "ecod_weekly_20250905", "named", ("partition",), before=before)
    write_repair_record(batch.path, {}, [item])
    (update,) = judge_repair(batch, RepairSettings())
    with batch.lock():
        batch.mark([update])
    return batch, Verdict(update.changes["repair_status"])


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (None, {}, "new"),
        (standing(sequence_md5="1" * 32, coverage=1.0), {"partition_coverage": 0.81}, "new"),
        (Standing("w", "failed", sequence_md5=MD5), {}, "better"),
        (standing(quality="low_coverage", coverage=0.79), {"partition_coverage": 0.80}, "better"),
        (standing(), {"partition_quality": "low_coverage", "partition_coverage": 0.79}, "worse"),
        (standing(coverage=0.95), {}, "worse"),
        (standing(coverage=0.92), {}, "changed"),
        (standing(coverage=0.85), {}, "better"),
        (standing(), {}, "same"),
        (standing(domains=3), {}, "changed"),
        (standing(), {"partition_status": Status.FAILED, "failure_reason": "killed"}, "failed"),
        (standing(), {"partition_status": Status.PENDING}, "pending"),
        (standing(), {"can_classify": False, "cannot_classify_reason": "obsolete"}, "obsolete"),
        (standing(), {"can_classify": False, "cannot_classify_reason": "peptide"}, "not_classifiable"),
    ],
)
def test_verdicts(tmp_path: Path, before: Standing | None, after: dict[str, Any], verdict: str) -> None:
    batch, found = judged(tmp_path, before, **after)
    assert found == verdict
    (outcome,) = repair_outcomes(batch)
    assert (outcome.verdict, outcome.item.before) == (verdict, before)


def test_a_worse_result_counts_when_that_was_asked_for(tmp_path: Path) -> None:
    assert judged(tmp_path, standing(), accept_worse=True, partition_quality="fragmentary")[1] == "worse_accepted"


def test_the_run_of_a_worse_result_is_withdrawn_once(tmp_path: Path) -> None:
    import datetime

    history = RunHistory(tmp_path / "ecod_repair_20250906")
    history.root.mkdir(parents=True)
    history.save(DataType.PARTITION, KEY, {}, started=datetime.datetime.now(datetime.UTC))
    batch, _ = judged(tmp_path, standing(), partition_quality="fragmentary")
    assert history.current(DataType.PARTITION, KEY) is None
    log = len(list(history.log_lines()))
    with batch.lock():
        batch.mark(judge_repair(batch, RepairSettings()) + [ChainUpdate(KEY, {})])
    assert len(list(history.log_lines())) == log


@pytest.mark.parametrize(
    ("verdict", "stands"),
    [("better", True), ("same", True), ("new", True), ("worse_accepted", True), ("worse", False), ("pending", False)],
)
def test_a_result_stands_once_it_is_judged_and_not_worse(verdict: str, stands: bool) -> None:
    header = BatchHeader.new("ecod_repair_20250906", "repair", Settings(), reason="error_fix")
    record = ChainRecord(KEY, 300, MD5, partition_status=Status.COMPLETE, repair_status=verdict)
    assert is_accepted(header, record) is stands
