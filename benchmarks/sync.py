"""How fast a batch is loaded into PostgreSQL: a batch folder of N chains, loaded, and loaded again unchanged.

    python benchmarks/sync.py --chains 100000 --json

The batch is a real one on disk (manifest and one partition file per chain, 11 copies per sequence on average, 1.7
domains, three evidence types); the server is an embedded PostgreSQL of its own, started for this and removed. Times
include opening the batch. ``resync_ratio`` is the first load's time over that of the second, which knows the folder by
its file times; ``resync_opened_seconds`` is one that has to open the batch to see that nothing changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pyecod.batch import Batch, BatchHeader, ChainRecord, Status
from pyecod.evidence.summary import EvidenceCount
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Flag, Outcome, Partition, Quality, Unassigned, UnassignedReason
from pyecod.partition.xml import write_partition
from pyecod.pdb.chain import Chain, Numbering, NumberingRun, sequence_md5
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.store import EmbeddedPostgres, JobLog, Store, migrate, sync_folder, track_job

COPIES = 11  # chains per sequence on average
LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def make_batch(folder: Path, chains: int, seed: int) -> Path:
    """A finished weekly batch of ``chains`` chains, of which every 20th is a peptide."""
    rng = random.Random(seed)
    header = BatchHeader("ecod_weekly_20250905", "weekly", "2025-09-05T08:00:00+00:00", release_date="2025-09-05")
    paths = folder / header.batch_name / "partitions"
    paths.mkdir(parents=True)
    records: list[ChainRecord] = []
    for group in _groups(chains, rng):
        sequence = "".join(rng.choices(LETTERS, k=rng.randint(60, 700)))
        partition = make_partition(len(sequence), rng)
        for key in group:
            records.append(make_record(key, group[0], sequence, partition))
            numbering = Numbering((NumberingRun(1, rng.randint(-5, 400), len(sequence)),))
            write_partition(
                paths / f"{key.file_stem}.partition.xml",
                partition,
                Chain(key, sequence, numbering=numbering),
                batch_id=header.batch_name,
                timestamp="2025-09-05T12:00:00+00:00",
                tool_versions={"blastp": "2.12.0", "hhsearch": "3.3.0"},
                summary_sha256="0" * 64,
            )
    return Batch.create(folder, header, chains=records).path


def _groups(chains: int, rng: random.Random) -> Iterator[list[ChainKey]]:
    made = 0
    while made < chains:
        size = min(chains - made, 1 + int(rng.expovariate(1 / (COPIES - 1))))
        keys = []
        for number in range(made, made + size):
            entry, chain = divmod(number, 6)
            keys.append(ChainKey(f"pdb_{10_000_000 + entry}", "ABCDEF"[chain]))
        made += size
        yield keys


def make_partition(length: int, rng: random.Random) -> Partition:
    """1 to 3 domains, 1.7 on average, some discontinuous."""
    count = min(rng.choices((1, 2, 3), weights=(50, 30, 20))[0], length // 60) or 1
    width = length // count
    domains = []
    for number in range(1, count + 1):
        start, end = (number - 1) * width + 3, number * width - 2
        middle = (start + end) // 2
        whole = ResidueRange(((start, end),))
        residues = ResidueRange(((start, middle - 5), (middle + 5, end))) if rng.random() < 0.1 else whole
        group = f"{rng.randint(1, 4000)}.{rng.randint(1, 3)}.{rng.randint(1, 3)}"
        domains.append(
            Domain(
                number=number,
                range=residues,
                ecod_domain=f"e{rng.randint(1000, 9999)}A{number}",
                t_group=group,
                h_group=group.rpartition(".")[0],
                x_group=group.partition(".")[0],
                f_group=f"{group}.{rng.randint(1, 30)}",
                source=rng.choice(list(EvidenceType)),
                evalue=10.0 ** -rng.randint(3, 120),
                reference_coverage=round(rng.uniform(0.5, 1), 3),
                support=rng.randint(1, 200),
                flags=(Flag.DISCONTINUOUS,) if residues.is_discontinuous else (),
            )
        )
    return Partition(
        length=length,
        outcome=Outcome.ASSIGNED,
        quality=Quality.GOOD,
        domains=tuple(domains),
        unassigned=(Unassigned(ResidueRange(((1, 2),)), UnassignedReason.TOO_SHORT),),
        counts={kind: EvidenceCount(200, 180, 175, 150, {"weaker": 20, "overlap": 5}) for kind in EvidenceType},
        reference_version="develop291",
        algorithm="consensus-layout",
        algorithm_version="1.0",
        parameters={"min_domain_length": 25, "min_reference_coverage": 0.5, "consensus": 0.7},
    )


def make_record(key: ChainKey, representative: ChainKey, sequence: str, partition: Partition) -> ChainRecord:
    """Record of a finished chain."""
    return ChainRecord(
        key=key,
        sequence_length=len(sequence),
        sequence_md5=sequence_md5(sequence),
        entity_id="1",
        representative=str(representative),
        blast_status=Status.COMPLETE,
        blast_coverage=0.95,
        needs_hhsearch=False,
        hhsearch_status=Status.NOT_NEEDED,
        partition_status=Status.COMPLETE,
        partition_coverage=partition.coverage,
        partition_outcome=str(partition.outcome),
        partition_quality=str(partition.quality),
        evidence={
            str(kind): {"found": c.found, "kept": c.kept, "considered": c.considered, "accepted": c.accepted}
            for kind, c in partition.counts.items()
        },
        domain_count=len(partition.domains),
        attempts=1,
        reference_version="develop291",
        algorithm_version="1.0",
        files={"partition": f"partitions/{key.file_stem}.partition.xml"},
        updated_at="2025-09-05T12:00:00+00:00",
    )


def main() -> None:
    """Make the batch, load it twice, print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chains", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyecod-sync-", dir=options.folder) as name:
        numbers = measure(Path(name), options.chains, options.seed)
    if options.json:
        print(json.dumps(numbers))
    else:
        for key, value in numbers.items():
            print(f"{key:24} {value}")


