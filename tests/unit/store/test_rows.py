import datetime
import os

import pytest

from pyecod.batch import Batch, ChainUpdate
from pyecod.errors import BrokenInputError
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.store.rows import ChainRow, PartitionReader, Rejection, batch_rows, collect_batch, folder_stamp


def partition_path(batch, name):
    return batch / "partitions" / f"{ChainKey.parse(name).file_stem}.partition.xml"


class TestPartitionReader:
    def test_identical_chains_share_the_partition_and_keep_their_own_author_ranges(self, batches, plan):
        path = batches({"8s72_A": plan(), "9abc_B": plan(author_start=101), "9abc_b": plan(author_start=-4)})
        reader = PartitionReader()
        files = {n: reader.read(partition_path(path, n), ChainKey.parse(n)) for n in ("8s72_A", "9abc_B", "9abc_b")}
        assert files["8s72_A"].partition is files["9abc_B"].partition is files["9abc_b"].partition
        for name, file in files.items():
            assert file == read_partition(partition_path(path, name))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b't_group="2003.1.1"', b't_group="2003.1.2"'),
            (b'range="1-90"', b'range="1-89"'),
            (b"domain_blast", b"chain_blast"),
            (b"2025-09-05T12", b"2025-09-05T13"),
        ],
    )
    def test_any_other_difference_is_read_anew(self, batches, plan, old, new):
        path = batches({"8s72_A": plan(), "8s72_B": plan()})
        file = partition_path(path, "8s72_B")
        changed = (
            file.read_bytes().replace(old, new, 1).replace(b'size="90"', b'size="89"' if b"89" in new else b'size="90"')
        )
        file.write_bytes(changed.replace(b"<coverage>0.9333", b"<coverage>0.9286") if b"89" in new else changed)
        reader = PartitionReader()
        first = reader.read(partition_path(path, "8s72_A"), ChainKey("8s72", "A"))
        second = reader.read(file, ChainKey("8s72", "B"))
        assert second == read_partition(file)
        assert (second.partition, second.timestamp) != (first.partition, first.timestamp)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'id="8s72_B_002"', b'id="8s72_C_002"'),
            (b'id="8s72_B_002"', b'id="8s72_B_001"'),
            (b'chain_id="B"', b'chain_id="C"'),
            (b' pdb_range="B:105-210"', b""),
            (b"</partition>", b""),
        ],
    )
    def test_a_file_whose_ids_do_not_fit_is_never_taken_for_its_sister(self, batches, plan, old, new):
        path = batches({"8s72_A": plan(), "8s72_B": plan()})
        file = partition_path(path, "8s72_B")
        assert old in file.read_bytes()
        file.write_bytes(file.read_bytes().replace(old, new, 1))
        reader = PartitionReader()
        reader.read(partition_path(path, "8s72_A"), ChainKey("8s72", "A"))
        try:
            expected = read_partition(file)
        except BrokenInputError:
            expected = None
        if expected is not None and expected.key == ChainKey("8s72", "B"):
            assert reader.read(file, ChainKey("8s72", "B")) == expected
        else:
            with pytest.raises(BrokenInputError, match="8s72_B"):
                reader.read(file, ChainKey("8s72", "B"))

    def test_another_chains_file_is_refused(self, batches, plan):
        path = batches({"8s72_A": plan()})
        with pytest.raises(BrokenInputError, match="of chain 8s72_A, not 8s72_B"):
            PartitionReader().read(partition_path(path, "8s72_A"), ChainKey("8s72", "B"))


