import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from pyecod.batch import Batch, ChainUpdate
from pyecod.errors import BatchLockedError, StoreError, StoreUnavailableError
from pyecod.ids import ChainKey
from pyecod.store import Store, collect_batch, migrate, sync_batch, sync_batches, sync_folder, verify
from pyecod.store import sync as sync_module

pytestmark = pytest.mark.integration

PEPTIDE = {"can_classify": False, "cannot_classify_reason": "peptide"}
FAILED = {"partition_status": "failed", "failed_step": "partition", "failure_reason": "the summary is cut short"}
SNAPSHOT = """
    SELECT 'c', to_jsonb(c) FROM pdb_update.chain_status c
    UNION ALL SELECT 'r', to_jsonb(r) - 'synced_at' FROM pdb_update.partition_run r
    UNION ALL SELECT 'd', to_jsonb(d) FROM pdb_update.partition_domain d
    UNION ALL SELECT 'e', to_jsonb(e) FROM pdb_update.partition_evidence e
    UNION ALL SELECT 'f', to_jsonb(f) FROM pdb_update.quality_flag f
    UNION ALL SELECT 'w', to_jsonb(w) FROM pdb_update.weekly_release w
    ORDER BY 1, 2
"""


@pytest.fixture
def week(batches, plan):
    """A week with identical chains, a discontinuous domain, a peptide, a failure and a chain without evidence."""
    return batches(
        {
            "8s72_A": plan(),
            "8s72_a": plan(representative="8s72_A", author_start=501),
            "9abc_B": plan(("1-40,60-120",), sequence="ACDEFGHIKLMNPQRSTVWY" * 10, t_group="11.1.5"),
            "9abc_C": plan((), sequence="G" * 80),
            "9abc_P": plan(None, sequence="MKV", fields=PEPTIDE),
            "9abc_X": plan(None, sequence="A" * 90, fields=FAILED),
        }
    )


def partition_path(batch, name):
    return batch / "partitions" / f"{ChainKey.parse(name).file_stem}.partition.xml"


def rewrite(batch, name, plan):
    """The chain was partitioned again in its batch."""
    makers = sys.modules["store_batches"]  # conftest's
    makers.write_plan(batch, name, plan, batch.name)
    record = makers.make_record(name, plan)
    opened = Batch.open(batch)
    with opened.lock():
        changes = {
            field: getattr(record, field)
            for field in ("partition_coverage", "partition_quality", "domain_count", "updated_at", "partition_outcome")
        }
        opened.mark([ChainUpdate(record.key, changes)], repair=True)


