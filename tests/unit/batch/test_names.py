from __future__ import annotations

import contextlib
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, BatchType, EntryRecord
from pyecod.batch.names import fasta_name, repair_name, week_of_name, weekly_name
from pyecod.cli.main import main
from pyecod.repair.request import RepairRequest
from pyecod.repair.selection import select_chains
from pyecod.report.trends import gather_weeks
from pyecod.settings import Settings
from pyecod.standing.current import CurrentState
from pyecod.weeks.plan import batch_dates, plan_weeks

DAY = datetime.date(2025, 9, 5)


def test_every_name_begins_with_its_type() -> None:
    assert weekly_name(DAY) == "ecod_weekly_20250905"
    assert repair_name(DAY, "modified") == "ecod_repair_20250905_modified"
    assert fasta_name("my sequences") == "ecod_fasta_my_sequences"
    assert [kind.pattern for kind in BatchType] == ["ecod_weekly_*", "ecod_repair_*", "ecod_fasta_*"]


def test_a_week_is_read_only_from_the_name_that_is_given_to_weeks() -> None:
    assert week_of_name(weekly_name(DAY)) == DAY


@pytest.mark.parametrize(
    "name",
    ["ecod_weekly_x", "ecod_weekly_", "ecod_weekly_20251345", "ecod_weekly_20250905_old", "ecod_weekly_old_20250905",
     "ecod_weekly_²0250905", "ecod_repair_20250905", "20250905", ""],
)  # fmt: skip
def test_other_names_are_of_no_week(name: str) -> None:
    assert week_of_name(name) is None


def make(base_path: Path, name: str, kind: BatchType, release_date: str | None = None, **more: Any) -> Path:
    header = BatchHeader.new(name, kind, Settings(), release_date=release_date, **more)
    return Batch.create(base_path, header, entries=[EntryRecord("9zzz")]).path


def test_folders_that_are_only_called_like_weeks_are_what_their_manifests_say(tmp_path: Path) -> None:
    make(tmp_path, "ecod_weekly_20250905", BatchType.WEEKLY, "2025-09-05")
    make(tmp_path, "ecod_weekly_x", BatchType.WEEKLY, "2025-08-29")
    make(tmp_path, "ecod_weekly_20991345", BatchType.WEEKLY, "2025-08-22")
    make(tmp_path, "ecod_weekly_mended_20991231", BatchType.REPAIR)
    (tmp_path / "ecod_weekly_broken").mkdir()
    (tmp_path / "ecod_weekly_broken/batch_manifest.yaml").write_text("batch_name: [")
    assert batch_dates(tmp_path)[-1] == DAY
    weeks, problems = gather_weeks(tmp_path)
    assert [week.date.day for week in weeks] == [22, 29, 5]
    assert [problem.count("ecod_weekly_broken") for problem in problems] == [1]
    state = CurrentState(tmp_path)
    assert list(state.chains()) == []
    assert [problem.count("ecod_weekly_broken") for problem in state.problems] == [1]


@pytest.fixture
def odd_names(tmp_path: Path) -> Path:
    """Folders of weeks that are not called like weeks, a repair that is, and one that cannot be read."""
    folder = tmp_path / "batches"
    make(folder, "ecod_weekly_20250905", BatchType.WEEKLY, "2025-09-05")
    make(folder, "ecod_weekly_x", BatchType.WEEKLY, "2025-08-29", modified=("9zzz",))
    make(folder, "ecod_weekly_mended", BatchType.REPAIR)
    (folder / "ecod_weekly_broken").mkdir()
    (folder / "ecod_weekly_broken/batch_manifest.yaml").write_text("batch_name: [")
    return folder


def test_the_next_week_is_planned_from_the_weeks_alone(odd_names: Path, tmp_path: Path) -> None:
    for day in ("20250905", "20250912"):
        (tmp_path / "status" / day).mkdir(parents=True)
        (tmp_path / "status" / day / "added.pdb").write_text("9zzz\n")
    plans = plan_weeks(Settings(base_path=odd_names, status_dir=tmp_path / "status"))
    assert [(plan.batch_path.name, plan.state) for plan in plans] == [
        ("ecod_weekly_20250905", "resume"),
        ("ecod_weekly_20250912", "new"),
    ]


def test_a_repair_takes_the_lists_of_every_week_and_names_what_it_cannot_read(odd_names: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    settings = Settings(base_path=odd_names, mirror=tmp_path / "mirror")
    request = RepairRequest(reason="pdb_modifications", modified=True)
    selection = select_chains(request, settings, reference=None)  # type: ignore[arg-type]
    assert "1 entries modified or obsolete, 0 of them in these batches" in selection.notes
    assert [note.count("ecod_weekly_broken") for note in selection.notes if "cannot be read" in note] == [1]


def test_status_and_scan_show_each_for_what_it_is(
    odd_names: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(command: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["pyecod", command, "--json", "--base-path", str(odd_names)])
        with contextlib.suppress(SystemExit):
            main()
        return json.loads(capsys.readouterr().out)

    kinds = {row["batch"]: row.get("type", "damaged") for row in shown("status")}
    assert kinds == {
        "ecod_weekly_20250905": "weekly",
        "ecod_weekly_broken": "damaged",
        "ecod_weekly_mended": "repair",
        "ecod_weekly_x": "weekly",
    }
    scanned = {row["batch"]: row["problem"] is not None for row in shown("scan")["batches"]}
    assert scanned == {name: name == "ecod_weekly_broken" for name in kinds}
