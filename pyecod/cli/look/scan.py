"""``pyecod scan``: what is left to do over many batches."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from

if TYPE_CHECKING:
    from pyecod.standing.scan import Priority, ScanResult


def scan(
    pattern: Annotated[str, typer.Argument(help="shell pattern of batch names, quoted")] = "*",
    base_path: BasePath = None,
    representatives_only: Annotated[
        bool, typer.Option("--representatives-only", help="one chain per unique sequence")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing/--all", help="leave out chains that are done, or list all")
    ] = True,
    maximum: Annotated[
        int | None, typer.Option("--max", min=0, help="at most so many tasks", show_default=False)
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="priorities, comma-separated: failed, strong, simple, other", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="write the tasks for `retry` and `repair`", show_default=False, metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Find chains with something left to do: failed ones first, then strong evidence, simple ones, the rest.

    strong: BLAST covers the chain so well that no profile search is needed; simple: all its searches are done.
    """
    from pyecod.standing.scan import scan as scan_batches
    from pyecod.standing.scan import write_tasks

    settings = settings_from(settings_file, profile, base_path=base_path)
    result = scan_batches(
        settings.base_path,
        pattern,
        strong_coverage=settings.search.hhsearch_below,
        representatives_only=representatives_only,
        skip_existing=skip_existing,
        maximum=maximum,
        priorities=_priorities(only),
    )
    if output is not None:
        write_tasks(output, result.tasks)
    if as_json:
        print_json(
            {
                "tasks": [task.to_plain() for task in result.tasks],
                "left_out": result.left_out,
                "batches": [asdict(batch) for batch in result.batches],
            }
        )
    else:
        _show(result, output)
    if any(batch.problem for batch in result.batches):
        raise typer.Exit(3)


def _priorities(only: str | None) -> tuple[Priority, ...]:
    from pyecod.errors import UsageError
    from pyecod.standing.scan import Priority

    if only is None:
        return tuple(Priority)
    try:
        return tuple(Priority(name.strip()) for name in only.split(","))
    except ValueError as error:
        raise UsageError(f"--only: {error}", hint="known: " + ", ".join(Priority)) from None


def _show(result: ScanResult, output: Path | None) -> None:
    from rich.table import Table

    from pyecod.standing.scan import Priority

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("batch", no_wrap=True)
    for name in ("chains", "done", *Priority):
        table.add_column(name, justify="right")
    for batch in result.batches:
        if batch.problem:
            messages().print(line((f"{batch.batch} cannot be read", "red"), f": {batch.problem}"))
            continue
        counts = [f"{batch.tasks.get(priority, 0):,}" for priority in Priority]
        table.add_row(batch.batch, f"{batch.chains:,}", f"{batch.done:,}", *counts)
    console().print(table)
    left_out = f", {result.left_out:,} more left out by --max" if result.left_out else ""
    where = f" in {output}" if output else " (--output FILE or --json lists them)" if result.tasks else ""
    console().print(f"\n{len(result.tasks):,} tasks{where}{left_out}")
