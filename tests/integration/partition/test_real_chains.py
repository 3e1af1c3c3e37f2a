"""Real chains with known domains, searched by the real BLAST: more of them right than by simpler partitioners."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyecod.settings import Settings
from pyecod.simulate.scoring import Scores, score

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[3]
REAL = PROJECT.parent / "shared" / "real"


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    if not REAL.is_dir():
        pytest.skip(f"real data are not here: {REAL}")
    sys.path.insert(0, str(PROJECT / "benchmarks"))
    try:
        import evidence_sets

        yield evidence_sets.real_sets(tmp_path_factory.mktemp("real"), profiles=False)
    finally:
        sys.path.remove(str(PROJECT / "benchmarks"))


def scores_of(chains: Any) -> dict[str, Scores]:
    from baselines import BASELINES
    from evidence_sets import partition_all

    scores = {"pyecod": score(partition_all(chains, Settings()), chains.truth)}
    for name, baseline in BASELINES.items():
        domains = {key: baseline(e, chains.reference) for key, e in chains.evidence.items()}
        scores[name] = score(domains, chains.truth)
    return scores


def test_more_domains_are_right_than_with_any_simpler_partitioner_and_hardly_one_more_wrong(chains: list[Any]) -> None:
    for group in chains:
        scores = scores_of(group)
        ours = scores.pop("pyecod")
        assert ours.overlaps == 0
        for name, other in scores.items():
            assert ours.right > other.right, (group.name, name)
            assert ours.t_right >= other.t_right, (group.name, name)
            # the one more is a domain that only chain hits reach and whose E. coli label contradicts the truth's
            assert ours.t_wrong <= other.t_wrong + 1, (group.name, name)
            assert ours.t_right - other.t_right >= 5 * (ours.t_wrong - other.t_wrong), (group.name, name)
            assert ours.iou > other.iou, (group.name, name)
