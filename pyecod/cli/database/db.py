"""``pyecod db``: start, stop and migrate the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.database.connection import Dbname, Host, Port, Username, database_given
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, messages, print_json, settings_from
from pyecod.errors import StoreError, StoreUnavailableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pyecod.settings import DatabaseSettings
    from pyecod.store import EmbeddedPostgres, Store
    from pyecod.store.migrations import MigrationReport

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Start, stop and migrate the database.")


@app.command()
def start(settings: SettingsFile = None, profile: Profile = None) -> None:
    """Start the embedded PostgreSQL and keep it running until `pyecod db stop`."""
    server = _embedded(_database(settings, profile))
    said = "started" if server.start() else "running already"
    messages().print(f"embedded PostgreSQL in {server.folder}: {said}", soft_wrap=True)
    console().print(server.url, soft_wrap=True)


@app.command()
def stop(settings: SettingsFile = None, profile: Profile = None) -> None:
    """Stop the embedded PostgreSQL, ending its connections."""
    server = _embedded(_database(settings, profile))
    said = "stopped" if server.stop() else "was not running"
    messages().print(f"embedded PostgreSQL in {server.folder}: {said}", soft_wrap=True)


@app.command()
def url(
    settings: SettingsFile = None,
    profile: Profile = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
) -> None:
    """Print the connection URL, for `psql $(pyecod db url)`; it never holds a password."""
    database = _database(settings, profile, database_given(host, port, username, dbname))
    if database.mode == "embedded":
        console().print(_embedded(database).url, soft_wrap=True)
    else:
        with _store(database) as store:
            console().print(store.conninfo or "postgresql://", soft_wrap=True)


@app.command()
def migrate(
    settings: SettingsFile = None,
    profile: Profile = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be applied")] = False,
    json: AsJson = False,
) -> None:
    """Bring the schema up to date; safe to run at any time.

    The connection is that of the settings (default: the embedded database), or of the options, which are psql's.
    """
    from pyecod.store import migrate as apply

    with _store(_database(settings, profile, database_given(host, port, username, dbname))) as store:
        report = apply(store, dry_run=dry_run)
        if json:
            print_json({"database": store.target, "dry_run": dry_run, **_plain(report)})
            return
        done = "would be applied" if dry_run else "applied"
        for name in report.applied:
            console().print(f"{name}  {done}")
        if not report.applied:
            console().print(f"the schema is up to date ({len(report.before)} migrations)")
        _print_notices(report.notices)


@app.command()
def roles(
    settings: SettingsFile = None,
    profile: Profile = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
) -> None:
    """Make the roles owner, writer and reader, and give each what it needs."""
    from pyecod.store import ROLES, grant_roles

    with _store(_database(settings, profile, database_given(host, port, username, dbname))) as store:
        notices = grant_roles(store)
        _print_notices(notices)
        if not notices:
            console().print(f"{', '.join(ROLES)}: in order. Give one to a user with: GRANT {ROLES[1]} TO name")


@app.command()
def status(
    settings: SettingsFile = None,
    profile: Profile = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
    json: AsJson = False,
) -> None:
    """Show where the database is, whether it answers, and what it holds; exit code 3 when it cannot be used."""
    database = _database(settings, profile, database_given(host, port, username, dbname))
    shown: dict[str, Any] = {"mode": database.mode, "database": None, "state": "none", "problem": None}
    if database.mode == "embedded" and not _embedded(database).is_running:
        server = _embedded(database)
        state = "stopped: `pyecod db start`, or any command that needs it, starts it"
        shown |= {"database": str(server.folder), "state": state if server.data.exists() else "not made yet"}
    elif database.mode != "none":
        shown |= _look(database)
    if json:
        print_json(shown)
    else:
        for name, value in shown.items():
            if value is not None:
                console().print(f"{name:20} {value}", soft_wrap=True)
    if shown["problem"] is not None:
        raise typer.Exit(StoreError.exit_code)


def _look(database: DatabaseSettings) -> dict[str, Any]:
    from pyecod.store import describe_store

    try:
        with _store(database) as store:
            return describe_store(store)
    except StoreUnavailableError as error:
        return {"database": error.where, "state": "unreachable", "problem": str(error)}
    except StoreError as error:
        return {"database": error.where, "state": "unusable", "problem": str(error)}


def _database(settings: Path | None, profile: str | None, given: dict[str, str] | None = None) -> DatabaseSettings:
    return settings_from(settings, profile, database=given or {}).database


def _store(database: DatabaseSettings) -> Store:
    from pyecod.store import open_store

    return open_store(database)


def _embedded(database: DatabaseSettings) -> EmbeddedPostgres:
    from pyecod.store import embedded_postgres

    if database.mode != "embedded":
        raise UsageError(
            f"database.mode is {database.mode}: there is no embedded PostgreSQL to start or stop",
            hint="database.mode: embedded",
        )
    return embedded_postgres(database)


def _plain(report: MigrationReport) -> dict[str, Any]:
    return {"before": report.before, "applied": report.applied, "notices": report.notices}


def _print_notices(notices: tuple[str, ...]) -> None:
    for notice in notices:
        messages().print(f"note: {notice}; an administrator can run `pyecod db roles`", soft_wrap=True)
