"""What ran out of time in the first pass of a batch is searched in a second with larger limits."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from pyecod.batch import Batch, Status

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

# hangs at its first search, works at the next
SLOW_ONCE = """#!/bin/sh
case "$*" in *-oa3m*) if mkdir "{begun}"; then exec sleep 600; fi ;; esac
exec "{real}" "$@"
"""
SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV"


@pytest.mark.parametrize(("second_try", "ends_as"), [(200, Status.COMPLETE), (1, Status.FAILED)])
def test_a_search_over_its_time_limit_is_tried_once_more_with_a_longer_one(
    small_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second_try: float, ends_as: Status
) -> None:
    program = tmp_path / "bin" / "hhblits"
    program.parent.mkdir()
    program.write_text(SLOW_ONCE.format(begun=tmp_path / "begun", real=shutil.which("hhblits")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    fasta = tmp_path / "one.fasta"
    fasta.write_text(f">q1\n{SEQUENCE}\n")
    overrides = small_world.overrides(
        tmp_path / "batches",
        search={"cache_dir": str(tmp_path / "cache"), "hhsuite_timeout": 2},
        workers={"count": 1, "second_try": second_try},
    )
    result = classify(fasta=fasta, overrides=overrides)
    (record,) = Batch.open(result.path).manifest.chains.values()
    assert (tmp_path / "begun").is_dir()  # it needed the profile search, and that hung
    assert record.hhsearch_status is ends_as
    if ends_as is Status.FAILED:
        assert record.failure_kind == "out_of_time"
        assert "hhblits was killed after its time limit of 2 s" in str(record.failure_reason)
    else:
        assert (record.failure_kind, record.partition_status) == (None, Status.COMPLETE)
