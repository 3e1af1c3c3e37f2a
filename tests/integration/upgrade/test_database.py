"""The database of 0.1, restored from its dump and migrated, keeps every row and takes what comes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from flows.sync import sync
from flows.update_weeks import update_weeks
from pyecod.store import Store, migrate

pytestmark = pytest.mark.integration

OWN = ("pyecod_migration",)  # which files were applied
RESULTS = ("chain_status", "partition_run", "partition_domain", "partition_evidence", "quality_flag", "repair_chain")
TIMES = {"partition_run": ("synced_at",), "batch": ("synced_at", "content_digest", "content_stamp", "batch_path")}

# 0.1 never filled the paths
NEW = TIMES | {"chain_status": ("fasta_path", "chain_blast_path", "domain_blast_path", "hhsearch_path")}


def tables(store: Store) -> dict[str, tuple[str, ...]]:
    """Tables of the schema with their columns."""
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT c.table_name, array_agg(c.column_name::text ORDER BY ordinal_position) "
            "FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE c.table_schema = 'pdb_update' AND t.table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    return {table: tuple(columns) for table, columns in rows if table not in OWN}


def content(store: Store, columns: dict[str, tuple[str, ...]], *, without: Any = None) -> dict[str, list[Any]]:
    """Rows of the tables, in their own order, as far as these columns go."""
    kept = {t: [c for c in names if c not in (without or {}).get(t, ())] for t, names in columns.items()}
    with store.connect() as connection:
        return {
            table: sorted(connection.execute(f"SELECT {', '.join(names)} FROM pdb_update.{table}").fetchall(), key=repr)
            for table, names in kept.items()
        }


def test_migrations_keep_every_row(site, database: Store) -> None:
    columns = tables(database)
    before = content(database, columns)
    assert {"partition_run", "partition_domain", "chain_status", "job"} <= {t for t, rows in before.items() if rows}
    migrate(database)
    assert content(database, columns) == before
    assert migrate(database).applied == ()


def test_loading_again_changes_no_result(site, database: Store, prefect_api: None) -> None:
    columns = tables(database)
    before = content(database, columns, without=NEW)
    site.pyecod("db", "migrate")
    reports = {report.batch_name: report for report in sync(force=True)}
    assert not any(report.problem or report.rejected for report in reports.values())
    assert {name for name, report in reports.items() if report.runs} == {"ecod_weekly_20250912"}
    loaded = content(database, columns, without=NEW)
    for table in RESULTS:
        assert not [row for row in before[table] if row not in loaded[table]], table
    written = sum(report.runs for report in sync(force=True, overwrite=True))
    assert written == len(loaded["partition_run"])
    now = content(database, columns, without=NEW)
    assert {table: now[table] for table in RESULTS} == {table: loaded[table] for table in RESULTS}
    assert site.json("verify")["findings"] == []


def test_a_week_that_goes_on_is_loaded_beside_the_old_rows(site, database: Store, prefect_api: None) -> None:
    columns = tables(database)
    before = content(database, columns, without=TIMES)
    site.pyecod("db", "migrate")
    update_weeks(start_date=datetime.date(2025, 9, 12))
    after = content(database, columns, without=TIMES)
    for table, rows in before.items():
        assert not [row for row in rows if row not in after[table]], table
    assert len(after["chain_status"]) == len(before["chain_status"]) + 12
    assert {row["batch_name"]: row["state"] for row in site.json("sync", "--status")}[
        "ecod_weekly_20250912"
    ] == "current"
    assert site.json("trace", "9xzk_A")["database"]
