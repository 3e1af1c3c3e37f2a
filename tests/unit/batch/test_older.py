from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.batch import Batch, ChainUpdate, Status, read_manifest
from pyecod.errors import BatchError
from pyecod.ids import ChainKey
from pyecod.pdb.chain import sequence_md5

OLDER = """\
batch_info:
  batch_name: ecod_weekly_20250905
  batch_type: weekly
  release_date: '2025-09-05'
  pdb_status_path: /status/20250905
  reference_version: develop291
  created: '2025-10-19T10:00:00.123456'
processing_status:
  total_structures: 3
  blast_complete: 4
  hhsearch_needed: 1
  hhsearch_complete: 0
  partition_complete: 4
chains:
  8s72_A:
    pdb_id: 8s72
    chain_id: A
    sequence: MKTAYIAKQRQISFVKSHFSRQ
    sequence_length: 22
    can_classify: true
    cannot_classify_reason: null
    blast_status: complete
    blast_coverage: 0.95
    needs_hhsearch: false
    hhsearch_status: not_needed
    partition_status: complete
    partition_coverage: 1.04
    domain_count: 1
    partition_quality: good
    blast_complete_time: '2025-10-19T11:00:00'
    files:
      fasta: fastas/8s72_A.fa
      summary: /data/batches/ecod_weekly_20250905/summaries/8s72_A.summary.xml
  8s72_B:
    pdb_id: 8s72
    chain_id: B
    sequence: MKTAYIAKQRQISFVKSHFSRQ
    sequence_length: 22
    can_classify: true
    blast_status: pending
    blast_coverage: null
    needs_hhsearch: false
    hhsearch_status: not_needed
    partition_status: pending
    files: {}
  8s72_N:
    pdb_id: 8s72
    chain_id: N
    sequence: GGGGG
    sequence_length: 5
    can_classify: false
    cannot_classify_reason: peptide
    blast_status: not_needed
    hhsearch_status: not_needed
    partition_status: not_needed
    files: {}
slurm_jobs:
  '123':
    job_id: '123'
    status: running
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    folder = tmp_path / "ecod_weekly_20250905"
    folder.mkdir()
    (folder / "batch_manifest.yaml").write_text(OLDER)
    return folder


def test_the_older_nested_form_is_read(older: Path) -> None:
    manifest = read_manifest(older / "batch_manifest.yaml")
    assert manifest.header.batch_name == "ecod_weekly_20250905"
    assert manifest.header.reference_version == "develop291"
    first, second, peptide = manifest.chains.values()
    assert first.partition_status is Status.COMPLETE
    assert first.partition_coverage == 1.0  # overlapping domains were counted twice
    assert first.sequence_md5 == sequence_md5("MKTAYIAKQRQISFVKSHFSRQ")
    assert first.files == {"fasta": "fastas/8s72_A.fa", "summary": "summaries/8s72_A.summary.xml"}
    assert second.representative == "8s72_A"
    assert second.hhsearch_status is Status.PENDING  # not known before BLAST is done
    assert second.needs_hhsearch is None
    assert not peptide.can_classify
    assert manifest.entries["8s72"].chain_count == 3


def test_counters_of_an_older_batch_come_from_its_chains_not_from_its_stored_counters(older: Path) -> None:
    counters = Batch.open(older).counters()
    assert (counters.classifiable, counters.done, counters.left) == (2, 1, 1)


def test_a_snapshot_of_an_older_batch_keeps_the_older_manifest_beside_it(older: Path) -> None:
    batch = Batch.open(older)
    with batch.lock():
        batch.mark([ChainUpdate(ChainKey("8s72", "B"), {"attempts": 1})])
    assert (older / "batch_manifest.older.yaml").read_text() == OLDER
    again = Batch.open(older)
    assert again.manifest.chains["8s72_B"].attempts == 1
    assert not again.manifest.is_older_form


def test_a_repair_batch_of_the_older_tools_has_its_header_at_the_top(tmp_path: Path) -> None:
    path = tmp_path / "batch_manifest.yaml"
    path.write_text(
        "batch_name: ecod_repair_20251101\nbatch_type: repair\ncreated: '2025-11-01T00:00:00'\n"
        "source_weeks: [2025-09-05]\nrerun_blast: false\nrerun_partition: true\n"
        "chains:\n  8s72_A: {pdb_id: 8s72, chain_id: A, source_week: '2025-09-05', can_classify: true,"
        " repair_status: pending}\n"
        "processing_status: {total_structures: 1}\n"
    )
    manifest = read_manifest(path)
    assert manifest.header.batch_type == "repair"
    assert manifest.header.source_weeks == ("2025-09-05",)
    record = manifest.chains["8s72_A"]
    assert (record.repair_status, record.sequence_md5, record.blast_status) == ("pending", "", Status.PENDING)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("blast_status: complete", "blast_status: finished", "blast_status"),
        ("  8s72_N:\n", "  1234_5:\n", "quote it"),
        ("  8s72_N:\n", "  a/b:\n", "not a chain or record id"),
        ("  8s72_B:\n", "  8S72_A:\n", "twice"),
        ("partition_coverage: 1.04", "partition_coverage: high", "partition_coverage"),
        ("batch_type: weekly", "batch_type: monthly", "batch type"),
    ],
)
def test_an_older_manifest_that_makes_no_sense_is_refused(older: Path, old: str, new: str, part: str) -> None:
    path = older / "batch_manifest.yaml"
    path.write_text(OLDER.replace(old, new, 1))
    with pytest.raises(BatchError) as caught:
        read_manifest(path)
    assert part in str(caught.value)


@pytest.mark.parametrize("digits", [25, 400])
def test_a_number_no_database_has_is_the_declared_error(older: Path, digits: int) -> None:
    path = older / "batch_manifest.yaml"
    path.write_text(OLDER.replace("partition_coverage: 1.04", f"partition_coverage: {'1' * digits}"))
    with pytest.raises(BatchError, match="is too large") as caught:
        read_manifest(path)
    assert f"{path}:27" in str(caught.value)
