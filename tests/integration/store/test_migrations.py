import shutil
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from pyecod.doctor import Server, examine
from pyecod.errors import StoreError
from pyecod.settings import Settings
from pyecod.store import Store, grant_roles, migrate, pending_migrations, require_schema
from pyecod.store.migrations import sql_folder

pytestmark = pytest.mark.integration

NEXT = f"{max(int(path.name[:4]) for path in sql_folder().glob('[0-9]*.sql')) + 1:04}"
TABLES = {
    "batch", "weekly_release", "chain_status", "chain_record", "repair_batch", "repair_chain", "partition_run",
    "partition_domain", "partition_evidence", "quality_flag", "sequence", "clustering_run", "cluster_member",
    "entry_status", "job", "job_file", "job_float_value", "job_char_value", "pyecod_migration",
}  # fmt: skip
VIEWS = {
    "release_summary", "chains_needing_hhsearch", "failed_chains", "partition_quality_summary", "failed_entries",
    "chain_files", "cluster_members_needing_propagation", "batch_kpi", "repair_outcome", "unassigned_region",
}  # fmt: skip


def relations(store, kind):
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'pdb_update' AND table_type = %s",
            (kind,),
        )
        return {name for (name,) in rows}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(sql_folder(), tmp_path / "sql")
    return tmp_path / "sql"


def test_the_doctor_calls_an_empty_database_of_a_server_a_problem_until_it_is_migrated(empty_database, tmp_path):
    settings = Settings(base_path=tmp_path, database={"mode": "server", "url": empty_database.conninfo})

    def found():
        return next(finding for finding in examine(settings, Server()) if finding.check == "database")

    assert (found().state, found().remedy) == ("problem", "pyecod db migrate")
    migrate(empty_database)
    assert found().state == "ok"


def test_an_empty_database_gets_every_table_and_view_once(empty_database):
    report = migrate(empty_database)
    assert report.before == ()
    assert report.applied[0] == "0001_batches_and_chains"
    assert report.notices == ()
    assert relations(empty_database, "BASE TABLE") == TABLES
    assert relations(empty_database, "VIEW") == VIEWS
    again = migrate(empty_database)
    assert (again.before, again.applied) == (report.applied, ())


def test_a_dry_run_tells_and_touches_nothing(empty_database):
    assert migrate(empty_database, dry_run=True).applied == pending_migrations(empty_database) != ()
    assert relations(empty_database, "BASE TABLE") == set()


def test_several_at_once_apply_each_file_once(empty_database):
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(lambda _: migrate(empty_database), range(4)))
    assert sorted(len(report.applied) for report in reports) == [0, 0, 0, len(reports[0].before + reports[0].applied)]


def test_a_changed_applied_file_is_an_error_that_names_it(empty_database, folder):
    migrate(empty_database, folder=folder)
    with (folder / "0002_partitions.sql").open("a") as file:
        file.write("-- a late thought\n")
    with pytest.raises(StoreError, match="0002_partitions was applied with other content"):
        migrate(empty_database, folder=folder)


def test_a_database_that_is_newer_than_the_program_is_left_alone(empty_database, folder):
    (folder / f"{NEXT}_future.sql").write_text("CREATE TABLE pdb_update.future (id integer)")
    migrate(empty_database, folder=folder)
    with pytest.raises(StoreError, match=f"{NEXT}_future, which this pyECOD does not know"):
        migrate(empty_database)


def test_a_failing_migration_is_rolled_back_and_named_with_its_line(empty_database, folder):
    (folder / f"{NEXT}_broken.sql").write_text("CREATE TABLE pdb_update.half (id integer);\n\nSELECT nothing_such();\n")
    with pytest.raises(StoreError, match=rf"{NEXT}_broken\.sql:3: .*rolled back.*nothing_such"):
        migrate(empty_database, folder=folder)
    assert relations(empty_database, "BASE TABLE") == TABLES
    (folder / f"{NEXT}_broken.sql").write_text("CREATE TABLE pdb_update.whole (id integer);\n")
    assert migrate(empty_database, folder=folder).applied == (f"{NEXT}_broken",)


def test_every_table_view_and_column_is_explained(query):
    assert (
        query(
            """
        SELECT c.relname, a.attname FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r'
        WHERE c.relnamespace = 'pdb_update'::regnamespace AND c.relkind IN ('r', 'v')
          AND (obj_description(c.oid) IS NULL OR (a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL))
        """
        )
        == []
    )


