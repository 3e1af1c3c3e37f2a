"""Why residues belong to no domain."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.partition import REASONS, Partition, UnassignedReason, partition_chain
from pyecod.partition.candidates import tabulate
from pyecod.partition.labels import FREE
from pyecod.partition.leftover import explain_leftover
from pyecod.partition.weak import WeakEvidence
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings, Settings

SEQUENCE = "DKELTPAVRWQNFYGICSMTKEVLDAPR" * 8


@pytest.fixture
def reference(make_reference: Any) -> Any:
    return make_reference(e1aaaA1=("11.1.1.1", "1-100"), e1bbbA1=("2003.1.1.4", "1-150"), e1cccA1=("", "1-150"))


@pytest.fixture
def reasons(reference: Any) -> Any:
    return lambda *args, **named: _reasons(reference, *args, **named)


def _reasons(
    reference: Any,
    labelled: list[tuple[int, int]],
    sequence: str = SEQUENCE,
    tags: tuple[int, int] | None = None,
    observed: str | None = None,
) -> list[str]:
    labels = np.full(len(sequence), FREE)
    for number, (start, end) in enumerate(labelled):
        labels[start - 1 : end] = number
    mask = np.zeros(len(sequence), dtype=bool)
    if tags:
        mask[tags[0] - 1 : tags[1]] = True
    seen = None if observed is None else ResidueRange.parse(observed)
    summary = DomainSummary(ChainKey("8abc", "A"), len(sequence), (), sequence, observed=seen)
    settings = PartitionSettings()
    table, verdicts = tabulate(summary, {}, reference, settings)
    weak = WeakEvidence.of(summary, verdicts, (), table, reference, settings)
    return [f"{u.range} {u.reason}" for u in explain_leftover(labels, mask, (), weak, settings)]


def test_a_short_region_between_domains_is_a_linker_and_at_an_end_too_short(reasons: Any) -> None:
    assert reasons([(11, 100), (121, 224)]) == ["1-10 too_short", "101-120 linker"]


def test_a_long_region_has_no_evidence(reasons: Any) -> None:
    assert reasons([(1, 100)]) == ["101-224 no_evidence"]


def test_a_tag_is_told_from_the_rest_of_its_region(reasons: Any) -> None:
    assert reasons([(51, 224)], tags=(1, 20)) == ["1-20 tag", "21-50 no_evidence"]


def test_a_region_of_low_complexity_is_named_so(reasons: Any) -> None:
    assert reasons([(1, 100)], SEQUENCE[:100] + "QP" * 20) == ["101-140 low_complexity"]


def test_residues_that_are_not_observed_are_disorder_of_any_length(reasons: Any) -> None:
    assert reasons([(11, 100), (121, 180)], observed="11-190") == [
        "1-10 disorder",
        "101-120 linker",
        "181-224 disorder",
    ]
    assert reasons([(1, 100)], observed="1-170") == ["101-224 no_evidence"]
    assert reasons([(1, 100)], observed=None) == ["101-224 no_evidence"]


def only_region(partition: Partition) -> Any:
    (region,) = partition.unassigned
    return region


def test_a_hit_below_the_threshold_is_weak_evidence_with_its_group(evidence: SimpleNamespace, reference: Any) -> None:
    worse = evidence.blast("e1aaaA1", evidence.hsp("10-90", "10-90", 4.0))
    weak = evidence.blast("e1bbbA1", evidence.hsp("1-100", "1-100", 0.5))
    region = only_region(evidence.partition(reference, 120, worse, weak))
    assert region.reason is UnassignedReason.WEAK_EVIDENCE
    best = region.candidate
    assert (best.ecod_domain, best.t_group, best.h_group) == ("e1bbbA1", "2003.1.1", "2003.1")
    assert (best.source, best.evalue, best.probability) == (EvidenceType.DOMAIN_BLAST, 0.5, None)
    assert 0 < best.confidence < 0.2
    assert region.found == (f"best candidate e1bbbA1, H-group 2003.1, confidence {best.confidence:.2f}",)


def test_a_profile_hit_without_enough_probability_is_the_candidate(evidence: SimpleNamespace, reference: Any) -> None:
    region = only_region(evidence.partition(reference, 120, evidence.profile("e1aaaA1", "5-100", "5-100", 60.0)))
    assert (region.reason, region.candidate.h_group) == (UnassignedReason.WEAK_EVIDENCE, "11.1")
    assert region.candidate.probability == 60.0


def test_a_hit_elsewhere_is_no_evidence_here(evidence: SimpleNamespace, reference: Any) -> None:
    hit = evidence.blast("e1aaaA1", evidence.hsp("1-100", "1-100", 0.0))
    region = only_region(evidence.partition(reference, 200, hit))
    assert (region.reason, region.candidate, region.homolog) == (UnassignedReason.NO_EVIDENCE, None, "")


def test_a_chain_without_a_domain_there_is_an_unclassified_homolog(evidence: SimpleNamespace, reference: Any) -> None:
    chain = evidence.chain("1aaa_A", evidence.hsp("1-200", "1-200", 1e-60))
    far = evidence.chain("9zzz_A", evidence.hsp("101-200", "1-100", 1e-9))
    region = only_region(evidence.partition(reference, 200, far, chain))
    assert (str(region.range), region.reason) == ("101-200", UnassignedReason.UNCLASSIFIED_HOMOLOG)
    assert (region.homolog, region.found) == ("1aaa_A", ("aligned with 1aaa_A",))
    region = only_region(
        evidence.partition(reference, 100, evidence.chain("9zzz_A", evidence.hsp("1-90", "1-90", 1e-9)))
    )
    assert region.homolog == "9zzz_A"


def test_a_chain_with_a_domain_there_is_no_unclassified_homolog(evidence: SimpleNamespace, reference: Any) -> None:
    chain = evidence.chain("1aaa_A", evidence.hsp("1-90", "1-90", 0.5))
    region = only_region(evidence.partition(reference, 100, chain))
    assert (region.reason, region.homolog) == (UnassignedReason.WEAK_EVIDENCE, "")
    assert (region.candidate.ecod_domain, region.candidate.source) == ("e1aaaA1", EvidenceType.CHAIN_BLAST)


def test_a_hit_that_is_left_out_is_nothing_that_was_found(evidence: SimpleNamespace, reference: Any) -> None:
    reference.masked = np.array([True, False, False])
    reference.t, reference.h = np.where(reference.masked, -1, reference.t), np.where(reference.masked, -1, reference.h)
    hits = [evidence.blast("e1aaaA1", evidence.hsp("1-90", "1-90", 1e-30))]
    hits.append(evidence.chain("1aaa_A", evidence.hsp("1-90", "1-90", 1e-30)))
    region = only_region(evidence.partition(reference, 100, *hits))
    assert (region.reason, region.candidate, region.homolog) == (UnassignedReason.NO_EVIDENCE, None, "")


def test_the_observed_residues_of_the_summary_are_used(evidence: SimpleNamespace, reference: Any) -> None:
    summary = DomainSummary(ChainKey("8abc", "A"), 200, (), SEQUENCE[:200], observed=ResidueRange.parse("150-200"))
    assert only_region(partition_chain(summary, reference, Settings())).reason is UnassignedReason.DISORDER


def test_every_reason_is_in_the_table_once() -> None:
    assert list(REASONS) == list(UnassignedReason)
    assert len(set(REASONS.values())) == len(REASONS)


def test_the_documentation_has_the_same_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "results.md").read_text(encoding="utf-8")
    table = page.partition("| reason of `unassigned/region` | meaning |\n|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()]
