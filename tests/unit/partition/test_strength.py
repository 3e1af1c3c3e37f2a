"""Evidence of BLAST and HHsearch on one scale."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyecod.partition.strength import (
    STRONGEST,
    blast_evidence,
    confidence,
    posterior_of_evidence,
    profile_evidence,
    single_confidence,
)


def _blast_confidence(evalue: float) -> float:
    evidence = blast_evidence(np.array([evalue]))
    return float(confidence(evidence, posterior_of_evidence(evidence))[0])


def _profile_confidence(probability: float, evalue: float = 1.0) -> float:
    evidence = profile_evidence(np.array([probability]), np.array([evalue]))
    return float(confidence(evidence, np.array([probability / 100]))[0])


def test_an_evalue_of_zero_is_the_strongest_there_is() -> None:
    assert blast_evidence(np.array([0.0]))[0] == STRONGEST
    assert _blast_confidence(0.0) == 1.0
    assert _blast_confidence(1e-180) < 1.0


@given(st.floats(1e-180, 0.002), st.floats(1e-180, 0.002))
def test_a_smaller_evalue_is_never_weaker(a: float, b: float) -> None:
    assert _blast_confidence(min(a, b)) >= _blast_confidence(max(a, b))


@given(st.floats(50, 99.8), st.floats(0.1, 20))
def test_a_higher_probability_is_always_stronger(probability: float, more: float) -> None:
    higher = min(probability + more, 99.9)
    assert _profile_confidence(higher) > _profile_confidence(probability)


def test_the_documented_confidences_hold() -> None:
    assert round(_blast_confidence(1e-10), 2) == 0.83
    assert round(_profile_confidence(90.0), 2) == 0.36
    assert round(_profile_confidence(75.0), 1) == 0.2


def test_saturated_probabilities_are_told_apart_by_their_evalue() -> None:
    assert _profile_confidence(100.0, 1e-90) > _profile_confidence(100.0, 1e-40)


def test_an_evalue_of_zero_beside_a_doubtful_probability_is_not_believed() -> None:
    assert _profile_confidence(61.0, 0.0) == _profile_confidence(61.0, 0.4)
    assert _profile_confidence(100.0, 0.0) == 1.0


def test_a_profile_hit_without_probability_is_weighed_by_its_evalue() -> None:
    known = profile_evidence(np.array([np.nan, np.nan]), np.array([1e-20, 1e-5]))
    assert known.tolist() == [10.0, 2.5]


def test_one_value_is_weighed_as_many_are() -> None:
    assert single_confidence(10.0, 0.9) == float(confidence(np.array([10.0]), np.array([0.9]))[0])
