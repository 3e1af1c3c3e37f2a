"""``pyecod repair`` and ``pyecod retry``: do again what failed, came out badly, changed or is out of date."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.launch import ask, call_flow, flow_settings, run_flow
from pyecod.cli.options import options_of
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from
from pyecod.cli.run.update import BasePath, Mirror, ReferenceDir, StatusDir, Yes
from pyecod.cli.submit import submit_run
from pyecod.repair.request import RepairRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table
    from rich.text import Text

    from pyecod.batch.repair_plan import RepairOutcome
    from pyecod.repair.plan import PlannedChain, RepairPlan

_MOST_ROWS = 40
_MOST_LETTERS = 60


@options_of(RepairRequest, panel="How it runs")
def repair(
    asked: dict[str, Any],
    yes: Yes = False,
    submit: Annotated[bool, typer.Option("--submit", help="run the deployment repair/adhoc instead")] = False,
    as_json: AsJson = False,
    base_path: BasePath = None,
    status_dir: StatusDir = None,
    mirror: Mirror = None,
    reference: ReferenceDir = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
) -> None:
    """Process chains again in a batch of their own, and show each before and after.

    A result that is worse than the one it would replace is kept as a run and does not become current. Run again with
    the same options while unfinished, it goes on where it stopped.
    """
    from pyecod.repair.plan import plan_repair

    given = {"base_path": base_path, "status_dir": status_dir, "mirror": mirror, "reference": reference}
    settings = settings_from(settings_file, profile, **given)
    request = RepairRequest(**asked)
    if request.names_nothing:
        _tell_nothing(f"{request.chains_file} names no chain", as_json=as_json)
        return
    plan = plan_repair(request, settings)
    if request.dry_run and as_json:
        print_json(_plain_plan(plan))
    elif not as_json:
        _print_plan(plan, request.dry_run)
    if request.dry_run:
        return
    if not plan.is_work:
        if as_json:
            print_json({"batch": None, "outcomes": []})
        if plan.unreadable:
            raise typer.Exit(1)
        return
    parameters = {**request.parameters(), **flow_settings(settings_file, profile, given)}
    if submit:
        submit_run("repair/adhoc", parameters, settings, _question(plan), yes=yes, as_json=as_json)
        return
    ask(yes, f"{_question(plan)}?", default=False)
    _run(parameters, as_json)


def _question(plan: RepairPlan) -> str:
    if plan.resumes:
        return f"Go on with {plan.batch_path}"
    weeks = f" of {len(plan.source_weeks)} weeks" if len(plan.source_weeks) > 1 else ""
    return f"Repair {len(plan.chains):,} chains{weeks} in {plan.batch_path}"


def _tell_nothing(why: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"batch": None, "outcomes": []})
    messages().print(f"nothing to repair: {why}", soft_wrap=True)


def _run(parameters: dict[str, Any], as_json: bool) -> None:
    from pyecod.cli.results import exit_code, plain_result, print_results

    result = call_flow("flows.repair:repair", parameters)
    if result.batch is None:  # somebody else was quicker
        messages().print("nothing to repair")
        return
    if as_json:
        outcomes = [outcome.to_plain() for outcome in result.outcomes]
        print_json({"batch": plain_result(result.batch), "verdicts": result.verdicts, "outcomes": outcomes})
    else:
        print_results([result.batch], as_json=False)
        _print_outcomes(result.outcomes, result.verdicts)
    code = exit_code([result.batch])
    if code:
        raise typer.Exit(code)


def _plain_plan(plan: RepairPlan) -> dict[str, Any]:
    return {
        "batch": plan.batch_path,
        "resumes": plan.resumes,
        "request": plan.request.to_plain(),
        "chains": [c.item.to_plain() for c in plan.chains],
        "sequences": plan.sequences,
        "searches": plan.searches.to_plain(),
        "unreadable": [asdict(unread) for unread in plan.unreadable],
        "left": plan.left,
        "notes": plan.notes,
    }


def _print_plan(plan: RepairPlan, dry_run: bool) -> None:
    out = console() if dry_run else messages()
    if plan.resumes:
        out.print(f"goes on with {plan.batch_path}, which was begun with the same request", soft_wrap=True)
        return
    shown = plan.chains if dry_run else plan.chains[:_MOST_ROWS]
    if shown:
        out.print(_plan_table(shown))
    if len(shown) < len(plan.chains):
        out.print(f"and {len(plan.chains) - len(shown):,} more (--dry-run shows all)")
    for unread in plan.unreadable:
        out.print(line(("cannot be read", "red"), f" {unread.pdb_id}: {unread.reason}"), soft_wrap=True)
    for name, why in list(plan.left.items())[: None if dry_run else _MOST_ROWS]:
        out.print(f"left {name}: {why}", soft_wrap=True)
    for note in plan.notes:
        out.print(line(("note", "yellow"), f" {note}"), soft_wrap=True)
    if not plan.is_work:
        out.print("nothing to repair")
        return
    s = plan.searches
    out.print(
        f"\n{len(plan.chains):,} chains ({plan.sequences:,} sequences) in {plan.batch_path}\n"
        f"BLAST: {s.blast:,} sequences to search, {s.blast_cached:,} in the cache; "
        f"profiles: {s.hhsearch:,} to search, {s.hhsearch_cached:,} in the cache"
        + (f", up to {s.hhsearch_open:,} more when BLAST covers too little" if s.hhsearch_open else ""),
        soft_wrap=True,
    )
    if dry_run:
        out.print("dry run: nothing was changed")


def _plan_table(chains: Iterable[PlannedChain]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("chain", "week", "now", "why", "steps", "evidence"):
        table.add_column(column, overflow="fold")
    for chain in chains:
        item = chain.item
        table.add_row(
            str(item.key),
            item.week or "",
            _short(item.before.status if item.before.status == "failed" else str(item.before)) if item.before else "",
            _short(item.why),
            " → ".join(item.steps) or f"marked {item.mark}",
            item.evidence,
        )
    return table


def _print_outcomes(outcomes: tuple[RepairOutcome, ...], verdicts: dict[str, int]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title="", title_justify="left")
    for column in ("chain", "week", "before", "after", ""):
        table.add_column(column, overflow="fold")
    for outcome in outcomes[:_MOST_ROWS]:
        before = outcome.item.before
        table.add_row(
            str(outcome.item.key),
            outcome.item.week or "",
            _short(str(before)) if before else "",
            _short(str(outcome.after)),
            _coloured(outcome.verdict),
        )
    out = console()
    out.print(table)
    if len(outcomes) > _MOST_ROWS:
        out.print(f"and {len(outcomes) - _MOST_ROWS:,} more: --json, or the report")
    out.print("\n" + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in verdicts.items()))
    if verdicts.get("worse"):
        out.print("worse results are kept as runs and are not current (--accept-worse makes them so)")


def _coloured(verdict: str) -> Text:
    colour = {"better": "green", "new": "green", "worse": "yellow", "failed": "red"}.get(verdict, "")
    return line((verdict.replace("_", " "), colour))


def _short(text: str) -> str:
    """So much of a reason as tells it from others; ``pyecod status BATCH`` and --json have the whole."""
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1].rstrip()}…"


def retry(
    tasks: Annotated[Path, typer.Option(help="task list of `pyecod scan --output`", metavar="FILE")],
    yes: Yes = False,
    base_path: BasePath = None,
    reference: ReferenceDir = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Give the chains of a task list new attempts, and go on with their batches.

    Unlike a repair this changes the batches themselves: nothing that is complete is done again.
    """
    from pyecod.standing.scan import read_tasks

    given = {"base_path": base_path, "reference": reference}
    settings = settings_from(settings_file, profile, **given)
    named = read_tasks(tasks)
    if not named:
        if as_json:
            print_json([])
        messages().print(f"nothing to repair: {tasks} names no chain", soft_wrap=True)
        return
    batches = list(dict.fromkeys(task.batch for task in named))
    where = (
        f"{settings.base_path / batches[0]}"
        if len(batches) == 1
        else f"{len(batches)} batches under {settings.base_path}"
    )
    messages().print(f"{len(named):,} chains in {where}", soft_wrap=True)
    ask(yes, f"Try {len(named):,} chains again in {where}?", default=False)
    parameters = {
        "tasks": tasks.absolute(),
        **flow_settings(settings_file, profile, given),
    }
    run_flow("flows.retry:retry", parameters, as_json)
