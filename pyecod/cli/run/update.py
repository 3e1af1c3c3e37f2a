"""``pyecod update-weeks`` and ``pyecod classify``: the pipeline from the shell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.launch import ask, flow_settings, run_flow
from pyecod.cli.output import SETTINGS, AsJson, Profile, SettingsFile, line, messages, print_json, settings_from
from pyecod.cli.run.masks import ExcludeDomains, ExcludeGroups, ExcludeSelf, masked, say_what_is_unknown
from pyecod.cli.submit import submit_run

if TYPE_CHECKING:
    from pyecod.pdb.chain import Chain
    from pyecod.settings import Settings
    from pyecod.weeks.plan import WeekPlan

_MOST_FAILURES = 20
BasePath = Annotated[
    Path | None,
    typer.Option(help="folder of the batch directories", show_default=False, metavar="DIR", rich_help_panel=SETTINGS),
]
StatusDir = Annotated[
    Path | None,
    typer.Option(
        help="PDB status root with YYYYMMDD/added.pdb", show_default=False, metavar="DIR", rich_help_panel=SETTINGS
    ),
]
Mirror = Annotated[
    Path | None,
    typer.Option(help="mmCIF mirror, divided layout", show_default=False, metavar="DIR", rich_help_panel=SETTINGS),
]
ReferenceDir = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        help="ECOD reference (pyecod reference build)",
        show_default=False,
        metavar="DIR",
        rich_help_panel=SETTINGS,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask before starting")]


def update_weeks(
    start_date: Annotated[
        str | None, typer.Option(help="first release, YYYY-MM-DD; default: go on from the newest batch")
    ] = None,
    end_date: Annotated[str | None, typer.Option(help="last release; default: the newest there is")] = None,
    max_batches: Annotated[int | None, typer.Option(min=1, help="work on at most this many weeks")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be done and change nothing")] = False,
    yes: Yes = False,
    exclude_self: ExcludeSelf = None,
    exclude_domains: ExcludeDomains = None,
    exclude_groups: ExcludeGroups = None,
    base_path: BasePath = None,
    status_dir: StatusDir = None,
    mirror: Mirror = None,
    reference: ReferenceDir = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
    submit: Annotated[bool, typer.Option("--submit", help="run the deployment update-weeks/weekly instead")] = False,
    as_json: AsJson = False,
) -> None:
    """Classify the chains of weekly PDB releases; run again, it goes on where it stopped."""
    from pyecod.pdb import parse_date
    from pyecod.reference.mask import Mask
    from pyecod.reference.ready import open_reference
    from pyecod.weeks.plan import plan_weeks
    from pyecod.weeks.releases import absent_releases
    from pyecod.work.entries import check_entry_source

    start = parse_date(start_date) if start_date else None
    end = parse_date(end_date) if end_date else None
    given: dict[str, Any] = {"base_path": base_path, "status_dir": status_dir, "mirror": mirror, "reference": reference}
    given |= masked(exclude_self, exclude_domains, exclude_groups)
    settings = settings_from(settings_file, profile, **given)
    say_what_is_unknown(Mask(open_reference(settings), settings.mask))
    plans = plan_weeks(settings, start, end, max_batches, absent=absent_releases(settings, start, end))
    if any(plan.is_work and plan.entries for plan in plans):
        check_entry_source(settings)
    if dry_run:
        _show_plan(plans, settings, as_json)
        return
    if not as_json:
        _print_plan(plans)
    if not any(plan.is_work for plan in plans):
        _end_without_work(plans, as_json)
        return
    parameters = {
        "start_date": start,
        "end_date": end,
        "max_batches": max_batches,
        **flow_settings(settings_file, profile, given),
    }
    if submit:
        submit_run("update-weeks/weekly", parameters, settings, "Start", yes=yes, as_json=as_json)
        return
    ask(yes, "Start?")
    run_flow("flows.update_weeks:update_weeks", parameters, as_json)


def classify(
    fasta: Annotated[Path, typer.Argument(help="protein sequences, plain or .gz")],
    base_path: BasePath = None,
    reference: ReferenceDir = None,
    batch_name: Annotated[str | None, typer.Option(help="name of the batch; default: from the file's name")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be done and change nothing")] = False,
    yes: Yes = False,
    exclude_self: ExcludeSelf = None,
    exclude_domains: ExcludeDomains = None,
    exclude_groups: ExcludeGroups = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Cut the sequences of a FASTA file into domains and place them; same steps and outputs as a week."""
    from pyecod.pdb import read_fasta_chains
    from pyecod.reference.mask import Mask
    from pyecod.reference.ready import open_reference
    from pyecod.weeks.begin import fasta_batch_name

    given: dict[str, Any] = {"base_path": base_path, "reference": reference}
    given |= masked(exclude_self, exclude_domains, exclude_groups)
    settings = settings_from(settings_file, profile, **given)
    opened = open_reference(settings)
    say_what_is_unknown(Mask(opened, settings.mask))
    chains = read_fasta_chains(fasta, settings.chains)
    name = batch_name or fasta_batch_name(fasta)
    plan = {
        "batch": str(settings.base_path / name),
        "reference": opened.version,
        "chains": len(chains),
        "unique_sequences": len({chain.sequence for chain in chains if chain.is_searchable}),
        "not_classifiable": sum(chain.cannot_classify is not None for chain in chains),
        "cannot_be_used": sum(chain.failure is not None for chain in chains),
    }
    if dry_run and as_json:
        print_json(plan)
    elif not as_json:
        messages().print("  ".join(f"{key.replace('_', ' ')}: {value}" for key, value in plan.items()), soft_wrap=True)
        _show_failures([chain for chain in chains if chain.failure is not None])
        if settings.mask.exclude_self:
            _warn_of_strangers(chains)
    if dry_run:
        return
    ask(yes, "Start?")
    parameters = {
        "fasta": fasta,
        "batch_name": batch_name,
        **flow_settings(settings_file, profile, given),
    }
    run_flow("flows.classify:classify", parameters, as_json)


