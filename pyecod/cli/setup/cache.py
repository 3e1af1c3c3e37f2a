"""``pyecod cache``: what the search cache holds, whether it is sound, and how to make it smaller."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json, settings_from

if TYPE_CHECKING:
    from pyecod.search import SearchCache

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

CacheDir = Annotated[
    Path | None, typer.Option("--dir", help="the cache's folder; default: that of the settings", show_default=False)
]
_GIB = 1 << 30


@app.command()
def show(
    directory: CacheDir = None, settings: SettingsFile = None, profile: Profile = None, as_json: AsJson = False
) -> None:
    """Show entries, their size, and their last use."""
    cache = _cache(directory, settings, profile)
    usage = cache.usage()
    if as_json:
        print_json({"folder": cache.folder, **{kind: asdict(one) for kind, one in usage.items()}})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind")
    for name in ("entries", "size", "oldest use", "newest use"):
        table.add_column(name, justify="right")
    for kind, one in usage.items():
        table.add_row(kind, f"{one.files:,}", _size(one.bytes), _day(one.oldest), _day(one.newest))
    out = console()
    out.print(f"{cache.folder}\n", soft_wrap=True)
    out.print(table)


@app.command()
def verify(
    directory: CacheDir = None,
    settings: SettingsFile = None,
    profile: Profile = None,
    remove: Annotated[bool, typer.Option("--remove", help="remove damaged entries: they are searched again")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every entry.

    The exit code is 1 when damaged entries are left.
    """
    cache = _cache(directory, settings, profile)
    check = cache.verify(remove=remove)
    if as_json:
        print_json({**asdict(check), "folder": cache.folder, "removed": remove})
    else:
        out = console()
        for damaged in check.damaged:
            out.print(f"{damaged.path}: {damaged.reason}", soft_wrap=True)
        done = " and removed" if remove and check.damaged else ""
        out.print(f"{check.checked:,} entries, {_size(check.bytes)}, {len(check.damaged):,} damaged{done}")
    if check.damaged and not remove:
        raise typer.Exit(1)


@app.command()
def prune(
    directory: CacheDir = None,
    settings: SettingsFile = None,
    profile: Profile = None,
    older_than: Annotated[
        str | None, typer.Option(help="remove what was not used for so long: 90d, 12h, 4w", show_default=False)
    ] = None,
    max_gib: Annotated[
        float | None, typer.Option(min=0, help="then the longest unused until so much is left", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run/--really", help="only say what would be removed")] = True,
    as_json: AsJson = False,
) -> None:
    """Remove entries that were not used for long.

    Nothing is removed without --really. What is needed again is searched again.
    """
    from pyecod.errors import UsageError

    if older_than is None and max_gib is None:
        raise UsageError("prune needs a limit", hint="--older-than 90d, --max-gib 50, or both")
    report = _cache(directory, settings, profile).prune(
        older_than=_age(older_than),
        max_bytes=None if max_gib is None else int(max_gib * _GIB),
        dry_run=dry_run,
    )
    if as_json:
        print_json(asdict(report))
        return
    done = "would be removed; --really removes them" if dry_run else "removed"
    out = console()
    out.print(f"{report.removed.files:,} entries, {_size(report.removed.bytes)}, {done}")
    out.print(f"{report.kept.files:,} entries, {_size(report.kept.bytes)}, stay")


def _cache(directory: Path | None, settings: Path | None, profile: str | None) -> SearchCache:
    from pyecod.errors import UsageError
    from pyecod.search import SearchCache

    folder = directory or settings_from(settings, profile).cache_dir
    if not folder.is_dir():
        raise UsageError(
            "there is no search cache here", where=folder, hint="--dir DIR, or the settings file of the runs"
        )
    return SearchCache(folder)


def _age(text: str | None) -> timedelta | None:
    from pyecod.cli.look.runs import parse_age

    return None if text is None else parse_age(text)


def _size(count: int) -> str:
    return f"{count / _GIB:.2f} GiB" if count >= _GIB else f"{count / (1 << 20):.1f} MiB"


def _day(when: float | None) -> str:
    return "" if when is None else datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d")
