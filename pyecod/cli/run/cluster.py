"""``pyecod cluster``: search only representatives of similar sequences."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.batch.names import BatchType
from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json, settings_from
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.families import Clustering

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Cluster similar sequences, so that only representatives are searched.",
)

ClusterFile = Annotated[Path, typer.Argument(help="clustering made by `pyecod cluster build`", metavar="FILE")]


@app.command()
def build(
    output: Annotated[Path, typer.Argument(help="file to write; name it in the settings as clusters.file")],
    pattern: Annotated[
        str, typer.Option(help="shell pattern of the batches whose chains are clustered")
    ] = BatchType.WEEKLY.pattern,
    method: Annotated[str, typer.Option(help="mmseqs2, cd-hit, or identical")] = "mmseqs2",
    from_file: Annotated[
        Path | None, typer.Option(help="a .clstr file, or two columns (representative, member), instead")
    ] = None,
    identity: Annotated[float, typer.Option(min=0, max=1, help="smallest identity within a cluster")] = 0.7,
    coverage: Annotated[float, typer.Option(min=0, max=1, help="smallest coverage of both sequences")] = 0.8,
    name: Annotated[str | None, typer.Option(help="default: the file's name", show_default=False)] = None,
    base_path: BasePath = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Cluster the chains of many weeks whose entries have been read, and show how many searches it saves."""
    from pyecod.batch import find_batches
    from pyecod.families import cluster_sequences, collect_sequences, read_clusters, save_clustering

    settings = settings_from(settings_file, profile, base_path=base_path)
    sequences = collect_sequences(find_batches(settings.base_path, pattern))
    if not sequences.residues:
        raise UsageError("there are no sequences to cluster", where=settings.base_path, hint="read the entries first")
    label = name or output.stem
    if from_file is not None:
        clustering = read_clusters(from_file, sequences, label)
    else:
        clustering = cluster_sequences(
            sequences,
            label,
            method=method,
            min_identity=identity,
            min_coverage=coverage,
            cores=settings.program_cores,
            scratch=settings.scratch,
        )
    save_clustering(output, clustering)
    if as_json:
        print_json({"file": output, **asdict(clustering.saving)})
    else:
        console().print(f"{output}: {clustering.saving}", soft_wrap=True)


@app.command()
def show(
    file: ClusterFile,
    base_path: BasePath = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Show what a clustering saves and what became of its members."""
    from pyecod.families import load_clustering
    from pyecod.families.states import member_states

    settings = settings_from(settings_file, profile, base_path=base_path)
    clustering = load_clustering(file)
    counts: dict[str, int] = {}
    for *_, state in member_states(clustering, settings.base_path):
        counts[state] = counts.get(state, 0) + 1
    _report(clustering, counts, as_json)


@app.command()
def record(
    file: ClusterFile,
    base_path: BasePath = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Write a clustering and the state of its members into the database; again at any time."""
    from pyecod.families import load_clustering
    from pyecod.store import open_store
    from pyecod.store.families import record_clustering

    settings = settings_from(settings_file, profile, base_path=base_path)
    clustering = load_clustering(file)
    with open_store(settings.database) as store:
        counts = record_clustering(store, clustering, settings.base_path)
    _report(clustering, counts, as_json)


def _report(clustering: Clustering, counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        saving = asdict(clustering.saving)
        print_json({"name": clustering.name, "method": clustering.method, **saving, "states": counts})
        return
    version = f" {clustering.method_version}" if clustering.method_version else ""
    console().print(f"{clustering.name} ({clustering.method}{version}): {clustering.saving}", soft_wrap=True)
    console().print(", ".join(f"{count:,} {state}" for state, count in counts.items()))
