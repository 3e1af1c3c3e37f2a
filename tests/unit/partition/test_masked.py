"""Hits to masked domains are counted, and support nothing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pyecod.partition import Outcome
from pyecod.search.hit import EvidenceType


@pytest.fixture
def reference(make_reference: Callable[..., Any]) -> Any:
    made = make_reference(e1aaaA1=("11.1.1.1", "1-100"), e1aaaA2=("20.1.1.1", "101-200"), e1bbbA1=("30.1.1.1", "1-100"))
    made.masked = np.array([id_ in ("e1aaaA1", "e1bbbA1") for id_ in made.ids])
    made.t = np.where(made.masked, -1, made.t)
    made.h = np.where(made.masked, -1, made.h)
    return made


def test_a_masked_domain_is_counted_and_no_evidence(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 100, evidence.blast("e1bbbA1", evidence.hsp("1-100", "1-100", 1e-50)))
    assert found.domains == ()
    assert found.outcome is Outcome.UNKNOWN_EVIDENCE
    count = found.counts[EvidenceType.DOMAIN_BLAST]
    assert (count.kept, count.accepted, dict(count.rejected)) == (1, 0, {"masked": 1})


def test_of_a_chain_only_its_other_domains_count(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 200, evidence.chain("1aaa_A", evidence.hsp("1-200", "1-200", 1e-90)))
    assert [(str(d.range), d.t_group) for d in found.domains] == [("101-200", "20.1.1")]
    assert found.counts[EvidenceType.CHAIN_BLAST].accepted == 1


def test_a_chain_whose_domains_are_all_masked_is_masked(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 100, evidence.chain("1aaa_A", evidence.hsp("1-100", "1-100", 1e-90)))
    assert dict(found.counts[EvidenceType.CHAIN_BLAST].rejected) == {"masked": 1}


def test_an_unknown_domain_is_no_masked_one(evidence: SimpleNamespace, reference: Any) -> None:
    found = evidence.partition(reference, 100, evidence.blast("e9zzzA1", evidence.hsp("1-100", "1-100", 1e-50)))
    assert dict(found.counts[EvidenceType.DOMAIN_BLAST].rejected) == {"unknown_reference": 1}
