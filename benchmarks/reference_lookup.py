"""How fast a reference opens and answers, and how much memory it takes, at two sizes.

    python benchmarks/reference_lookup.py [--sizes 20000 1080000] [--ids 500] [--folder DIR] [--json]

Makes references of synthetic lists and sequences (about two domains a chain, a tenth of them discontinuous) the way
`pyecod reference build` does; with --folder they are kept and used again. Each size is measured in a process of its
own, in CPU time. The last line of --json is one flat object; names end in the number of domains.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_LETTERS = "ACDEFGHIKLMNPQRSTVWY"
_HEADER = (
    "#uid\tecod_domain_id\tmanual_rep\tf_id\tpdb\tchain\tpdb_range\tseqid_range\tunp_acc\t"
    "arch_name\tx_name\th_name\tt_name\tf_name\tasm_status\tligand\n"
)
_REPEATS = 200


def write_sources(folder: Path, domains: int, seed: int = 1) -> tuple[Path, Path, Path]:
    """Write a domain list in format 1.6, the domains' FASTA and the chains' FASTA."""
    paths = folder / "domains.txt", folder / "domains.fasta", folder / "chains.fasta"
    with paths[0].open("w") as lines, paths[1].open("w") as domain_fasta, paths[2].open("w") as chain_fasta:
        lines.write(_HEADER)
        for pdb, chain, sequence, parts in _chains(domains, random.Random(seed)):
            chain_fasta.write(f">{pdb}_{chain}\n{sequence}\n")
            for number, (group, segments) in enumerate(parts, 1):
                id_ = f"e{pdb}{chain}{number}"
                text = ",".join(f"{chain}:{a}-{b}" for a, b in segments)
                names = "\t".join(f"{level} {group}" for level in "AXHTF")
                lines.write(
                    f"{number:09d}\t{id_}\tAUTO_NONREP\t{group}\t{pdb}\t{chain}\t{text}\t{text}\tNA\t{names}\tNA\tNA\n"
                )
                residues = "".join(sequence[a - 1 : b] for a, b in segments)
                domain_fasta.write(f">{number:09d}|{id_}|{group}|{text}\n{residues}\n")
    return paths


Part = tuple[str, list[tuple[int, int]]]


def _chains(domains: int, rng: random.Random) -> Iterator[tuple[str, str, str, list[Part]]]:
    """Chains until ``domains`` are reached: PDB id, chain id, sequence, and per domain its group and segments."""
    pool = "".join(rng.choices(_LETTERS, k=1_000_000))
    groups = [f"{1 + i % 3000}.1.{1 + i % 3}.{1 + i // 3000}" for i in range(18_000)]
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
    made = entry = 0
    while made < domains:
        pdb = (
            f"{1 + entry // 46656 % 9}{alphabet[entry // 1296 % 36]}{alphabet[entry // 36 % 36]}{alphabet[entry % 36]}"
        )
        entry += 1
        for chain in ("A", "B", "C", "AA", "a", "b"):
            count = min(rng.choice((1, 1, 2, 2, 4)), domains - made)
            if count == 0:
                return
            sizes = [rng.randint(60, 220) for _ in range(count)]
            start = rng.randrange(len(pool) - 2000)
            parts: list[Part] = []
            end = 0
            for size in sizes:
                first, last = end + 1, end + size
                cut = first + size // 2
                discontinuous = rng.random() < 0.1
                segments = [(first, cut), (cut + 6, last)] if discontinuous else [(first, last)]
                parts.append((rng.choice(groups), segments))
                end = last
            made += count
            yield pdb, chain, pool[start : start + end], parts


def build(folder: Path, domains: int) -> float:
    """Make the reference unless it is there; seconds it took, 0 if it was."""
    from pyecod.reference import build_reference

    out = folder / f"synthetic{domains}"
    if out.exists():
        return 0.0
    with tempfile.TemporaryDirectory(dir=folder) as sources:
        lists, domain_fasta, chain_fasta = write_sources(Path(sources), domains)
        report = build_reference(
            out, f"synthetic{domains}", domains=[lists], domain_fasta=[domain_fasta], chain_fasta=[chain_fasta]
        )
    assert report.counts["domains"] == domains, report
    return report.seconds


def measure(path: Path, count: int) -> dict[str, float]:
    """Open the reference in ``path`` and look up ``count`` ids at a time."""
    from pyecod.reference import Reference

    before = _rss_mb()
    started = time.process_time()
    reference = Reference.open(path)
    opened = time.process_time() - started
    after_open = _rss_mb()
    rng = random.Random(2)
    batches = [[reference.id_at(rng.randrange(len(reference))) for _ in range(count)] for _ in range(_REPEATS)]
    reference.rows(batches[0])
    started = time.process_time()
    for batch in batches:
        reference.rows(batch)
    rows = time.process_time() - started
    rows_rss = _rss_mb() - before
    keys = list({reference.domain(id_).chain_key for batch in batches[:10] for id_ in batch})
    started = time.process_time()
    for key in keys:
        reference.chain_domains(key)
    one_by_one = time.process_time() - started
    started = time.process_time()
    reference.chain_segments(reference.chains(keys))
    at_once = time.process_time() - started
    return {
        "open_ms": opened * 1e3,
        "open_rss_mb": after_open - before,
        "us_per_id": rows / (_REPEATS * count) * 1e6,
        "rows_rss_mb": rows_rss,
        "us_per_chain": one_by_one / len(keys) * 1e6,
        "us_per_chain_at_once": at_once / len(keys) * 1e6,
        "rss_mb": _rss_mb(),
    }


def _rss_mb() -> float:
    """Resident memory of this process now, MB (mapped pages that were touched included)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 1_080_000], help="numbers of domains")
    parser.add_argument("--ids", type=int, default=500, help="ids looked up at a time")
    parser.add_argument("--folder", type=Path, help="where references are kept and found again")
    parser.add_argument("--json", action="store_true", help="last line is one flat JSON object")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.ids)))
        return
    result: dict[str, float] = {"ids": options.ids}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for size in options.sizes:
            seconds = build(folder, size)
            command = [
                sys.executable,
                __file__,
                "--ids",
                str(options.ids),
                "--measure",
                str(folder / f"synthetic{size}"),
            ]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            result |= {f"{name}_{size}": round(value, 3) for name, value in found.items()}
            result[f"build_s_{size}"] = round(seconds, 1)
            if not options.json:
                built = f"built in {seconds:.1f} s, " if seconds else ""
                print(
                    f"{size:>9,} domains: {built}open {found['open_ms']:.1f} ms (+{found['open_rss_mb']:.1f} MB), "
                    f"{found['us_per_id']:.2f} us per id, {found['us_per_chain']:.1f} us per chain, "
                    f"{found['rss_mb']:.0f} MB in all"
                )
        result["build_rss_mb"] = round(_peak_mb())
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
