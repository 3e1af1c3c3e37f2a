"""``pyecod simulate``: worlds to try an installation on, and evidence to score the partitioner with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pyecod.cli.output import AsJson, console, print_json

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

Folder = Annotated[Path, typer.Argument(help="folder to make; empty or not there yet", show_default=False)]
Seed = Annotated[int, typer.Option(help="start of the randomness: another seed, another world", min=0)]


@app.command()
def world(
    folder: Folder,
    seed: Seed = 1,
    families: Annotated[int, typer.Option(help="families (F-groups) of the reference")] = 80,
    entries: Annotated[int, typer.Option(help="entries per release; about three protein chains each")] = 40,
    weeks: Annotated[int, typer.Option(help="releases; an existing world is brought forward to so many")] = 1,
    start_date: Annotated[str, typer.Option(help="day of the first release")] = "2025-09-05",
    divergence: Annotated[float, typer.Option(help="largest distance of close homologs, substitutions per site")] = 0.8,
    copies: Annotated[float, typer.Option(help="factor on the chains per entity")] = 1.0,
    layout: Annotated[str, typer.Option(help="of the domain list: 1.6 or develop294")] = "1.6",
    profiles: Annotated[bool, typer.Option(help="make the HH-suite database")] = True,
    as_json: AsJson = False,
) -> None:
    """Make a reference, weekly PDB releases with an mmCIF mirror, and the truth about every chain."""
    from pyecod.pdb import parse_date
    from pyecod.simulate import WorldOptions, simulate_world

    started = time.monotonic()
    options = WorldOptions(
        seed=seed,
        families=families,
        entries=entries,
        weeks=weeks,
        start_date=parse_date(start_date),
        divergence=divergence,
        copies=copies,
        layout=layout,  # type: ignore[arg-type]  # WorldOptions says which there are
        profiles=profiles,
    )
    made = simulate_world(folder, options)
    paths = {
        "domain list": made.domain_list,
        "domain sequences": made.domain_fasta,
        "chain sequences": made.chain_fasta,
        "HH-suite database": made.hh_db,
        "releases": made.status_dir,
        "mmCIF mirror": made.mirror,
        "all proteins": made.fasta,
        "true domains": made.truth,
        "true chains": made.truth_chains,
    }
    if as_json:
        counts = {"chains": made.chains, "proteins": made.proteins, "reference_domains": made.reference_domains}
        named = {name.replace(" ", "_").replace("-", "_").lower(): path for name, path in paths.items()}
        print_json({**counts, "releases": made.dates, "paths": named, "seconds": time.monotonic() - started})
        return
    out = console()
    out.print(
        f"{len(made.dates)} release{'s' * (len(made.dates) > 1)}, {made.chains} chains ({made.proteins} proteins to "
        f"classify), {made.reference_domains} reference domains in {time.monotonic() - started:.1f} s"
    )
    for name, path in paths.items():
        if path is not None:
            out.print(f"{name:18} {path}", soft_wrap=True)


@app.command()
def evidence(
    folder: Folder,
    seed: Seed = 1,
    chains: Annotated[int, typer.Option(help="chains")] = 1000,
    noise: Annotated[str, typer.Option(help="clean, typical or harsh")] = "typical",
    reference_domains: Annotated[int, typer.Option(help="domains of the reference")] = 20_000,
    hit_scale: Annotated[float, typer.Option(help="factor on the number of hits; 1 is as in real searches")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Make domain summaries with known truth without running a search, and the reference their hits are to."""
    from pyecod.simulate import EvidenceOptions, simulate_evidence

    started = time.monotonic()
    options = EvidenceOptions(
        seed=seed,
        chains=chains,
        noise=noise,  # type: ignore[arg-type]  # EvidenceOptions says which there are
        reference_domains=reference_domains,
        hit_scale=hit_scale,
    )
    simulate_evidence(options).write(folder)
    seconds = time.monotonic() - started
    if as_json:
        print_json({"folder": folder.absolute(), "chains": chains, "seconds": seconds})
        return
    console().print(f"{chains} domain summaries in {folder} in {seconds:.1f} s", soft_wrap=True)
