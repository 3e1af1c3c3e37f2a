"""``pyecod deploy``: register the deployments on the Prefect server, from what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.output import AsJson, console, line, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.deploy.deployments import Registered


def deploy(
    pool: Annotated[
        str | None, typer.Option(help="work pool for all deployments; without it each keeps its own, at first pyecod")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done; change nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Register the deployments (weekly run, repair, sync, maintenance, watch) on the Prefect server of PREFECT_API_URL.

    Run it again after every update. What was set on the server stays: schedules that were switched on or off, pauses,
    parameters, job variables, schedules and automations of your own. Times, descriptions and forms follow prefect.yaml,
    which the installed package carries. No checkout is needed: workers import the flows from the installed package.
    """
    from pyecod.cli.launch import load_flow

    load_flow("flows.deploy.server:require_server")()
    done = load_flow("flows.deploy.deployments:register")(pool, dry_run=dry_run)
    if as_json:
        print_json(done)
    else:
        _print(done, dry_run)


def _print(done: Sequence[Registered], dry_run: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in done:
        table.add_row(one.happened, line(one.name), line("; ".join(one.notes)))
    console().print(table)
    if dry_run:
        console().print("nothing was changed (--dry-run)")
