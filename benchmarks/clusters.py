"""What clusters of similar sequences save, and what they cost in accuracy, on simulated weeks with known truth.

    python benchmarks/clusters.py --json          (a year, five minutes of one core)

The weeks are processed twice by the pipeline's own steps, with every sequence searched and with representatives only
(``--method``, 70 % identity, 80 % coverage). ``searches_saved`` is the share of BLAST searches that were not needed,
``profile_searches_saved`` that of profile searches; both ways search a sequence once in all weeks, because the search
cache has it afterwards. ``chains`` over ``sequences`` is what identical sequences save already. Scores are those of
``accuracy.py`` over all findable domains; ``mapped_…`` are over the mapped members' chains only, with both ways on
the same chains.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyecod.batch import Batch
from pyecod.batch.record import Status
from pyecod.families import cluster_sequences, collect_sequences, save_clustering
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.pdb import find_releases
from pyecod.reference import build_reference
from pyecod.settings import Settings, load_settings
from pyecod.simulate import WorldOptions, read_truth, simulate_world
from pyecod.simulate.scoring import Scores, score
from pyecod.weeks.begin import begin_week
from pyecod.work.chunks import SequenceGroup, Work, choose_representatives, pending_work
from pyecod.work.entries import read_entries
from pyecod.work.partition import Provenance, partition_groups
from pyecod.work.propagate import ClusterMembers
from pyecod.work.search import blast_groups, profile_groups


def read_weeks(settings: Settings) -> list[Path]:
    """A batch per release, its entries read."""
    assert settings.status_dir is not None
    paths = []
    for release in find_releases(settings.status_dir, datetime.date.min):
        batch = begin_week(release, settings)
        with batch.lock():
            outcomes = read_entries(list(batch.manifest.entries), batch.path, settings, batch.header.release_date)
            chains = [chain for outcome in outcomes for chain in outcome.chains]
            batch.mark(entries=[outcome.entry for outcome in outcomes], chains=chains)
            batch.mark(choose_representatives(batch.manifest.chains.values()))
        paths.append(batch.path)
    return paths


def process(path: Path, settings: Settings) -> tuple[set[str], set[str]]:
    """Search and partition a batch; the sequences that were searched with BLAST and with profiles, by MD5."""
    batch = Batch.open(path)
    provenance = Provenance(batch.name)
    members = ClusterMembers(path, settings, provenance)
    searched: set[str] = set()
    with batch.lock():
        work, deferred = members.defer(pending_work(batch.manifest, settings.run))
        searched |= _search(batch, work, settings, provenance)
        outcomes = list(members.propagate(deferred))
        batch.mark(update for outcome in outcomes for update in outcome.updates)
        queued = tuple(outcome.group for outcome in outcomes if outcome.state == "queued")
        searched |= _search(batch, Work(blast=queued), settings, provenance)
    profiles = {r.sequence_md5 for r in batch.manifest.chains.values() if r.hhsearch_status is Status.COMPLETE}
    return searched, profiles


def _search(batch: Batch, work: Work, settings: Settings, provenance: Provenance) -> set[str]:
    """BLAST, profiles where needed, partitions; the sequences."""
    ready: list[SequenceGroup] = [*work.partition, *work.records]
    if work.blast:
        blast = blast_groups(work.blast, batch.path, settings)
        batch.mark(blast.updates)
        ready += blast.ready
        if blast.remote:
            profiles = profile_groups(blast.remote, batch.path, settings)
            batch.mark(profiles.updates)
            ready += profiles.ready
    if ready:
        batch.mark(partition_groups(ready, batch.path, settings, provenance).updates)
    return {group.md5 for group in work.blast}


def count(searches: Iterable[tuple[set[str], set[str]]]) -> tuple[int, int]:
    """Sequences searched with BLAST and with profiles in some batches."""
    blast, profiles = zip(*searches, strict=True)
    return len(set().union(*blast)), len(set().union(*profiles))


def results(paths: Iterable[Path]) -> tuple[dict[ChainKey, Any], set[ChainKey], int]:
    """The domains of every chain, the chains that were mapped, and how many chains there are."""
    assigned, mapped, chains = {}, set(), 0
    for path in paths:
        batch = Batch.open(path)
        for record in batch.manifest.chains.values():
            chains += record.can_classify
            if record.partition_status is Status.COMPLETE:
                assigned[record.key] = read_partition(path / record.files["partition"]).partition.domains
                if "mapped_from" in record.files:
                    mapped.add(record.key)
    return assigned, mapped, chains


def measures(prefix: str, scores: Scores) -> dict[str, float]:
    """The scores under names of their own."""
    return {
        f"{prefix}exact_counts": round(scores.exact_counts, 4),
        f"{prefix}iou": round(scores.iou, 4),
        f"{prefix}t_right": scores.t_right,
        f"{prefix}t_wrong": scores.t_wrong,
        f"{prefix}overlaps": scores.overlaps,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--entries", type=int, default=8, help="entries per week")
    parser.add_argument("--families", type=int, default=30)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--method", choices=["mmseqs2", "cd-hit"], default="mmseqs2")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyecod-clusters-") as name:
        print_result(run(Path(name), arguments), as_json=arguments.json)


def run(folder: Path, arguments: argparse.Namespace) -> dict[str, float | int | str]:
    """Both ways, and what they give."""
    options = WorldOptions(
        seed=arguments.seed, families=arguments.families, entries=arguments.entries, weeks=arguments.weeks
    )
    world = simulate_world(folder / "world", options)
    sources = {"domains": [world.domain_list], "domain_fasta": [world.domain_fasta], "chain_fasta": [world.chain_fasta]}
    build_reference(folder / "reference", "simulated", **sources, hh_db=world.hh_db)

    def settings(base: str, **more: Any) -> Settings:
        paths = {"status_dir": world.status_dir, "mirror": world.mirror, "reference": folder / "reference"}
        cache = {"search": {"cache_dir": folder / "cache"}}
        return load_settings(overrides={"base_path": folder / base, **paths, **cache, **more}).absolute()

    plain = settings("all")
    paths = read_weeks(plain)
    print(f"{len(paths)} weeks read", file=sys.stderr)
    searched = count(process(path, plain) for path in paths)
    print(f"every sequence searched: {searched[0]} BLAST, {searched[1]} profile searches", file=sys.stderr)
    read_weeks(settings("clustered"))
    started = time.monotonic()
    batches = sorted((folder / "clustered").glob("ecod_weekly_*"))
    clustering = cluster_sequences(collect_sequences(batches), "benchmark", method=arguments.method)
    seconds = time.monotonic() - started
    save_clustering(folder / "clusters.json", clustering)
    clustered = settings("clustered", clusters={"file": folder / "clusters.json"})
    # twice, for members that had to wait for a later week
    fewer = count(process(path, clustered) for _ in range(2) for path in batches)
    everything, _, chains = results(paths)
    with_clusters, mapped, _ = results(batches)
    truth = read_truth(world.truth)

    def scored(assigned: dict[ChainKey, Any], only: set[ChainKey] | None = None) -> Scores:
        keys = assigned.keys() if only is None else only
        known = [domain for domain in truth if domain.chain in keys]
        return score({key: assigned[key] for key in keys if key in assigned}, known, findable=True)

    return {
        "weeks": arguments.weeks,
        "method": f"{clustering.method} {clustering.method_version}",
        "chains": chains,
        "sequences": clustering.saving.sequences,
        "clusters": clustering.saving.clusters,
        "cluster_seconds": round(seconds, 2),
        "mapped_chains": len(mapped),
        "searches_all": searched[0],
        "searches_clustered": fewer[0],
        "searches_saved": round(1 - fewer[0] / searched[0], 4),
        "profile_searches_all": searched[1],
        "profile_searches_clustered": fewer[1],
        "profile_searches_saved": round(1 - fewer[1] / searched[1], 4) if searched[1] else 0.0,
        **measures("all_", scored(everything)),
        **measures("clustered_", scored(with_clusters)),
        **measures("mapped_searched_", scored(everything, mapped)),
        **measures("mapped_", scored(with_clusters, mapped)),
    }


def print_result(result: dict[str, float | int | str], *, as_json: bool) -> None:
    """One flat JSON object, or a line for each number."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>28}  {value}")


if __name__ == "__main__":
    main()
