"""``pyecod ecod-status``: which chains the current reference already classifies."""

from __future__ import annotations

from collections.abc import ItemsView
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, print_json, settings_from
from pyecod.cli.run.update import ReferenceDir
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.ids import ChainKey
    from pyecod.settings import Settings
    from pyecod.standing.ecod_status import EcodStatus


def ecod_status(
    batch: Annotated[list[str] | None, typer.Argument(help="batches: their classifiable chains")] = None,
    chains_file: Annotated[
        Path | None, typer.Option(help="`pdb chain` per line, or tasks of `pyecod scan`", metavar="FILE")
    ] = None,
    min_coverage: Annotated[float, typer.Option(min=0, max=1, help="share of a chain that must be covered")] = 0.80,
    missing_only: Annotated[bool, typer.Option("--missing", help="list only chains that are not covered")] = False,
    base_path: BasePath = None,
    reference: ReferenceDir = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Say which chains the reference covers under their own name; never concluded from identical or similar ones."""
    from pyecod.reference.ready import open_reference
    from pyecod.standing.ecod_status import ecod_status as look_up

    if not batch and chains_file is None:
        raise UsageError("say which chains", hint="name batches, or --chains-file FILE")
    settings = settings_from(settings_file, profile, base_path=base_path, reference=reference)
    opened = open_reference(settings)
    found = list(look_up(_chains(batch or [], chains_file, settings), opened, min_coverage=min_coverage))
    shown = [status for status in found if not (missing_only and status.is_classified)]
    classified = sum(status.is_classified for status in found)
    if as_json:
        plain = [status.to_plain() for status in shown]
        print_json({"reference": opened.version, "chains": len(found), "classified": classified, "status": plain})
        return
    _show(shown)
    partly = sum(bool(status.domains) and not status.is_classified for status in found)
    console().print(
        f"\n{classified:,} of {len(found):,} chains are in {opened.version} with at least {min_coverage:.0%} of their "
        f"residues, {partly:,} more with less",
        soft_wrap=True,
    )


def _chains(batches: list[str], chains_file: Path | None, settings: Settings) -> ItemsView[ChainKey, int | None]:
    from pyecod.batch import Batch, locate_batch
    from pyecod.repair.request import read_chains_file

    chains: dict[ChainKey, int | None] = {}
    if chains_file is not None:
        chains |= dict.fromkeys(named.key for named in read_chains_file(chains_file))
    for name in batches:
        for record in Batch.open(locate_batch(name, settings.base_path)).manifest.chains.values():
            if record.can_classify:
                chains[record.key] = record.sequence_length
    return chains.items()


def _show(found: list[EcodStatus]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chain")
    table.add_column("residues", justify="right")
    table.add_column("covered", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("domains", overflow="fold")
    for status in found:
        mark, colour = (
            ("classified", "green") if status.is_classified else ("partly", "") if status.domains else ("new", "yellow")
        )
        coverage = "?" if status.coverage is None else f"{status.coverage:.0%}"
        table.add_row(
            str(status.key), str(status.length or "?"), coverage, line((mark, colour)), " ".join(status.domains)
        )
    console().print(table)
