"""What searching many sequences per process and every sequence once saves, beside one blastp per chain.

    python benchmarks/search.py [--unique N] [--copies N] [--database N] [--profiles N] [--json]

Both sides search the same chains in the same databases with the same options, chunk by chunk in turn, and the hits of
every chain are compared. Ours includes parsing and storing, the other side only the programs. ``ratio`` is with
``--copies`` identical chains per sequence, ``ratio_no_redundancy`` with one, ``ratio_cached`` the first run of ours
beside the same run again. ``--profiles`` adds the profile search of so many sequences. Sequences are the real ones of
../shared/real where they are, otherwise random families; the database is filled up with mutated copies.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyecod.fasta import read_fasta, write_fasta
from pyecod.node.program import find_program
from pyecod.pdb.chain import sequence_md5
from pyecod.search import (
    EvidenceType,
    Query,
    SearchCache,
    load_evidence,
    read_blast_xml,
    search_blast,
    search_profiles,
)
from pyecod.settings import Settings, load_settings

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
LETTERS = "ACDEFGHIKLMNPQRSTVWY"
BLAST_TYPES = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST)


@dataclass(frozen=True)
class Databases:
    """What is searched; the ids need only differ from one another here."""

    domain_db: Path
    chain_db: Path
    hh_db: Path | None = None
    domain_db_id: str = "domains"
    chain_db_id: str = "chains"
    hh_db_id: str | None = "profiles"


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="pyecod-bench-") as folder:
        results = _measure(Path(folder), options)
    if options.json:
        print(json.dumps(results))
    else:
        for name, value in results.items():
            print(f"{name:22} {value:,.3g}" if isinstance(value, float) else f"{name:22} {value}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unique", type=int, default=100, help="different sequences")
    parser.add_argument("--copies", type=int, default=3, help="identical chains per sequence; a real week has 3 to 11")
    parser.add_argument("--database", type=int, default=60_000, help="sequences of the domain database")
    parser.add_argument("--profiles", type=int, default=0, help="sequences that go through the profile search as well")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, float | int | bool]:
    rng = random.Random(options.seed)
    domains, chains = _sequences(rng)
    databases = Databases(
        _make_database(folder / "domains", _filled_up(domains, options.database, rng)),
        _make_database(folder / "chains", chains),
    )
    unique = [Query(sequence_md5(sequence), sequence) for sequence in rng.sample(chains, options.unique)]
    settings = load_settings(overrides={"search": {"cache_dir": folder / "cache"}, "scratch": {"dir": folder}})
    size = settings.run.chunk_size
    each, once, copied, again = 0.0, 0.0, 0.0, 0.0
    same = True
    for number, start in enumerate(range(0, len(unique), size)):
        chunk = unique[start : start + size]
        week = chunk * options.copies
        rng.shuffle(week)
        printed, seconds = _one_process_per_chain(chunk, databases, settings, folder)
        each += seconds
        copies_cache = SearchCache(folder / f"copies{number}")
        once += _timed(lambda: search_blast(chunk, databases, SearchCache(folder / f"once{number}"), settings))  # noqa: B023
        copied += _timed(lambda: search_blast(week, databases, copies_cache, settings))  # noqa: B023
        again += _timed(lambda: search_blast(week, databases, copies_cache, settings))  # noqa: B023
        for query in week:
            evidence = load_evidence(query, databases, copies_cache, settings, with_hhsearch=False)
            same &= all(evidence[kind].hits == printed[query.md5, kind] for kind in BLAST_TYPES)
    results: dict[str, float | int | bool] = {
        "ratio": each * options.copies / copied,
        "same_hits": same,
        "ratio_no_redundancy": each / once,
        "ratio_cached": copied / again,
        "chains": len(unique) * options.copies,
        "unique": len(unique),
        "database_sequences": options.database,
        "ms_per_chain_single": 1000 * each / len(unique),
        "ms_per_chain": 1000 * copied / (len(unique) * options.copies),
        "ms_per_chain_cached": 1000 * again / (len(unique) * options.copies),
    }
    if options.profiles:
        results |= _profiles(unique[: options.profiles], databases, settings, folder)
    return results


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _one_process_per_chain(
    queries: list[Query], databases: Databases, settings: Settings, folder: Path
) -> tuple[dict[tuple[str, EvidenceType], tuple[object, ...]], float]:
    """Hits by sequence and type, and the seconds of the programs alone.

    Identical chains cost the same, so each sequence is run once and its time counts as often as it has chains.
    """
    search = settings.search
    fasta, output = folder / "query.fa", folder / "output.xml"
    hits, seconds = {}, 0.0
    for query in queries:
        write_fasta(fasta, [(query.md5, query.sequence)])
        for kind, database in zip(BLAST_TYPES, (databases.domain_db, databases.chain_db), strict=True):
            command = [
                *(find_program("blastp"), "-query", fasta, "-db", database, "-out", output, "-outfmt", "5"),
                *("-evalue", str(search.evalue), "-max_target_seqs", str(search.max_hits), "-num_threads", "1"),
            ]
            seconds += _timed(lambda: subprocess.run(command, check=True))  # noqa: B023
            (report,) = read_blast_xml(output, kind)
            hits[query.md5, kind] = report.hits
    return hits, seconds


def _profiles(queries: list[Query], databases: Databases, settings: Settings, folder: Path) -> dict[str, float]:
    """Seconds per sequence of hhblits and hhsearch, and of hhsearch alone when only the reference is new."""
    if not REAL.is_dir():
        raise SystemExit("--profiles needs the HH-suite database of ../shared/real")
    for path in (REAL / "reference" / "hh").iterdir():
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            (folder / path.name.removesuffix(".gz")).write_bytes(stream.read())
    prefix = folder / "refdb"
    settings = settings.model_copy(update={"search": settings.search.model_copy(update={"profile_db": prefix})})
    cache = SearchCache(folder / "profiles")
    old = Databases(databases.domain_db, databases.chain_db, prefix)
    new = Databases(databases.domain_db, databases.chain_db, prefix, hh_db_id="new")
    first = _timed(lambda: search_profiles(queries, old, cache, settings))
    newer = _timed(lambda: search_profiles(queries, new, cache, settings))
    again = _timed(lambda: search_profiles(queries, new, cache, settings))
    return {
        "profile_s_per_chain": first / len(queries),
        "profile_s_per_chain_new_reference": newer / len(queries),
        "profile_ratio_cached": newer / again,
        "profile_kib_per_chain": cache.usage()["profiles"].bytes / 1024 / len(queries),
    }


def _sequences(rng: random.Random) -> tuple[list[str], list[str]]:
    """Domains and chains: real ones, or random families in which each chain is made of two domains."""
    if REAL.is_dir():
        reference = REAL / "reference"
        domains = [r.sequence for name in ("ref", "ecoli") for r in read_fasta(reference / f"{name}.domains.fasta")]
        chains = [r.sequence for r in read_fasta(reference / "ecoli.chains.fasta")]
        return domains, sorted({*chains, *(r.sequence for r in read_fasta(REAL / "dev" / "dev_inferred.fasta"))})
    ancestors = ["".join(rng.choices(LETTERS, k=rng.randint(60, 300))) for _ in range(400)]
    domains = [_mutated(rng.choice(ancestors), 0.4, rng) for _ in range(4000)]
    return domains, ["".join(rng.sample(domains, 2)) for _ in range(2000)]


def _filled_up(domains: list[str], count: int, rng: random.Random) -> list[str]:
    return domains[:count] + [_mutated(rng.choice(domains), 0.7, rng) for _ in range(count - len(domains))]


def _mutated(sequence: str, share: float, rng: random.Random) -> str:
    return "".join(rng.choice(LETTERS) if rng.random() < share else letter for letter in sequence)


def _make_database(prefix: Path, sequences: list[str]) -> Path:
    fasta = prefix.with_suffix(".fa")
    write_fasta(fasta, ((f"e{number}", sequence) for number, sequence in enumerate(sequences)))
    command = [find_program("makeblastdb"), "-in", fasta, "-dbtype", "prot", "-out", prefix]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return prefix


if __name__ == "__main__":
    if shutil.which("blastp") is None:
        raise SystemExit("blastp is not installed")
    main()
