"""What everything but the search programs costs: N chains through the real flow, with all searches in the cache.

    python benchmarks/orchestration.py --chains 40000 [--copies 1] [--depth 2] [--workers 2] [--json]

FASTA in; the real ``classify`` flow, tasks, local Dask workers, a real Prefect server, manifest, journal, partitions,
report, and an embedded PostgreSQL of its own. Every sequence has its results in the search cache (hits over its whole
length, ``--depth`` of each type at every place, HHsearch hits for 45 %), so that no search program starts: the code is
that of any second run. All sequences are different unless ``--copies`` says how many chains share one.
``ms_per_chain`` is wall time from the
flow's first line to its last over the chains; ``flow_rss_mb`` is the peak of the flow's process;
``cpu_ms_per_chain`` is processor time of flow, workers and Prefect server, start and end included: it tells more than
wall time where the machine has other work (``load_before``). What happens before (sequences, reference, cache, servers)
is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyecod.fasta import read_fasta
from pyecod.node.program import program_version
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference, build_reference
from pyecod.search import SearchCache
from pyecod.search.databases import key_maker
from pyecod.search.hit import EvidenceType, Hit, Hsp, Query, SearchResult, Segment
from pyecod.settings import Settings, load_settings
from pyecod.simulate import WorldOptions, simulate_world

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
REMOTE = 0.45  # share of representatives with too little BLAST coverage
STAGES = {
    "begin": ("flows.classify", "begin_fasta"),
    "search_and_partition": ("flows.batch.process", "search_and_partition"),
    "conservation": ("flows.batch.process", "lost_evidence"),
    "database_and_report": ("flows.batch.process", "load_and_write_page"),
    "prefect_summary": ("flows.batch.process", "publish_summary"),
}


def prepare(folder: Path, chains: int, copies: int, depth: int = 2, seed: int = 1) -> dict[str, Any]:
    """A reference, a FASTA file, and a search cache that has every result; the settings to run with."""
    world = simulate_world(folder / "world", WorldOptions(seed=seed, families=12, entries=2, weeks=1))
    build_reference(
        folder / "reference", "small", domains=[world.domain_list], domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta], hh_db=world.hh_db,
    )  # fmt: skip
    overrides = {
        "base_path": str(folder / "batches"),
        "reference": str(folder / "reference"),
        "search": {"cache_dir": str(folder / "cache")},
        "database": {"mode": "embedded", "data_dir": str(folder / "postgres")},
        "workers": {"kind": "dask", "count": 2},
    }
    settings = load_settings(overrides=overrides).absolute()
    reference = Reference.open(folder / "reference")
    domains = {reference.id_at(row): int(length) for row, length in enumerate(reference.length)}
    targets = {
        EvidenceType.DOMAIN_BLAST: domains,
        EvidenceType.CHAIN_BLAST: {record.id: len(record.sequence) for record in read_fasta(world.chain_fasta)},
        EvidenceType.HHSEARCH: domains,
    }
    rng = random.Random(seed)
    fill = CacheFiller(reference, settings, targets, depth, rng)
    with (folder / "chains.fasta").open("w") as fasta:
        for number in range(0, chains, copies):
            sequence = "".join(rng.choices(LETTERS, k=min(1500, max(40, int(rng.lognormvariate(5.5, 0.6))))))
            fill(Query(sequence_md5(sequence), sequence))
            for copy in range(number, min(chains, number + copies)):
                fasta.write(f">q{copy:06d}\n{sequence}\n")
    (folder / "hits").write_text(str(fill.hits * copies))
    return overrides


class CacheFiller:
    """Puts results with plausible hits into the search cache, as the searches would have."""

    def __init__(
        self,
        reference: Reference,
        settings: Settings,
        targets: dict[EvidenceType, dict[str, int]],
        depth: int,
        rng: random.Random,
    ) -> None:
        self.cache, self.rng, self.depth, self.hits = SearchCache(settings.cache_dir), rng, depth, 0
        self.targets = {kind: sorted(lengths.items()) for kind, lengths in targets.items()}
        self.keys = {kind: key_maker(kind, reference, settings) for kind in EvidenceType}
        self.versions = {kind: program_version(program_of(kind)) for kind in EvidenceType}

    def __call__(self, query: Query) -> None:
        remote = self.rng.random() < REMOTE
        for kind in EvidenceType:
            if kind is EvidenceType.HHSEARCH:
                if remote:
                    self._put(kind, query, query.length)
            else:
                self._put(kind, query, query.length // 2 if remote else query.length)

    def _put(self, kind: EvidenceType, query: Query, end: int) -> None:
        """Hits side by side from the first residue to ``end``, each as long as its target, ``depth`` at each place."""
        hits: list[Hit] = []
        start = 1
        while start <= end:
            some = self.rng.sample(self.targets[kind], min(self.depth, len(self.targets[kind])))
            size = min(end - start + 1, *(length for _, length in some))
            hits += [Hit(kind, name, length, (hsp_of(kind, start, size),)) for name, length in some]
            start += size
        self.hits += len(hits)
        result = SearchResult(
            type=kind, query=query, hits=tuple(hits), found=len(hits), program=program_of(kind),
            program_version=self.versions[kind], database_id="benchmark",
        )  # fmt: skip
        self.cache.put(self.keys[kind](query), result)


def program_of(kind: EvidenceType) -> str:
    """The program that gives this evidence."""
    return "hhsearch" if kind is EvidenceType.HHSEARCH else "blastp"


def hsp_of(kind: EvidenceType, start: int, size: int) -> Hsp:
    """An alignment of ``size`` residues from ``start`` with the beginning of the target."""
    segments = (Segment(start, start + size - 1, 1, size),)
    if kind is EvidenceType.HHSEARCH:
        return Hsp(segments, evalue=1e-9, probability=98.0, score=120.0, identity=0.3)
    return Hsp(segments, evalue=1e-30, bitscore=200.0, identity=0.5)


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """A Prefect server with a database of its own; the URL of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("prefect"), "server", "start", "--port", str(port), "--no-ui"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 120
        while not answers(f"{url}/health"):
            if time.monotonic() > deadline or server.poll() is not None:
                raise SystemExit(f"the Prefect server did not start: {folder / 'server.log'}")
            time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def answers(url: str) -> bool:
    """Somebody answers there."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
            return True
    except OSError:
        return False


def run_flow(folder: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """In this process, which does nothing else: the flow, its seconds per stage and its peak memory."""
    import importlib

    seconds: dict[str, float] = defaultdict(float)
    for stage, (module, name) in STAGES.items():
        loaded = importlib.import_module(module)
        setattr(loaded, name, timed(getattr(loaded, name), stage, seconds))
    from flows.classify import classify

    started = time.monotonic()
    result = classify(folder / "chains.fasta", overrides=overrides)
    total = time.monotonic() - started
    assert result.counters is not None
    assert result.counters.done == result.counters.classifiable, result.counters.failures
    assert "loaded" in result.database, result.database
    return {
        "seconds": total,
        **{f"{stage}_seconds": seconds[stage] for stage in STAGES},
        "other_seconds": total - sum(seconds.values()),
        "flow_cpu_seconds": time.process_time(),
        "flow_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def timed(function: Callable[..., Any], stage: str, seconds: dict[str, float]) -> Callable[..., Any]:
    """The function, its time added to the stage's."""

    def call(*arguments: Any, **options: Any) -> Any:
        started = time.monotonic()
        try:
            return function(*arguments, **options)
        finally:
            seconds[stage] += time.monotonic() - started

    return call


