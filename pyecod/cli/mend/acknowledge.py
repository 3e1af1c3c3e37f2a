"""``pyecod acknowledge``: wrong lines of a week's lists that are not going to be mended."""

from __future__ import annotations

from typing import Annotated

import typer

from pyecod.cli.launch import ask
from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, line, messages, print_json, settings_from


def acknowledge(
    batch: Annotated[str, typer.Argument(help="name or folder of the week's batch")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    base_path: BasePath = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Take the wrong lines of a week's lists for known: they are still shown, and no longer end a run with 1."""
    from pyecod.batch import Batch, locate_batch
    from pyecod.weeks.lists import acknowledge as acknowledge_lines

    settings = settings_from(settings_file, profile, base_path=base_path)
    found = Batch.open(locate_batch(batch, settings.base_path))
    problems = found.header.open_problems
    out = messages()
    if problems and not as_json:
        for problem in problems:
            out.print(line(("wrong line", "yellow"), f" {problem}"), soft_wrap=True)
        ask(yes, f"Acknowledge {len(problems)} wrong lines of the lists of {found.name}?")
    done = acknowledge_lines(found) if problems else ()
    if as_json:
        print_json({"batch": found.name, "acknowledged": list(done)})
    else:
        out.print(f"{len(done)} wrong lines acknowledged" if done else "there is nothing to acknowledge")