class TestContent:
    def test_everything_the_files_say_is_in_the_tables(self, store, query, week):
        report = sync_folder(store, week)
        assert (report.chains, report.inserted, report.updated, report.runs) == (6, 6, 0, 4)
        assert (report.domains, report.evidence, report.sequences, report.rejected) == (5, 12, 3, ())
        assert query("SELECT batch_name, status, chain_count, batch_path FROM pdb_update.batch") == [
            ("ecod_weekly_20250905", "complete", 6, str(week))
        ]
        assert query(
            "SELECT release_date::text, total_structures, processed_structures, classifiable_chains, status "
            "FROM pdb_update.weekly_release"
        ) == [("2025-09-05", 2, 2, 5, "complete")]
        assert query(
            "SELECT chain_id, domain_number, domain_id, range, pdb_range, size, is_discontinuous, source, evalue, "
            "probability, evidence_range FROM pdb_update.partition_domain JOIN pdb_update.partition_run USING (run_id) "
            "WHERE pdb_id = '8s72' "
            'ORDER BY chain_id COLLATE "C", domain_number'
        ) == [
            ("A", 1, "8s72_A_001", "1-90", "A:11-100", 90, False, "domain_blast", 0.0, None, "1-45"),
            ("A", 2, "8s72_A_002", "95-200", "A:105-210", 106, False, "hhsearch", 1e-300, 98.4, None),
            ("a", 1, "8s72_a_001", "1-90", "a:501-590", 90, False, "domain_blast", 0.0, None, "1-45"),
            ("a", 2, "8s72_a_002", "95-200", "a:595-700", 106, False, "hhsearch", 1e-300, 98.4, None),
        ]
        assert query("SELECT detail FROM pdb_update.quality_flag") == [("1-40,60-120",)]
        assert query("SELECT f.flag, d.range FROM pdb_update.quality_flag f JOIN pdb_update.partition_domain d "
                     "USING (run_id, domain_number)") == [("discontinuous", "1-40,60-120")]  # fmt: skip
        assert query(
            "SELECT cannot_classify_reason, partition_status FROM pdb_update.chain_status WHERE chain_id = 'P'"
        ) == [("peptide", "pending")]

    def test_each_unassigned_region_is_a_row_with_its_candidate(self, store, query, week):
        sync_folder(store, week)
        rows = query(
            "SELECT reason, homolog, candidate_h_group, candidate_source, candidate_confidence,"
            " candidate_evalue, candidate_probability FROM pdb_update.unassigned_region WHERE region_number = 1",
        )
        assert rows
        assert set(rows) == {("weak_evidence", None, "11.1", "hhsearch", 0.125, 1e-4, 60.5)}

    def test_an_unknown_reason_is_refused(self, store, query, week):
        sync_folder(store, week)
        with store.connect() as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                """UPDATE pdb_update.partition_run SET unassigned = '[{"range": "1", "reason": "bored"}]'"""
            )

    def test_the_views_give_the_weeks_numbers(self, store, query, week):
        sync_folder(store, week)
        assert query(
            "SELECT chains, classifiable_chains, partitioned_chains, failed_chains, domains, good, low_coverage, "
            "fragmentary, no_domains FROM pdb_update.release_summary"
        ) == [(6, 5, 4, 1, 5, 2, 1, 0, 1)]
        assert query("SELECT pdb_id, chain_id, failed_step, failure_reason FROM pdb_update.failed_chains") == [
            ("9abc", "X", "partition", "the summary is cut short")
        ]
        assert query("SELECT quality, chains, domains FROM pdb_update.partition_quality_summary ORDER BY quality") == [
            ("good", 2, 4), ("low_coverage", 1, 1), ("no_domains", 1, 0)
        ]  # fmt: skip
        ((chains, partitioned, failed, domains, evidence),) = query(
            "SELECT chains, partitioned_chains, failed_chains, domains, evidence FROM pdb_update.batch_kpi"
        )
        assert (chains, partitioned, failed, domains) == (6, 4, 1, 5)
        assert evidence["domain_blast"] == {"found": 48, "kept": 40, "considered": 36, "accepted": 16}
        assert evidence["chain_blast"]["found"] == 0

    def test_chains_that_need_a_profile_search_are_listed_until_they_have_it(self, store, query, batches, plan):
        waiting = {"needs_hhsearch": True, "hhsearch_status": "pending"}
        done = {"needs_hhsearch": True, "hhsearch_status": "complete"}
        week = batches({"8s72_A": plan(None, fields=waiting), "8s72_B": plan(fields=done), "8s72_C": plan()})
        sync_folder(store, week)
        assert query("SELECT chain_id FROM pdb_update.chains_needing_hhsearch") == [("A",)]

    def test_older_batches_of_fasta_records_have_no_author_ranges(self, store, query, batches, plan):
        batch = batches({"P00350": plan(), "my_protein-1": plan(representative="P00350")}, kind="fasta", name="lab")
        report = sync_folder(store, batch)
        assert (report.chains, report.runs) == (2, 2)
        assert query("SELECT pdb_id, chain_id, release_date::text FROM pdb_update.chain_status ORDER BY pdb_id") == [
            ("P00350", "", "2025-09-05"), ("my_protein-1", "", "2025-09-05")
        ]  # fmt: skip
        assert query("SELECT DISTINCT pdb_range FROM pdb_update.partition_domain") == [(None,)]
        assert query("SELECT count(*) FROM pdb_update.weekly_release") == [(0,)]


