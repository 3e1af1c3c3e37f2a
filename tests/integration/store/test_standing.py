"""The rule "which result stands" in SQL, over the table of cases that the Python rule is tested against."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, ChainUpdate, find_batches
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.repair.request import RepairRequest
from pyecod.repair.selection import select_chains
from pyecod.settings import load_settings
from pyecod.standing.current import CurrentState
from pyecod.standing.scan import Priority, scan
from pyecod.standing.trace import trace_chain
from pyecod.store import Store, import_results, sync_batches, sync_folder, verify
from tests.standing import (
    FRI,
    KEY,
    MON,
    TUE,
    WED,
    Record,
    Shelf,
    first,
    record_name,
    second,
    week,
    write_cases,
    write_combinations,
)

pytestmark = pytest.mark.integration

STANDING = """
SELECT concat_ws('_', c.pdb_id, nullif(c.chain_id, '')), c.batch_name, c.updated_at::text,
       (SELECT r.batch_name FROM pdb_update.partition_run r
        WHERE r.is_current AND (r.pdb_id, r.chain_id, r.release_date) = (c.pdb_id, c.chain_id, c.release_date))
FROM pdb_update.chain_status c ORDER BY c.pdb_id, c.chain_id, c.release_date
"""
EMPTY = "TRUNCATE pdb_update.batch, pdb_update.sequence CASCADE"
ORDERS = ("by name", "backwards", "shuffled", "twice")


def in_order(paths: list[Path], order: str) -> list[Path]:
    """Batch folders in an order of loading."""
    if order == "backwards":
        return paths[::-1]
    if order == "shuffled":
        return random.Random(7).sample(paths, len(paths))
    return paths[::-1] + paths if order == "twice" else paths


def load(store: Store, paths: list[Path]) -> None:
    """Load batches, one after the other."""
    for report in sync_batches(store, paths):
        assert report.problem is None, report
        assert report.rejected == (), report


def names(query: Any, statement: str) -> list[str]:
    return [name for (name,) in query(statement)]


def test_the_record_and_the_run_of_the_table_stand_in_whatever_order_they_come(
    server: Any, store: Store, query: Any, tmp_path: Path
) -> None:
    """In a session of a zone far from UTC, so that a time without a zone would show."""
    database = query("SELECT current_database()")[0][0]
    server.execute(f"ALTER DATABASE {database} SET timezone = 'America/New_York'")
    cases = write_cases(tmp_path)
    paths = find_batches(tmp_path)
    rows = []
    for order in ORDERS:
        with store.connect() as connection:
            connection.execute(EMPTY)
        load(store, in_order(paths, order))
        rows.append(query(STANDING))
        found = {key: (record_name(batch), current and record_name(current)) for key, batch, _, current in rows[-1]}
        for key, case in cases.items():
            current = case.expected if case.has_partition else None
            assert (order, case.name, *found[key]) == (order, case.name, case.expected, current)
        failed = {key for key, case in cases.items() if case.is_failed}
        assert set(names(query, "SELECT concat_ws('_', pdb_id, chain_id) FROM pdb_update.failed_chains")) == failed
        assert verify(store, 1000).findings == ()
    assert rows.count(rows[0]) == len(ORDERS)
    import_results(store, "published", quality="all", create=True)
    published = query("SELECT concat_ws('_', pdb_id, chain_id), batch_name FROM published.partition_proteins")
    assert {key: record_name(batch) for key, batch in published} == {
        key: case.expected for key, case in cases.items() if case.has_partition
    }


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_scan_repair_trace_and_the_view_name_the_same_chains(
    store: Store, query: Any, small_world: Any, tmp_path: Path
) -> None:
    """Of every combination of what a week and two repairs say of a chain, on disk and loaded in two orders."""
    base = tmp_path / "batches"
    base.mkdir()
    count = write_combinations(base)
    state = CurrentState(base, fasta=True)
    current = list(state.chains())
    assert state.problems == {}
    failed = {(str(one.key), one.week) for one in current if one.record.can_classify and one.record.is_failed}
    assert count / 10 < len(failed) < count / 2

    listed = scan(base, strong_coverage=0.9, priorities=[Priority.FAILED]).tasks
    of_fasta = {(str(task.key), task.batch) for task in listed if task.source_week is None}
    scanned = {(str(task.key), task.source_week) for task in listed if task.source_week is not None}
    assert len(listed) == len(scanned) + len(of_fasta)
    weekly = {(key, str(day)) for key, day in failed if "_" in key}
    assert scanned == weekly
    assert {key for key, _ in of_fasta} == {key for key, _ in failed if "_" not in key} != set()

    settings = load_settings(overrides=small_world.overrides(base, status_dir=None)).absolute()
    request = RepairRequest(reason="error_fix", failed=True)
    chosen = select_chains(request, settings, Reference.open(small_world.reference)).choices
    assert {str(key) for key in chosen} == {key for key, _ in weekly}
    assert all((str(key), str(choice.week)) in weekly for key, choice in chosen.items())

    for key in sorted({str(one.key) for one in current})[::331]:
        stops = [stop for stop in trace_chain(ChainKey.parse(key), base).stops if stop.speaks]
        told = {(key, stop.filed) for stop in stops if "failed" in {s["status"] for s in stop.facts["steps"].values()}}
        assert told == {place for place in failed if place[0] == key}

    for order in ("by name", "shuffled"):
        with store.connect() as connection:
            connection.execute(EMPTY)
        load(store, in_order(find_batches(base), order))
        view = query("SELECT concat_ws('_', pdb_id, nullif(chain_id, '')), release_date FROM pdb_update.failed_chains")
        assert set(view) == failed
        rows = {(key, batch) for key, batch, *_ in query(STANDING)}
        assert rows == {(str(one.key), one.header.batch_name) for one in current}


def write(folder: Path, *records: Record, key: str = KEY) -> dict[str, Path]:
    """Batches of one chain by name."""
    shelf = Shelf()
    for record in records:
        shelf.add(record.name, record, key)
    return {path.name: path for path in shelf.write(folder)}


def change(path: Path, key: str = KEY, **changes: Any) -> None:
    """Change the record of a chain, as a later run would."""
    batch = Batch.open(path)
    with batch.lock():
        batch.mark([ChainUpdate(ChainKey.parse(key), changes)], repair=True)


class TestWhatChangesLater:
    """The other batches' records are remembered, so that one load is enough."""

    def standing(self, query: Any) -> tuple[str, str | None]:
        ((_, batch, _, current),) = query(STANDING)
        return batch, current

    def test_a_repair_that_fails_when_it_is_tried_again_gives_the_place_back(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        paths = write(tmp_path, week("done"), first("better"))
        load(store, [*paths.values()])
        assert self.standing(query) == ("one", "one")
        change(paths["one"], partition_status="failed", repair_status="failed", failed_step="partition")
        load(store, [paths["one"]])
        assert self.standing(query) == ("week", "week")
        change(paths["one"], partition_status="complete", repair_status="better")
        load(store, [paths["one"]])
        assert self.standing(query) == ("one", "one")

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_result_that_is_called_worse_later_gives_the_place_back(
        self, store: Store, query: Any, tmp_path: Path, overwrite: bool
    ) -> None:
        paths = write(tmp_path, week("done"), first("better"))
        load(store, [*paths.values()])
        change(paths["one"], repair_status="worse")
        report = sync_folder(store, paths["one"], overwrite=overwrite)
        assert report.rejected == ()
        assert self.standing(query) == ("week", "week")
        assert query("SELECT batch_name, accepted FROM pdb_update.partition_run ORDER BY 1") == [
            ("one", False), ("week", True)
        ]  # fmt: skip

    def test_a_week_that_fails_after_the_repair_changes_nothing(self, store: Store, query: Any, tmp_path: Path) -> None:
        paths = write(tmp_path, week("failed"), first("better"))
        load(store, [*paths.values()])
        change(paths["week"], attempts=4, failure_reason="killed again")
        load(store, [paths["week"]])
        assert self.standing(query) == ("one", "one")
        assert query("SELECT * FROM pdb_update.failed_chains") == []
        reasons = "SELECT batch_name, failure_reason FROM pdb_update.chain_record ORDER BY 1"
        assert query(reasons) == [("one", None), ("week", "killed again")]

    def test_a_mark_that_is_taken_back_gives_the_result_its_place(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        paths = write(tmp_path, week("done"), first("obsolete"), second("better"))
        load(store, [paths["week"], paths["one"]])
        assert self.standing(query) == ("one", None)
        load(store, [paths["two"]])
        assert self.standing(query) == ("two", "two")

    def test_a_week_that_has_no_result_any_more_has_no_current_run(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        paths = write(tmp_path, week("done"))
        load(store, [paths["week"]])
        change(paths["week"], partition_status="failed", failed_step="partition", failure_reason="killed")
        load(store, [paths["week"]])
        assert self.standing(query) == ("week", None)


class TestSeveralPlaces:
    def test_a_fasta_record_never_has_the_place_of_a_pdb_chain(self, store: Store, query: Any, tmp_path: Path) -> None:
        fasta = Record("mine", FRI, "done", kind="fasta", week=None)
        paths = write(tmp_path, week("failed"), fasta)
        for order in (["week", "mine"], ["mine", "week"]):
            with store.connect() as connection:
                connection.execute(EMPTY)
            rejected = [r for report in sync_batches(store, [paths[n] for n in order]) for r in report.rejected]
            assert [(r.key, "rename the record" in r.reason) for r in rejected] == [(KEY, True)] * (order[0] == "week")
            assert [(batch, current) for _, batch, _, current in query(STANDING)] == [("week", None)]

    def test_of_two_fasta_batches_of_one_day_the_later_has_the_row(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        records = [Record(name, begun, "done", kind="fasta", week=None) for name, begun in (("a", MON), ("b", FRI))]
        records[1] = Record("b", MON.replace("08:00", "07:00"), "done", kind="fasta", week=None)
        paths = write(tmp_path, *records, key="record1")
        for order in (["a", "b"], ["b", "a"]):
            with store.connect() as connection:
                connection.execute(EMPTY)
            load(store, [paths[name] for name in order])
            assert [(batch, current) for _, batch, _, current in query(STANDING)] == [("a", "a")]

    def test_each_week_of_a_chain_has_its_own_and_the_newest_is_published(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        other = Record("other", WED, "done", kind="weekly", week="2025-09-12")
        paths = write(tmp_path, week("done"), first("better"), other)
        load(store, [*paths.values()])
        assert [(batch, current) for _, batch, _, current in query(STANDING)] == [("one", "one"), ("other", "other")]
        import_results(store, "published", quality="all", create=True)
        assert names(query, "SELECT batch_name FROM published.partition_proteins") == ["other"]

    def test_a_chain_that_is_obsolete_in_its_newest_week_is_not_published_as_an_older_one_has_it(
        self, store: Store, query: Any, tmp_path: Path
    ) -> None:
        other = Record("other", TUE, "done", kind="weekly", week="2025-09-12")
        mark = Record("mark", WED, "obsolete", week="2025-09-12")
        load(store, [*write(tmp_path, week("done"), other, mark).values()])
        assert [(batch, current) for _, batch, _, current in query(STANDING)] == [("week", "week"), ("mark", None)]
        assert import_results(store, "published", quality="all", create=True).imported == 0


def test_a_session_in_another_zone_reads_old_times_as_utc(
    server: Any, store: Store, query: Any, tmp_path: Path
) -> None:
    server.execute(f"ALTER DATABASE {query('SELECT current_database()')[0][0]} SET timezone = 'Asia/Tokyo'")
    paths = write(tmp_path, week("done", "2025-09-05T08:00:00"), first("better", "unknown"))
    load(store, [*paths.values()])
    created = "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM pdb_update.batch ORDER BY 1"
    assert names(query, created) == ["1970-01-01 00:00", "2025-09-05 08:00"]
    assert verify(store, 10).findings == ()
