"""The one door of the command line: text is shown as it is, whatever stands in it."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pyecod.checks import Finding
from pyecod.cli import output

HOSTILE = "[/foo] [red]x[/red] :smile: [link=http://x]y[/link] \\["
CLI = Path(output.__file__).parent


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What came out, without the terminal's own control sequences."""
    if request.param:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "300")
    return lambda: re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def test_a_path_that_is_no_utf8_is_read_back_from_json(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(os.fsdecode(b"/caf\xe9/batches"))
    output.print_json({"path": path, "finding": Finding("disk", "ok", str(path), ""), "words": "Ω"})
    told = json.loads(capsys.readouterr().out)
    assert Path(told["path"]) == path
    assert told["finding"]["detail"] == str(path)
    assert told["words"] == "Ω"


def test_words_in_brackets_are_no_markup_wherever_they_stand(shown: Any) -> None:
    from rich.table import Table

    out = output.console()
    out.print(HOSTILE, soft_wrap=True)
    out.print(HOSTILE, style="bold", soft_wrap=True)
    out.print(output.line(("failed", "red"), f" {HOSTILE}"), soft_wrap=True)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    out.print(table)
    output.print_findings([Finding(HOSTILE, "problem", HOSTILE, HOSTILE)])
    assert shown().count(HOSTILE) == 9


def test_no_character_of_data_steers_the_terminal(shown: Any) -> None:
    steering = "a\x1b]0;title\x07b\x9b31mc\rd\u202ee\udce9f"
    output.console().print(steering)
    output.console().print(output.line((steering, "red")))
    assert shown() == "a\\x1b]0;title\\x07b\\x9b31mc\\rd\\u202ee\\udce9f\n" * 2


def test_lines_and_letters_of_all_languages_stay() -> None:
    assert output.visible("José\tΩ\n中") == "José\tΩ\n中"


@pytest.mark.parametrize("path", sorted(CLI.rglob("*.py")), ids=lambda path: str(path.relative_to(CLI)))
def test_commands_print_through_the_door_and_write_no_markup(path: Path) -> None:
    """A lint: no console of their own, no markup switched on, no tag in a text; a column of a bar switches it off."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            found += [
                name for name in names if name == "rich.markup" or (name == "Console" and path.name != "output.py")
            ]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += re.findall(r"\[/[a-z ]*\]|\[(?:bold|dim|italic|red|green|yellow|blue|cyan)\b[^\]]*\]", node.value)
        if isinstance(node, ast.Call):
            on = {k.arg: k.value for k in node.keywords}
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            is_off = isinstance(on.get("markup"), ast.Constant) and on["markup"].value is False
            if name in ("TextColumn", "from_markup", "SpinnerColumn", "print") and (
                ("markup" in on or name != "print") and not is_off
            ):
                found.append(f"{name} in line {node.lineno}")
            if name == "print" and isinstance(node.func, ast.Name):
                found.append(f"print in line {node.lineno}")
    typed = {n for n in found if n == "Console"} if "TYPE_CHECKING" in path.read_text() else set()
    assert [name for name in found if name not in typed] == []
