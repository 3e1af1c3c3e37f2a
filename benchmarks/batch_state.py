"""What the batch's records cost: mark, snapshot, load, count, plan and keep a run, µs per chain, and memory.

    python benchmarks/batch_state.py [--chains 4000,40000] [--json]

Each size runs in a process of its own, with eleven chains in four sequences and chunks as the settings have them.
``…_us`` is processor time, ``…_wall_us`` includes the waits for the disk. What a chain costs must not grow with the
batch.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate, DataType, RunHistory, Status
from pyecod.ids import ChainKey
from pyecod.settings import Settings
from pyecod.work.chunks import choose_representatives, pending_work, plan_chunks

COPIES = 11 / 4
RESULT = {
    "domains": [
        {"range": "1-90,150-200", "pdb_range": "A:1-90,A:150-200", "t_group": "2003.1.1", "ecod_domain": "e1suaA1"},
        {"range": "91-149", "pdb_range": "A:91-149", "t_group": "11.1.1", "ecod_domain": "e2suaB2"},
    ],
    "coverage": 0.95,
}


def make_chains(count: int) -> list[ChainRecord]:
    """Records as they come from mmCIF: six chains per entry."""
    return [
        ChainRecord(ChainKey(f"pdb_1{i // 6:07d}", "ABCDEF"[i % 6]), 100 + i % 700, f"{int(i / COPIES):032x}")
        for i in range(count)
    ]


def done(key: ChainKey, batch: Batch) -> ChainUpdate:
    """What a chunk says of a chain that went through all steps."""
    counts = {"found": 812, "kept": 177, "considered": 170, "accepted": 9}
    return ChainUpdate(
        key,
        {
            "blast_status": Status.COMPLETE,
            "blast_coverage": 0.9234567,
            "needs_hhsearch": False,
            "hhsearch_status": Status.NOT_NEEDED,
            "partition_status": Status.COMPLETE,
            "partition_coverage": 0.951234,
            "partition_outcome": "assigned",
            "partition_quality": "good",
            "domain_count": 2,
            "reference_version": "develop291",
            "algorithm_version": "1.0",
            "seconds": 1.234,
            "evidence": {"chain_blast": counts, "domain_blast": counts},
            "files": {
                "summary": batch.paths.relative(batch.paths.summary_path(key)),
                "partition": batch.paths.relative(batch.paths.partition_path(key)),
            },
        },
    )


def measure(count: int, folder: str) -> dict[str, float]:
    """All figures for one size."""
    figures: dict[str, float] = {}

    def timed(name: str, act: Callable[[], object]) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        result = act()
        figures[f"{name}_us"] = (time.process_time() - cpu) / count * 1e6
        figures[f"{name}_wall_us"] = (time.perf_counter() - wall) / count * 1e6
        return result

    settings = Settings()
    batch = Batch.create(Path(folder), BatchHeader.new(f"ecod_weekly_{count}", "weekly", settings))
    chains = make_chains(count)
    with batch.lock():

        def record_all() -> None:
            for start in range(0, count, 300):
                batch.mark(chains=chains[start : start + 300])

        timed("record", record_all)
        batch.mark(choose_representatives(batch.manifest.chains.values()))
        work = timed("pending_work", lambda: pending_work(batch.manifest, settings.run))
        chunks = timed("plan_chunks", lambda: plan_chunks(work.blast, settings.run))

        def mark_all() -> None:
            for chunk in chunks:
                batch.mark([done(key, batch) for group in chunk.queries for key in group.members])

        timed("mark", mark_all)
        figures["marks"] = len(chunks)
        figures["ms_per_mark"] = figures["mark_wall_us"] * count / len(chunks) / 1000
        before = Path(folder, "before the snapshot")
        before.mkdir()
        for file in (batch.paths.manifest, batch.paths.journal):
            shutil.copy(file, before)
        timed("snapshot", batch.snapshot)
        counters = timed("counters", batch.counters)
        assert counters.done == count
    figures["manifest_bytes"] = batch.paths.manifest.stat().st_size / count
    figures["flow_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert timed("load", lambda: Batch.open(batch.path).manifest) == batch.manifest
    assert timed("load_journal", lambda: Batch.open(before).manifest) == batch.manifest
    history, begin = RunHistory(batch.path), datetime.now(UTC)

    def keep_runs() -> None:
        for chain in chains:
            history.save(DataType.PARTITION, chain.key, RESULT, started=begin, inputs={"reference": "develop291"})

    timed("run", keep_runs)
    return figures


def main() -> None:
    """Measure every size in a process of its own and print a table, or one flat JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", default="4000,40000", help="sizes, comma-separated")
    parser.add_argument("--folder", default=None, help="where the batches are made (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="end with one flat JSON object")
    options = parser.parse_args()
    sizes = [int(size) for size in options.chains.split(",")]
    context = multiprocessing.get_context("spawn")
    results: dict[int, dict[str, float]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder, context.Pool(1) as pool:
            results[size] = pool.apply(measure, (size, folder))
    names = list(results[sizes[0]])
    print(f"{'':22}" + "".join(f"{size:>12,}" for size in sizes))
    for name in names:
        print(f"{name:22}" + "".join(f"{results[size][name]:12,.1f}" for size in sizes))
    growth = results[sizes[-1]]["mark_us"] / results[sizes[0]]["mark_us"]
    print(f"{'mark growth':22}{growth:12.2f}")
    if options.json:
        flat = {f"{name}_{size}": round(results[size][name], 3) for size in sizes for name in names}
        print(json.dumps({**flat, "mark_growth": round(growth, 3)}))


if __name__ == "__main__":
    main()
