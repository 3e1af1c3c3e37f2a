"""What it costs to partition a chain: CPU per chain and per hit, memory, at two sizes of the reference.

    python benchmarks/partition_speed.py [--sizes 20000 1080000] [--hits 493] [--length 425] [--chains 60] [--json]

Evidence is simulated with exactly --hits hits on --length residues, the reference built by `pyecod reference build` and
kept in --work. Each size is measured in a process of its own, one thread; times are the median over the chains of the
best of five runs of each, so that a busy machine tells as little as possible. Chains with --most hits show that the
cost grows linearly. The last line of --json is one flat object: `cpu_ms_per_chain_small`, `cpu_ms_per_chain_full`,
`us_per_hit`, `rss_mb` (whole process), `us_per_hit_most`.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pyecod.errors import UsageError
from pyecod.evidence import DomainSummary
from pyecod.settings import data_home

_RUNS = 5


def main() -> None:
    """Measure every size in a process of its own."""
    options = _options()
    if options.prepare is not None:
        prepare(options, options.prepare)
        return
    if options.measure is not None:
        print(json.dumps(measure(options, options.measure)))
        return
    results = {}
    for domains in options.sizes:
        for step in ("--prepare", "--measure"):
            command = [sys.executable, __file__, *sys.argv[1:], step, str(domains)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        results[domains] = json.loads(output.splitlines()[-1])
        print(f"{domains:>9,} domains: " + ", ".join(f"{k} {v}" for k, v in results[domains].items()))
    small, full = results[options.sizes[0]], results[options.sizes[-1]]
    if options.json:
        print(
            json.dumps(
                {
                    "cpu_ms_per_chain_small": small["cpu_ms_per_chain"],
                    "cpu_ms_per_chain_full": full["cpu_ms_per_chain"],
                    "us_per_hit": full["us_per_hit"],
                    "rss_mb": full["rss_mb"],
                    **({"us_per_hit_most": full["us_per_hit_most"]} if "us_per_hit_most" in full else {}),
                }
            )
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 1_080_000], help="reference domains")
    parser.add_argument("--hits", type=int, default=493, help="hits per chain")
    parser.add_argument("--length", type=int, default=425, help="residues per chain")
    parser.add_argument("--most", type=int, default=5000, help="hits of the largest chain")
    parser.add_argument("--chains", type=int, default=60)
    parser.add_argument("--work", type=Path, default=data_home() / "benchmarks", help="folder of the references")
    parser.add_argument("--prepare", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def prepare(options: argparse.Namespace, domains: int) -> None:
    """Build the reference and store the evidence, so that measuring holds nothing but what partitioning needs."""
    from pyecod.simulate import simulate_evidence

    folder = options.work / f"speed_{domains}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, hits, chains in (("chains", options.hits, options.chains), ("largest", options.most, 3)):
        made = simulate_evidence(chains=chains, reference_domains=domains, hits=hits, length=options.length)
        made.build_reference(folder)
        try:
            summaries = [case.summary for case in made]
        except UsageError:
            summaries = []  # a small reference has not so many relatives
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(summaries))


def measure(options: argparse.Namespace, domains: int) -> dict[str, float]:
    """Partition chains against the reference of one size."""
    from pyecod.partition import partition_chain
    from pyecod.reference import Reference
    from pyecod.settings import Settings

    folder = options.work / f"speed_{domains}"
    reference, settings = Reference.open(folder / "reference"), Settings()

    def seconds(summary: DomainSummary) -> float:
        runs = []
        for _ in range(_RUNS):
            started = time.process_time()
            assert partition_chain(summary, reference, settings).domains
            runs.append(time.process_time() - started)
        return min(runs)

    chains = pickle.loads((folder / "chains.pickle").read_bytes())  # noqa: S301 (made by prepare)
    chain = statistics.median(map(seconds, chains))
    figures = {
        "cpu_ms_per_chain": round(1e3 * chain, 3),
        "us_per_hit": round(1e6 * chain / statistics.median(len(s.hits) for s in chains), 2),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    largest = pickle.loads((folder / "largest.pickle").read_bytes())  # noqa: S301
    if largest:
        figures["us_per_hit_most"] = round(1e6 * statistics.median(seconds(s) / len(s.hits) for s in largest), 2)
    return figures


if __name__ == "__main__":
    main()