class TestBatchRows:
    def test_every_chain_is_a_row_with_its_partition_and_sequence(self, batches, plan):
        path = batches(
            {
                "8s72_A": plan(),
                "8s72_B": plan(representative="8s72_A", author_start=301),
                "8s72_C": plan(
                    None, sequence="MKV", fields={"can_classify": False, "cannot_classify_reason": "peptide"}
                ),
            }
        )
        rows = {str(row.record.key): row for row in batch_rows(Batch.open(path))}
        assert sorted(rows) == ["8s72_A", "8s72_B", "8s72_C"]
        assert rows["8s72_B"].pdb_ranges == ("B:301-390", "B:395-500")
        assert rows["8s72_A"].sequence
        assert rows["8s72_A"].release_date == datetime.date(2025, 9, 5)
        assert rows["8s72_A"].created == "2025-09-05T12:00:00+00:00"
        assert rows["8s72_C"].partition is None

    def test_a_partition_file_that_is_gone_is_reported_and_the_chain_still_comes(self, batches, plan):
        path = batches({"8s72_A": plan(), "8s72_B": plan()})
        partition_path(path, "8s72_A").unlink()
        rejection, *rows = batch_rows(Batch.open(path))
        assert isinstance(rejection, Rejection)
        assert (rejection.table, rejection.key) == ("partition_run", "8s72_A")
        assert "No such file" in rejection.reason
        assert [(str(row.record.key), row.partition is None) for row in rows] == [("8s72_A", True), ("8s72_B", False)]

    def test_a_chain_of_an_impossible_week_is_reported_and_does_not_come(self, batches, plan):
        chains = {"8s72_A": plan(fields={"source_week": "soon"}), "8s72_B": plan(fields={"source_week": "20250905"})}
        path = batches(chains, kind="repair", date="2025-09-08")
        first, second = batch_rows(Batch.open(path))
        assert isinstance(first, Rejection)
        assert first.key == "8s72_A"
        assert isinstance(second, ChainRow)
        assert second.release_date == datetime.date(2025, 9, 5)

    def test_a_repair_that_failed_or_came_out_worse_is_not_accepted(self, batches, plan):
        failed = {"partition_status": "failed", "failed_step": "partition", "failure_reason": "x"}
        path = batches(
            {
                "8s72_A": plan(),
                "8s72_B": plan(fields={"repair_status": "worse"}),
                "8s72_C": plan(None, fields=failed),
            },
            kind="repair",
            date="2025-09-08",
        )
        assert [row.accepted for row in batch_rows(Batch.open(path))] == [True, False, False]


class TestDigest:
    def test_it_is_the_same_for_the_same_batch_opened_again(self, batches, plan):
        path = batches({"8s72_A": plan(), "8s72_B": plan(None)})
        assert collect_batch(Batch.open(path)).digest == collect_batch(Batch.open(path)).digest

    def test_a_changed_record_changes_it(self, batches, plan):
        path = batches({"8s72_A": plan(), "8s72_B": plan(None)})
        before = collect_batch(Batch.open(path)).digest
        batch = Batch.open(path)
        with batch.lock():
            batch.mark([ChainUpdate(ChainKey("8s72", "B"), {"blast_coverage": 0.5})])
        assert collect_batch(Batch.open(path)).digest != before

    def test_a_rewritten_partition_file_changes_it(self, batches, plan):
        path = batches({"8s72_A": plan()})
        before = collect_batch(Batch.open(path)).digest
        os.utime(partition_path(path, "8s72_A"), (1, 1))
        assert collect_batch(Batch.open(path)).digest != before

    def test_what_was_written_a_moment_ago_has_no_stamp(self, batches, plan):
        assert folder_stamp(batches({"8s72_A": plan()})) is None

    def test_a_new_partition_file_changes_the_stamp(self, batches, plan):
        path = batches({"8s72_A": plan()})
        for name in ("batch_manifest.yaml", "partitions", "fastas", "blast", "hhsearch"):
            os.utime(path / name, (1_000_000, 1_000_000))
        before = folder_stamp(path)
        assert before is not None
        assert folder_stamp(path) == before
        os.utime(path / "partitions", (1_000_001, 1_000_001))
        assert folder_stamp(path) != before

    def test_a_batch_another_process_drives_says_so_and_ones_own_does_not(self, batches, plan):
        path = batches({"8s72_A": plan()})
        batch = Batch.open(path)
        with batch.lock():
            assert collect_batch(batch).driven_by is None
        assert collect_batch(batch).status == "complete"
