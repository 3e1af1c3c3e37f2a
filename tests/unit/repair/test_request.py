"""What may be asked of a repair, and how chains are named in a file."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError, UsageError
from pyecod.ids import ChainKey
from pyecod.repair.request import NamedChain, RepairRequest, parse_chains, read_chains_file
from pyecod.standing.scan import Priority, Task, write_tasks

DAY = datetime.date(2025, 9, 5)


@pytest.mark.parametrize("line", ["8s72 A 2025-09-05", "8s72_A 20250905", "8S72 A ecod_weekly_20250905  # why"])
def test_a_line_names_a_chain_and_its_week(line: str) -> None:
    assert parse_chains([line], "f") == (NamedChain(ChainKey("8s72", "A"), DAY),)


def test_case_of_chain_ids_is_kept_comments_and_repeats_are_passed_over() -> None:
    lines = ["# list", "", "8s72 a", "8s72_A", "8s72 a", "pdb_00008s72 B # same entry", "P00350"]
    names = [str(chain.key) for chain in parse_chains(lines, "f")]
    assert names == ["8s72_a", "8s72_A", "8s72_B", "P00350"]


def test_all_bad_lines_are_listed_with_their_numbers() -> None:
    with pytest.raises(BrokenInputError) as error:
        parse_chains(["8s72 A", "../etc A", "8s72 $(rm)", "8s72 A 2025-13-01", "8abc B"], "list.txt")
    assert [f"list.txt:{number}" in str(error.value) for number in range(1, 6)] == [False, True, True, True, False]


@given(st.lists(st.text(max_size=30), max_size=5))
def test_any_text_gives_chains_or_the_declared_error(lines: list[str]) -> None:
    try:
        chains = parse_chains(lines, "f")
    except BrokenInputError:
        return
    assert all(isinstance(chain.key, ChainKey) for chain in chains)


def test_task_lists_of_scan_are_read_too(tmp_path: Path) -> None:
    task = Task("ecod_weekly_20250905", ChainKey("8s72", "N"), Priority.FAILED, "blast", source_week="2025-09-05")
    write_tasks(tmp_path / "tasks.json", [task])
    assert read_chains_file(tmp_path / "tasks.json") == (NamedChain(ChainKey("8s72", "N"), DAY),)


def test_an_empty_list_names_nothing_unless_something_else_chooses(tmp_path: Path) -> None:
    file = tmp_path / "none.txt"
    file.write_text("# nothing\n")
    assert read_chains_file(file) == ()
    asked = {"reason": "error_fix", "chains_file": file}
    assert RepairRequest(**asked).names_nothing
    assert RepairRequest(**asked, weeks=[DAY]).names_nothing
    assert not RepairRequest(**asked, failed=True).names_nothing
    assert not RepairRequest(**asked, chains=["8s72_N"]).names_nothing
    assert not RepairRequest(reason="error_fix", weeks=[DAY]).names_nothing


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"reason": "boredom", "failed": True}, "not a reason"),
        ({"reason": "error_fix"}, "say what to repair"),
        ({"reason": "error_fix", "failed": True, "below": 0.5}, "belongs to --low-quality"),
        ({"reason": "error_fix", "failed": True, "rerun_hhsearch": True, "rerun_partition": False}, "new partition"),
        ({"reason": "error_fix", "failed": True, "rerun_partition": False}, "nothing would be done"),
        (
            {"reason": "error_fix", "failed": True, "batch_name": "ecod_weekly_20250905"},
            "a name for the batch of a week",
        ),
        ({"reason": "error_fix", "weeks": "2025-09-05,soon"}, "'soon' is not a date"),
        ({"reason": "error_fix", "chains": "8s72 A,what is this"}, "'what is this' is not `pdb chain"),
    ],
)
def test_what_cannot_be_is_refused(choices: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RepairRequest(**choices)


def test_obsolete_entries_can_be_marked_without_partitioning() -> None:
    assert RepairRequest(reason="pdb_modifications", obsolete=True, rerun_partition=False).has_conditions


def test_several_dates_and_chains_may_be_given_as_one_text() -> None:
    request = RepairRequest(
        reason="user_request", weeks="2025-09-12,20250905,2025-09-12", chains="8s72_A,8s72 B 20250905"
    )
    assert request.weeks == (DAY, DAY + datetime.timedelta(weeks=1))
    assert request.chains == (NamedChain(ChainKey("8s72", "A")), NamedChain(ChainKey("8s72", "B"), DAY))


def test_what_is_stored_names_the_chains_of_the_file_too_and_has_the_form_of_0_1(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("8s72 B 2025-09-05\n8s72 A\n")
    request = RepairRequest(reason="user_request", chains=["8s72_A"], chains_file=tmp_path / "list.txt", dry_run=True)
    assert request.to_plain() == {
        "reason": "user_request",
        "weeks": [],
        "chains": ["8s72_A", "8s72_B 2025-09-05"],
        "low_quality": False,
        "below": None,
        "failed": False,
        "modified": False,
        "obsolete": False,
        "stale": False,
        "rerun_blast": False,
        "rerun_hhsearch": False,
        "rerun_partition": True,
        "accept_worse": False,
    }


def test_the_parameters_of_the_flow_are_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = RepairRequest(reason="error_fix", weeks=[DAY], chains_file=Path("list.txt"), accept_worse=True)
    assert request.parameters() == {
        "reason": "error_fix",
        "weeks": ["2025-09-05"],
        "more": {"chains_file": str(tmp_path / "list.txt"), "accept_worse": True},
    }
