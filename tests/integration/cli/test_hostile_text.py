"""Markup, control characters and brackets in data, through every command that shows data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, ChainUpdate, Status

pytestmark = pytest.mark.integration

LINES = "[/foo]\n[red]8aaa\n\x1b]0;stolen\x07\n[link=http://x]9bbb[/link]\n"


def test_a_week_with_markup_everywhere_is_classified_shown_repaired_and_loaded(
    small_world: Any, person: Any, status_copy: Path
) -> None:
    someone = person("[red]weeks[/foo] :smile:")
    day = small_world.world.dates[0]
    added = status_copy / f"{day:%Y%m%d}" / "added.pdb"
    added.write_text(LINES + added.read_text())
    base_path = someone.folder / "batches [/b]"
    database = {"mode": "embedded", "data_dir": str(someone.folder / "db")}
    someone.write_settings(small_world.overrides(base_path, status_dir=str(status_copy), database=database))
    use = ("--settings", someone.settings)
    week = ("update-weeks", "--start-date", day, "--end-date", day, *use)

    plan = someone.run(*week, "--dry-run")
    assert "[/foo]" in plan.stderr
    assert "\\x1b]0;stolen\\x07" in plan.stderr
    done = someone.run(*week, "--yes", code=None)
    assert "[red]weeks[/foo]" in done.stderr  # where the report is
    (path,) = base_path.glob("ecod_weekly_*")
    chain = _spoil(Batch.open(path))

    shown = {
        words: someone.run(*words, *use, code=None)
        for words in (
            ("status",),
            ("status", path.name),
            ("scan",),
            ("monitor", path.name),
            ("alerts", "show", path.name),
            ("trace", chain),
            ("report", "batch", path.name),
            ("report", "chain", chain),
            ("repair", "--reason", "error_fix", "--failed", "--dry-run"),
            ("sync", "--all"),
            ("sync", "--status"),
            ("verify",),
            ("jobs", "tree"),
            ("jobs", "show", "1"),
            ("import", "public", "--strategy", "check", "--dry-run"),
            ("maintain",),
            ("doctor",),
            ("config", "show"),
            ("config", "check"),
        )
    }
    for words, end in shown.items():
        assert end.returncode in (0, 1, 2, 3), words
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", end.stdout + end.stderr), words
    assert "[/why] out of [red]memory" in shown["status", path.name].stdout
    assert "[/why] out of [red]memory" in shown["monitor", path.name].stdout


def _spoil(batch: Batch) -> str:
    """A failed chain with a reason nobody would write."""
    with batch.lock():
        record = next(r for r in batch.manifest.chains.values() if r.can_classify)
        reason = "[/why] out of [red]memory\x1b[2J"
        fields = {"partition_status": Status.FAILED, "failed_step": "partition", "failure_reason": reason}
        batch.mark([ChainUpdate(record.key, fields)], repair=True)
        batch.snapshot()
    return str(record.key)
