"""The database schema: numbered SQL files, applied in order, once each, and recorded with their checksum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from pyecod.errors import StoreError
from pyecod.files import product_folder

if TYPE_CHECKING:
    from pyecod.store.connection import Connection, Store

SCHEMA = "pdb_update"
ROLES = ("pyecod_owner", "pyecod_writer", "pyecod_reader")

_NAME = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x7079_6563  # advisory lock "pyec": one migration at a time
_RECORD = """
CREATE SCHEMA IF NOT EXISTS pdb_update;
COMMENT ON SCHEMA pdb_update IS 'Weekly PDB releases cut into ECOD domains, by pyECOD';
CREATE TABLE IF NOT EXISTS pdb_update.pyecod_migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE pdb_update.pyecod_migration IS 'Schema changes that were applied';
COMMENT ON COLUMN pdb_update.pyecod_migration.number IS 'Number of the SQL file';
COMMENT ON COLUMN pdb_update.pyecod_migration.name IS 'Name of the SQL file';
COMMENT ON COLUMN pdb_update.pyecod_migration.checksum IS 'SHA-256 of the SQL file when it was applied';
COMMENT ON COLUMN pdb_update.pyecod_migration.applied_at IS 'When';
COMMENT ON COLUMN pdb_update.pyecod_migration.applied_by IS 'By whom';
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; ``checksum`` is the SHA-256 of its text, line ends normalised."""

    number: int
    name: str
    text: str
    checksum: str


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What :func:`migrate` found and did; ``notices`` are what the server said, e.g. roles it may not make."""

    before: tuple[str, ...]
    applied: tuple[str, ...]
    notices: tuple[str, ...] = ()


def sql_folder() -> Path:
    """Folder of the SQL files: ``sql/`` of a checkout, or what the installed package carries.

    Raises:
        StoreError: neither is there.
    """
    folder = product_folder("sql")
    if not (folder / "roles.sql").is_file():
        raise StoreError("the SQL files are missing", where=folder, hint="install pyecod again")
    return folder


def read_migrations(folder: Path) -> list[Migration]:
    """The migrations of a folder in order.

    Raises:
        StoreError: numbers are missing or used twice.
    """
    migrations = []
    for path in sorted(folder.glob("[0-9]*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise StoreError("not a migration's name", where=path, hint="expected 0001_what_it_does.sql")
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        migrations.append(Migration(int(match[1]), path.stem, text, hashlib.sha256(text.encode()).hexdigest()))
    numbers = [m.number for m in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise StoreError(f"migrations are not numbered 1, 2, 3…: {numbers}", where=folder)
    return migrations


def migrate(store: Store, *, dry_run: bool = False, folder: Path | None = None) -> MigrationReport:
    """Bring the schema up to date; safe to call any number of times, also by two processes at once.

    Each migration is one transaction. ``dry_run`` only tells what would be applied.

    Raises:
        StoreError: an applied file has changed, the database is newer than this program, or a migration failed
            (it is rolled back, those before it stay).
    """
    folder = folder or sql_folder()
    migrations = read_migrations(folder)
    with store.connect(autocommit=True) as connection:
        if dry_run:
            before = _applied(connection, migrations, store)
            return MigrationReport(before, tuple(m.name for m in migrations[len(before) :]))
        with _locked(connection):
            with connection.transaction():
                if not _has_record(connection):
                    connection.execute(_RECORD)
            before = _applied(connection, migrations, store)
            new = migrations[len(before) :]
            for migration in new:
                _apply(connection, migration, folder)
            notices = apply_roles(connection, folder) if new else ()
    return MigrationReport(before, tuple(m.name for m in new), notices)


def pending_migrations(store: Store) -> tuple[str, ...]:
    """Names of the migrations the database lacks.

    Raises:
        StoreError: as :func:`migrate`.
    """
    return migrate(store, dry_run=True).applied


def require_schema(store: Store) -> None:
    """Make sure the schema is up to date; the embedded server's is brought up to date, a shared one is left alone.

    Raises:
        StoreError: migrations are pending on a server, or as :func:`migrate`.
    """
    if store.server is not None:
        migrate(store)
        return
    pending = pending_migrations(store)
    if pending:
        raise StoreError(
            f"the schema lacks {len(pending)} migration{'s' if len(pending) > 1 else ''} ({pending[0]}…)",
            where=store.target,
            hint="pyecod db migrate",
        )


def grant_roles(store: Store) -> tuple[str, ...]:
    """Make the roles owner, writer and reader and give each what it needs; what the server objected to.

    Raises:
        StoreError: the schema is not there yet.
    """
    with store.connect(autocommit=True) as connection, _locked(connection):
        if not _has_record(connection):
            raise StoreError("the schema is not there yet", where=store.target, hint="pyecod db migrate")
        return apply_roles(connection, sql_folder())


def apply_roles(connection: Connection, folder: Path) -> tuple[str, ...]:
    """Run ``roles.sql``; the server's notices."""
    notices: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "NOTICE" and diagnostic.message_primary:
            notices.append(diagnostic.message_primary)

    connection.add_notice_handler(note)
    try:
        with connection.transaction():
            connection.execute((folder / "roles.sql").read_bytes())
    finally:
        connection.remove_notice_handler(note)
    return tuple(notices)


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _has_record(connection: Connection) -> bool:
    return connection.execute("SELECT to_regclass('pdb_update.pyecod_migration')").fetchone() != (None,)


def _applied(connection: Connection, migrations: list[Migration], store: Store) -> tuple[str, ...]:
    if not _has_record(connection):
        return ()
    rows = connection.execute("SELECT number, name, checksum FROM pdb_update.pyecod_migration ORDER BY number")
    known = {m.number: m for m in migrations}
    names = []
    for number, name, checksum in rows:
        if number not in known:
            raise StoreError(
                f"the database has migration {name}, which this pyECOD does not know",
                where=store.target,
                hint="it was migrated by a newer pyECOD: upgrade this one",
            )
        if known[number].checksum != checksum:
            raise StoreError(
                f"migration {name} was applied with other content than {known[number].name}.sql has now",
                where=store.target,
                hint="applied files must not change: restore the file and put the change into a new one",
            )
        names.append(name)
    return tuple(names)


def _apply(connection: Connection, migration: Migration, folder: Path) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute(
                "INSERT INTO pdb_update.pyecod_migration (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.Error as error:
        if connection.broken:
            raise
        line = _line(migration.text, error.diag.statement_position)
        raise StoreError(
            f"the migration failed and was rolled back: {error.diag.message_primary or error}",
            where=f"{folder / migration.name}.sql{line}",
        ) from error


def _line(text: str, position: str | None) -> str:
    return f":{text.count(chr(10), 0, int(position)) + 1}" if position else ""


def describe_store(store: Store) -> dict[str, object]:
    """What one wants to know of a database: where, which version, schema, size, batches, chains.

    Raises:
        StoreError: it cannot be reached or refuses.
    """
    pending = pending_migrations(store)
    with store.connect() as connection:
        row = connection.execute("SELECT current_setting('server_version'), pg_database_size(current_database())")
        version, size = row.fetchone() or ("", 0)
        shown: dict[str, object] = {"database": store.target, "state": "running", "server_version": version}
        shown |= {"size_mb": round(size / 1e6, 1), "pending_migrations": list(pending)}
        if not pending:
            for table in ("batch", "chain_status", "partition_run", "partition_domain", "job"):
                count = connection.execute(f"SELECT count(*) FROM pdb_update.{table}").fetchone()
                shown[table] = count[0] if count else 0
    return shown
