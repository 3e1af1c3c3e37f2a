"""Calibrate the confidence of domains on real chains, and show how reliable it is on chains it was not made from.

    python benchmarks/calibrate.py [--work DIR] [--write] [--picture docs/images/reliability.svg] [--json]

Needs ../shared/real. Each domain of the tuning chains is right where its H-group is that of the true domain with most
of its residues. The chains are halved by their name: each half is judged by the table of the other, and the table that
``--write`` puts into the package is made of both. Run it again whenever a search stage or the votes change.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from evidence_sets import PROJECT, EvidenceSet, real_sets, scop_set, simulated_set
from numpy.typing import NDArray

from pyecod.partition import Domain, partition_chain
from pyecod.partition.calibration import Calibration, LabelTrust
from pyecod.ranges import ResidueRange
from pyecod.settings import data_home, load_settings
from pyecod.simulate.truth import TruthDomain

_EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)  # of the partitioner's own confidence
_PRIOR, _PRIOR_SHARE = 4.0, 0.95  # domains that every share is drawn to the prior by: few are wrong, one is chance
_FIRM = 0.8  # confidence from which a wrong H-group is the label's fault, not the homology's
_BIN = 30  # domains of the smallest bin of the reliability table
_TABLE = PROJECT / "pyecod" / "partition" / "calibration.json"
_SOURCES = {"real": "ecod", "real_boundaries": "ecod", "scop": "scop"}  # whose labels the reference has


@dataclass(frozen=True, slots=True)
class Case:
    """One assigned domain whose true H-group is known."""

    source: str
    chain: str
    confidence: float
    trust: LabelTrust
    is_right: bool

    @property
    def half(self) -> int:
        """0 or 1, by the chain's name."""
        return sha256(self.chain.encode()).digest()[0] % 2


def main() -> None:
    """Fit, judge, and write where asked."""
    options = _options()
    sets = real_sets(options.work)
    scop = scop_set(options.work)
    if not sets or scop is None:
        raise SystemExit("../shared/real is absent: there is nothing to calibrate on")
    cases = [case for chains in [*sets, scop] for case in cases_of(chains)]
    halves = [fit([c for c in cases if c.half == half]) for half in (0, 1)]
    judged = [(halves[1 - c.half].probability(c.confidence, c.trust), c) for c in cases]
    whole = fit(cases)
    figures = _show(whole, judged)
    for noise in ("typical", "harsh"):
        simulated = cases_of(simulated_set(options.work, 2000, 1, noise, 0.1))
        print(f"\nsimulated, {noise}:")
        _print_bins([(whole.probability(c.confidence, c.trust), c) for c in simulated])
    if options.picture:
        _draw(judged, options.picture)
    if options.write:
        _write(whole, cases)
    if options.json:
        print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=data_home() / "benchmarks", help="folder of what is kept")
    parser.add_argument("--write", action="store_true", help="put the table into the package")
    parser.add_argument("--picture", type=Path, help="SVG of the reliability")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def cases_of(chains: EvidenceSet) -> list[Case]:
    """The domains of a set whose true H-group is known, with the partitioner's own confidence."""
    plain = Calibration((0.0, 1.0), (0.0, 1.0), dict.fromkeys(LabelTrust, 1.0))
    trusts = list(LabelTrust)
    labels = Calibration((0.0, 1.0), (1.0, 1.0), {trust: 0.1 * (n + 1) for n, trust in enumerate(trusts)})
    truth: dict[str, list[TruthDomain]] = {}
    for domain in chains.truth:
        truth.setdefault(str(domain.chain), []).append(domain)
    confidences, trusted = _domains(chains, plain), _domains(chains, labels)
    cases = []
    for (chain, domain), (_, labelled) in zip(confidences, trusted, strict=True):
        true = _true(domain.range, truth.get(chain, []))
        if true is not None and true.t_group and domain.confidence is not None and labelled.confidence is not None:
            is_right = domain.h_group == ".".join(true.t_group.split(".")[:2])
            trust = trusts[round(10 * labelled.confidence) - 1]
            cases.append(Case(_SOURCES.get(chains.name, chains.name), chain, domain.confidence, trust, is_right))
    return cases


def _domains(chains: EvidenceSet, calibration: Calibration) -> list[tuple[str, Domain]]:
    settings = load_settings()
    with patch("pyecod.partition.classify.calibration", lambda: calibration):
        return [
            (str(key), domain)
            for key, evidence in chains.evidence.items()
            for domain in partition_chain(evidence, chains.reference, settings).domains
        ]


def _true(residues: ResidueRange, domains: Sequence[TruthDomain]) -> TruthDomain | None:
    shared = [(len(residues.intersection(domain.range)), -n) for n, domain in enumerate(domains)]
    most, place = max(shared, default=(0, 0))
    return domains[-place] if most else None


