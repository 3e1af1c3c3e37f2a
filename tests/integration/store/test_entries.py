"""Entries in the database, read or not, and the paths of what a batch holds of a chain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pyecod.batch import Batch, EntryRecord, Status
from pyecod.store import sync_folder

pytestmark = pytest.mark.integration

ENTRIES = "SELECT pdb_id, release_date::text, batch_name, status, reason FROM pdb_update.entry_status ORDER BY 1"


def mark(path: Path, *entries: EntryRecord) -> None:
    """Record entries of a batch."""
    batch = Batch.open(path)
    with batch.lock():
        batch.mark(entries=entries)


@pytest.fixture
def week(batches, plan) -> Path:
    path = batches({"8s72_A": plan()})
    mark(path, EntryRecord("7bad", Status.FAILED, failure_reason="no mmCIF file of 7bad"))
    return path


def test_entries_that_could_not_be_read_are_in_a_table_a_view_and_the_summary(store, query, week):
    assert sync_folder(store, week).rejected == ()
    failed = ("7bad", "2025-09-05", "ecod_weekly_20250905", "failed", "no mmCIF file of 7bad")
    assert failed in query(ENTRIES)
    assert query("SELECT pdb_id, reason FROM pdb_update.failed_entries") == [(failed[0], failed[-1])]
    summary = "SELECT failed_entries, pending_entries FROM pdb_update.release_summary"
    assert query(summary) == [(1, 0)]


def test_what_a_repair_read_stays_read_when_the_week_is_loaded_again(store, query, batches, plan, week):
    sync_folder(store, week)
    repair = batches({"7bad_A": plan(fields={"repair_status": "new", "source_week": "2025-09-05"})}, kind="repair")
    mark(repair, EntryRecord("7bad", Status.COMPLETE, chain_count=1, source_week="2025-09-05", resolution=1.9))
    assert sync_folder(store, repair).problem is None
    read = query("SELECT batch_name, status, reason, resolution FROM pdb_update.entry_status WHERE pdb_id = '7bad'")
    assert read == [(repair.name, "complete", None, 1.9)]
    sync_folder(store, week, overwrite=True)
    assert query("SELECT count(*) FROM pdb_update.failed_entries") == [(0,)]
    mark(week, EntryRecord("7bad", Status.FAILED, failure_reason="gone again"))
    sync_folder(store, week)
    assert query("SELECT count(*) FROM pdb_update.failed_entries") == [(0,)]


def test_a_changed_reason_of_an_entry_is_loaded(store, query, week):
    sync_folder(store, week)
    entry = Batch.open(week).manifest.entries["7bad"]
    mark(week, replace(entry, failure_reason="the gzip file is cut off"))
    assert not sync_folder(store, week).unchanged
    assert query("SELECT reason FROM pdb_update.failed_entries") == [("the gzip file is cut off",)]


def test_paths_name_the_files_that_are_there_and_come_with_an_export(store, query, week):
    (week / "fastas").mkdir(exist_ok=True)
    (week / "fastas" / "8s72_A.fa").write_text(">8s72_A\nMK\n")
    sync_folder(store, week)
    columns = "fasta_path, chain_blast_path, domain_blast_path, hhsearch_path, summary_path"
    of_chain = f"SELECT {columns} FROM pdb_update.chain_status"
    summary = "summaries/8s72_A.summary.xml"
    assert query(of_chain) == [("fastas/8s72_A.fa", None, None, None, summary)]
    for name in ("blast/8s72_A.chain_blast.xml", "blast/8s72_A.domain_blast.xml", "hhsearch/8s72_A.hhr"):
        (week / name).parent.mkdir(exist_ok=True)
        (week / name).write_text("what pyecod export writes")
    assert not sync_folder(store, week).unchanged
    (found,) = query(of_chain)
    assert found == (
        "fastas/8s72_A.fa", "blast/8s72_A.chain_blast.xml", "blast/8s72_A.domain_blast.xml", "hhsearch/8s72_A.hhr",
        summary,
    )  # fmt: skip
    (absolute,) = query(f"SELECT {columns} FROM pdb_update.chain_files")
    assert absolute == tuple(f"{week}/{path}" for path in found)
    assert sync_folder(store, week).unchanged
