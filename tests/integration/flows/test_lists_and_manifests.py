"""A week whose list has wrong lines, grows, or whose batch is damaged: nothing is read once and forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from bad_weeks import readable
from typer.testing import CliRunner

from pyecod.batch import Batch, weekly_name
from pyecod.cli.main import app

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


class Weeks:
    """Releases of a few entries of the small world, in a status folder of their own."""

    def __init__(self, small_world: Any, folder: Path) -> None:
        self.status = folder / "status"
        self.base_path = folder / "batches"
        self.days = small_world.world.dates[:2]
        released = small_world.world.status_dir / f"{self.days[0]:%Y%m%d}" / "added.pdb"
        mirror = small_world.world.mirror
        self.ids = [pdb_id for pdb_id in released.read_text().split() if readable(mirror, pdb_id)][:4]
        overrides = {**small_world.overrides(self.base_path), "status_dir": str(self.status)}
        self.settings = folder / "settings.yaml"
        self.settings.write_text(yaml.safe_dump(overrides))

    def write(self, day: int, text: str) -> None:
        """A release's list."""
        path = self.status / f"{self.days[day]:%Y%m%d}" / "added.pdb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def command(self, *arguments: str) -> Any:
        """A command as a person gives it."""
        return CliRunner().invoke(app, [*arguments, "--settings", str(self.settings)])

    def batch(self, day: int) -> Batch:
        """The batch of a release."""
        return Batch.open(self.base_path / weekly_name(self.days[day]))


@pytest.fixture
def weeks(small_world: Any, tmp_path: Path) -> Weeks:
    return Weeks(small_world, tmp_path)


def test_wrong_lines_end_in_1_until_they_are_mended(weeks: Weeks) -> None:
    one, two, three, four = weeks.ids
    weeks.write(0, f"{one}\n{two}\n{three} {four}\n")
    first = weeks.command("update-weeks", "--yes")
    assert first.exit_code == 1, first.output
    assert f"added.pdb:3: '{three} {four}' is not a PDB id" in first.output
    assert set(weeks.batch(0).manifest.entries) == {one, two}
    again = weeks.command("update-weeks", "--yes")
    assert (again.exit_code, "pyecod acknowledge" in again.output) == (1, True), again.output
    (row,) = orjson.loads(weeks.command("status", "--json").stdout)
    assert row["list_problems"] == [f"added.pdb:3: '{three} {four}' is not a PDB id"]
    assert "wrong line" in weeks.command("status", weeks.batch(0).name).stdout
    page = (weeks.batch(0).path / "report" / "index.html").read_text()
    assert "of the release's lists could not be read" in page.replace("&#x27;", "'").replace("&#39;", "'")
    weeks.write(0, "\n".join(weeks.ids) + "\n")
    mended = weeks.command("update-weeks", "--yes")
    assert set(weeks.batch(0).manifest.entries) == set(weeks.ids)
    assert "wrong line" not in mended.output
    counters = weeks.batch(0).counters()
    assert mended.exit_code == (1 if counters.failed + counters.entries_failed else 0), mended.output
    assert counters.left == 0


def test_acknowledged_lines_are_shown_and_end_no_run_with_1(weeks: Weeks) -> None:
    weeks.write(0, f"{weeks.ids[0]}\nnot an id\n")
    assert weeks.command("update-weeks", "--yes").exit_code == 1
    done = weeks.command("acknowledge", weeks.batch(0).name, "--yes")
    assert (done.exit_code, "1 wrong lines acknowledged" in done.output) == (0, True), done.output
    again = weeks.command("update-weeks", "--yes")
    assert (again.exit_code, "nothing to do" in again.output) == (0, True), again.output
    assert "(acknowledged)" in weeks.command("status", weeks.batch(0).name).stdout
    assert orjson.loads(weeks.command("acknowledge", weeks.batch(0).name, "--json").stdout)["acknowledged"] == []


def test_one_damaged_manifest_stops_no_other_week(weeks: Weeks) -> None:
    weeks.write(0, f"{weeks.ids[0]}\n")
    assert weeks.command("update-weeks", "--yes").exit_code == 0
    manifest = weeks.batch(0).paths.manifest
    manifest.write_bytes(manifest.read_bytes()[:300])
    weeks.write(1, f"{weeks.ids[1]}\n")
    plan = orjson.loads(weeks.command("update-weeks", "--dry-run", "--json").stdout)
    assert [week["state"] for week in plan] == ["broken", "new"]
    run = weeks.command("update-weeks", "--yes", "--json")
    assert run.exit_code == 3, run.output
    broken, good = orjson.loads(run.stdout)
    assert str(manifest) in broken["problem"]
    assert (good["problem"], good["left"]) == (None, 0)
    only = weeks.command("update-weeks", "--yes")
    assert (only.exit_code, "cannot be read" in only.output) == (3, True), only.output