def measure(folder: Path, chains: int, seed: int) -> dict[str, float]:
    """Times in seconds and what was loaded."""
    start = time.perf_counter()
    path = make_batch(folder, chains, seed)
    print(f"batch of {chains:,} chains made in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    server = EmbeddedPostgres(folder / "postgres")
    start = time.perf_counter()
    server.start()
    started = time.perf_counter() - start
    try:
        store = Store(server.url)
        start = time.perf_counter()
        migrate(store)
        migrated = time.perf_counter() - start
        time.sleep(4)  # a batch that changed a moment ago is never skipped by its file times
        times, rows = [], []
        for _ in range(2):
            start = time.perf_counter()
            report = sync_folder(store, path)
            times.append(time.perf_counter() - start)
            rows.append(report.rows)
        os.utime(path / "partitions")  # as after a copy: the batch is opened, and found to be the same
        start = time.perf_counter()
        sync_folder(store, path)
        opened = time.perf_counter() - start
        start = time.perf_counter()
        sync_folder(store, path, overwrite=True)
        full = time.perf_counter() - start
        job = job_microseconds(store)
    finally:
        server.stop()
    return {
        "chains": chains,
        "rows": rows[0],
        "rows_per_s": round(rows[0] / times[0]),
        "seconds": round(times[0], 2),
        "resync_seconds": round(times[1], 4),
        "resync_opened_seconds": round(opened, 2),
        "resync_ratio": round(times[0] / times[1], 1),
        "overwrite_seconds": round(full, 2),
        "migrate_seconds": round(migrated, 3),
        "start_seconds": round(started, 2),
        "job_us_per_chunk": round(job, 1),
    }


def job_microseconds(store: Store, chunks: int = 2000) -> float:
    """What recording a chunk (its state, three files, five numbers) costs the caller."""
    with JobLog(store) as log, track_job(log, "benchmark") as run:
        start = time.perf_counter()
        for number in range(chunks):
            with track_job(log, "chunk", parent=run) as job:
                for name in ("fasta", "hits", "partitions"):
                    job.add_file(Path(f"/nowhere/{number}.{name}"), "OUT")
                job.kpi(chains=50, hits=24_500, coverage=0.91, peak_mb=212.5, program="blastp 2.12.0+")
        return (time.perf_counter() - start) / chunks * 1e6


if __name__ == "__main__":
    main()
