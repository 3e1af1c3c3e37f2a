from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch import Batch, BatchPaths, ChainRecord, RunHistory, find_batches, locate_batch
from pyecod.batch.paths import FOLDERS, disk_use, free_space
from pyecod.batch.runs import DataType
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

PATHS = BatchPaths(Path("/batches/ecod_weekly_20250905"))
keys = st.builds(ChainKey, st.sampled_from(["8abc", "8abd", "pdb_10008abc"]), st.text("AaBb1", min_size=1, max_size=5))


def test_files_have_the_names_of_the_format() -> None:
    key = ChainKey("8s72", "N")
    assert PATHS.fasta_path(key).relative_to(PATHS.root) == Path("fastas/8s72_N.fa")
    assert PATHS.summary_path(key).relative_to(PATHS.root) == Path("summaries/8s72_N.summary.xml")
    assert PATHS.partition_path(key).relative_to(PATHS.root) == Path("partitions/8s72_N.partition.xml")
    assert PATHS.manifest.name == "batch_manifest.yaml"


@given(keys, keys)
def test_two_chains_never_share_a_file_even_where_the_file_system_ignores_case(one: ChainKey, other: ChainKey) -> None:
    runs = RunHistory(PATHS.root)
    for name in (
        PATHS.fasta_path,
        PATHS.summary_path,
        PATHS.partition_path,
        lambda key: runs.path(DataType.BLAST, key, 1),
    ):
        assert (str(name(one)).casefold() == str(name(other)).casefold()) == (one == other)


def test_a_new_batch_has_all_its_folders(batch: Batch) -> None:
    assert {path.name for path in batch.path.iterdir() if path.is_dir()} == set(FOLDERS)


def test_paths_of_records_are_relative_to_the_batch_or_to_its_neighbours(batch: Batch) -> None:
    paths = batch.paths
    assert paths.relative(paths.summary_path(ChainKey("8abc", "a"))) == "summaries/8abc_a~1.summary.xml"
    assert paths.relative(batch.path.parent / "other" / "x.xml") == "../other/x.xml"
    with pytest.raises(BatchError, match="not inside the batch"):
        paths.relative(Path("/etc/passwd"))


def test_a_partition_counts_as_there_only_when_its_file_is_not_empty(
    batch: Batch, make_chain: Callable[..., ChainRecord]
) -> None:
    record = make_chain("8abc_A", files={"partition": "partitions/x.xml"})
    assert not batch.paths.has_partition(record)
    (batch.path / "partitions/x.xml").touch()
    assert not batch.paths.has_partition(record)
    (batch.path / "partitions/x.xml").write_text("<partition/>")
    assert batch.paths.has_partition(record)
    assert batch.paths.file(record, "partition") == batch.path / "partitions/x.xml"
    assert batch.paths.file(record, "summary") is None


def test_batches_are_found_by_pattern_and_other_folders_are_not(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "search_cache").mkdir()
    (tmp_path / "ecod_weekly_20250912").mkdir()  # its creation was interrupted
    assert find_batches(tmp_path) == [batch.path]
    assert find_batches(tmp_path, "ecod_weekly_2025*") == [batch.path]
    assert find_batches(tmp_path, "ecod_repair_*") == []
    with pytest.raises(BatchError, match="cannot list the batches"):
        find_batches(tmp_path / "missing")


def test_a_batch_is_located_by_path_or_name(batch: Batch, tmp_path: Path) -> None:
    assert locate_batch(str(batch.path), Path("/nowhere")) == batch.path
    assert locate_batch("ecod_weekly_20250905", tmp_path) == batch.path
    with pytest.raises(BatchError, match="there is no batch 'nope'"):
        locate_batch("nope", tmp_path)


def test_disk_use_is_summed_per_folder(batch: Batch) -> None:
    (batch.path / "blast" / "deep").mkdir()
    (batch.path / "blast" / "deep" / "x").write_bytes(os.urandom(100_000))
    (batch.path / "blast" / "link").symlink_to("/")
    use = disk_use(batch.path)
    assert 100_000 <= use.folders["blast"] <= 120_000
    assert use.total == sum(use.folders.values())
    assert use.free == pytest.approx(free_space(batch.path), rel=0.1)
    assert use.files == 4  # manifest, lock, x, the link itself
