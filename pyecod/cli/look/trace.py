"""``pyecod trace``: everything about one chain, over all batches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from
from pyecod.errors import StoreError, UsageError

if TYPE_CHECKING:
    from pyecod.ids import ChainKey
    from pyecod.settings import Settings
    from pyecod.standing.trace import ChainTrace


def trace(
    chain: Annotated[str, typer.Argument(help="chain, as 8s72_A")],
    base_path: BasePath = None,
    database: Annotated[bool, typer.Option(help="add what the database knows, where there is one")] = True,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Tell how the domains of a chain came to be: evidence, versions, runs, repairs and files, batch by batch."""
    from pyecod.ids import ChainKey
    from pyecod.standing.trace import trace_chain

    settings = settings_from(settings_file, profile, base_path=base_path)
    key = ChainKey.parse(chain)
    found = trace_chain(key, settings.base_path)
    if database and settings.database.mode != "none":
        leads = {str(stop.facts["representative"]) for stop in found.stops if stop.facts["representative"]}
        found = replace(found, database=_database_facts(settings, key, [ChainKey.parse(lead) for lead in leads]))
    if not found.stops and not any(found.database.values()):
        raise UsageError(
            f"no batch has a chain {key}", where=settings.base_path, hint="--base-path; chain ids keep case"
        )
    if as_json:
        print_json(found.to_plain())
    else:
        _tell(found)


def _database_facts(settings: Settings, key: ChainKey, leads: list[ChainKey]) -> dict[str, Any]:
    """What the database adds; one that cannot be asked is said so, and the folders are enough."""
    from pyecod.store import open_store
    from pyecod.store.jobs.tree import chain_facts

    try:
        with open_store(settings.database) as store:
            return chain_facts(store, key, [lead.file_stem for lead in leads])
    except StoreError as error:
        messages().print(f"without the database: {error}", soft_wrap=True)
        return {}


def _tell(trace: ChainTrace) -> None:

    out = console()
    for stop in trace.stops:
        stands = (" stands" if stop.stands else "", "green")
        out.print(line("\n", (stop.batch, "bold"), f"  {stop.created}", stands), soft_wrap=True)
        for sentence in stop.story:
            out.print(f"  {sentence}", soft_wrap=True)
        for run in stop.facts["runs"]:
            mark = "current" if run["current"] else run["error"] or ""
            words = f"run {run['run']} {run['type']} of {run['chain']} {run['outcome']} {run['finished'] or ''} {mark}"
            out.print(f"  {words}", style="dim", soft_wrap=True)
    facts = trace.database
    if any(facts.values()):
        out.print("\ndatabase", style="bold")
        for row in facts["runs"]:
            current = "current" if row["is_current"] else "accepted" if row["accepted"] else "not accepted"
            head = f"  run {row['run_id']} of {row['release_date']} from {row['batch_name']}: "
            colour = "green" if row["is_current"] else ""
            out.print(line(head, (current, colour), f", {row['domains'] or row['outcome']}"), soft_wrap=True)
        for row in facts["clusters"]:
            role = "representative" if row["is_representative"] else row["propagation"]
            out.print(f"  cluster {row['cluster_number']} of {row['name']}: {role}", soft_wrap=True)
        for row in facts["jobs"]:
            out.print(f"  job {row['number']} ({row['name']}) {row['role']} {row['path']}", soft_wrap=True)
    for problem in trace.problems:
        messages().print(f"cannot be read: {problem}", soft_wrap=True)
