"""``pyecod import``: validated results into a production schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.database.connection import Dbname, Host, Port, Username, database_given
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, messages, print_json, settings_from
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.store import ImportReport

_MOST_COLLISIONS = 50


def import_results(
    schema: Annotated[str, typer.Argument(help="schema with the tables partition_proteins, …_domains, …_evidence")],
    strategy: Annotated[
        str,
        typer.Option(help="for chains that are there with another result: skip, overwrite, version or check"),
    ] = "skip",
    quality: Annotated[
        str, typer.Option(help="good; questionable: whatever has domains; all: those without domains too")
    ] = "good",
    batch: Annotated[list[str] | None, typer.Option(help="only results of this batch; several times")] = None,
    replace_version: Annotated[
        list[str] | None,
        typer.Option(help="process version whose results may be overwritten, as shown; several times"),
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="make the schema and its tables where missing")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the collisions and change nothing")] = False,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Import the current results into a production schema; what others put there is never destroyed unnamed.

    The connection is that of the settings, or of the options, which are psql's.
    Ends with 1 when the strategy check met a collision, because then nothing was imported.
    """
    from pyecod.store import Action, Strategy, open_store
    from pyecod.store import import_results as run_import

    try:
        chosen = Strategy(strategy)
    except ValueError:
        raise UsageError(f"--strategy: {strategy!r}", hint="known: " + ", ".join(Strategy)) from None
    database = database_given(host, port, username, dbname)
    with open_store(settings_from(settings_file, profile, database=database).database) as store:
        report = run_import(
            store,
            schema,
            strategy=chosen,
            quality=quality,
            batches=batch or (),
            replace_versions=replace_version or (),
            create=create,
            dry_run=dry_run,
        )
    if as_json:
        print_json(_plain(report))
    else:
        _print(report)
    if report.actions.get(Action.REFUSED):
        raise typer.Exit(1)


def _plain(report: ImportReport) -> dict[str, object]:
    return {
        "schema": report.schema,
        "dry_run": report.dry_run,
        "imported": report.imported,
        "actions": {str(action): count for action, count in report.actions.items()},
        "collisions": [
            {
                "chain": f"{c.candidate.pdb_id}_{c.candidate.chain_id}",
                "action": str(c.action),
                "process_version": c.candidate.process_version,
                "existing_process_version": c.candidate.existing_process_version,
                "domains": c.candidate.domain_count,
                "existing_domains": c.candidate.existing_domain_count,
                "quality": c.candidate.quality,
                "existing_quality": c.candidate.existing_quality,
            }
            for c in report.collisions
        ],
    }


def _print(report: ImportReport) -> None:
    from rich.table import Table

    out = console()
    if report.collisions:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("chain", "there", "new", "made by", "now by", ""):
            table.add_column(column)
        for collision in report.collisions[:_MOST_COLLISIONS]:
            c = collision.candidate
            table.add_row(
                f"{c.pdb_id}_{c.chain_id}",
                f"{c.existing_domain_count} domains, {c.existing_quality}",
                f"{c.domain_count} domains, {c.quality}",
                c.existing_process_version or "",
                c.process_version,
                str(collision.action),
            )
        out.print(table)
        if len(report.collisions) > _MOST_COLLISIONS:
            out.print(f"and {len(report.collisions) - _MOST_COLLISIONS:,} more: --json shows all")
    counts = ", ".join(f"{count:,} {action}" for action, count in report.actions.items()) or "nothing to import"
    out.print(f"{report.schema}: {counts}")
    if report.dry_run:
        messages().print("dry run: nothing was changed")
