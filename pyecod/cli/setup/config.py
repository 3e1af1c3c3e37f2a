"""``pyecod config``: what the settings are, where they come from, and which there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json

if TYPE_CHECKING:
    from pyecod.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Show, check and list the settings: profile < settings file < environment (PYECOD_…) < command line."""


@app.command()
def show(settings: SettingsFile = None, profile: Profile = None, as_json: AsJson = False) -> None:
    """Every value in force and the source it came from."""
    from pyecod.settings import load_settings, settings_sources

    values = _flat(load_settings(settings, profile))
    sources = settings_sources(settings, profile)
    if as_json:
        print_json({key: {"value": value, "source": sources[key]} for key, value in values.items()})
        return
    _print_table(("setting", "value", "source"), [(key, _text(value), sources[key]) for key, value in values.items()])


@app.command()
def check(settings: SettingsFile = None, profile: Profile = None, as_json: AsJson = False) -> None:
    """Say whether the settings are right; each wrong one is named with its source and what is allowed (exit code 2)."""
    from pyecod.settings import load_settings, settings_sources

    load_settings(settings, profile)
    sources = settings_sources(settings, profile)
    changed = {key: source for key, source in sources.items() if source != "default"}
    if as_json:
        print_json({"settings": len(sources), "changed": changed})
        return
    console().print(f"settings are right: {len(changed)} of {len(sources)} are set, the others are defaults")
    for key, source in changed.items():
        console().print(f"  {key}: from {source}", soft_wrap=True)


@app.command()
def keys(as_json: AsJson = False) -> None:
    """Every setting there is, with its default, its meaning and the values it takes."""
    from pyecod.settings import describe_settings

    settings = list(describe_settings())
    if as_json:
        print_json(settings)
        return
    rows = [(s.key, _text(s.default), f"{s.description}; {s.allowed}") for s in settings]
    _print_table(("setting", "default", "meaning; allowed"), rows)


def _flat(settings: Settings) -> dict[str, Any]:
    from pyecod.settings import describe_settings

    tree = settings.model_dump()
    values = {}
    for setting in describe_settings():
        node: Any = tree
        for part in setting.key.split("."):
            node = node[part]
        values[setting.key] = node
    return values


def _text(value: Any) -> str:
    return "–" if value is None else str(value)


def _print_table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*titles, box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*row)
    console().print(table)
