"""``pyecod plan``: hours, CPU hours, workers and disk, before anything is started."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json, settings_from

if TYPE_CHECKING:
    from pyecod.watch.estimate import Costs, Estimate


def plan(
    chains: Annotated[
        int | None, typer.Option(min=1, help="chains to classify; default: four usual loads", show_default=False)
    ] = None,
    copies: Annotated[float, typer.Option(min=1, help="chains that share one sequence, on average")] = 1.0,
    remote: Annotated[float, typer.Option(min=0, max=1, help="share of sequences that need a profile search")] = 0.45,
    cached: Annotated[float, typer.Option(min=0, max=1, help="share of sequences searched before")] = 0.0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="workers; default: those of the profile", show_default=False)
    ] = None,
    within: Annotated[
        float | None, typer.Option(min=0.1, help="hours: find the workers this needs", show_default=False)
    ] = None,
    blast_seconds: Annotated[
        float | None, typer.Option(min=0, help="CPU seconds of BLAST for 300 residues", show_default=False)
    ] = None,
    profile_seconds: Annotated[
        float | None, typer.Option(min=0, help="CPU seconds of the profile search, 300 residues", show_default=False)
    ] = None,
    profile: Profile = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Estimate time, CPU, jobs and disk, from the times in the search cache or from the field's usual costs."""
    from dataclasses import replace

    from pyecod.search import SearchCache
    from pyecod.watch.estimate import SCENARIOS, Load, estimate, measured_costs, workers_for

    settings = settings_from(settings_file, profile)
    costs = measured_costs(SearchCache(settings.cache_dir))
    if blast_seconds is not None:
        costs = replace(costs, blast=blast_seconds / 300)
    if profile_seconds is not None:
        costs = replace(costs, profile=profile_seconds / 300)
    loads = SCENARIOS if chains is None else {f"{chains:,} chains": Load(chains, copies, remote, cached)}
    found: dict[str, Estimate | None] = {}
    for name, load in loads.items():
        if within is None:
            found[name] = estimate(load, settings, costs, workers=workers)
        else:
            found[name] = workers_for(load, settings, costs, within)
    if as_json:
        print_json({"costs": costs, "estimates": {name: asdict(one) if one else None for name, one in found.items()}})
    else:
        _print(found, costs)


def _print(found: dict[str, Estimate | None], costs: Costs) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("load")
    for name in ("sequences", "workers × cores", "hours", "CPU hours", "tasks", "jobs", "disk GiB"):
        table.add_column(name, justify="right")
    for name, one in found.items():
        if one is None:
            table.add_row(name, "", "no number is enough")
            continue
        cells: list[Any] = [f"{one.load.sequences:,}", f"{one.workers:,} × {one.cores}", f"{one.hours:,.1f}"]
        cells += [f"{one.cpu_hours:,.0f}", f"{one.tasks:,}", f"{one.jobs:,}", f"{one.disk_gib:,.1f}"]
        table.add_row(name, *cells)
    out = console()
    out.print(table)
    source = f"measured here: {', '.join(costs.measured)}" if costs.measured else "the field's usual costs"
    out.print(
        f"\n{costs.blast * 300:.3g} CPU s of BLAST and {costs.profile * 300:.3g} of profile search for 300 residues "
        f"({source}); waiting in the queue is not counted. docs/cluster.md has the assumptions.",
        soft_wrap=True,
    )
