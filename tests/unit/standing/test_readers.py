"""Scan, trace, status and retry name the chains that the rule says, and open each batch once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pyecod.batch import Batch
from pyecod.cli.main import app
from pyecod.ids import ChainKey
from pyecod.report import write_report
from pyecod.standing.current import CurrentState
from pyecod.standing.mended import find_mended
from pyecod.standing.scan import Priority, ScanResult, Task, scan, settled_elsewhere
from pyecod.standing.trace import trace_chain
from tests.standing import (
    FRI,
    KEY,
    MON,
    WED,
    Record,
    Shelf,
    first,
    second,
    week,
    write_cases,
)


def write(folder: Path, *records: Record) -> list[Path]:
    """Batches of one chain."""
    shelf = Shelf()
    for record in records:
        shelf.add(record.name, record, KEY)
    return shelf.write(folder)


def tasks(result: ScanResult) -> list[tuple[str, str, str | None]]:
    return [(task.batch, str(task.priority), task.source_week) for task in result.tasks]


FAILED = ("failed", "2025-09-05")
OPEN = ("strong", "2025-09-05")


class TestScan:
    @pytest.mark.parametrize(
        ("records", "left"),
        [
            ((week("failed"), first("better")), []),
            ((week("failed", changed=WED), first("better")), []),
            ((week("failed"), first("failed")), [("week", *FAILED)]),
            ((week("failed late"),), [("week", *FAILED)]),
            ((week("done"), first("failed")), []),
            ((week("done"), first("worse")), []),
            ((week("done"), first("pending")), [("one", *OPEN)]),
            ((week("pending"), first("better")), []),
            ((week("pending", WED), first("better")), [("week", *OPEN)]),
            ((week("failed", WED), first("better")), []),
            ((week("failed"), first("pending"), second("better")), []),
            ((week("failed"), first("better"), second("pending")), [("two", *OPEN)]),
            ((first("failed"),), [("one", *FAILED)]),
            ((first("failed", week=None),), [("one", "failed", None)]),
            ((first("failed"), second("pending")), [("two", *OPEN)]),
            ((week("done"), first("obsolete")), []),
            ((week("failed", changed=WED), first("obsolete")), []),
        ],
    )
    def test_what_is_left_follows_from_what_stands(
        self, tmp_path: Path, records: tuple[Record, ...], left: list[tuple[str, str, str | None]]
    ) -> None:
        write(tmp_path, *records)
        assert tasks(scan(tmp_path, strong_coverage=0.9)) == left
        for record in records:  # also where only some of the batches are asked for
            alone = scan(tmp_path, record.name, strong_coverage=0.9)
            assert tasks(alone) == [task for task in left if task[0] == record.name]
            assert [found.batch for found in alone.batches] == [record.name]

    def test_all_lists_what_is_mended_too(self, tmp_path: Path) -> None:
        write(tmp_path, week("failed"), first("better"))
        found = scan(tmp_path, strong_coverage=0.9, skip_existing=False)
        assert tasks(found) == [("week", *FAILED), ("one", *OPEN)]

    def test_a_week_of_another_release_is_not_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, week("failed"), first("better"), Record("other", FRI, "done", kind="weekly", week="2025-09-12"))
        opened = count_opens(monkeypatch)
        scan(tmp_path, "one", strong_coverage=0.9)
        assert opened == {"one": 1, "week": 1}


def count_opens(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each batch is opened from now on."""
    opened: Counter[str] = Counter()
    opening = Batch.open.__func__

    def counting(cls: type[Batch], path: Path) -> Batch:
        opened[path.name] += 1
        return opening(cls, path)

    monkeypatch.setattr(Batch, "open", classmethod(counting))
    return opened


def test_each_batch_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = (week("failed"), week("done", WED, name="copy"), first("better"), second("failed"))
    names = dict.fromkeys((path.name for path in write(tmp_path, *records)), 1)
    opened = count_opens(monkeypatch)
    for read in (
        lambda: scan(tmp_path, strong_coverage=0.9),
        lambda: trace_chain(ChainKey.parse(KEY), tmp_path),
        lambda: find_mended(tmp_path),
        lambda: list(CurrentState(tmp_path).chains()),
        lambda: CliRunner().invoke(app, ["status", "--base-path", str(tmp_path)]),
    ):
        opened.clear()
        read()
        assert opened == names


