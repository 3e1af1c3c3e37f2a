"""``pyecod status --check``: result files that are no longer what was recorded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyecod.cli.output import console, line, messages, print_json

if TYPE_CHECKING:
    from pyecod.standing.damage import Damage

_SHOWN = 20


def check_batches(base_path: Path, only: Path | None, as_json: bool) -> None:
    """Check one batch or all of a folder, give back what is damaged, and show it; the exit code is 1 when anything is,
    3 when a batch cannot be checked."""
    from pyecod.batch import find_batches
    from pyecod.standing.damage import find_orphans

    paths = find_batches(base_path) if only is None else [only]
    found = [_check(path) for path in paths]
    orphans = find_orphans(base_path) if only is None else []
    if as_json:
        print_json({"batches": found, "without_manifest": orphans})
    else:
        for row in found:
            _show(row)
        for path in orphans:
            words = ": it holds results, but its manifest is gone: put batch_manifest.yaml back, or move it away"
            console().print(line((path.name, "red"), words), soft_wrap=True)
    if any(row["problem"] for row in found):
        raise typer.Exit(3)
    if orphans or any(row["damaged"] for row in found):
        raise typer.Exit(1)


def _check(path: Path) -> dict[str, Any]:
    """What was found of one batch, as JSON has it."""
    from pyecod.batch import Batch
    from pyecod.errors import BatchError
    from pyecod.standing.damage import check_files, make_pending

    row: dict[str, Any] = {"batch": path.name, "damaged": [], "pending": 0, "problem": None}
    try:
        batch = Batch.open(path)
        if batch.manifest.is_older_form:
            return {**row, "note": "of the older tools: not checked"}
        if batch.holder is not None:
            return {**row, "note": f"being worked on, not checked: {batch.holder}"}
        damages = check_files(batch)
        row["damaged"] = [_plain(damage) for damage in damages]
        row["pending"] = len({damage.chain for damage in make_pending(batch)}) if damages else 0
    except BatchError as error:
        row["problem"] = str(error)
    return row


def _plain(damage: Damage) -> dict[str, Any]:
    return {**asdict(damage), "chain": str(damage.chain)}


def _show(row: dict[str, Any]) -> None:
    out, name = console(), row["batch"]
    if row["problem"]:
        messages().print(line((f"{name} cannot be checked", "red"), f": {row['problem']}"), soft_wrap=True)
    damaged = row["damaged"]
    if not damaged and not row["problem"]:
        out.print(f"{name}: {row.get('note') or 'all files are as recorded'}", soft_wrap=True)
    for damage in damaged[:_SHOWN]:
        replaced = " (a repair has replaced it)" if damage["replaced"] else ""
        words = f" {name} {damage['chain']}: {damage['kind']} {damage['path'].name}: {damage['why']}{replaced}"
        out.print(line(("damaged", "red"), words), soft_wrap=True)
    if len(damaged) > _SHOWN:
        out.print(f"and {len(damaged) - _SHOWN:,} more: --json names them all")
    if row["pending"]:
        out.print(
            f"{name}: {row['pending']:,} chains are pending again; the next run of the batch makes them anew, or now: "
            f"`pyecod scan {name} --output tasks.json`, `pyecod retry --tasks tasks.json`",
            soft_wrap=True,
        )