def measure(chains: int, copies: int, depth: int, workers: int, work: Path | None) -> dict[str, Any]:
    """Prepare, run in a process of its own, and clean up."""
    folder = Path(tempfile.mkdtemp(prefix="orchestration-", dir=work))
    try:
        overrides = prepare(folder, chains, copies, depth)
        hits = int((folder / "hits").read_text())
        overrides["workers"]["count"] = workers
        (folder / "prefect").mkdir()
        os.sync()  # the disk shall be done with what was prepared
        load, before = os.getloadavg()[0], resource.getrusage(resource.RUSAGE_CHILDREN)
        with prefect_server(folder / "prefect") as url:
            environment = {**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "prefect"),
                           "PREFECT_LOGGING_LEVEL": "WARNING"}  # fmt: skip
            command = [sys.executable, __file__, "--flow", str(folder), json.dumps(overrides)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        measured = json.loads(done.stdout.splitlines()[-1])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        subprocess.run(
            [sys.executable, "-m", "pyecod", "db", "stop"], check=False, capture_output=True,
            env={**os.environ, "PYECOD_DATABASE__DATA_DIR": str(folder / "postgres")},
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "chains": chains,
        "copies": copies,
        "hits_per_chain": hits / chains,
        "workers": workers,
        "ms_per_chain": 1000 * measured["seconds"] / chains,
        "cpu_ms_per_chain": 1000 * cpu / chains,
        **measured,
        "load_before": load,
    }


def main() -> None:
    """Print a table, or with ``--json`` one flat object per line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chains", type=int, default=4000)
    parser.add_argument("--copies", type=int, default=1, help="chains with the same sequence")
    parser.add_argument("--depth", type=int, default=2, help="hits of each type at every place of a sequence")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, help="where temporary files go")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--flow", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.flow:
        print(json.dumps(run_flow(Path(given.flow[0]), json.loads(given.flow[1]))))
        return
    found = {
        key: round(value, 3)
        for key, value in measure(given.chains, given.copies, given.depth, given.workers, given.work).items()
    }
    if not given.json:
        for key, value in found.items():
            print(f"{key:<32} {value:>12}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
