"""``pyecod status``: how far each batch is, and one batch in detail."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from pyecod.batch import Batch
    from pyecod.settings import Settings

BasePath = Annotated[
    Path | None, typer.Option("--base-path", help="folder of the batches", show_default=False, metavar="DIR")
]
_MOST_REASONS = 15


def status(
    batch: Annotated[str | None, typer.Argument(help="name or folder of one batch", show_default=False)] = None,
    check: Annotated[
        bool, typer.Option("--check", help="hold the files against the records; what is damaged becomes pending")
    ] = False,
    base_path: BasePath = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Show all batches, one line each, or one batch in detail: counts, failures by reason, disk use.

    With --check the result files of finished chains are held against their records (exit code 1 when any is damaged).
    What is damaged becomes pending: the next run of its batch makes it again. What a repair has replaced is left.
    """
    from pyecod.batch import locate_batch

    settings = settings_from(settings_file, profile, base_path=base_path)
    if check:
        from pyecod.cli.look.damage import check_batches

        check_batches(settings.base_path, None if batch is None else locate_batch(batch, settings.base_path), as_json)
    elif batch is None:
        _show_all(settings.base_path, as_json)
        if not as_json:
            _warn_of_reference(settings)
    else:
        _show_one(locate_batch(batch, settings.base_path), as_json)


def _warn_of_reference(settings: Settings) -> None:
    """Say where the reference in use was found damaged, or was not read whole for long."""
    from pyecod.errors import ReferenceDataError
    from pyecod.reference import Reference
    from pyecod.reference.checked import last_check

    if settings.reference is None:
        return
    try:
        reference = Reference.open(settings.reference)
    except ReferenceDataError as error:
        messages().print(line(("reference", "red"), f" {error}"), soft_wrap=True)
        return
    last = last_check(reference.path, reference.id, settings.base_path)
    if last is None or last.problems or last.is_old:
        state = "never held against its checksums (pyecod reference check)" if last is None else str(last)
        colour = "red" if last is not None and last.problems else "yellow"
        messages().print(line((f"reference {reference.version}", colour), f" {state}"), soft_wrap=True)


def _show_all(base_path: Path, as_json: bool) -> None:
    from pyecod.standing.mended import find_mended

    found: dict[str, dict[str, Any]] = {}

    def opened(batch: Batch) -> None:
        found[batch.path.name] = _row(batch)

    mended = find_mended(base_path, opened=opened)
    for name, problem in mended.problems.items():
        found[name] = {"batch": name, "path": base_path / name, "problem": problem}
    rows = [row if "problem" in row else {**row, "mended": mended.count(name)} for name, row in sorted(found.items())]
    if as_json:
        print_json(rows)
    elif not rows:
        messages().print(f"no batch in {base_path}")
    else:
        console().print(_table_of_batches(rows))
        for row in rows:
            if "problem" in row:
                messages().print(line((f"{row['batch']} cannot be read", "red"), f": {row['problem']}"))
    if any("problem" in row for row in rows):
        raise typer.Exit(3)


def _row(batch: Batch) -> dict[str, Any]:
    counters = batch.counters()
    return {
        "batch": batch.path.name,
        "path": batch.path,
        "type": batch.header.batch_type,
        "created": batch.header.created,
        "reference": batch.header.reference_version,
        "entries": sum(counters.entries.values()),
        "entries_failed": counters.entries_failed,
        "failed_entries": {e.pdb_id: e.failure_reason for e in batch.manifest.entries.values() if e.status == "failed"},
        "chains": counters.chains,
        "classifiable": counters.classifiable,
        "done": counters.done,
        "failed": counters.failed,
        "left": counters.left,
        "progress": counters.progress,
        "quality": dict(counters.quality),
        "holder": str(batch.holder) if batch.holder else None,
        "completed": batch.header.completed,
        "evidence_lost": _lost(batch),
        "list_problems": list(batch.header.open_problems),
        "older_tools": batch.manifest.is_older_form,
    }


def _lost(batch: Batch) -> str | None:
    """The evidence for whose loss a batch does not count as complete."""
    if batch.header.completed:
        return None
    from pyecod.watch.conservation import conservation, find_losses

    return "; ".join(map(str, find_losses(conservation(batch.manifest.chains.values())))) or None


