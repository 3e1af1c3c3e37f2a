"""What all commands share: the consoles, JSON, the settings options, and how an error ends a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn
    from rich.text import Text

    from pyecod.checks import Finding
    from pyecod.settings import Settings

SETTINGS = "Settings"
"""Heading, in the help pages, of the options that say where things are."""

SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="YAML settings file", show_default=False, metavar="FILE", rich_help_panel=SETTINGS),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="profile name (local, slurm) or file",
        show_default=False,
        metavar="NAME",
        rich_help_panel=SETTINGS,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]


def console() -> Console:
    """Console on standard output, for results."""
    return _console(stderr=False)


def messages() -> Console:
    """Console on standard error, for progress and warnings."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """As wide as the terminal; where there is none, wide enough that no table is cut.

    Text is shown as it is: no word in brackets is markup, and no character of it steers the terminal.
    """
    from rich.console import Console

    class InertConsole(Console):
        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(visible(text), **{**how, "markup": False, "emoji": False})

    found = InertConsole(stderr=stderr, highlight=False)
    return found if found.is_terminal else InertConsole(stderr=stderr, highlight=False, width=200)


def line(*parts: str | tuple[str, str]) -> Text:
    """Words for a console or a table, some of them with a style: ``line(("failed", "red"), " 3 chains")``."""
    from rich.text import Text

    return Text.assemble(*(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts))


def visible(text: str) -> str:
    """Characters that are no text (control characters, halves of a broken encoding) by their escapes: ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


def print_json(value: Any) -> None:
    """Print one JSON document; paths, dates and dataclasses are allowed inside.

    Odd bytes of a path that is no UTF-8 are escaped as Python has them (``\\udce9``), so that Python reads it back.
    """
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    try:
        text = orjson.dumps(value, default=str, option=options).decode()
    except TypeError:  # it takes no text that is no UTF-8, which the standard library does
        text = json.dumps(value, default=_as_plain, indent=2)
    sys.stdout.write(text + "\n")


def _as_plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def print_findings(findings: Sequence[Finding]) -> int:
    """One line for each finding of a check, with the remedy of what is wrong; the number of problems is returned."""
    out = console()
    colours = {"ok": "green", "note": "yellow", "problem": "red"}
    for finding in findings:
        mark = (f"{finding.state:<7}", colours[finding.state])
        out.print(line(mark, f"  {finding.check:<22} {finding.detail}"), soft_wrap=True)
        if finding.remedy and finding.state != "ok":
            out.print(f"{'':9}{'':<22} → {finding.remedy}", soft_wrap=True)
    problems = sum(finding.state == "problem" for finding in findings)
    out.print(f"\n{problems} problem{'s' if problems != 1 else ''} in {len(findings)} checks")
    return problems


@contextmanager
def stage_progress(*columns: ProgressColumn, quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on a terminal, nothing elsewhere; it is told the stage, what is done, and of how much."""
    err = messages()
    if quiet or not err.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description:<30}", markup=False), BarColumn(), *columns, console=err, transient=True
    ) as bar:
        task = bar.add_task("", total=None)

        def show(stage: str, done: int, total: int | None) -> None:
            if bar.tasks[0].description != stage:
                bar.reset(task, description=stage)
            bar.update(task, completed=done, total=total)

        yield show


def settings_from(file: Path | None, profile: str | None, **overrides: Any) -> Settings:
    """Settings for a command; ``overrides`` are nested dicts or plain values, None means not given."""
    from pyecod.settings import load_settings

    return load_settings(file, profile, _given(overrides)).absolute()


def _given(overrides: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in overrides.items():
        value = _given(value) if isinstance(value, dict) else value
        if value is not None and value != {}:
            kept[key] = value
    return kept
