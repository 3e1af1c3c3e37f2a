from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, BatchType, EntryRecord
from pyecod.batch.names import fasta_name, repair_name, week_of_name, weekly_name
from pyecod.report.trends import gather_weeks
from pyecod.settings import Settings
from pyecod.standing.current import CurrentState
from pyecod.weeks.plan import batch_dates

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


def make(base_path: Path, name: str, kind: BatchType, release_date: str | None = None) -> Path:
    header = BatchHeader.new(name, kind, Settings(), release_date=release_date)
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
