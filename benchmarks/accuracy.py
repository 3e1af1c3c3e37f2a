"""How right pyECOD's partitions are, beside simpler partitioners on the same evidence.

    python benchmarks/accuracy.py [--sets simulated world real scop] [--leave-out chain entry identity] [--json]

``simulated``: evidence made from the truth, thousands of chains in a minute. ``world``: a simulated release searched by
BLAST and HH-suite. ``real``: the chains of ../shared/real/dev searched likewise. ``scop``: those of ../shared/real/scop
by BLAST alone. Search results are kept in --work. The last line of --json is one flat object; names are the set, then
the measure (docs/accuracy.md explains them): shares ``exact``, ``iou``, ``iou08``, ``ends10`` (of all true ends),
counts ``t_right``, ``t_wrong``, ``t_none``, ``overlaps``, ``discontinuous08``, and all of ``Scores`` by its own names.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from baselines import BASELINES
from evidence_sets import EvidenceSet, leave_out, partition_all, real_sets, scop_set, simulated_set, world_set

from pyecod.ids import ChainKey
from pyecod.partition import Domain
from pyecod.settings import data_home, load_settings
from pyecod.simulate.scoring import Scores, score
from pyecod.simulate.truth import TruthDomain

_COLUMNS = (
    ("exact", "exact_counts", "{:.1%}"),
    ("IoU", "iou", "{:.3f}"),
    ("IoU≥.8", "iou_80", "{:.1%}"),
    ("ends≤10", "termini_10", "{:.1%}"),
    ("right", "right", "{}"),
    ("T right", "t_right", "{}"),
    ("T wrong", "t_wrong", "{}"),
    ("T none", "t_none", "{}"),
    ("H right", "h_right", "{}"),
    ("H wrong", "h_wrong", "{}"),
    ("overlaps", "overlaps", "{}"),
    ("coverage", "coverage", "{:.1%}"),
    ("disc. IoU≥.8", "discontinuous_80", "{}"),
)
# names that stay the same whatever the scores are called
_STABLE = {
    "exact": "exact_counts",
    "iou08": "iou_80",
    "ends10": "termini_10_of_all",
    "discontinuous08": "discontinuous_80",
}


def main() -> None:
    """Score the sets asked for."""
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    results: dict[str, float | int] = {}
    for chains in _sets(options):
        results |= _score_set(chains, options)
    if options.json:
        print(json.dumps(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sets", nargs="+", choices=("simulated", "world", "real", "scop"), default=["simulated", "real", "scop"]
    )
    parser.add_argument("--chains", type=int, default=2000, help="chains of each simulated set")
    parser.add_argument(
        "--noise", nargs="+", choices=("clean", "typical", "harsh"), default=["clean", "typical", "harsh"]
    )
    parser.add_argument("--hit-scale", type=float, default=0.1, help="factor on the real numbers of hits (simulated)")
    parser.add_argument("--entries", type=int, default=150, help="entries of the simulated world")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leave-out", nargs="+", choices=("chain", "entry", "identity"), default=[])
    parser.add_argument("--identity", type=float, default=0.9, help="hits this similar are left out (with identity)")
    parser.add_argument("--work", type=Path, default=data_home() / "benchmarks", help="folder of what is kept")
    parser.add_argument("--settings", type=Path, help="YAML settings file")
    parser.add_argument("--csv", type=Path, help="folder for a table of each set: true domains and what was found")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _sets(options: argparse.Namespace) -> list[EvidenceSet]:
    sets: list[EvidenceSet] = []
    if "simulated" in options.sets:
        for noise in options.noise:
            sets.append(simulated_set(options.work, options.chains, options.seed, noise, options.hit_scale))
    if "world" in options.sets:
        sets.append(world_set(options.work, options.entries, options.seed))
    if "real" in options.sets:
        real = real_sets(options.work)
        if not real:
            print("real: ../shared/real is absent, skipped", file=sys.stderr)
        sets += real
    if "scop" in options.sets:
        scop = scop_set(options.work)
        if scop is None:
            print("scop: ../shared/real/scop is absent, skipped", file=sys.stderr)
        else:
            sets.append(scop)
    return sets + [leave_out(chains, what, options.identity) for chains in sets for what in options.leave_out]


def _score_set(chains: EvidenceSet, options: argparse.Namespace) -> dict[str, float | int]:
    settings = load_settings(options.settings)
    findable = any(domain.kind for domain in chains.truth)
    started = time.process_time()
    partitions = partition_all(chains, settings)
    scores = {"pyecod": score(partitions, chains.truth, findable=findable)}
    seconds = time.process_time() - started
    for name, baseline in BASELINES.items():
        domains = {key: baseline(e, chains.reference) for key, e in chains.evidence.items()}
        scores[name] = score(domains, chains.truth, findable=findable)
    _table(chains, scores, seconds)
    if options.csv:
        options.csv.mkdir(parents=True, exist_ok=True)
        write_csv(options.csv / f"{chains.name}.csv", partitions, chains.truth)
    flat: dict[str, float | int] = {}
    for name, figures in scores.items():
        prefix = f"{chains.name}_" if name == "pyecod" else f"{chains.name}_{name}_"
        own = figures.flat(prefix)
        flat |= own | {f"{prefix}{stable}": own[f"{prefix}{field}"] for stable, field in _STABLE.items()}
    return flat


def write_csv(path: Path, partitions: Mapping[ChainKey, Sequence[Domain]], truth: Sequence[TruthDomain]) -> None:
    """One line for each true domain, beside the assigned one with most of its residues; then what is over."""
    used: set[tuple[ChainKey, int]] = set()
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("chain", "true_range", "true_t_group", "range", "t_group", "confidence", "reference", "iou"))
        for true in truth:
            found = max(partitions[true.chain], key=lambda d: len(d.range.intersection(true.range)), default=None)
            stated = (true.chain, true.range, true.t_group or "")
            if found is None or not found.range.intersection(true.range):
                rows.writerow((*stated, "", "", "", "", 0))
                continue
            used.add((true.chain, found.number))
            iou = round(true.range.iou(found.range), 3)
            rows.writerow((*stated, found.range, found.t_group, found.confidence, found.ecod_domain, iou))
        for chain, domains in partitions.items():
            for found in domains:
                if (chain, found.number) not in used:
                    stated = (found.range, found.t_group, found.confidence, found.ecod_domain)
                    rows.writerow((chain, "", "", *stated, 0))


def _table(chains: EvidenceSet, scores: dict[str, Scores], seconds: float) -> None:
    hits = sum(len(e.hits) for e in chains.evidence.values())
    ours = scores["pyecod"]
    print(
        f"\n{chains.name}: {ours.chains} chains, {ours.true_domains} true domains, {ours.labelled} with T-group, "
        f"{ours.discontinuous} discontinuous, {hits} hits, {1e3 * seconds / max(ours.chains, 1):.1f} ms per chain"
    )
    print("| | " + " | ".join(title for title, _, _ in _COLUMNS) + " |")
    print("|---|" + "---|" * len(_COLUMNS))
    for name, figures in scores.items():
        print(f"| {name} | " + " | ".join(form.format(getattr(figures, field)) for _, field, form in _COLUMNS) + " |")


if __name__ == "__main__":
    main()