def fit(cases: Sequence[Case]) -> Calibration:
    """The table for these cases: shares of right labels where the homology is firm, then of right homology given those.

    Each kind of label weighs the same whatever the number of its chains: the reference of the next user is of one kind.
    """
    firm = [c for c in cases if c.confidence >= _FIRM]
    sources = sorted({c.source for c in cases})
    label = {}
    for trust in LabelTrust:
        shares = [_share([c.is_right for c in firm if c.trust is trust and c.source == s]) for s in sources]
        label[trust] = float(np.mean(shares))
    for worse, better in zip(list(LabelTrust)[1::-1], list(LabelTrust)[:0:-1], strict=True):
        label[worse] = min(label[worse], label[better])
    homology, weights = [], []
    for low, high in pairwise(_EDGES):
        inside = [c for c in cases if low <= c.confidence < high or c.confidence == high == 1.0]
        expected = sum(label[c.trust] for c in inside)
        right = sum(c.is_right for c in inside)
        homology.append(min(1.0, (right + _PRIOR * _PRIOR_SHARE) / (expected + _PRIOR * _PRIOR_SHARE)))
        weights.append(len(inside) + _PRIOR)
    middles = [round((low + high) / 2, 3) for low, high in pairwise(_EDGES)]
    rising = _isotonic(np.array(homology), np.array(weights))
    return Calibration(
        tuple(middles), tuple(round(float(v), 4) for v in rising), {t: round(v, 4) for t, v in label.items()}
    )


def _share(right: Sequence[bool]) -> float:
    return (sum(right) + _PRIOR * _PRIOR_SHARE) / (len(right) + _PRIOR)


def _isotonic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> list[float]:
    """The rising values nearest to these: neighbours in the wrong order share their mean."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2:]
            blocks[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    return [value for value, _, number in blocks for _ in range(number)]


def bins_of(judged: Sequence[tuple[float, Case]]) -> Iterator[tuple[float, float, float, float, int]]:
    """Mean probability, share right, its 95 % interval and number of domains of each bin, rising (Wilson, 1927)."""
    ranked = sorted(judged, key=lambda pair: (pair[0], pair[1].chain))
    count = max(1, len(ranked) // _BIN)
    edges = np.unique(np.quantile([p for p, _ in ranked], np.linspace(0, 1, min(count, 8) + 1)[1:-1]))
    place = np.searchsorted(edges, [p for p, _ in ranked], side="right")
    for number in np.unique(place):
        inside = [pair for pair, own in zip(ranked, place, strict=True) if own == number]
        n, right = len(inside), sum(case.is_right for _, case in inside)
        low, high = _wilson(right, n)
        yield float(np.mean([p for p, _ in inside])), right / n, low, high, n


def _wilson(right: int, n: int) -> tuple[float, float]:
    z, share = 1.96, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return middle - reach, middle + reach


def _print_bins(judged: Sequence[tuple[float, Case]]) -> bool:
    print("| probability | right | 95 % interval | domains | |\n|---|---|---|---|---|")
    good = True
    for mean, share, low, high, n in bins_of(judged):
        fine = abs(mean - share) <= 0.05 or low <= mean <= high
        good &= fine or n < _BIN
        print(f"| {mean:.3f} | {share:.3f} | {low:.3f}–{high:.3f} | {n} | {'' if fine else 'off'} |")
    return good


def _show(whole: Calibration, judged: Sequence[tuple[float, Case]]) -> dict[str, float | int]:
    homology = ", ".join(f"{c:.2f} → {h:.3f}" for c, h in zip(whole.confidences, whole.homology, strict=True))
    print("homology by the partitioner's own confidence: " + homology)
    print("label: " + ", ".join(f"{trust} {share:.3f}" for trust, share in whole.label.items()))
    figures: dict[str, float | int] = {}
    for name in ("all", *sorted({case.source for _, case in judged})):
        own = [(p, case) for p, case in judged if name in ("all", case.source)]
        print(f"\n{name}: {len(own)} domains, {sum(not case.is_right for _, case in own)} wrong")
        figures[f"{name}_reliable"] = int(_print_bins(own))
        confident = [case for p, case in own if p >= 0.95]
        figures[f"{name}_confident"] = len(confident)
        figures[f"{name}_confident_wrong"] = sum(not case.is_right for case in confident)
        print(f"0.95 and more: {len(confident)}, of them wrong {figures[f'{name}_confident_wrong']}")
    return figures


def _write(whole: Calibration, cases: Sequence[Case]) -> None:
    table = {
        "made_by": "benchmarks/calibrate.py",
        "domains": len(cases),
        "confidence": whole.confidences,
        "homology": whole.homology,
        "label": {str(trust): share for trust, share in whole.label.items()},
    }
    _TABLE.write_text(json.dumps(table, indent=1) + "\n")
    print(f"\nwritten: {_TABLE}")


def _draw(judged: Sequence[tuple[float, Case]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update(
        {"svg.hashsalt": "pyecod", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, axes = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
    means, shares, lows, highs, numbers = zip(*bins_of(judged), strict=True)
    reach = (np.subtract(shares, lows), np.subtract(highs, shares))
    axes.plot([0.5, 1], [0.5, 1], ":", color="#888888")
    axes.errorbar(means, shares, np.clip(reach, 0, None), fmt="o", color="#1b6ca8", capsize=2)
    for mean, share, number in zip(means, shares, numbers, strict=True):
        axes.annotate(str(number), (mean, share), textcoords="offset points", xytext=(4, -10), color="#555555")
    axes.set_xlabel("probability")
    axes.set_ylabel("share right, with its 95 % interval")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
