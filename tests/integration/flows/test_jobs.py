"""The job tree of a run in which profile searches fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from pyecod.batch import Batch, Status
from pyecod.settings import load_settings
from pyecod.store import open_store

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

# so many searches fail, the others work
BROKEN = """#!/bin/sh
case "$*" in *-oa3m*) for n in {fails}; do if mkdir "{begun}$n" 2>/dev/null; then echo no >&2; exit 1; fi; done ;; esac
exec "{real}" "$@"
"""
SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV"
TREE = "SELECT name, status, message FROM pdb_update.job WHERE name LIKE 'hhsearch%%' ORDER BY sort_key"
WORDS = (
    "SELECT DISTINCT v.value FROM pdb_update.job_char_value v JOIN pdb_update.job j USING (number) "
    "WHERE v.name = 'slurm_job' AND j.name SIMILAR TO '(blast|hhsearch|partition) %%'"
)


@pytest.mark.parametrize(("fails", "status"), [("1", "FINISHED"), ("1 2", "FAILED")])
def test_failed_profile_searches_are_seen_in_the_job_tree(
    small_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, status: str
) -> None:
    program = tmp_path / "bin" / "hhblits"
    program.parent.mkdir()
    program.write_text(BROKEN.format(fails=fails, begun=tmp_path / "begun", real=shutil.which("hhblits")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    fasta = tmp_path / "two.fasta"
    fasta.write_text(f">q1\n{SEQUENCE}\n>q2\n{SEQUENCE[::-1]}\n")
    overrides = small_world.overrides(
        tmp_path / "batches",
        search={"cache_dir": str(tmp_path / "cache")},
        workers={"count": 1, "second_try": 1},
        run={"retries": 0, "chunk_size": 2},
        database={"mode": "embedded", "data_dir": str(tmp_path / "db")},
    )
    result = classify(fasta=fasta, overrides=overrides)
    number = len(fails.split())
    records = Batch.open(result.path).manifest.chains.values()
    assert sum(record.hhsearch_status is Status.FAILED for record in records) == number
    with open_store(load_settings(overrides=overrides).database) as store, store.connect() as connection:
        (step, step_status, step_message), *chunks = connection.execute(TREE).fetchall()
        words = connection.execute(WORDS).fetchall()
    assert (step, step_status, step_message) == ("hhsearch", status, f"{number} of 2 sequences failed")
    failed = [message for _, chunk_status, message in chunks if chunk_status == "FAILED"]
    assert len(chunks) == 2  # profile searches go one sequence at a time
    assert len(failed) == number
    assert all(
        message.startswith("1 of 1 sequence failed, the first: hhsearch: hhblits ended") for message in failed
    ), failed
    assert words == [("4711",)]
