"""``pyecod verify``: hold the database against the files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pyecod.cli.database.connection import Dbname, Host, Port, Username, database_given
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, print_json, settings_from


def verify(
    count: Annotated[int, typer.Option(min=1, help="random chains that are read again and compared")] = 100,
    batch: Annotated[str | None, typer.Option(help="only chains of this batch", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="the same seed picks the same chains", show_default=False)] = None,
    host: Host = None,
    port: Port = None,
    username: Username = None,
    dbname: Dbname = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Compare rows of the database with the manifests and partition files they come from, value by value.

    The connection is that of the settings, or of the options, which are psql's. Ends with 1 when anything differs.
    """
    from pyecod.store import open_store
    from pyecod.store import verify as verify_chains

    database = database_given(host, port, username, dbname)
    with open_store(settings_from(settings_file, profile, database=database).database) as store:
        report = verify_chains(store, count, seed=seed, batch_name=batch)
    if as_json:
        print_json(asdict(report))
    else:
        out = console()
        for finding in report.findings:
            where = f" {finding.chain} ({finding.batch_name}) {finding.table}.{finding.what}: "
            values = f"database {finding.database[:200]}, files {finding.files[:200]}"
            out.print(line(("differs", "red"), where, values), soft_wrap=True)
        verdict = f"{len(report.findings)} differences" if report.findings else "all agree"
        out.print(f"{report.checked:,} chains compared (seed {report.seed}): {verdict}")
    if report.findings:
        raise typer.Exit(1)
