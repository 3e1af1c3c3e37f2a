"""``pyecod maintain``: what the deployment maintenance/sunday does, from the shell or cron."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from pyecod.cli.launch import ask, call_flow
from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, messages, print_json, settings_from


def maintain(
    keep_runs: Annotated[
        int | None, typer.Option(min=1, help="newest runs of each chain that stay; default: 3")
    ] = None,
    runs_older_than_days: Annotated[
        int | None, typer.Option(min=1, help="only older runs are removed; default: 90")
    ] = None,
    cache_unused_days: Annotated[
        int | None, typer.Option(min=1, help="search results unused for so long are removed; default: 365")
    ] = None,
    cache_max_gib: Annotated[
        float | None, typer.Option(min=0.001, help="then the longest unused ones, until the search cache is no larger")
    ] = None,
    logs_older_than_days: Annotated[
        int | None, typer.Option(min=1, help="older log files are removed; default: 180")
    ] = None,
    verify_chains: Annotated[
        int | None, typer.Option(min=0, help="random chains of the database held against their files; default: 100")
    ] = None,
    check_reference: Annotated[
        bool,
        typer.Option(
            "--check-reference/--no-check-reference", help="hold the reference's files against their checksums"
        ),
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be removed")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask before starting")] = False,
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Remove old runs, unused search results and old logs; hold result files and database against the records.

    What is current or needed by a running batch is never removed. Damaged results become pending. Ends with 1 when
    results were damaged, database and files differ, or the reference is damaged.
    """
    settings = settings_from(settings_file, profile, base_path=base_path)
    parameters: dict[str, Any] = {
        "keep_runs": keep_runs,
        "runs_older_than_days": runs_older_than_days,
        "cache_unused_days": cache_unused_days,
        "cache_max_gib": cache_max_gib,
        "logs_older_than_days": logs_older_than_days,
        "verify_chains": verify_chains,
        "check_reference": check_reference,
        "dry_run": dry_run,
        "profile": profile,
        "settings_file": settings_file,
        "overrides": {"base_path": str(settings.base_path)} if base_path else None,
    }
    parameters = {name: value for name, value in parameters.items() if value is not None}  # the flow has the defaults
    if not dry_run:
        ask(yes, f"Remove old runs, unused search results and old logs of {settings.base_path}?")
    upkeep = call_flow("flows.maintenance:maintenance", parameters)
    if as_json:
        print_json(asdict(upkeep))
    else:
        console().print(str(upkeep), soft_wrap=True)
    if upkeep.database is not None and upkeep.database.findings:
        messages().print("the files are the truth: `pyecod sync --overwrite --batch DIR` loads a batch again")
        raise typer.Exit(1)
    if upkeep.reference is not None and upkeep.reference.problems:
        messages().print("put the right files of the reference back, or build it again")
        raise typer.Exit(1)
    if upkeep.damaged:
        raise typer.Exit(1)