def _warn_of_strangers(chains: Sequence[Chain]) -> None:
    """Nothing is left out for what is of no PDB entry."""
    from pyecod.reference.mask import is_pdb_id

    strangers = [str(chain.key) for chain in chains if not is_pdb_id(chain.key.entry_id)]
    if strangers:
        told = f" {len(strangers)} of {len(chains)} are of no PDB entry, the first {strangers[0]}: nothing is their own"
        messages().print(line(("exclude-self", "yellow"), told), soft_wrap=True)


def _show_failures(chains: Sequence[Chain]) -> None:
    """Records that cannot be used, each with its line: the others are classified all the same."""
    for chain in chains[:_MOST_FAILURES]:
        messages().print(line(("cannot be used", "red"), f" {chain.key}: {chain.failure}"), soft_wrap=True)
    if len(chains) > _MOST_FAILURES:
        messages().print(f"and {len(chains) - _MOST_FAILURES} more: pyecod status BATCH has them all")


def _show_plan(plans: Sequence[WeekPlan], settings: Settings, as_json: bool) -> None:
    if not as_json:
        _print_plan(plans)
        messages().print(
            f"dry run: nothing was changed. Batches would be under {settings.base_path}, searched against "
            f"{settings.reference}, workers: {settings.workers.count} × {settings.workers.kind}",
            soft_wrap=True,
        )
        return
    print_json(
        [
            {
                "release": plan.release.date,
                "state": plan.state,
                "reason": plan.reason,
                "batch": plan.batch_path,
                "entries_to_read": plan.entries,
                "chains_left": plan.chains,
                "modified": len(plan.release.modified),
                "obsolete": len(plan.release.obsolete),
                "problems": plan.release.problems,
                "open_problems": plan.open_problems,
            }
            for plan in plans
        ]
    )


def _end_without_work(plans: Sequence[WeekPlan], as_json: bool) -> None:
    """Nothing is to be done; but a batch that cannot be read, or a list with wrong lines, is no good end."""
    broken = [plan for plan in plans if plan.state == "broken"]
    wrong = [plan for plan in plans if plan.open_problems]
    if as_json:
        found = [plan for plan in plans if plan in broken or plan in wrong]
        problems = [(p.batch_path.name, p.reason if p in broken else None, p.open_problems) for p in found]
        print_json([{"batch": name, "problem": reason, "list_problems": lines} for name, reason, lines in problems])
    out = messages()
    out.print("nothing to do")
    for plan in broken:
        out.print(line((f"{plan.batch_path.name} cannot be read", "red"), f": {plan.reason}"), soft_wrap=True)
    for plan in wrong:
        how = f"or: pyecod acknowledge {plan.batch_path.name}" if plan.state != "skip" else "the week is not begun"
        count = len(plan.open_problems)
        out.print(
            f"{plan.release.date}: {count} wrong lines in its lists; mend them and run again, {how}", soft_wrap=True
        )
    if broken or wrong:
        raise typer.Exit(3 if broken else 1)


def _print_plan(plans: Sequence[WeekPlan]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("release", "state", "entries", "chains left", "modified", "obsolete", "note"):
        table.add_column(column, justify="left" if column in ("release", "state", "note") else "right")
    for plan in plans:
        chains = "" if plan.chains is None else str(plan.chains)
        notes = [plan.reason] if plan.reason else []
        notes += [f"{len(plan.release.problems)} bad lines in the lists"] if plan.release.problems else []
        counts = (len(plan.release.modified), len(plan.release.obsolete))
        table.add_row(
            str(plan.release.date), plan.state, str(plan.entries), chains, *map(str, counts), "; ".join(notes)
        )
    out = messages()
    out.print(table)
    for plan in plans:
        for problem in plan.release.problems:
            out.print(line(("warning", "yellow"), f" {problem}"), soft_wrap=True)
