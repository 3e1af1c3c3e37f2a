"""Certainty rises with the evidence and with what the label rests on, and is a probability."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.partition.calibration import LabelTrust, calibration
from pyecod.reference.groups import GroupTable
from pyecod.reference.reference import Reference

CONFIDENCE = st.floats(0, 1)


@pytest.fixture
def reference(make_reference: Callable[..., Any]) -> Any:
    close = {f"e1aa{letter}A1": ("11.1.1.1", f"1-{90 + n}") for n, letter in enumerate("abcdef")}
    return make_reference(**close, e1bbbA1=("20.1.1.1", "1-100"), e1copA1=("11.1.1.1", "1-90"))


@given(CONFIDENCE, CONFIDENCE, st.sampled_from(LabelTrust))
def test_more_confidence_never_makes_less_sure(one: float, other: float, trust: LabelTrust) -> None:
    low, high = sorted((one, other))
    assert 0 <= calibration().probability(low, trust) <= calibration().probability(high, trust) <= 1


@given(CONFIDENCE)
def test_a_better_label_makes_surer(confidence: float) -> None:
    disputed, few, many = (calibration().probability(confidence, trust) for trust in LabelTrust)
    assert disputed < few < many


def sure(evidence: SimpleNamespace, reference: Any, *targets: str, evalue: float = 0.0) -> float:
    found = [evidence.blast(target, evidence.hsp("1-90", "1-90", evalue)) for target in targets]
    (domain,) = evidence.partition(reference, 95, *found).domains
    assert domain.confidence is not None
    return float(domain.confidence)


def test_one_reference_alone_is_never_certain(evidence: SimpleNamespace, reference: Any) -> None:
    assert sure(evidence, reference, "e1aaaA1") < 0.95


def test_five_references_that_agree_are_believed(evidence: SimpleNamespace, reference: Any) -> None:
    five = [f"e1aa{letter}A1" for letter in "abcde"]
    assert sure(evidence, reference, *five[:4]) == sure(evidence, reference, "e1aaaA1")
    assert sure(evidence, reference, *five) > 0.97


def test_copies_of_one_reference_speak_once(evidence: SimpleNamespace, reference: Any) -> None:
    alike = ["e1copA1", *(f"e1aa{letter}A1" for letter in "abcd")]  # e1copA1 and e1aaaA1 are as long
    assert sure(evidence, reference, *alike) < 0.95


def test_a_disputed_label_is_doubted(evidence: SimpleNamespace, reference: Any) -> None:
    five = [f"e1aa{letter}A1" for letter in "abcde"]
    assert sure(evidence, reference, *five, "e1bbbA1") < sure(evidence, reference, *five[:4])


def test_a_family_filed_elsewhere_is_doubted(evidence: SimpleNamespace, reference: Any) -> None:
    five = [f"e1aa{letter}A1" for letter in "abcde"]
    before = sure(evidence, reference, *five)
    reference.family_share = np.full(len(reference.family_share), 0.4)
    assert sure(evidence, reference, *five) < before


def test_a_profile_of_the_family_confirms_the_label(evidence: SimpleNamespace, reference: Any) -> None:
    one = evidence.blast("e1aaaA1", evidence.hsp("1-90", "1-90", 0.0))
    hits = [one, evidence.profile("e1aabA1", "1-90", "1-90", 99.0)]
    (domain,) = evidence.partition(reference, 95, *hits).domains
    assert domain.confidence > 0.97


def test_weak_evidence_is_less_sure(evidence: SimpleNamespace, reference: Any) -> None:
    assert sure(evidence, reference, "e1aaaA1", evalue=1e-3) < sure(evidence, reference, "e1aaaA1", evalue=1e-80)


def test_the_share_of_a_family_is_that_of_its_name() -> None:
    ids = {"x": ("1", "2"), "h": ("1.1", "2.1"), "t": ("1.1.1", "2.1.1"), "f": ("1.1.1.1", "2.1.1.1", "2.1.1.2")}
    reference = Reference.__new__(Reference)
    reference.__dict__["groups"] = GroupTable(ids, {"1.1.1.1": "PGK", "2.1.1.1": "PGK"}, {})
    reference._domains = SimpleNamespace(f=np.array([0, 1, 1, 1, 2, -1]))  # type: ignore[assignment]
    assert reference.family_share.tolist() == [0.25, 0.75, 1.0]
