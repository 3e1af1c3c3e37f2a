"""``pyecod jobs``: which run did what, as the database has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

    from pyecod.store import Store

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Show recorded jobs: runs, their steps and chunks.")

_COLOURS = {"FINISHED": "green", "FAILED": "red", "RUNNING": "yellow", "PENDING": "dim"}


@app.command()
def tree(
    number: Annotated[str | None, typer.Argument(help="one run, by its number", show_default=False)] = None,
    batch: Annotated[str | None, typer.Option(help="only runs of this batch", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="newest runs shown")] = 10,
    depth: Annotated[int, typer.Option(min=1, help="1: runs; 2: their steps; 3: the chunks too")] = 3,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Show runs (1), their steps (1.2) and chunks (1.2.7) with state and time."""
    from pyecod.store.jobs.tree import job_tree

    with _store(settings_file, profile) as store:
        root = number.partition(".")[0] if number else None
        rows = job_tree(store, root=root, batch_name=batch, limit=limit, depth=depth)
    if as_json:
        print_json(rows)
        return
    if not rows:
        messages().print("no jobs are recorded")
    for row in rows:
        console().print(_line(row, indent="  " * row["number"].count(".")), soft_wrap=True)


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="job, as 1.2.7")],
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Show one job: state, Prefect runs, measured values, files with checksums."""

    from pyecod.store.jobs.tree import job_details

    with _store(settings_file, profile) as store:
        details = job_details(store, number)
    if as_json:
        print_json(asdict(details))
        return
    out = console()
    out.print(_line(details.job), soft_wrap=True)
    for name in ("batch_name", "flow_run_id", "task_run_id", "host", "pid", "created_at", "started_at", "finished_at"):
        if details.job[name] is not None:
            out.print(f"  {name.replace('_', ' ')}: {details.job[name]}", soft_wrap=True)
    for name, value in details.values.items():
        out.print(f"  {name} = {value if isinstance(value, str) else f'{value:g}'}", soft_wrap=True)
    for file in details.files:
        size = "gone" if file["size"] is None else f"{file['size']:,} bytes"
        source = f" from {file['import_source']}" if file["import_source"] else ""
        checksum = f" sha256 {file['sha256'][:12]}…" if file["sha256"] else ""
        out.print(f"  {file['role']:<3} {file['path']}{source} {size}{checksum}", soft_wrap=True)
    for part in details.parts:
        out.print(_line(part, indent="  "), soft_wrap=True)


def _store(settings_file: Path | None, profile: str | None) -> Store:
    from pyecod.store import open_store

    return open_store(settings_from(settings_file, profile).database)


def _line(row: dict[str, Any], indent: str = "") -> Text:

    batch = f"  {row['batch_name']}" if row["batch_name"] and not row["parent"] else ""
    seconds = "" if row["seconds"] is None else f"  {row['seconds']:.1f} s"
    message = f"  {row['message']}" if row["message"] else ""
    head = f"{indent}{row['number']:<8} {row['name']}{batch}  "
    return line(head, (row["status"], _COLOURS[row["status"]]), f"{seconds}{message}")