class TestAgain:
    def test_loading_twice_changes_nothing_and_looks_at_nothing(self, store, query, week):
        sync_folder(store, week)
        before = query(SNAPSHOT)
        again = sync_folder(store, week)
        assert again.unchanged
        assert again.rows == 0
        assert query(SNAPSHOT) == before

    def test_loading_all_over_again_with_overwrite_changes_nothing_either(self, store, query, week):
        sync_folder(store, week)
        before = query(SNAPSHOT)
        again = sync_folder(store, week, overwrite=True)
        assert (again.unchanged, again.chains, again.inserted, again.updated) == (False, 6, 0, 0)
        assert query(SNAPSHOT) == before

    def test_a_batch_known_by_its_file_times_is_not_even_opened(self, store, week):
        for name in ("batch_manifest.yaml", "partitions", "fastas", "blast", "hhsearch"):
            os.utime(week / name, (1_000_000, 1_000_000))
        sync_folder(store, week)
        manifest = week / "batch_manifest.yaml"
        manifest.write_bytes(b"#" * manifest.stat().st_size)
        os.utime(manifest, (1_000_000, 1_000_000))
        assert sync_folder(store, week).unchanged

    def test_a_changed_chain_is_updated_and_the_others_are_left(self, store, query, week, plan):
        sync_folder(store, week)
        rewrite(
            week, "9abc_B", plan(("1-120",), sequence="ACDEFGHIKLMNPQRSTVWY" * 10, made="2025-09-06T01:00:00+00:00")
        )
        report = sync_folder(store, week)
        assert (report.inserted, report.updated, report.runs, report.domains) == (0, 1, 1, 1)
        assert query(
            "SELECT run_number, is_current, domain_count, coverage FROM pdb_update.partition_run "
            "WHERE chain_id = 'B' ORDER BY run_number"
        ) == [(1, False, 1, 0.505), (2, True, 1, 0.6)]

    def test_overwrite_puts_a_changed_result_in_the_place_of_the_last(self, store, query, week, plan):
        sync_folder(store, week)
        rewrite(week, "9abc_B", plan(("1-50", "60-190"), sequence="ACDEFGHIKLMNPQRSTVWY" * 10))
        sync_folder(store, week, overwrite=True)
        assert query(
            "SELECT run_number, is_current, domain_count FROM pdb_update.partition_run WHERE chain_id = 'B'"
        ) == [(1, True, 2)]
        assert query("SELECT count(*) FROM pdb_update.partition_domain d JOIN pdb_update.partition_run USING (run_id) "
                     "WHERE chain_id = 'B'") == [(2,)]  # fmt: skip
        assert query("SELECT count(*) FROM pdb_update.quality_flag") == [(0,)]

    def test_two_at_once_load_it_once(self, store, query, week):
        with ThreadPoolExecutor(2) as threads:
            reports = list(threads.map(lambda _: sync_folder(store, week), range(2)))
        assert sorted(report.unchanged for report in reports) == [False, True]
        assert query("SELECT count(*) FROM pdb_update.partition_run") == [(4,)]

    def test_two_processes_with_overlapping_batches_both_succeed(self, store, query, batches, plan):
        names = [f"{i}abc_{c}" for i in range(1, 10) for c in "ABCDEF"]
        week = batches({n: plan() for n in names})
        repair = batches(
            {
                n: plan(("1-200",), made="2025-09-09T00:00:00+00:00", fields={"source_week": "20250905"})
                for n in names[::-1]
            },
            kind="repair",
            date="2025-09-08",
        )
        code = "import sys; from pathlib import Path; from pyecod.store import Store, sync_folder; "
        code += "print(sync_folder(Store(sys.argv[1]), Path(sys.argv[2])).chains)"
        processes = [
            subprocess.Popen([sys.executable, "-c", code, store.conninfo, str(path)], stdout=subprocess.PIPE, text=True)
            for path in (week, repair)
        ]
        assert [process.communicate(timeout=120)[0].strip() for process in processes] == ["54", "54"]
        assert query("SELECT batch_name, count(*) FROM pdb_update.partition_run WHERE is_current GROUP BY 1") == [
            ("ecod_repair_20250908", 54)
        ]