def test_every_foreign_key_that_is_followed_back_has_an_index(query):
    missing = query(
        """
        SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k
        WHERE k.contype = 'f' AND k.connamespace = 'pdb_update'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid
                          AND (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey)
        """
    )
    assert missing == []


def test_a_server_without_the_schema_says_how_to_get_it(empty_database):
    with pytest.raises(StoreError, match="pyecod db migrate"):
        require_schema(empty_database)
    with pytest.raises(StoreError, match="pyecod db migrate"):
        grant_roles(empty_database)


class TestRoles:
    @pytest.fixture
    def as_role(self, server, store):
        """A store of a user that has one role."""
        users = []

        def make(role):
            user = f"user_{role}_{len(users)}"
            users.append(user)
            server.execute(f"CREATE ROLE {user} LOGIN", f"GRANT {role} TO {user}")
            return Store(store.conninfo.replace(f"user={server.user}", f"user={user}"))

        yield make
        server.execute(*(f"DROP ROLE {user}" for user in users))

    def test_the_owner_owns_everything(self, query):
        owners = query(
            """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace = 'pdb_update'::regnamespace AND relkind IN ('r', 'v', 'S', 'i')
            UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'pdb_update'
            """
        )
        assert owners == [("pyecod_owner",)]

    @pytest.mark.parametrize(
        ("role", "statement"),
        [
            ("pyecod_reader", "INSERT INTO pdb_update.sequence VALUES (md5('A'), 'A')"),
            ("pyecod_reader", "SELECT nextval('pdb_update.job_root_number')"),
            ("pyecod_reader", "UPDATE pdb_update.chain_status SET attempts = 0"),
            ("pyecod_writer", "DELETE FROM pdb_update.chain_status"),
            ("pyecod_writer", "DELETE FROM pdb_update.partition_run"),
            ("pyecod_writer", "TRUNCATE pdb_update.partition_domain"),
            ("pyecod_writer", "DROP TABLE pdb_update.job"),
            ("pyecod_writer", "CREATE TABLE pdb_update.own (id integer)"),
            ("pyecod_writer", "UPDATE pdb_update.pyecod_migration SET checksum = ''"),
        ],
    )
    def test_nobody_may_do_more_than_the_role_says(self, as_role, role, statement):
        with pytest.raises(StoreError, match=r"permission denied|must be owner"), as_role(role).connect() as connection:
            connection.execute(statement)

    def test_a_reader_sees_every_table_and_view(self, as_role):
        with as_role("pyecod_reader").connect() as connection:
            for name in TABLES | VIEWS:
                connection.execute(f"SELECT * FROM pdb_update.{name}")

    def test_the_owner_can_migrate_further(self, as_role, folder):
        (folder / f"{NEXT}_more.sql").write_text(
            "ALTER TABLE pdb_update.job ADD COLUMN more text; CREATE TABLE pdb_update.more (id integer)"
        )
        owner = as_role("pyecod_owner")
        assert migrate(owner, folder=folder).applied == (f"{NEXT}_more",)
        with as_role("pyecod_reader").connect() as connection:  # a new table is theirs too
            assert connection.execute("SELECT * FROM pdb_update.more").fetchall() == []
        with as_role("pyecod_writer").connect() as connection:
            connection.execute("INSERT INTO pdb_update.more VALUES (1)")

    def test_a_user_who_may_not_make_roles_still_migrates_and_is_told(self, server):
        fresh = "pyecod_plain"
        server.execute(f"CREATE ROLE {fresh} LOGIN", f"CREATE DATABASE {fresh} OWNER {fresh}")
        try:
            report = migrate(Store(server.url(fresh, fresh)))
            assert report.applied
            assert any("pyecod_owner" in notice for notice in report.notices)
            with psycopg.connect(server.url(fresh)) as connection:
                owner = connection.execute(
                    "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'pdb_update'"
                ).fetchone()
            assert owner == (fresh,)
            assert grant_roles(Store(server.url(fresh))) == ()  # an administrator, later
        finally:
            server.execute(f"DROP DATABASE {fresh} WITH (FORCE)", f"DROP ROLE {fresh}")
