"""``pyecod fetch``: releases, entries and references from an HTTP(S) server."""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from
from pyecod.errors import ConfigError, FetchError, UsageError

if TYPE_CHECKING:
    import datetime

    from pyecod.fetch import Download, Fetched
    from pyecod.pdb import Release
    from pyecod.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Get releases, entries and references from a server.",
)
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="a file that fails does not stop the others")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be fetched, and put nothing anywhere")]
_MOST_NAMED = 20
_ABSENT = "not on the server (obsolete since, or not there yet)"


@dataclass
class _Meter:
    """What :func:`fetch_files` calls while it works."""

    on_bytes: Callable[[int], None]
    on_file: Callable[[Fetched], None]


@app.command()
def release(
    dates: Annotated[list[str] | None, typer.Argument(help="release dates, or latest", metavar="DATE…")] = None,
    since: Annotated[
        str | None, typer.Option(help="every release the server has from this day on", show_default=False)
    ] = None,
    status_dir: Annotated[Path | None, typer.Option(help="where YYYYMMDD/added.pdb goes", show_default=False)] = None,
    mirror: Annotated[Path | None, typer.Option(help="where the mmCIF files go", show_default=False)] = None,
    added_only: Annotated[bool, typer.Option("--added-only", help="leave modified entries as they are")] = False,
    lists_only: Annotated[bool, typer.Option("--lists-only", help="no mmCIF files")] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="a file that fails does not stop the others")
    ] = False,
    dry_run: DryRun = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the lists of weekly releases and their mmCIF files: what is there and whole is kept, the rest goes on.

    The exit code is 1 when an entry could not be had. Without a mirror in the settings only the lists are fetched.
    """
    settings = settings_from(settings_file, profile, status_dir=status_dir, mirror=mirror)
    if settings.status_dir is None:
        raise ConfigError("no PDB status folder is configured", hint="--status-dir PATH, or `status_dir:` in settings")
    if settings.mirror is None and not lists_only and not settings.fetch.enabled:
        raise ConfigError(
            "no mmCIF mirror is configured", hint="--mirror PATH, `mirror:` in the settings, or --lists-only"
        )
    with _disk_errors():
        days = _days(dates or [], since, settings)
        reports = [
            _fetch_release(day, settings, added_only, lists_only, keep_going, dry_run, quiet=as_json) for day in days
        ]
    if as_json:
        print_json(reports)
    if any(report["absent"] or report["failed"] for report in reports):
        raise typer.Exit(1)


def _days(dates: Sequence[str], since: str | None, settings: Settings) -> list[datetime.date]:
    from pyecod.fetch import list_dates
    from pyecod.pdb import parse_date

    if bool(dates) == bool(since):
        raise UsageError("say which releases", hint="a date, latest, or --since DATE")
    if since is not None:
        first = parse_date(since)
        return [day for day in list_dates(settings.fetch) if day >= first]
    return sorted({list_dates(settings.fetch)[-1] if text == "latest" else parse_date(text) for text in dates})


def _fetch_release(
    day: datetime.date,
    settings: Settings,
    added_only: bool,
    lists_only: bool,
    keep_going: bool,
    dry_run: bool,
    *,
    quiet: bool,
) -> dict[str, Any]:
    from pyecod.fetch.release import entry_downloads, fetch_lists, missing
    from pyecod.pdb import find_releases

    if settings.status_dir is None:
        raise ConfigError("no PDB status folder is configured")
    with tempfile.TemporaryDirectory(prefix="pyecod-fetch-") as temporary:
        status_dir = Path(temporary) if dry_run else settings.status_dir
        fetch_lists(day, status_dir, settings.fetch)
        (found,) = find_releases(status_dir, day, day)
    downloads: list[Download] = []
    if settings.mirror is not None and not lists_only:
        limit = settings.chains.max_file_mib << 20
        downloads = entry_downloads(found, settings.mirror, settings.fetch, modified=not added_only, max_bytes=limit)
    ends: list[Fetched] = []
    if dry_run:
        if not quiet:
            _say_plan(found, downloads, missing(downloads))
    else:
        ends = _fetch(downloads, settings, f"{day}", keep_going, quiet=quiet)
        if not quiet:
            _say_ends(found, ends, settings)
    return _plain(found, downloads, len(missing(downloads)) if dry_run else None, ends)


def _fetch(downloads: list[Download], settings: Settings, what: str, keep_going: bool, *, quiet: bool) -> list[Fetched]:
    from pyecod.fetch import fetch_files

    with _progress(what, len(downloads), quiet=quiet) as meter:
        return fetch_files(
            downloads, settings.fetch, keep_going=keep_going, on_bytes=meter.on_bytes, on_file=meter.on_file
        )


@contextmanager
def _progress(what: str, files: int, *, quiet: bool) -> Iterator[_Meter]:
    """A bar of files with the bytes so far, on a terminal only."""
    from rich.filesize import decimal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[size]}", markup=False),
        TimeRemainingColumn(),
    )
    received = 0
    with Progress(*columns, console=messages(), transient=True, disable=quiet or not messages().is_terminal) as bar:
        task = bar.add_task(what, total=files, size="")

        def on_bytes(count: int) -> None:
            nonlocal received
            received += count
            bar.update(task, size=decimal(received))

        def on_file(_: Fetched) -> None:
            bar.advance(task)

        yield _Meter(on_bytes, on_file)


def _say_plan(found: Release, downloads: Sequence[Download], left: Sequence[Download]) -> None:
    refresh = sum(download.refresh for download in left)
    console().print(
        f"{_head(found)}; would fetch {len(left) - refresh} entries and ask for newer files of {refresh}, "
        f"{len(downloads) - len(left)} are there",
        soft_wrap=True,
    )


def _head(found: Release) -> str:
    counts = f"{len(found.added)} added, {len(found.modified)} modified, {len(found.obsolete)} obsolete"
    return f"{found.date}: {counts}"


def _say_ends(found: Release, ends: Sequence[Fetched], settings: Settings) -> None:
    from rich.filesize import decimal

    counts = Counter(str(end.fate) for end in ends)
    parts = [f"{counts[fate]} {fate}" for fate in ("fetched", "kept", "unchanged", "absent", "failed") if counts[fate]]
    where = f"entries: {', '.join(parts)}; {decimal(sum(end.bytes for end in ends))}" if ends else "no entries fetched"
    if not ends and settings.mirror is None:
        where = "entries are fetched when they are read (fetch.enabled)"
    console().print(f"{_head(found)}; {where}", soft_wrap=True)
    without = [end for end in ends if not end.is_there]
    for end in without[:_MOST_NAMED]:
        said = (
            str(end.error) if end.error else f"{end.download.url}: not on the server (obsolete since, or not yet there)"
        )
        messages().print(line((str(end.fate), "yellow"), f" {said}"), soft_wrap=True)
    if len(without) > _MOST_NAMED:
        messages().print(f"and {len(without) - _MOST_NAMED} more: --json names them all")
    for problem in found.problems:
        messages().print(line(("warning", "yellow"), f" {problem}"), soft_wrap=True)


def _plain(
    found: Release, downloads: Sequence[Download], to_fetch: int | None, ends: Sequence[Fetched]
) -> dict[str, Any]:
    counts = Counter(str(end.fate) for end in ends)
    return {
        "release": found.date,
        "added": len(found.added),
        "modified": len(found.modified),
        "obsolete": len(found.obsolete),
        "entries": len(downloads),
        "to_fetch": to_fetch,
        **{fate: counts[fate] for fate in ("fetched", "kept", "unchanged", "absent", "failed")},
        "bytes": sum(end.bytes for end in ends),
        "without": [
            {"url": end.download.url, "fate": end.fate, "reason": str(end.error) if end.error else _ABSENT}
            for end in ends
            if not end.is_there
        ],
    }


@app.command()
def reference(
    version: Annotated[str, typer.Argument(help="name of the ECOD version, for example develop291")],
    folder: Annotated[
        Path | None, typer.Option(help="where the files go; default: downloads/VERSION", show_default=False)
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="make the reference of them too")] = False,
    out: Annotated[
        Path | None, typer.Option(help="the reference; default: references/VERSION", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the lists, sequences and profiles of an ECOD version from the addresses in the settings (fetch.reference).

    At the end stands the command that makes a reference of them; --build does it.
    """
    from pyecod.fetch.reference import fetch_reference, reference_downloads

    settings = settings_from(settings_file, profile)
    folder = folder or Path("downloads") / version
    out = out or Path("references") / version
    wanted = reference_downloads(version, folder, settings.fetch)
    every = [download for some in wanted.values() for download in some]
    if dry_run:
        rows = [{"url": d.url, "path": d.path, "there": d.path.is_file()} for d in every]
        if as_json:
            print_json(rows)
        for row in () if as_json else rows:
            console().print(f"{row['url']} -> {row['path']}{' (there)' if row['there'] else ''}", soft_wrap=True)
        return
    with _disk_errors(), _progress(version, len(every) - len(wanted["checksums"]), quiet=as_json) as meter:
        files = fetch_reference(version, folder, settings.fetch, on_bytes=meter.on_bytes, on_file=meter.on_file)
    command = files.build_command(out)
    if build:
        from pyecod.cli.setup.reference import app as reference_app

        reference_app(command[2:] + (["--json"] if as_json else []), prog_name="pyecod reference")
    elif as_json:
        print_json({"folder": folder, "command": command})
    else:
        console().print(shlex.join(command), soft_wrap=True)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FetchError(
            f"cannot write: {error.strerror}", where=error.filename, hint="what was fetched stays and is gone on with"
        ) from None