class TestBadRows:
    def bad(self, week, changes):
        """The batch with single values PostgreSQL does not take."""
        source = collect_batch(Batch.open(week))

        def rows():
            for row in source.rows():
                values = changes.get(str(row.record.key))
                yield row if values is None else replace(row, record=replace(row.record, **values))

        return replace(source, rows=rows)

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"failure_reason": "zero \0 byte"}, "NUL"),
            ({"failure_reason": "half a pair \ud800"}, "surrogates not allowed"),
            ({"partition_coverage": 1.5}, "partition_coverage"),
            ({"blast_coverage": float("nan")}, "blast_coverage"),
            ({"attempts": 2**40}, "integer out of range"),
            ({"sequence_length": 2**80}, "out of range"),
            ({"blast_status": "odd"}, "blast_status"),
            ({"updated_at": "yesterday-ish"}, "timestamp"),
            ({"sequence_md5": "no md5"}, "sequence_md5"),
        ],
    )
    def test_one_is_reported_with_table_key_and_reason_and_the_rest_is_loaded(self, store, query, week, values, reason):
        report = sync_batch(store, self.bad(week, {"9abc_B": values}))
        assert {(r.table, r.key) for r in report.rejected} == {("chain_status", "9abc_B")}
        assert reason in report.rejected[0].reason
        assert query("SELECT count(*) FROM pdb_update.chain_status") == [(5,)]
        assert query("SELECT count(*) FROM pdb_update.partition_run") == [(3,)]

    def test_a_bad_partition_costs_the_partition_and_not_the_chain(self, store, query, week):
        source = collect_batch(Batch.open(week))

        def rows():
            for row in source.rows():
                if str(row.record.key) == "9abc_B":
                    row = replace(row, partition=replace(row.partition, algorithm_version="nul\0"))
                yield row

        report = sync_batch(store, replace(source, rows=rows))
        assert [r.key for r in report.rejected] == ["9abc_B"]
        assert query("SELECT count(*) FROM pdb_update.chain_status WHERE chain_id = 'B'") == [(1,)]
        assert query("SELECT count(*) FROM pdb_update.partition_run WHERE chain_id = 'B'") == [(0,)]

    def test_a_broken_file_is_reported_and_looked_at_again_next_time(self, store, query, week):
        file = partition_path(week, "9abc_B")
        good = file.read_bytes()
        file.write_bytes(good[:200])
        first = sync_folder(store, week)
        assert [(r.table, r.key) for r in first.rejected] == [("partition_run", "9abc_B")]
        assert sync_folder(store, week).rejected == first.rejected
        file.write_bytes(good)
        assert sync_folder(store, week).runs == 1
        assert sync_folder(store, week).unchanged

    def test_many_bad_ones_among_good_ones_are_all_found(self, store, query, batches, plan):
        week = batches({f"{i}abc_{c}": plan(None) for i in range(1, 10) for c in "ABCDEFGHIJ"})
        bad = {f"{i}abc_{c}": {"attempts": -1} for i in (1, 5, 9) for c in "ACJ"}
        report = sync_batch(store, self.bad(week, bad))
        assert {r.key for r in report.rejected} == set(bad)
        assert query("SELECT count(*) FROM pdb_update.chain_status") == [(81,)]

    def test_a_load_of_nothing_but_bad_rows_is_given_up_whole(self, store, query, week, monkeypatch):
        monkeypatch.setattr(sync_module, "_MOST_REFUSALS", 3)
        bad = {name: {"attempts": -1} for name in ("8s72_A", "8s72_a", "9abc_B", "9abc_C")}
        with pytest.raises(StoreError, match=r"refused more than 3 chains.*9abc_C .chain_status."):
            sync_batch(store, self.bad(week, bad))
        assert query("SELECT count(*) FROM pdb_update.batch") == [(0,)]

    def test_a_key_that_comes_twice_is_loaded_once(self, store, query, week):
        source = collect_batch(Batch.open(week))
        report = sync_batch(store, replace(source, rows=lambda: [*source.rows(), *source.rows()]))
        assert report.inserted == 6
        assert query("SELECT count(*) FROM pdb_update.partition_run") == [(4,)]


class TestRunningBatch:
    def test_it_is_refused_unless_forced_and_loaded_again_when_done(self, store, query, week):
        source = collect_batch(Batch.open(week))
        driven = replace(source, driven_by="pid 17 of ecod on node3")
        with pytest.raises(BatchLockedError, match=r"pid 17.*--force"):
            sync_batch(store, driven)
        assert sync_batch(store, driven, force=True).chains == 6
        assert query("SELECT status FROM pdb_update.weekly_release") == [("running",)]
        assert not sync_batch(store, source).unchanged
        assert query("SELECT status FROM pdb_update.weekly_release") == [("complete",)]

    def test_a_batch_driven_by_another_process_is_known_as_such(self, week):
        code = "import sys; from pathlib import Path; from pyecod.batch import Batch\n"
        code += "with Batch.open(Path(sys.argv[1])).lock(): print('locked', flush=True); sys.stdin.read()"
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(week)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert holder.stdout.readline() == "locked\n"
            driven_by = collect_batch(Batch.open(week)).driven_by
            assert driven_by is not None
            assert f"pid {holder.pid}" in driven_by
        finally:
            holder.communicate()

    def test_of_several_batches_the_others_are_loaded(self, store, week, batches, plan):
        other = batches({"7xyz_A": plan()}, date="2025-09-12")
        (other / "batch_manifest.yaml").write_text("- no manifest\n")
        good = batches({"6xyz_A": plan()}, date="2025-09-19")
        reports = sync_batches(store, [week, other, good])
        assert [report.problem is None for report in reports] == [True, False, True]
        assert "not loaded" in str(reports[1])


