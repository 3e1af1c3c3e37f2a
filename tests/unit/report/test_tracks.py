"""Evidence tracks count every hit and show the best ones of every region."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.evidence import DomainSummary
from pyecod.ids import ChainKey
from pyecod.report import evidence_tracks
from pyecod.report.tracks import MOST_HITS
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment

LENGTH = 300


def hit(target: str, *spans: tuple[int, int], kind: EvidenceType = EvidenceType.DOMAIN_BLAST, **scores: float) -> Hit:
    segments = tuple(Segment(a, b) for a, b in spans)
    return Hit(kind, target, None, (Hsp(segments, **scores),))


def summary(*hits: Hit, **found: int) -> DomainSummary:
    counts = {EvidenceType(kind): count for kind, count in found.items()}
    return DomainSummary(ChainKey("8ovp", "A"), LENGTH, hits, found=counts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, LENGTH), st.integers(0, 120)), max_size=40))
def test_the_depth_is_the_number_of_hits_over_each_residue(starts: list[tuple[int, int]]) -> None:
    spans = [(start, min(LENGTH, start + size)) for start, size in starts]
    tracks = evidence_tracks(summary(*(hit("e", span) for span in spans), domain_blast=99))
    (track,) = tracks
    assert (track.count, track.found) == (len(spans), 99)
    depth = {r: count for start, end, count in track.depth for r in range(start, end + 1)}
    for residue in range(1, LENGTH + 1):
        assert depth.get(residue, 0) == sum(a <= residue <= b for a, b in spans)


def test_residues_aligned_twice_by_one_hit_count_once() -> None:
    (track,) = evidence_tracks(summary(hit("e", (1, 50), (51, 90))))
    assert track.depth == ((1, 90, 1),)


def test_types_searched_in_vain_have_an_empty_track_and_others_none() -> None:
    (track,) = evidence_tracks(summary(hhsearch=0))
    assert (track.type, track.count, track.hits) == (EvidenceType.HHSEARCH, 0, ())


def test_zero_is_the_best_evalue_and_probability_decides_for_profiles() -> None:
    hits = [hit("worse", (1, 90), evalue=1e-180), hit("best", (1, 90), evalue=0.0), hit("none", (1, 90))]
    (track,) = evidence_tracks(summary(*hits))
    assert [shown.target for shown in track.hits] == ["best", "worse"]
    kind = EvidenceType.HHSEARCH
    hits = [
        hit("low", (1, 90), kind=kind, probability=55.0, evalue=0.0),
        hit("high", (1, 90), kind=kind, probability=99.0, evalue=1e-3),
    ]
    (track,) = evidence_tracks(summary(*hits))
    assert [(shown.target, shown.is_strong) for shown in track.hits] == [("high", True), ("low", False)]


def test_a_region_with_many_strong_hits_does_not_hide_the_others() -> None:
    crowd = [hit(f"e{i}", (1, 100), evalue=0.0) for i in range(100)]
    (track,) = evidence_tracks(summary(*crowd, hit("lone", (200, 260), evalue=1e-3)))
    assert "lone" in [shown.target for shown in track.hits]
    assert len(track.hits) <= MOST_HITS


def test_small_gaps_of_an_alignment_are_closed_and_large_ones_kept() -> None:
    (track,) = evidence_tracks(summary(hit("e", (1, 50), (55, 90), (150, 200))))
    assert track.hits[0].spans == ((1, 90), (150, 200))


@pytest.mark.parametrize(("evalue", "strong"), [(0.0, True), (1e-10, True), (1e-9, False), (None, False)])
def test_strong_means_homology_beyond_doubt(evalue: float | None, strong: bool) -> None:
    scores = {} if evalue is None else {"evalue": evalue}
    (track,) = evidence_tracks(summary(hit("e", (1, 50), **scores)))
    assert track.hits[0].is_strong is strong
