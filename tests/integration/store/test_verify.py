import pytest

from pyecod.batch import Batch, ChainUpdate
from pyecod.ids import ChainKey
from pyecod.store import sync_folder, verify

pytestmark = pytest.mark.integration


@pytest.fixture
def week(store, batches, plan):
    path = batches(
        {
            "8s72_A": plan(),
            "8s72_a": plan(representative="8s72_A", author_start=501),
            "9abc_B": plan(("1-40,60-120",), sequence="ACDEFGHIKLMNPQRSTVWY" * 10),
            "9abc_P": plan(None, sequence="MKV", fields={"can_classify": False, "cannot_classify_reason": "peptide"}),
        }
    )
    sync_folder(store, path)
    return path


def file_of(week, name):
    return week / "partitions" / f"{ChainKey.parse(name).file_stem}.partition.xml"


def found(store):
    return {(f.chain, f.table, f.what) for f in verify(store, 100).findings}


def test_what_was_loaded_agrees_with_the_files(store, week):
    report = verify(store, 100, seed=1)
    assert (report.checked, report.findings) == (4, ())


def test_the_same_seed_picks_the_same_chains(store, week, query):
    with store.connect() as connection:
        connection.execute("UPDATE pdb_update.chain_status SET attempts = attempts + 7")
    picked = [tuple(f.chain for f in verify(store, 2, seed=seed).findings) for seed in (1, 1, 2, 3, 4, 5, 6)]
    assert picked[0] == picked[1]
    assert len(picked[0]) == 2
    assert len(set(picked)) > 1


@pytest.mark.parametrize(
    ("table", "change", "what"),
    [
        ("chain_status", "SET domain_count = 5 WHERE chain_id = 'B'", "domain_count"),
        ("chain_status", "SET failure_reason = 'x' WHERE chain_id = 'B'", "failure_reason"),
        ("partition_run", "SET coverage = 0.5 WHERE chain_id = 'B'", "coverage"),
        ("partition_run", "SET parameters = '{}' WHERE chain_id = 'B'", "parameters"),
        ("partition_domain", "SET t_group = '1.1.1' WHERE domain_id = '9abc_B_001'", "t_group"),
        ("partition_domain", "SET evalue = 1e-9 WHERE domain_id = '9abc_B_001'", "evalue"),
        ("partition_evidence", "SET found = 0 WHERE found = 7 AND run_id IN (SELECT run_id FROM b)", "found"),
    ],
)
def test_a_value_changed_in_the_database_is_found_and_mended_by_a_load_with_overwrite(store, week, table, change, what):
    b = "WITH b AS (SELECT run_id FROM pdb_update.partition_run WHERE chain_id = 'B')"
    with store.connect() as connection:
        connection.execute(f"{b} UPDATE pdb_update.{table} {change}")
    assert found(store) == {("9abc_B", table, what)}
    sync_folder(store, week, overwrite=True)
    assert found(store) == set()


@pytest.mark.parametrize(
    ("table", "rows", "what"),
    [
        ("partition_domain", "domain_id = '9abc_B_001'", "rows"),
        ("quality_flag", "true", "rows"),
        ("sequence", "length = 200", "sequence"),
        ("partition_run", "chain_id = 'B'", "run"),
    ],
)
def test_a_row_that_is_gone_is_found_and_mended_by_a_load_with_overwrite(store, week, table, rows, what):
    with store.connect() as connection:
        connection.execute(f"DELETE FROM pdb_update.{table} WHERE {rows}")
    assert found(store) == {("9abc_B", table, what)}
    sync_folder(store, week, overwrite=True)
    assert found(store) == set()


def test_a_changed_a_broken_and_a_missing_file_are_found(store, week):
    changed = file_of(week, "8s72_A")
    changed.write_bytes(changed.read_bytes().replace(b'pdb_range="A:11-100"', b'pdb_range="A:12-101"'))
    file_of(week, "8s72_a").write_text("<partition")
    file_of(week, "9abc_B").unlink()
    assert found(store) == {
        ("8s72_A", "partition_domain", "pdb_range"),
        ("8s72_A", "partition_run", "content_digest"),
        ("8s72_a", "partition_run", "partition file"),
        ("9abc_B", "partition_run", "partition file"),
    }


def test_a_batch_that_is_gone_is_found(store, week):
    week.rename(week.with_name("elsewhere"))
    assert {(table, what) for _, table, what in found(store)} == {("batch", "manifest")}


def left_alone(store):
    """What the check of maintenance says: chains compared, chains that differ, what it passed over."""
    report = verify(store, 100, settled=True)
    return report.checked, {(f.chain, f.what) for f in report.findings}, report.passed_over


def test_left_alone_batches_are_compared_as_any(store, week):
    assert left_alone(store) == (4, set(), ())
    file_of(week, "9abc_B").unlink()
    assert left_alone(store) == (4, {("9abc_B", "partition file")}, ())


def test_a_batch_without_folder_is_passed_over_unless_it_is_asked_for(store, week):
    week.rename(week.with_name("elsewhere"))
    assert left_alone(store) == (0, set(), (f"{week.name}: there is no batch any more at {week}",))
    assert len(verify(store, 100, batch_name=week.name).findings) == 4


def test_a_batch_in_work_is_passed_over(store, week):
    file_of(week, "9abc_B").unlink()  # as while its new one is written
    with Batch.open(week).lock():
        checked, differing, [reason] = left_alone(store)
    assert (checked, differing) == (0, set())
    assert reason.startswith(f"{week.name}: is running (pid ")


def test_chains_changed_since_their_load_are_passed_over_and_the_others_compared(store, week):
    batch = Batch.open(week)
    with batch.lock():
        key = ChainKey.parse("8s72_A")
        batch.mark([ChainUpdate(key, {"domain_count": 7, "updated_at": "2126-01-01T00:00:00+00:00"})])
    with store.connect() as connection:
        connection.execute("UPDATE pdb_update.chain_status SET attempts = 7 WHERE chain_id = 'B'")
    changed = f"{week.name}: changed since its load (1 of the chains picked)"
    assert left_alone(store) == (3, {("9abc_B", "attempts")}, (changed,))
    assert {chain for chain, _, _ in found(store)} == {"8s72_A", "9abc_B"}