class TestRepair:
    def repair(self, batches, plan, **options):
        made = "2025-09-09T01:00:00+00:00"
        chain = plan(("1-180",), sequence="ACDEFGHIKLMNPQRSTVWY" * 10, made=made, fields=options)
        return batches(
            {"9abc_B": chain}, kind="repair", date="2025-09-09", reason="error_fix", source_weeks=("2025-09-05",)
        )

    def test_a_better_result_becomes_current_and_the_old_one_is_kept(self, store, query, week, batches, plan):
        sync_folder(store, week)
        sync_folder(store, self.repair(batches, plan, source_week="20250905"))
        assert query("SELECT batch_name, is_current FROM pdb_update.partition_run WHERE chain_id = 'B' ORDER BY 1") == [
            ("ecod_repair_20250909", True), ("ecod_weekly_20250905", False)
        ]  # fmt: skip
        assert query("SELECT batch_name, partition_quality FROM pdb_update.chain_status WHERE chain_id = 'B'") == [
            ("ecod_repair_20250909", "good")
        ]
        assert query(
            "SELECT reason, coverage_before, coverage_after, quality_before, quality_after, is_current "
            "FROM pdb_update.repair_outcome"
        ) == [("error_fix", 0.505, 0.9, "low_coverage", "good", True)]
        assert query("SELECT good, low_coverage, chains FROM pdb_update.release_summary") == [(3, 0, 6)]

    def test_a_worse_result_is_kept_and_changes_nothing_current(self, store, query, week, batches, plan):
        sync_folder(store, week)
        before = query("SELECT * FROM pdb_update.chain_status ORDER BY 1, 2")
        sync_folder(store, self.repair(batches, plan, source_week="20250905", repair_status="worse"))
        assert query("SELECT * FROM pdb_update.chain_status ORDER BY 1, 2") == before
        assert query(
            "SELECT batch_name, accepted, is_current FROM pdb_update.partition_run WHERE chain_id = 'B' ORDER BY 1"
        ) == [
            ("ecod_repair_20250909", False, False), ("ecod_weekly_20250905", True, True)
        ]  # fmt: skip

    @pytest.mark.parametrize("again", [False, True])
    def test_no_result_of_an_obsolete_chain_is_current(self, store, query, week, batches, plan, again):
        obsolete = {"can_classify": False, "cannot_classify_reason": "obsolete", "source_week": "20250905"}
        made = "2025-09-09T01:00:00+00:00"
        chain = plan(None, sequence="ACDEFGHIKLMNPQRSTVWY" * 10, made=made, fields=obsolete)
        repair = batches(
            {"9abc_B": chain}, kind="repair", date="2025-09-09", reason="error_fix", source_weeks=("2025-09-05",)
        )
        for path in (week, repair, *([week] if again else [])):
            sync_folder(store, path, overwrite=again)
        assert query("SELECT batch_name, is_current FROM pdb_update.partition_run WHERE chain_id = 'B'") == [
            ("ecod_weekly_20250905", False)
        ]
        assert query("SELECT cannot_classify_reason FROM pdb_update.chain_status WHERE chain_id = 'B'") == [
            ("obsolete",)
        ]
        assert verify(store, 100).findings == ()

    def test_accepting_the_worse_result_later_makes_it_current(self, store, query, week, batches, plan):
        sync_folder(store, week)
        repair = self.repair(batches, plan, source_week="20250905", repair_status="worse")
        sync_folder(store, repair)
        batch = Batch.open(repair)
        with batch.lock():
            batch.mark([ChainUpdate(ChainKey("9abc", "B"), {"repair_status": "accepted"})], repair=True)
        sync_folder(store, repair)
        assert query("SELECT batch_name FROM pdb_update.partition_run WHERE chain_id = 'B' AND is_current") == [
            ("ecod_repair_20250909",)
        ]

    def test_the_order_of_loading_does_not_matter(self, store, query, week, batches, plan):
        repair = self.repair(batches, plan, source_week="20250905")
        sync_folder(store, repair)
        sync_folder(store, week)
        sync_folder(store, week, overwrite=True)
        assert query("SELECT batch_name FROM pdb_update.partition_run WHERE chain_id = 'B' AND is_current") == [
            ("ecod_repair_20250909",)
        ]
        assert query("SELECT batch_name FROM pdb_update.chain_status WHERE chain_id = 'B'") == [
            ("ecod_repair_20250909",)
        ]

    def test_a_repair_that_failed_leaves_the_good_result(self, store, query, week, batches, plan):
        sync_folder(store, week)
        fields = {**FAILED, "source_week": "20250905"}
        chain = plan(None, sequence="ACDEFGHIKLMNPQRSTVWY" * 10, made="2025-09-09T01:00:00+00:00", fields=fields)
        sync_folder(store, batches({"9abc_B": chain}, kind="repair", date="2025-09-09"))
        assert query("SELECT partition_status FROM pdb_update.chain_status WHERE chain_id = 'B'") == [("complete",)]
        assert query("SELECT accepted FROM pdb_update.repair_chain") == [(False,)]

    def test_a_chain_without_a_week_gets_a_row_of_its_own(self, store, query, batches, plan):
        sync_folder(store, self.repair(batches, plan))
        assert query("SELECT release_date::text FROM pdb_update.chain_status") == [("2025-09-09",)]