def _table_of_batches(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("batch", no_wrap=True)
    table.add_column("reference", no_wrap=True)
    for name in ("chains", "done", "failed", "left", "good"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for row in rows:
        if "problem" in row:
            table.add_row(row["batch"], *[""] * 6, line(("cannot be read", "red")))
            continue
        good = row["quality"].get("good", 0)
        table.add_row(
            row["batch"],
            row["reference"] or "",
            f"{row['classifiable']:,}",
            f"{row['progress']:.1%}",
            _warned(row["failed"] + row["entries_failed"]),
            f"{row['left']:,}",
            f"{good / row['done']:.0%}" if row["done"] else "",
            _state(row),
        )
    return table


def _state(row: dict[str, Any]) -> Text | str:
    if row["holder"]:
        return line(("running", "green"), f" ({row['holder']})")
    if row["evidence_lost"]:
        return line(("evidence was lost, do not use it", "red"), f": {row['evidence_lost']}")
    if row["left"] or not (row["completed"] or row["older_tools"]):
        return "interrupted: run it again to go on"
    failed = row["failed"] + row["entries_failed"]
    if failed and row["mended"] == failed:
        state = "done, all failures mended by repairs"
    else:
        mended = f", {row['mended']:,} mended by repairs" if row["mended"] else ""
        state = f"done with failures{mended}" if failed else "done"
    if row["list_problems"]:
        state += f", {len(row['list_problems'])} wrong lines in its lists"
    return f"{state}, by the older tools (hits were not counted)" if row["older_tools"] else state


def _warned(count: int) -> Text:
    return line((f"{count:,}", "red" if count else ""))


def _show_one(path: Path, as_json: bool) -> None:
    from pyecod.batch import Batch
    from pyecod.batch.header import header_to_plain
    from pyecod.batch.paths import disk_use

    batch = Batch.open(path)
    counters = batch.counters()
    use = disk_use(path)
    if as_json:
        print_json(
            {
                **_row(batch),
                "header": header_to_plain(batch.header),
                "counters": counters.to_plain(),
                "disk": asdict(use),
                "journal_torn_bytes": batch.torn_bytes,
            }
        )
        return
    out = console()
    out.print(_about(batch))
    out.print(_steps_table(batch))
    for title, counts in (
        ("not classifiable", counters.not_classifiable),
        ("quality", counters.quality),
        ("outcome", counters.outcomes),
    ):
        if counts:
            words = "   ".join(f"{name} {n:,}" for name, n in counts.items())
            out.print(line("\n", (title, "bold"), f"  {words}"))
    if counters.failures:
        out.print(_failures_table(batch))
    for problem in batch.header.list_problems:
        known = "" if problem in batch.header.open_problems else " (acknowledged)"
        out.print(line("\n", ("wrong line", "yellow"), f"  {problem}{known}"))
    if batch.header.open_problems:
        out.print(f"mend them and run the week again, or: pyecod acknowledge {batch.name}")
    folders = "   ".join(f"{name} {_size(size)}" for name, size in sorted(use.folders.items(), key=lambda f: -f[1]))
    words = f"  {_size(use.total)} in {use.files:,} files, {_size(use.free)} free\n  {folders}"
    out.print(line("\n", ("disk", "bold"), words))


def _about(batch: Batch) -> Table:
    from rich.table import Table

    header, counters, holder = batch.header, batch.counters(), batch.holder
    rows = {
        "batch": f"{header.batch_name} ({header.batch_type})",
        "folder": str(batch.path),
        "created": header.created,
        "release": header.release_date,
        "reference": header.reference_version,
        "reason": header.reason,
        "tools": ", ".join(f"{tool} {version}" for tool, version in header.tool_versions.items()),
        "driven by": str(holder) if holder else "nobody",
        "entries": ", ".join(f"{n:,} {status}" for status, n in counters.entries.items()),
        "chains": f"{counters.chains:,}, {counters.classifiable:,} classifiable with {counters.sequences:,} sequences",
        "done": f"{counters.done:,} ({counters.progress:.1%}), {counters.failed:,} failed, {counters.left:,} left",
        "domains": f"{counters.domains:,}",
        "journal": f"an unfinished last line of {batch.torn_bytes} bytes is left out" if batch.torn_bytes else None,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    return table


def _steps_table(batch: Batch) -> Table:
    from rich.table import Table

    from pyecod.batch import Status

    table = Table(box=None, pad_edge=False, header_style="bold", title="", title_justify="left")
    table.add_column("step")
    for status_ in Status:
        table.add_column(str(status_).replace("_", " "), justify="right")
    for step, counts in batch.counters().steps.items():
        numbers = [_warned(counts[s]) if s is Status.FAILED else f"{counts[s]:,}" for s in Status]
        table.add_row(step, *numbers)
    return table


def _failures_table(batch: Batch) -> Table:
    from rich.table import Table

    counters = batch.counters()
    failures = list(counters.failures.items())
    table = Table(box=None, pad_edge=False, header_style="bold", title="", title_justify="left")
    table.add_column("failed", justify="right")
    table.add_column("step")
    table.add_column("reason", overflow="fold")
    for (step, reason), count in failures[:_MOST_REASONS]:
        table.add_row(_warned(count), step, counters.told((step, reason)))
    if len(failures) > _MOST_REASONS:
        rest = sum(count for _, count in failures[_MOST_REASONS:])
        table.add_row(f"{rest:,}", "", f"{len(failures) - _MOST_REASONS} more reasons: --json shows all")
    return table


def _size(size: int) -> str:
    from rich.filesize import decimal

    return decimal(size)
