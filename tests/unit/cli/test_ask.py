"""What a person is asked, and lists that name nothing."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
import typer

from pyecod.batch.repair_plan import RepairItem
from pyecod.cli.launch import ask
from pyecod.cli.main import main
from pyecod.cli.mend import repair as command
from pyecod.ids import ChainKey
from pyecod.repair.plan import PlannedChain, RepairPlan
from pyecod.repair.request import RepairRequest
from pyecod.standing.scan import _FORMAT as FORMAT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> object:
    def give(text: str) -> Terminal:
        shown = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(text))
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return give


@pytest.mark.parametrize(
    ("typed", "default", "goes_on"),
    [("y\n", False, True), ("\n", True, True), ("\n", False, False), ("n\n", True, False)],
)
def test_a_no_ends_the_command_with_0(answer, typed: str, default: bool, goes_on: bool) -> None:
    answer(typed)
    if goes_on:
        ask(False, "Start?", default=default)
        return
    with pytest.raises(typer.Exit) as end:
        ask(False, "Start?", default=default)
    assert end.value.exit_code == 0


def test_yes_and_scripts_are_not_asked(answer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = answer("n\n")
    ask(True, "Start?")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    ask(False, "Start?")
    assert shown.getvalue() == ""


def test_the_question_of_a_repair_names_count_weeks_and_folder() -> None:
    request, path = RepairRequest(reason="error_fix", failed=True), Path("/b/ecod_repair_20250905")
    chains = tuple(
        PlannedChain(RepairItem(ChainKey("8abc", name), week, None, "", (), "pending", None), None)  # type: ignore[arg-type]
        for name, week in (("A", "2025-09-05"), ("B", "2025-09-12"))
    )
    assert command._question(RepairPlan(request, path, chains)) == f"Repair 2 chains of 2 weeks in {path}"
    assert command._question(RepairPlan(request, path, resumes=True)) == f"Go on with {path}"


@pytest.mark.parametrize(
    ("words", "empty", "printed"),
    [
        (("repair", "--reason", "error_fix", "--chains-file"), "# all were mended\n", {"batch": None, "outcomes": []}),
        (
            ("repair", "--reason", "error_fix", "--weeks", "2025-09-05", "--chains-file"),
            "",
            {"batch": None, "outcomes": []},
        ),
        (("retry", "--tasks"), "", []),
        (("retry", "--tasks"), f'{{"format": "{FORMAT}", "tasks": []}}', []),
    ],
)
def test_an_empty_list_is_nothing_to_repair(
    words, empty, printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list").write_text(empty)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pyecod", *words, str(tmp_path / "list"), "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)
    out, err = capsys.readouterr()
    assert json.loads(out) == printed
    assert "nothing to repair" in err