def test_scan_and_trace_name_the_chains_that_failed_by_the_rule(tmp_path: Path) -> None:
    cases = write_cases(tmp_path)
    failed = {key for key, case in cases.items() if case.is_failed}
    assert len(failed) > 10
    listed = scan(tmp_path, strong_coverage=0.9, priorities=[Priority.FAILED])
    assert sorted(str(task.key) for task in listed.tasks) == sorted(failed)
    for key in [*failed][::5]:
        (stop,) = (stop for stop in trace_chain(ChainKey.parse(key), tmp_path).stops if stop.speaks)
        assert "failed" in {step["status"] for step in stop.facts["steps"].values()}


class TestRetry:
    def task(self, batch: str) -> Task:
        return Task(batch, ChainKey.parse(KEY), Priority.FAILED, "blast")

    def test_what_a_repair_has_done_since_is_left_out(self, tmp_path: Path) -> None:
        write(tmp_path, week("failed"), first("better"))
        assert settled_elsewhere([self.task("week")], tmp_path) == {self.task("week"): "one"}

    @pytest.mark.parametrize("records", [(week("failed"),), (week("failed"), first("failed")), (first("failed"),)])
    def test_what_still_fails_is_not(self, tmp_path: Path, records: tuple[Record, ...]) -> None:
        write(tmp_path, *records)
        assert settled_elsewhere([self.task(records[0].name), self.task("gone")], tmp_path) == {}

    def test_a_repair_is_not_tried_again_where_the_earlier_result_stands(self, tmp_path: Path) -> None:
        write(tmp_path, week("done"), first("failed"))
        assert settled_elsewhere([self.task("one")], tmp_path) == {self.task("one"): "week"}


class TestMended:
    @pytest.mark.parametrize(
        ("records", "mended"),
        [
            ((week("failed"), first("better")), {"week": {KEY}}),
            ((week("failed", changed=WED), first("better")), {"week": {KEY}}),
            ((week("failed"), first("failed"), second("better")), {"week": {KEY}, "one": {KEY}}),
            ((week("failed"), first("failed")), {}),
            ((week("failed"), first("worse")), {}),
            ((week("done"), first("failed")), {}),
            ((week("failed"), first("obsolete")), {"week": {KEY}}),
            ((week("failed", MON), first("better", FRI)), {"week": {KEY}}),
        ],
    )
    def test_a_failure_is_mended_where_a_repair_stands(
        self, tmp_path: Path, records: tuple[Record, ...], mended: dict[str, set[str]]
    ) -> None:
        write(tmp_path, *records)
        assert find_mended(tmp_path).by_batch == mended
        assert find_mended(tmp_path, {"week"}).by_batch == mended

    def test_status_monitor_and_report_tell_it_and_status_names_what_cannot_be_read(self, tmp_path: Path) -> None:
        _, path = write(tmp_path, week("failed"), first("better"))
        told = CliRunner().invoke(app, ["status", "--base-path", str(tmp_path)])
        assert told.exit_code == 0
        assert "all failures mended" in " ".join(told.output.split())
        told = CliRunner().invoke(app, ["monitor", "week", "--base-path", str(tmp_path)])
        assert "1 failed (1 mended by repairs)" in " ".join(told.output.split())
        page = write_report(path.parent / "week").read_text()
        assert "1 of what failed was mended by repairs." in page
        assert "mended" not in write_report(path.parent / "one").read_text()
        (path.parent / "one" / "batch_manifest.yaml").write_text("- no\n")
        told = CliRunner().invoke(app, ["status", "--base-path", str(tmp_path)])
        assert told.exit_code == 3
        assert "one cannot be read" in " ".join(told.output.split())
        assert "mended" not in told.output
