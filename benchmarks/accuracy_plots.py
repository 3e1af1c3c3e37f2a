"""Draw the pictures of docs/accuracy.md: scores beside those of others, calibration, examples.

    python benchmarks/accuracy_plots.py [--out docs/images] [--work DIR] [--chains 600]

Uses the sets of accuracy.py; the real ones are left out where ../shared/real is absent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parent))

from baselines import BASELINES
from evidence_sets import PROJECT, EvidenceSet, partition_all, real_sets, simulated_set

from pyecod.ids import ChainKey
from pyecod.partition.candidates import tabulate
from pyecod.partition.consensus import propose
from pyecod.partition.counting import indices_by_type
from pyecod.settings import PartitionSettings, data_home, load_settings
from pyecod.simulate.scoring import Scores, score

_COLOURS = {"pyecod": "#1b6ca8", "mapped": "#7aa95c", "best_first": "#e0a030", "longest_first": "#b0b0b0"}
_MEASURES = (
    ("exact_counts", "exact number"),
    ("iou", "mean IoU"),
    ("iou_80", "IoU ≥ 0.8"),
    ("termini_10", "ends ≤ 10"),
)
_EXAMPLES = ("1axk_B", "1gri_A", "6bk7_A", "1iz1_B", "1ikp_A", "1koo_C")


def main() -> None:
    """Draw every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "images")
    parser.add_argument("--work", type=Path, default=data_home() / "benchmarks")
    parser.add_argument("--chains", type=int, default=600)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update(
        {"svg.hashsalt": "pyecod", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    )
    sets = [simulated_set(options.work, options.chains, 1, noise, 0.1) for noise in ("clean", "typical", "harsh")]
    real = real_sets(options.work)
    _save(draw_scores(sets + real), options.out / "accuracy_scores.svg")
    if real:
        _save(draw_calibration(real), options.out / "accuracy_calibration.svg")
        _save(draw_examples(real), options.out / "accuracy_examples.svg")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    print(path)


def _scores(chains: EvidenceSet) -> dict[str, Scores]:
    findable = any(domain.kind for domain in chains.truth)
    scores = {"pyecod": score(partition_all(chains, load_settings()), chains.truth, findable=findable)}
    for name, baseline in BASELINES.items():
        domains = {key: baseline(e, chains.reference) for key, e in chains.evidence.items()}
        scores[name] = score(domains, chains.truth, findable=findable)
    return scores


def draw_scores(sets: Sequence[EvidenceSet]) -> Any:
    """Bars: each measure on each set, pyECOD beside the others."""
    figure, axes = plt.subplots(1, len(sets), figsize=(2.4 * len(sets), 2.4), sharey=True)
    for axis, chains in zip(axes, sets, strict=True):
        scores = _scores(chains)
        for place, name in enumerate(_COLOURS):
            values = [getattr(scores[name], field) for field, _ in _MEASURES]
            axis.bar([i + 0.2 * place for i in range(len(values))], values, 0.2, color=_COLOURS[name], label=name)
        axis.set_title(f"{chains.name.replace('_', ' ')} ({scores['pyecod'].chains} chains)", fontsize=8)
        axis.set_xticks(
            [i + 0.3 for i in range(len(_MEASURES))], [title for _, title in _MEASURES], rotation=35, ha="right"
        )
        axis.set_ylim(0, 1)
    axes[-1].legend(frameon=False, fontsize=7, loc="upper right")
    return figure


def draw_calibration(sets: Sequence[EvidenceSet]) -> Any:
    """Share of proposals with the right H-group by confidence, and how many there are."""
    bins: dict[int, list[bool]] = {}
    for chains in sets:
        for key, confidence, right in _judged(chains):
            bins.setdefault(min(int(confidence * 10), 9), []).append(right)
            del key
    figure, axis = plt.subplots(figsize=(3.6, 2.4))
    for place, rights in sorted(bins.items()):
        share = sum(rights) / len(rights)
        axis.bar(place / 10 + 0.05, share, 0.09, color=_COLOURS["pyecod"])
        axis.text(place / 10 + 0.05, share + 0.01, str(len(rights)), ha="center", fontsize=6)
    axis.axvline(PartitionSettings().min_confidence, color="k", linewidth=0.8, linestyle=":")
    axis.set_xlabel("confidence of the proposal")
    axis.set_ylabel("share with the right H-group")
    axis.set_ylim(0, 1.08)
    return figure


def _judged(chains: EvidenceSet) -> list[tuple[ChainKey, float, bool]]:
    settings = PartitionSettings()
    labelled = [domain for domain in chains.truth if domain.t_group]
    judged = []
    for key, evidence in chains.evidence.items():
        true = [domain for domain in labelled if domain.chain == key]
        table, _ = tabulate(evidence, indices_by_type(evidence), chains.reference, settings)
        for proposal in propose(table, evidence.length, settings):
            for domain in true:
                inside = int((proposal.core & domain.range.mask(evidence.length)).sum())
                if inside >= 0.6 * proposal.size:
                    group = chains.reference.group_id("h", proposal.h)
                    judged.append((key, proposal.confidence, group == domain.h_group))
    return judged


def draw_examples(sets: Sequence[EvidenceSet]) -> Any:
    """True domains (upper bar) above the assigned ones (lower bar) of a few chains."""
    figure, axes = plt.subplots(len(_EXAMPLES), 1, figsize=(6.4, 0.75 * len(_EXAMPLES)))
    for axis, name in zip(axes, _EXAMPLES, strict=True):
        key = ChainKey.parse(name)
        chains = next(s for s in sets if key in s.evidence)
        assigned = partition_all(EvidenceSet("", chains.reference, {key: chains.evidence[key]}, ()), load_settings())
        rows: Mapping[int, Any] = {1: [d for d in chains.truth if d.chain == key], 0: assigned[key]}
        for height, domains in rows.items():
            for number, domain in enumerate(domains):
                for start, end in domain.range.segments:
                    axis.barh(height, end - start + 1, 0.62, start, color=plt.cm.Set2(number % 8), edgecolor="white")
                middle = max(domain.range.segments, key=lambda s: s[1] - s[0])
                axis.text(sum(middle) / 2, height, domain.t_group or "?", ha="center", va="center", fontsize=6)
        axis.set_xlim(1, chains.evidence[key].length)
        axis.set_yticks([1, 0], ["true", "pyECOD"], fontsize=6)
        axis.tick_params(axis="x", labelsize=6)
        axis.set_title(name, fontsize=7, loc="left", pad=2)
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    main()
