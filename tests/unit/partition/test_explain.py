"""Explanations are made of what decided."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pyecod.partition import Defeat


@pytest.fixture
def reference(make_reference: Callable[..., Any]) -> Any:
    return make_reference(e1aaaA1=("11.1.1.1", "1-100"), e1bbbA1=("20.1.1.1", "1-100"), e1cccA1=("11.1.1.2", "1-200"))


def explanation(evidence: SimpleNamespace, reference: Any, *hits: Any) -> str:
    found = evidence.partition(reference, 210, *hits)
    return " ".join(domain.explanation for domain in found.domains)


def test_a_domain_says_what_speaks_for_it(evidence: SimpleNamespace, reference: Any) -> None:
    text = explanation(evidence, reference, evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30)))
    assert "Residues 1-100 are a domain of T-group 11.1.1 (name of 11.1.1.1): 1 hit speaks for H-group 11.1" in text
    assert "e1aaaA1 by BLAST against domains (E 1e-30; 100% of the reference aligned)" in text
    assert "It has no rival." in text


@pytest.mark.parametrize(
    ("probability", "reason"),
    [
        (60.0, "which lost because its confidence 0.12 is below 0.20."),
        (85.0, "which lost because its evidence is weaker (confidence 0.29, 100% of it, 100 residues)."),
    ],
)
def test_its_strongest_rival_is_named_with_the_reason_why_it_lost(
    evidence: SimpleNamespace, reference: Any, probability: float, reason: str
) -> None:
    strong = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30))
    text = explanation(evidence, reference, strong, evidence.profile("e1bbbA1", "1-100", "1-100", probability, 0.1))
    assert "Its strongest rival is e1bbbA1 of T-group 20.1.1 on residues 1-100 (HHsearch, probability" in text
    assert reason in text


def test_a_rival_replaced_by_a_tandem_says_so(evidence: SimpleNamespace, reference: Any) -> None:
    copies = [evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30), evidence.hsp("101-200", "1-100", 1e-29))]
    text = explanation(evidence, reference, *copies, evidence.blast("e1cccA1", evidence.hsp("1-200", "1-200", 1e-25)))
    assert "which lost because whole domains of the same H-group fill it." in text


def test_the_rival_stands_there_as_data_too(evidence: SimpleNamespace, reference: Any) -> None:
    strong = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 1e-30))
    weak = evidence.profile("e1bbbA1", "11-90", "1-80", 85.0, 0.1)
    (domain,) = evidence.partition(reference, 210, strong, weak).domains
    assert domain.rival is not None
    assert (domain.rival.ecod_domain, domain.rival.t_group, domain.rival.h_group) == ("e1bbbA1", "20.1.1", "20.1")
    assert (str(domain.rival.range), domain.rival.defeat) == ("11-90", Defeat.WEAKER)
    assert 0.2 < domain.rival.confidence < 0.3
    (alone,) = evidence.partition(reference, 210, strong).domains
    assert alone.rival is None