def test_a_fasta_record_never_takes_the_row_of_a_pdb_chain(store, query, week, batches, plan):
    sync_folder(store, week)
    fasta = batches({"8s72_A": plan(("1-50",)), "P1": plan()}, kind="fasta", name="mine")
    report = sync_folder(store, fasta)
    assert [(r.key, "rename the record" in r.reason) for r in report.rejected] == [("8s72_A", True)]
    assert query("SELECT batch_name FROM pdb_update.chain_status WHERE chain_id = 'A'") == [("ecod_weekly_20250905",)]
    assert query("SELECT count(*) FROM pdb_update.chain_status WHERE pdb_id = 'P1'") == [(1,)]


def test_a_writer_needs_no_more_than_its_role(server, store, query, week):
    server.execute("CREATE ROLE loader LOGIN", "GRANT pyecod_writer TO loader")
    try:
        writer = Store(store.conninfo.replace(f"user={server.user}", "user=loader"))
        assert sync_folder(writer, week).chains == 6
        assert sync_folder(writer, week, overwrite=True).chains == 6
    finally:
        server.execute("DROP ROLE loader")


def test_large_loads_come_in_pieces_are_counted_and_never_held_whole(store, week, monkeypatch):
    monkeypatch.setattr(sync_module, "_CHUNK", 2)
    source = collect_batch(Batch.open(week))
    read, told = [], []

    def rows():
        for row in source.rows():
            read.append(row.record.key)
            yield row

    report = sync_batch(store, replace(source, rows=rows), progress=lambda done: told.append((done, len(read))))
    assert told == [(2, 2), (4, 4), (6, 6)]
    assert (report.inserted, report.runs, report.sequences) == (6, 4, 3)


def test_a_server_that_dies_in_the_middle_leaves_nothing_half_loaded(debian_server, batches, plan):
    name = "died"
    debian_server.execute(f"CREATE DATABASE {name}")
    store = Store(debian_server.url(name))
    migrate(store)
    week = batches({f"{i}abc_{c}": plan() for i in range(1, 10) for c in "ABC"})
    source = collect_batch(Batch.open(week))
    halfway, restarted = threading.Event(), threading.Event()

    def rows():
        for number, row in enumerate(source.rows()):
            if number == 15:
                halfway.set()
                assert restarted.wait(60)
            yield row

    def restart():
        assert halfway.wait(60)
        debian_server.restart()
        restarted.set()

    thread = threading.Thread(target=restart)
    thread.start()
    chunk, sync_module._CHUNK = sync_module._CHUNK, 5
    try:
        with pytest.raises(StoreUnavailableError, match="nothing was half written"):
            sync_batch(store, replace(source, rows=rows))
        thread.join()
        with psycopg.connect(store.conninfo) as connection:
            assert connection.execute("SELECT count(*) FROM pdb_update.chain_status").fetchone() == (0,)
        assert sync_batch(store, source).inserted == 27
    finally:
        sync_module._CHUNK = chunk
        debian_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
