"""``pyecod sync``: load batches into PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.database.connection import Dbname, Host, Port, Username, database_given
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json, settings_from
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.settings import Settings


def sync(
    batch: Annotated[list[Path] | None, typer.Option(help="batch folder; may be given several times")] = None,
    every: Annotated[bool, typer.Option("--all", help="every batch under the base path")] = False,
    status: Annotated[bool, typer.Option("--status", help="show what is loaded and what is not; load nothing")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="load unchanged batches too, and write every result again")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="load what there is of a batch that is still running")] = False,
    base_path: Annotated[Path | None, typer.Option(help="folder of the batch directories")] = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Load batches into PostgreSQL; run again, it loads only what is new.

    The connection is that of the settings (default: the embedded database), or of the options, which are psql's.
    Passwords come from ~/.pgpass or a libpq service file, never from an option.
    """
    if sum((bool(batch), every, status)) != 1:
        raise UsageError("say what to load", hint="--batch DIR, --all, or --status to look")
    database = database_given(host, port, username, dbname)
    given: dict[str, Any] = {"base_path": base_path, "database": database}
    settings = settings_from(settings_file, profile, **given)
    if status:
        _show_status(settings, as_json)
        return
    from pyecod.cli.launch import call_flow

    overrides = {**({"base_path": str(settings.base_path)} if base_path else {}), "database": database}
    parameters = {
        "batches": [path.absolute() for path in batch] if batch else None,
        "overwrite": overwrite,
        "force": force,
        "profile": profile,
        "settings_file": settings_file,
        "overrides": overrides,
    }
    reports = call_flow("flows.sync:sync", parameters)
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            console().print(str(report), soft_wrap=True)
            for rejection in report.rejected[:20]:
                console().print(f"  rejected: {rejection}", soft_wrap=True)
    if any(report.problem for report in reports):
        raise typer.Exit(3)
    if any(report.rejected for report in reports):
        raise typer.Exit(1)


def _show_status(settings: Settings, as_json: bool) -> None:
    from pyecod.batch import find_batches
    from pyecod.store import open_store
    from pyecod.store.loaded import load_status

    with open_store(settings.database) as store:
        rows = load_status(store, find_batches(settings.base_path))
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("batch", "in the database", "chains", "loaded at"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.batch_name, row.state, str(row.chains), row.loaded_at or "")
    console().print(table)
