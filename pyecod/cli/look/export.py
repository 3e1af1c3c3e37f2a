"""``pyecod export``: search results as the files of the older tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import (
    AsJson,
    Profile,
    SettingsFile,
    console,
    messages,
    print_json,
    settings_from,
    stage_progress,
)
from pyecod.cli.setup.reference import ManyFiles

_MOST_NAMED = 15

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=ManyFiles)
def export(
    batch: Annotated[str, typer.Argument(help="name or folder of the batch", metavar="BATCH")],
    chains: Annotated[
        list[str] | None,
        typer.Option(help="chains, as 8s72_A; default: all that were searched", metavar="CHAIN…", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="folder of blast/ and hhsearch/, made if absent; default: the batch", metavar="DIR"),
    ] = None,
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write what the searches found as BLAST XML and .hhr files, one of each kind for every chain.

    Exit code 1 when a result is no longer in the search cache; the others are written.
    """
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    from pyecod.batch import locate_batch
    from pyecod.ids import ChainKey
    from pyecod.work.export import export_batch

    settings = settings_from(settings_file, profile, base_path=base_path)
    path = locate_batch(batch, settings.base_path)
    keys = [ChainKey.parse(name) for name in chains or []]
    with stage_progress(MofNCompleteColumn(), TimeRemainingColumn(), quiet=as_json) as progress:
        report = export_batch(path, settings, chains=keys, output=output, progress=progress)
    if as_json:
        print_json(report)
    else:
        _tell(report.failures)
        files = f"{len(report.files):,} files of {report.chains:,} chains"
        console().print(f"{files} in {report.folder}", soft_wrap=True)
    if report.failures:
        raise typer.Exit(1)


def _tell(failures: dict[str, str]) -> None:
    for chain, reason in list(failures.items())[:_MOST_NAMED]:
        messages().print(f"failed  {chain}: {reason}", soft_wrap=True)
    if len(failures) > _MOST_NAMED:
        messages().print(f"and {len(failures) - _MOST_NAMED:,} more: --json names them all")
