"""Alignments: what is usable, how HSPs share evidence, and where segments are cut."""

from types import SimpleNamespace

import numpy as np

from pyecod.partition.alignments import Alignments, align, project, project_back
from pyecod.partition.counting import Verdict
from pyecod.search.hit import Hit, Hsp, Segment
from pyecod.settings import PartitionSettings


def aligned(*hits: Hit, length: int = 300, subject_length: int | None = 200) -> tuple[Alignments, list[Verdict]]:
    verdicts = np.zeros(len(hits), np.int8)
    subjects = [hit.target for hit in hits]
    names = list(dict.fromkeys(subjects))
    found = align(
        hits, range(len(hits)), [names.index(s) for s in subjects], [subject_length] * len(names), length,
        PartitionSettings(), verdicts,
    )  # fmt: skip
    return found, [Verdict(code) for code in verdicts]


def test_every_hsp_is_used(evidence: SimpleNamespace) -> None:
    hit = evidence.blast("a", evidence.hsp("1-90", "1-90"), evidence.hsp("150-240", "91-181", 1e-5))
    found, verdicts = aligned(hit)
    assert found.query_start.tolist() == [1, 150]
    assert set(found.alignment.tolist()) == {0}
    assert verdicts == [Verdict.USABLE]


def test_the_segments_of_an_hsp_share_its_evidence(evidence: SimpleNamespace) -> None:
    found, _ = aligned(evidence.blast("a", evidence.hsp("1-30,41-100", "1-30,31-90", 1e-9)))
    assert np.allclose(found.evidence, [3.0, 6.0])


def test_weak_short_and_outside_hits_are_noted_with_the_reason(evidence: SimpleNamespace) -> None:
    hits = (
        evidence.blast("a", evidence.hsp("1-90", "1-90", 0.1)),
        evidence.blast("b", evidence.hsp("1-10", "1-10")),
        evidence.blast("c", evidence.hsp("250-310", "1-61")),
        evidence.blast("d", evidence.hsp("1-90", "1-90", None)),
        evidence.blast("e"),
    )
    found, verdicts = aligned(*hits)
    assert len(found.alignment) == 0
    assert verdicts == [Verdict.WEAK, Verdict.TOO_SHORT, Verdict.OUTSIDE_CHAIN, Verdict.WEAK, Verdict.USABLE]


def test_a_profile_hit_is_judged_by_its_probability_not_its_evalue(evidence: SimpleNamespace) -> None:
    strong, weak = evidence.profile("a", "1-90", "1-90", 95.0, 0.5), evidence.profile("b", "1-90", "1-90", 49.0, 1e-9)
    _, verdicts = aligned(strong, weak)
    assert verdicts == [Verdict.USABLE, Verdict.WEAK]


def test_several_hits_to_one_template_are_joined_like_hsps(evidence: SimpleNamespace) -> None:
    first, second = evidence.profile("a", "1-90", "1-90", 95.0), evidence.profile("a", "150-240", "91-181", 80.0)
    found, _ = aligned(first, second)
    assert set(found.alignment.tolist()) == {0}
    assert found.hit.tolist() == [0, 1]


def test_a_repeated_hit_is_redundant(evidence: SimpleNamespace) -> None:
    hit = evidence.blast("a", evidence.hsp("1-90", "1-90"))
    found, verdicts = aligned(hit, hit)
    assert len(found.alignment) == 1
    assert sorted(verdicts) == [Verdict.USABLE, Verdict.REDUNDANT]


def test_projection_follows_ungapped_pairs_and_interpolates_unequal_ones() -> None:
    hsps = (Hsp((Segment(11, 20, 1, 10),), evalue=0.0), Hsp((Segment(31, 50, 11, 20),), evalue=0.0))
    found = _plain(hsps)
    left, right = project(found, np.array([13, 31]), np.array([20, 50]))
    assert (left.tolist(), right.tolist()) == ([3, 11], [10, 20])
    left, right = project_back(found, np.array([3, 11]), np.array([10, 20]))
    assert (left.tolist(), right.tolist()) == ([13, 31], [20, 50])


def _plain(hsps: tuple[Hsp, ...]) -> Alignments:
    segments = np.array([(s.query_start, s.query_end, s.target_start, s.target_end) for h in hsps for s in h.segments])
    number = np.arange(len(segments))
    return Alignments(number, number, number, number, *segments.T, np.ones(2), number > 5, np.ones(2))
