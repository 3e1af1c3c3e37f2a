"""What a command says of a disk that cannot be written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, ChainUpdate, Status

pytestmark = pytest.mark.integration


def test_a_read_only_disk_ends_commands_with_one_sentence(
    small_world: Any, good_week: Path, person: Any, read_only: Callable[[Path], list[str]]
) -> None:
    someone = person("here")
    base_path = Path(shutil.copytree(good_week, someone.folder / "batches"))
    batch = Batch.open(next(base_path.glob("ecod_weekly_*")))
    key = next(record.key for record in batch.manifest.chains.values() if record.can_classify)
    changes = {"partition_status": Status.FAILED, "failed_step": "partition", "failure_reason": "a test"}
    with batch.lock():
        batch.mark([ChainUpdate(key, changes)], repair=True)
        batch.snapshot()
    someone.write_settings(small_world.overrides(base_path))
    use = ("--settings", someone.settings)
    under = read_only(base_path)

    for words in (
        ("report", "batch", batch.name),
        ("repair", "--reason", "error_fix", "--failed", "--yes"),
        ("export", batch.name),
    ):
        end = someone.run(*words, *use, code=3, under=under)
        (said,) = [line for line in end.stderr.splitlines() if line.startswith("pyecod: error: ")]
        assert "ead-only" in said, words
    assert batch.name in someone.run("status", *use, under=under).stdout
