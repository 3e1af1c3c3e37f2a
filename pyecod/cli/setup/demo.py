"""``pyecod demo``: a small world with known truth, through the whole pipeline, and how much came out right."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, console, line, messages, print_json

if TYPE_CHECKING:
    from pyecod.simulate import World, WorldOptions


def demo(
    folder: Annotated[Path, typer.Option(help="where everything is made")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="start of the randomness: another seed, another world")] = 1,
    entries: Annotated[int, typer.Option(min=1, help="entries of the release")] = 40,
    families: Annotated[int, typer.Option(min=8, help="families of the reference")] = 80,
    as_json: AsJson = False,
) -> None:
    """Simulate a PDB release and an ECOD reference, run update-weeks on them for real, and compare with the truth."""
    from pyecod.batch import weekly_name
    from pyecod.cli.launch import load_flow
    from pyecod.cli.results import exit_code, print_results
    from pyecod.simulate import WorldOptions

    started = time.monotonic()
    world = _world(folder, WorldOptions(seed=seed, entries=entries, families=families))
    reference = _reference(world)
    overrides = {
        "base_path": str((folder / "batches").absolute()),
        "status_dir": str(world.status_dir.absolute()),
        "mirror": str(world.mirror.absolute()),
        "reference": str(reference.absolute()),
    }
    _say(f"update-weeks {world.dates[0]}")
    results = load_flow("flows.update_weeks:update_weeks")(
        start_date=world.dates[0], profile="local", overrides=overrides
    )
    if not as_json:
        print_results(results, as_json=False)
    batch = folder.absolute() / "batches" / weekly_name(world.dates[0])
    score = _score(world, batch)
    not_loaded = _database_problem(batch, overrides)
    page = batch / "report" / "index.html"
    seconds = time.monotonic() - started
    if as_json:
        print_json({"batch": batch, "report": page, "seconds": seconds, "score": score, "not_loaded": not_loaded})
    else:
        _print_score(score)
        done_before = "" if results else "Nothing was left to do: the week was done before. "
        console().print(f"\n{done_before}{seconds:.0f} s. Look at {page}", soft_wrap=True)
    if not_loaded:
        messages().print(line(("the demo's database could not be used", "red"), f": {not_loaded}"), soft_wrap=True)
    code = exit_code(results) or (1 if not_loaded else 0)
    if code:
        raise typer.Exit(code)


def _database_problem(batch: Path, overrides: dict[str, str]) -> str | None:
    """Why the batch is not in the database; None where it is, loaded now if an earlier demo could not."""
    from pyecod.errors import StoreError
    from pyecod.settings import load_settings
    from pyecod.store import migrate, open_store, sync_batches

    database = load_settings(profile="local", overrides=overrides).database
    if database.mode == "none":
        return None
    try:
        with open_store(database) as store:
            if database.mode == "embedded":
                migrate(store)
            (report,) = sync_batches(store, [batch])
    except StoreError as error:
        return str(error)
    return report.problem


def _world(folder: Path, options: WorldOptions) -> World:
    """The simulated world, made unless the same one is there."""
    from pyecod.simulate import World, simulate_world

    target = folder / "world"
    if (target / "world.json").is_file():
        world = World.open(target)
        if world.options == options:
            _say(f"world of seed {options.seed} is there")
            return world
    _say(f"simulating {options.entries} entries and a reference of {options.families} families")
    return simulate_world(target, options)


def _reference(world: World) -> Path:
    """The world's ECOD reference, built anew where the world is newer."""
    from pyecod.reference import build_reference

    out = world.folder.parent / "reference"
    record = out / "reference.yaml"
    if record.is_file() and record.stat().st_mtime >= (world.folder / "world.json").stat().st_mtime:
        return out
    _say("building the reference")
    build_reference(
        out,
        world.options.version,
        domains=[world.domain_list],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        hh_db=world.hh_db,
        force=True,
    )
    return out


def _score(world: World, batch_path: Path) -> dict[str, Any]:
    """The batch's partitions against the world's truth, novel domains apart because nothing can find them."""
    from pyecod.batch import Batch, Status
    from pyecod.ids import ChainKey
    from pyecod.partition.xml import read_partition
    from pyecod.simulate import read_truth, read_truth_chains
    from pyecod.simulate.scoring import score

    batch = Batch.open(batch_path)
    assigned = {
        ChainKey.parse(key): read_partition(batch_path / record.files["partition"]).partition.domains
        for key, record in batch.manifest.chains.items()
        if record.partition_status is Status.COMPLETE
    }
    expected = {str(chain.chain): chain.can_classify for chain in read_truth_chains(world.truth_chains)}
    recorded = {key: record.can_classify for key, record in batch.manifest.chains.items()}
    return {
        "chains_expected": len(expected),
        "chains_recorded": len(recorded),
        "eligibility_right": sum(recorded.get(key) == value for key, value in expected.items()),
        **score(assigned, read_truth(world.truth), findable=True).flat(),
    }


def _print_score(score: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False, title="against the truth", title_justify="left")
    true = score["true_domains"]
    for what, value in (
        ("chains recorded", f"{score['chains_recorded']} of {score['chains_expected']}"),
        ("eligibility right", f"{score['eligibility_right']} of {score['chains_expected']}"),
        ("chains with the exact number of domains", f"{score['exact_counts']:.1%}"),
        ("domains found at IoU 0.8 or better", f"{score['iou_80']:.1%} of {true}"),
        ("mean IoU", f"{score['iou']:.3f}"),
        ("T-group right, wrong, none", f"{score['t_right']}, {score['t_wrong']}, {score['t_none']}"),
        ("chains with overlapping domains", str(score["overlaps"])),
    ):
        table.add_row(what, value)
    console().print()
    console().print(table)


def _say(text: str) -> None:
    messages().print(text, style="dim", soft_wrap=True)
