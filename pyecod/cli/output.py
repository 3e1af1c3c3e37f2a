"""What all commands share: the consoles, JSON, the settings options, and how an error ends a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pyecod.config import Settings

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="YAML settings file", show_default=False, metavar="FILE")
]
Profile = Annotated[
    str | None, typer.Option("--profile", help="profile name (local, slurm) or file", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]


def console() -> Console:
    """Console on standard output, for results."""
    from rich.console import Console

    return Console(highlight=False)


def messages() -> Console:
    """Console on standard error, for progress and warnings."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document; paths, dates and dataclasses are allowed inside."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, default=str, option=options).decode() + "\n")


def settings_from(file: Path | None, profile: str | None, **overrides: Any) -> Settings:
    """Settings for a command; ``overrides`` are nested dicts or plain values, None means not given."""
    from pyecod.config import load_settings

    return load_settings(file, profile, _given(overrides)).absolute()


def _given(overrides: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in overrides.items():
        value = _given(value) if isinstance(value, dict) else value
        if value is not None and value != {}:
            kept[key] = value
    return kept
