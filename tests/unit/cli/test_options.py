"""Options that are made from a model: what they give, and how their help page reads."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from pyecod.cli.main import main
from pyecod.cli.options import options_of
from pyecod.ids import ChainKey
from pyecod.repair.request import NamedChain, RepairRequest
from pyecod.settings.asked import asked_fields

GIVEN: list[dict[str, Any]] = []
app = typer.Typer(add_completion=False)


@app.command()
@options_of(RepairRequest, panel="How it runs")
def ask(asked: dict[str, Any], loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    GIVEN.append(asked | {"loud": loud})


def given(*words: str) -> dict[str, Any]:
    GIVEN.clear()
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return GIVEN.pop()


def test_what_is_given_makes_the_request() -> None:
    words = "--reason user_request --weeks 2025-09-05 --low-quality --below 0.5 --chains 8abc_A --chains-file f.txt"
    more = "--rerun-blast --no-rerun-hhsearch --accept-worse --batch-name ecod_repair_x --dry-run --loud"
    asked = given(*words.split(), *more.split())
    assert asked.pop("loud") is True
    assert RepairRequest(**asked) == RepairRequest(
        reason="user_request",
        weeks=[datetime.date(2025, 9, 5)],
        low_quality=True,
        below=0.5,
        chains=[NamedChain(ChainKey("8abc", "A"))],
        chains_file=Path("f.txt"),
        rerun_blast=True,
        accept_worse=True,
        batch_name="ecod_repair_x",
        dry_run=True,
    )


def test_what_is_not_given_has_the_default_of_the_model() -> None:
    asked = given("--reason", "error_fix", "--failed")
    assert asked.pop("loud") is False
    assert RepairRequest(**asked) == RepairRequest(reason="error_fix", failed=True)


@pytest.mark.parametrize("words", [(), ("--reason", "error_fix", "--below", "2"), ("--reason", "error_fix", "--fail")])
def test_what_cannot_be_is_a_wrong_command_line(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, list(words)).exit_code == 2


def test_the_help_page_of_repair_has_every_option_under_a_heading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "argv", ["pyecod", "repair", "--help"])
    with pytest.raises(SystemExit):
        main()
    page = capsys.readouterr().out
    headings = ["Why", "Which chains", "What is done again", "The repair", "How it runs", "Settings"]
    places = [page.index(f"─ {heading}") for heading in headings]
    assert places == sorted(places)
    for name, *_ in asked_fields(RepairRequest):
        assert f"--{name.replace('_', '-')} " in page
    assert "[week]" not in page
    assert "run BLAST again; otherwise" in page
