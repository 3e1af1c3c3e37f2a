"""``pyecod status``, ``scan`` and ``runs`` as a person and a script meet them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, EntryRecord, RunHistory, Status
from pyecod.batch.runs import DataType
from pyecod.cli.main import main
from pyecod.ids import ChainKey
from pyecod.settings import Settings

Pyecod = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pyecod(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Pyecod:
    """Run the command line in this process: exit code, output, messages."""
    monkeypatch.setenv("PYECOD_BASE_PATH", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pyecod", *words])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


def chain(name: str, **fields: object) -> ChainRecord:
    return ChainRecord(ChainKey.parse(name), 100, hashlib.md5(name.encode()).hexdigest(), **fields)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    done = {"blast_status": "complete", "needs_hhsearch": False, "hhsearch_status": "not_needed"}
    done |= {"partition_status": "complete", "partition_quality": "good", "domain_count": 2}
    failed = {"blast_status": "failed", "failed_step": "blast", "failure_reason": "[red]out of memory", "attempts": 3}
    chains = [chain("8abc_A", **done), chain("8abc_B", **failed), chain("8abc_C"), chain("8abc_D", can_classify=False)]
    for record in chains:
        for step in ("blast_status", "hhsearch_status", "partition_status"):
            setattr(record, step, Status(getattr(record, step)))
    made = Batch.create(
        tmp_path,
        BatchHeader.new("ecod_weekly_20250905", "weekly", Settings(), reference_version="develop291"),
        chains=chains,
        entries=[EntryRecord("8abc", Status.COMPLETE), EntryRecord("7aaa", Status.FAILED, failure_reason="not gzip")],
    )
    made.paths.partition_path(chains[0].key).write_text("<partition/>")
    return made


def test_status_lists_all_batches_one_line_each(pyecod: Pyecod, batch: Batch) -> None:
    code, out, _ = pyecod("status")
    [line] = [line for line in out.splitlines() if line.startswith("ecod_weekly")]
    assert code == 0
    assert line.split()[:8] == ["ecod_weekly_20250905", "develop291", "3", "33.3%", "2", "1", "100%", "interrupted:"]


def test_status_for_scripts_is_json(pyecod: Pyecod, batch: Batch) -> None:
    code, out, _ = pyecod("status", "--json")
    [row] = json.loads(out)
    assert (code, row["done"], row["failed"], row["left"], row["holder"]) == (0, 1, 1, 1, None)


def test_status_names_who_drives_a_batch(pyecod: Pyecod, batch: Batch) -> None:
    with batch.lock():
        _, out, _ = pyecod("status", "--json")
        assert f"pid {batch.holder.pid}" in json.loads(out)[0]["holder"]


def test_status_of_one_batch_shows_steps_failures_and_disk(pyecod: Pyecod, batch: Batch) -> None:
    code, out, _ = pyecod("status", "ecod_weekly_20250905")
    assert code == 0
    assert [" ".join(line.split()) for line in out.splitlines() if line.startswith("partition")] == [
        "partition 2 0 1 0 0"
    ]
    assert "[red]out of memory" in out  # text of a program is never markup
    assert "not gzip" in out
    assert "4, 3 classifiable with 3 sequences" in out
    assert "free" in out
    code, out, _ = pyecod("status", str(batch.path), "--json")
    document = json.loads(out)
    assert document["counters"]["failures"][0] == {
        "step": "blast",
        "reason": "[red]out of memory",
        "count": 1,
        "names": ["8abc_B"],
    }
    assert document["header"]["settings"]["search"]["evalue"] == 0.002
    assert document["disk"]["total"] > 0


def test_a_batch_that_cannot_be_read_is_shown_beside_the_others(pyecod: Pyecod, batch: Batch, tmp_path: Path) -> None:
    broken = tmp_path / "ecod_weekly_20250912"
    broken.mkdir()
    (broken / "batch_manifest.yaml").write_text("- 1\n")
    code, out, err = pyecod("status")
    assert code == 3
    assert "ecod_weekly_20250905" in out
    assert "ecod_weekly_20250912 cannot be read" in err
    assert "not a mapping" in err


def test_an_unknown_batch_or_folder_is_a_clear_error(pyecod: Pyecod, batch: Batch) -> None:
    code, _, err = pyecod("status", "nope")
    assert (code, "there is no batch 'nope'" in err) == (3, True)
    code, _, err = pyecod("status", "--base-path", "/nowhere/at/all")
    assert (code, "cannot list the batches" in err) == (3, True)


def test_scan_shows_a_summary_and_writes_tasks(pyecod: Pyecod, batch: Batch, tmp_path: Path) -> None:
    code, out, _ = pyecod("scan", "ecod_*", "--output", str(tmp_path / "tasks.json"))
    assert code == 0
    assert "3 tasks in" in out
    tasks = json.loads((tmp_path / "tasks.json").read_text())["tasks"]
    assert sorted((task["chain"], task["priority"], task["step"]) for task in tasks) == [
        ("7aaa", "failed", "entry"), ("8abc_B", "failed", "blast"), ("8abc_C", "other", "blast")
    ]  # fmt: skip
    code, out, _ = pyecod("scan", "--json", "--max", "1", "--only", "failed,other")
    assert json.loads(out)["left_out"] == 2
    code, _, err = pyecod("scan", "--only", "urgent")
    assert (code, "known: failed, strong, simple, other" in err) == (2, True)


@pytest.fixture
def history(batch: Batch) -> RunHistory:
    runs = RunHistory(batch.path)
    old = datetime.now(UTC) - timedelta(days=100)
    for coverage in (0.5, 0.9):
        runs.save(DataType.PARTITION, ChainKey("8abc", "A"), {"coverage": coverage}, started=old, finished=old)
    return runs


def test_runs_are_listed_shown_and_compared(pyecod: Pyecod, history: RunHistory) -> None:
    code, out, _ = pyecod("runs", "list", "ecod_weekly_20250905")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[1:]] == [
        ["partition", "8abc_A", "1", "complete"],
        ["partition", "8abc_A", "2", "current"],
    ]
    _, out, _ = pyecod("runs", "list", "ecod_weekly_20250905", "8abc_A", "--type", "partition", "--json")
    assert [row["current"] for row in json.loads(out)] == [False, True]
    _, out, _ = pyecod("runs", "show", "ecod_weekly_20250905", "8abc_A")
    assert json.loads(out)["result"] == {"coverage": 0.9}
    _, out, _ = pyecod("runs", "show", "ecod_weekly_20250905", "8abc_A", "1")
    assert json.loads(out)["result"] == {"coverage": 0.5}
    _, out, _ = pyecod("runs", "diff", "ecod_weekly_20250905", "8abc_A")
    assert "result.coverage: 0.5 → 0.9" in out
    _, out, _ = pyecod("runs", "diff", "ecod_weekly_20250905", "8abc_A", "2", "1", "--json")
    assert json.loads(out) == [{"field": "result.coverage", "before": 0.9, "after": 0.5}]


def test_a_week_is_compared_with_its_repair(pyecod: Pyecod, history: RunHistory) -> None:
    now = datetime.now(UTC)
    week = history.root.parent
    repair = RunHistory(shutil.copytree(week, week.parent / "ecod_repair_20250906"))
    repair.save(DataType.PARTITION, ChainKey("8abc", "A"), {"coverage": 1.0}, started=now, finished=now)
    ask = ("runs", "diff", "ecod_weekly_20250905", "8abc_A")
    code, out, _ = pyecod(*ask, "--with", "ecod_repair_20250906")
    assert (code, "result.coverage: 0.9 → 1.0" in out) == (0, True)
    _, out, _ = pyecod(*ask, "1", "--with", "ecod_repair_20250906", "--json")
    assert json.loads(out) == [{"field": "result.coverage", "before": 0.5, "after": 1.0}]
    code, _, err = pyecod("runs", "diff", "ecod_repair_20250906", "8abc_B")
    assert (code, "--with BATCH" in err) == (2, True)


def test_asking_for_runs_that_are_not_there_is_a_clear_error(pyecod: Pyecod, history: RunHistory) -> None:
    assert pyecod("runs", "show", "ecod_weekly_20250905", "8abc_B")[::2] == (
        2,
        "pyecod: error: ecod_weekly_20250905: 8abc_B has no current partition run (`pyecod runs list` lists them)\n",
    )
    code, _, err = pyecod("runs", "show", "ecod_weekly_20250905", "8abc_A", "7")
    assert (code, "has no partition run 7" in err) == (3, True)
    code, _, err = pyecod("runs", "diff", "ecod_weekly_20250905", "8abc_B")
    assert (code, "two are needed" in err) == (2, True)
    code, _, err = pyecod("runs", "show", "ecod_weekly_20250905", "../x")
    assert (code, "not a chain or record id" in err) == (3, True)


def test_pruning_is_a_dry_run_until_it_is_really_wanted(pyecod: Pyecod, history: RunHistory) -> None:
    path = history.path(DataType.PARTITION, ChainKey("8abc", "A"), 1)
    _, out, _ = pyecod("runs", "prune", "ecod_weekly_20250905", "--keep", "1")
    assert "1 runs would be removed" in out
    assert path.exists()
    _, out, _ = pyecod("runs", "prune", "ecod_weekly_20250905", "--keep", "1", "--older-than", "200d", "--really")
    assert "0 runs removed" in out
    _, out, _ = pyecod(
        "runs", "prune", "ecod_weekly_20250905", "--keep", "1", "--older-than", "12w", "--really", "--json"
    )
    assert len(json.loads(out)["files"]) == 1
    assert not path.exists()
    code, _, err = pyecod("runs", "prune", "ecod_weekly_20250905", "--older-than", "soon")
    assert (code, "'soon' is not an age" in err) == (2, True)


def test_status_check_holds_files_against_records(pyecod: Pyecod, batch: Batch) -> None:
    code, out, _ = pyecod("status", "--check")
    assert code == 1
    assert "damaged ecod_weekly_20250905 8abc_A: partition 8abc_A.partition.xml: it cannot be read" in out
    assert "1 chains are pending again" in out
    assert "pyecod retry --tasks tasks.json" in out
    assert Batch.open(batch.path).record(ChainKey("8abc", "A")).partition_status is Status.PENDING
    code, out, _ = pyecod("status", "--check", "--json")
    assert (code, json.loads(out)["batches"][0]["damaged"]) == (0, [])  # it is work now, and no result
    (batch.paths.manifest).unlink()
    code, out, _ = pyecod("status", "--check")
    assert code == 1
    assert "its manifest is gone" in out


def test_status_check_leaves_a_batch_that_is_worked_on(pyecod: Pyecod, batch: Batch) -> None:
    with batch.lock():
        code, out, _ = pyecod("status", "ecod_weekly_20250905", "--check")
    assert code == 0
    assert "being worked on, not checked" in out
