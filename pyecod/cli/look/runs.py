"""``pyecod runs``: every result a chain ever had."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.batch.runs import DataType
from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, console, line, print_json, settings_from

if TYPE_CHECKING:
    from pyecod.batch.runs import RunHistory, RunState
    from pyecod.ids import ChainKey

app = typer.Typer(no_args_is_help=True, add_completion=False, help="List, show, compare and prune the runs of chains.")

BatchName = Annotated[str, typer.Argument(help="name or folder of the batch")]
ChainName = Annotated[str, typer.Argument(help="chain, as 8s72_A")]
OfType = Annotated[DataType, typer.Option("--type", help="what the run made")]


@app.command("list")
def list_runs(
    batch: BatchName,
    chain: Annotated[str | None, typer.Argument(help="only this chain", show_default=False)] = None,
    data_type: Annotated[DataType | None, typer.Option("--type", help="only these", show_default=False)] = None,
    base_path: BasePath = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of a batch or of one chain; the current one of each is marked."""
    history = _history(batch, base_path)
    found = [
        (kind, key, state)
        for kind in ([data_type] if data_type else DataType)
        for key in ([_key(chain)] if chain else history.chains(kind))
        for state in history.states(kind, key)
    ]
    if as_json:
        print_json([_row(*item) for item in found])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("type", "chain"):
        table.add_column(name)
    table.add_column("run", justify="right")
    for name in ("", "outcome", "finished"):
        table.add_column(name)
    for name in ("seconds", "peak MiB"):
        table.add_column(name, justify="right")
    for item in found:
        row = _row(*item)
        table.add_row(
            row["data_type"],
            row["chain"],
            str(row["run"]),
            line(("current", "green")) if row["current"] else "",
            row["outcome"] if row["outcome"] != "damaged" else line(("damaged", "red")),
            row["finished"] or "",
            "" if row["seconds"] is None else f"{row['seconds']:.3f}",
            "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
        )
    console().print(table)


@app.command()
def show(
    batch: BatchName,
    chain: ChainName,
    number: Annotated[int | None, typer.Argument(help="run; default: the current one", show_default=False)] = None,
    data_type: OfType = DataType.PARTITION,
    base_path: BasePath = None,
) -> None:
    """Print one run as JSON."""
    from pyecod.errors import UsageError

    history, key = _history(batch, base_path), _key(chain)
    run = history.current(data_type, key) if number is None else history.load(data_type, key, number)
    if run is None:
        raise UsageError(f"{key} has no current {data_type} run", where=batch, hint="`pyecod runs list` lists them")
    print_json(run.to_plain())


@app.command()
def diff(
    batch: BatchName,
    chain: ChainName,
    before: Annotated[int | None, typer.Argument(help="default: the last but one", show_default=False)] = None,
    after: Annotated[int | None, typer.Argument(help="default: the last", show_default=False)] = None,
    data_type: OfType = DataType.PARTITION,
    with_batch: Annotated[
        str | None,
        typer.Option(
            "--with", help="compare the current run with that of this batch, a week's repair", show_default=False
        ),
    ] = None,
    base_path: BasePath = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two runs of a chain: of one batch, or of a week and its repair (--with)."""
    from pyecod.batch.runs import compare_runs
    from pyecod.errors import UsageError

    history, key = _history(batch, base_path), _key(chain)
    other = _history(with_batch, base_path) if with_batch else history
    numbers, others = history.numbers(data_type, key), other.numbers(data_type, key)
    if after is None:
        after = others[-1] if others else 0
    if before is None:
        before = max((number for number in numbers if with_batch or number < after), default=0)
    if with_batch and not (before and after):
        raise UsageError(f"{key} has no {data_type} run here", where=with_batch if before else batch)
    if not before or not after:
        hint = "--with BATCH compares with the run of another batch, as a repair's"
        raise UsageError(f"{key} has {len(numbers)} {data_type} runs, two are needed", where=batch, hint=hint)
    changes = compare_runs(history.load(data_type, key, before), other.load(data_type, key, after))
    if as_json:
        print_json([{"field": name, "before": old, "after": new} for name, old, new in changes])
        return
    out = console()
    place = f" of {with_batch}" if with_batch else ""
    words = f" {data_type}: run {before} → run {after}{place}" + ("" if changes else ": no difference")
    out.print(line((str(key), "bold"), words))
    for name, old, new in changes:
        out.print(line(f"  {name}: ", (_short(old), "red"), " → ", (_short(new), "green")))


@app.command()
def prune(
    batch: BatchName,
    keep: Annotated[int, typer.Option(min=1, help="newest runs of each chain that stay")] = 3,
    older_than: Annotated[
        str | None, typer.Option(help="only runs that finished longer ago: 90d, 12h, 4w", show_default=False)
    ] = None,
    data_type: Annotated[DataType | None, typer.Option("--type", help="only these", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run/--really", help="only say what would be removed")] = True,
    base_path: BasePath = None,
    as_json: AsJson = False,
) -> None:
    """Remove old runs; never the current one, and nothing at all without --really."""
    history = _history(batch, base_path)
    age = None if older_than is None else parse_age(older_than)
    removed = history.prune(keep, age, data_types=[data_type] if data_type else list(DataType), dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "files": removed})
        return
    for path in removed:
        console().print(str(path.relative_to(history.root)))
    done = "would be removed; --really removes them" if dry_run and removed else "would be removed"
    console().print(f"{len(removed):,} runs {done if dry_run else 'removed'}")


def _history(batch: str, base_path: Path | None) -> RunHistory:
    from pyecod.batch.paths import locate_batch
    from pyecod.batch.runs import RunHistory

    return RunHistory(locate_batch(batch, settings_from(None, None, base_path=base_path).base_path))


def _key(chain: str) -> ChainKey:
    from pyecod.ids import ChainKey

    return ChainKey.parse(chain)


def _row(kind: DataType, key: ChainKey, state: RunState) -> dict[str, Any]:
    run = state.run
    return {
        "data_type": str(kind),
        "chain": str(key),
        "run": state.number,
        "current": state.is_current,
        "outcome": run.outcome if run else "damaged",
        "finished": run.finished if run else None,
        "seconds": run.seconds if run else None,
        "peak_mib": run.peak_mib if run else None,
        "path": state.path,
    }


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


def parse_age(text: str) -> timedelta:
    """Read ``90d``, ``12h`` or ``4w``."""
    from pyecod.errors import UsageError

    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if match is None:
        raise UsageError(f"--older-than: {text!r} is not an age", hint="a number and h, d or w: 90d")
    return timedelta(hours=int(match[1]) * {"h": 1, "d": 24, "w": 168}[match[2]])
