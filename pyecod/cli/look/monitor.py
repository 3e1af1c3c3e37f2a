"""``pyecod monitor``: watch a batch while it runs, from its folder alone."""

from __future__ import annotations

import contextlib
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from pyecod.settings import AlertSettings
    from pyecod.watch.findings import Alert
    from pyecod.watch.snapshot import Snapshot

_SHOWN = 8


def monitor(
    batch: Annotated[
        str | None,
        typer.Argument(help="name or folder of the batch; default: the one that runs, else the newest"),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="go on until the batch is done or Ctrl-C")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="print the numbers once (this is the default)")] = False,
    report: Annotated[
        Path | None, typer.Option(help="write all of it as JSON to this file, - for standard output", metavar="FILE")
    ] = None,
    interval: Annotated[float, typer.Option(min=0.5, help="seconds between two looks")] = 5.0,
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a batch is: stages, rate and time left, what runs and what failed, quality, disk.

    Reads the batch folder only: from any machine that sees it, with or without server and database.
    """
    from pyecod.errors import UsageError

    if watch and (stats or report or as_json):
        raise UsageError("--watch shows until the end; --stats, --report and --json look once")
    settings = settings_from(settings_file, profile, base_path=base_path)
    path = _choose(batch, settings.base_path)
    if watch:
        _watch(path, settings.alerts, interval)
        return
    snapshot, alerts = _look(path, settings.alerts)
    plain = {**snapshot.to_plain(), "alerts": alerts}
    if report is not None and str(report) != "-":
        _write(report, plain)
        messages().print(f"written to {report}", soft_wrap=True)
    elif as_json or report is not None:
        print_json(plain)
    if stats or not (as_json or report is not None):
        console().print(_view(snapshot, alerts))


def _choose(name: str | None, base_path: Path) -> Path:
    """The batch that is named; or that is driven now, or was begun last."""
    from pyecod.batch import find_batches, locate_batch
    from pyecod.batch.lock import LOCK_NAME, read_holder
    from pyecod.batch.manifest import MANIFEST_NAME
    from pyecod.errors import UsageError

    if name is not None:
        return locate_batch(name, base_path)
    paths = find_batches(base_path)
    if not paths:
        raise UsageError("there is no batch to watch", where=base_path, hint="--base-path, or name a batch's folder")
    driven = [path for path in paths if read_holder(path / LOCK_NAME) is not None]
    return max(driven or paths, key=lambda path: (path / MANIFEST_NAME).stat().st_mtime)


def _look(path: Path, settings: AlertSettings) -> tuple[Snapshot, list[Alert]]:
    from dataclasses import replace

    from pyecod.standing.mended import find_mended
    from pyecod.watch.findings import batch_alerts
    from pyecod.watch.snapshot import look, worker_jobs

    snapshot = worker_jobs(look(path))
    if snapshot.failed and snapshot.driver is None:
        snapshot = replace(snapshot, mended=find_mended(path.absolute().parent, {path.name}).count(path.name))
    return snapshot, batch_alerts(snapshot, settings)


def _watch(path: Path, settings: AlertSettings, interval: float) -> None:
    from rich.live import Live

    out = console()
    snapshot, alerts = _look(path, settings)
    if not out.is_terminal:
        while True:
            out.print(_line(snapshot), soft_wrap=True)
            sys.stdout.flush()
            if _is_over(snapshot):
                return
            time.sleep(interval)
            snapshot, alerts = _look(path, settings)
    shown = Live(_view(snapshot, alerts), console=out, auto_refresh=False, vertical_overflow="crop")
    with contextlib.suppress(KeyboardInterrupt), shown:
        while not _is_over(snapshot):
            time.sleep(interval)
            snapshot, alerts = _look(path, settings)
            shown.update(_view(snapshot, alerts), refresh=True)


def _is_over(snapshot: Snapshot) -> bool:
    return snapshot.driver is None and not snapshot.is_unfinished


def _line(snapshot: Snapshot) -> str:
    counters = snapshot.counters
    left = f", {_duration(snapshot.seconds_left)} left" if snapshot.seconds_left else ""
    rate = f", {snapshot.per_hour:.0f} per hour" if snapshot.per_hour is not None else ", nobody drives it"
    return (
        f"{snapshot.at:%H:%M:%S} {snapshot.name}: {counters.done} of {counters.classifiable} done, "
        f"{counters.failed} failed, {snapshot.running_count} in work{rate}{left}"
    )


def _view(snapshot: Snapshot, alerts: Sequence[Alert]) -> RenderableType:
    from rich.console import Group

    parts: list[RenderableType] = [_head(snapshot), _stages(snapshot)]
    for alert in alerts:
        colour = "red" if alert.severity == "critical" else "yellow"
        parts.append(line((f"{alert.kind}: {alert.text}", colour)))
    parts.append(_distributions(snapshot))
    if snapshot.running:
        parts.append(_running(snapshot))
    if snapshot.failed:
        parts.append(_failed(snapshot))
    return Group(*parts)


def _head(snapshot: Snapshot) -> Table:
    counters = snapshot.counters
    table = _plain_table()
    mended = f" ({snapshot.mended:,} mended by repairs)" if snapshot.mended else ""
    rate = "nobody drives it" if snapshot.per_hour is None else f"{snapshot.per_hour:,.0f} chains per hour"
    if snapshot.seconds_left:
        end = snapshot.at + timedelta(seconds=snapshot.seconds_left)
        rate += f", {_duration(snapshot.seconds_left)} left, done about {end.astimezone():%a %H:%M}"
    free = ", ".join(f"{name} {size / 2**30:,.0f} GiB" for name, size in snapshot.free.items())
    rows = {
        "batch": f"{snapshot.name}  {snapshot.at:%Y-%m-%d %H:%M:%S} UTC",
        "driven by": snapshot.driver or "nobody",
        "workers": _workers(snapshot),
        "chains": f"{counters.done:,} of {counters.classifiable:,} done ({counters.progress:.1%}), "
        f"{counters.failed:,} failed{mended}, {counters.left:,} left, {snapshot.running_count:,} in work",
        "rate": rate,
        "entries": ", ".join(f"{count:,} {status}" for status, count in counters.entries.items()) or "none",
        "free": free,
        "log": str(snapshot.log or "none"),
    }
    for name, value in rows.items():
        table.add_row(line((name, "bold")), value)
    return table


def _workers(snapshot: Snapshot) -> str:
    if snapshot.jobs is None:
        return f"{snapshot.workers} (configured)"
    jobs = ", ".join(f"{count} {state}" for state, count in snapshot.jobs.items()) or "none of yours"
    return f"{snapshot.workers} (configured); jobs in SLURM's queue: {jobs}"


def _stages(snapshot: Snapshot) -> Table:
    from rich.progress_bar import ProgressBar

    table = _plain_table()
    total = snapshot.counters.classifiable
    for step, counts in snapshot.counters.steps.items():
        settled = counts["complete"] + counts["not_needed"]
        words = f"{counts['complete']:,} complete"
        words += "".join(
            f", {counts[key]:,} {key.replace('_', ' ')}" for key in ("not_needed", "running", "failed") if counts[key]
        )
        table.add_row(line((step, "bold")), ProgressBar(total=max(total, 1), completed=settled, width=30), words)
    return table


def _distributions(snapshot: Snapshot) -> Table:
    """Quality and coverage of what is done."""
    table = _plain_table()
    done = max(snapshot.counters.done, 1)
    quality = "   ".join(f"{name} {n:,} ({n / done:.0%})" for name, n in snapshot.counters.quality.items())
    table.add_row(line(("quality", "bold")), quality or "nothing is done yet")
    highest = max(snapshot.coverage, default=0) or 1
    bars = "".join(" ▁▂▃▄▅▆▇█"[-(-8 * count // highest)] for count in snapshot.coverage)
    table.add_row(line(("coverage", "bold")), f"0 |{bars}| 1")
    return table


def _running(snapshot: Snapshot) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title="in work, longest first", title_justify="left")
    for name in ("chain", "step", "for"):
        table.add_column(name)
    for one in snapshot.running[:_SHOWN]:
        table.add_row(one.chain, one.step, _duration(one.seconds))
    if snapshot.running_count > _SHOWN:
        table.add_row(f"and {snapshot.running_count - _SHOWN:,} more", "", "")
    return table


def _failed(snapshot: Snapshot) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title="failed, newest first", title_justify="left")
    table.add_column("chain", no_wrap=True)
    table.add_column("step")
    table.add_column("reason", overflow="fold")
    for one in snapshot.failed[:_SHOWN]:
        table.add_row(one.chain, one.step, one.reason)
    if len(snapshot.failed) > _SHOWN:
        table.add_row(f"and {len(snapshot.failed) - _SHOWN:,} more", "", "")
    return table


def _plain_table() -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _write(path: Path, plain: dict[str, Any]) -> None:
    import orjson

    from pyecod.files import atomic_write

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    atomic_write(path, orjson.dumps(plain, default=str, option=options).decode() + "\n")
