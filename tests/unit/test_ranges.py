"""Residue ranges against the plain set of their residues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import RangeError
from pyecod.ranges import ResidueRange

_SEGMENTS = st.lists(st.tuples(st.integers(1, 80), st.integers(-2, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)
ranges = _SEGMENTS.map(ResidueRange.of)


def residues(segments) -> set[int]:
    return {r for a, b in segments for r in range(a, b + 1)}


@given(_SEGMENTS)
def test_a_range_is_the_union_of_its_segments_sorted_and_apart(segments):
    made = ResidueRange.of(segments)
    assert set(made) == residues(segments)
    assert list(made) == sorted(set(made))
    assert len(made) == len(set(made))
    assert bool(made) == bool(set(made))
    assert made.is_discontinuous == (len(made.segments) > 1)
    for (_, end), (start, _) in zip(made.segments, made.segments[1:], strict=False):
        assert start > end + 1


@given(_SEGMENTS, st.randoms())
def test_equal_sets_are_equal_objects(segments, random):
    shuffled = segments[:]
    random.shuffle(shuffled)
    single = [(r, r) for r in residues(segments)]
    assert ResidueRange.of(segments) == ResidueRange.of(shuffled) == ResidueRange.of(single)
    assert hash(ResidueRange.of(segments)) == hash(ResidueRange.of(single))


@given(ranges.filter(bool))
def test_text_and_back(made):
    assert ResidueRange.parse(str(made)) == made
    assert ResidueRange.parse(" " + str(made).replace(",", " , ")) == made
    assert (made.start, made.end) == (min(made), max(made))


@given(ranges, st.integers(0, 120))
def test_mask_and_back(made, length):
    mask = made.mask(length)
    assert mask.shape == (length,)
    assert {int(i) + 1 for i in np.flatnonzero(mask)} == {r for r in made if r <= length}
    assert ResidueRange.from_mask(mask) == made.clip(1, length)


@given(ranges, ranges, ranges)
def test_set_operations(a, b, c):
    assert set(a.union(b, c)) == set(a) | set(b) | set(c)
    assert set(a.intersection(b)) == set(a) & set(b)
    assert set(a.difference(b)) == set(a) - set(b)
    assert a.overlap(b) == b.overlap(a) == len(set(a) & set(b))
    assert a.union() == a


@given(ranges, ranges)
def test_iou(a, b):
    union = set(a) | set(b)
    assert a.iou(b) == b.iou(a) == (len(set(a) & set(b)) / len(union) if union else 0)


@given(ranges, st.integers(-5, 100), st.integers(-5, 100))
def test_clip_and_membership(made, start, end):
    assert set(made.clip(start, end)) == {r for r in made if start <= r <= end}
    assert (start in made) == (start in set(made))


@given(ranges, st.integers(0, 20))
def test_closing_gaps_fills_those_that_are_small_enough(made, largest):
    gaps = zip(made.segments, made.segments[1:], strict=False)
    filled = {r for (_, a), (b, _) in gaps if b - a - 1 <= largest for r in range(a + 1, b)}
    assert set(made.close_gaps(largest)) == set(made) | filled


@given(ranges, st.integers(-1, 120))
def test_coverage_is_a_share_of_the_chain(made, length):
    coverage = made.coverage(length)
    assert 0 <= coverage <= 1
    if length > 0:
        assert coverage == len([r for r in made if r <= length]) / length


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10-110,150-200", ((10, 110), (150, 200))),
        ("7", ((7, 7),)),
        ("A:10-110,A:150-200", ((10, 110), (150, 200))),
        ("A-2:1-5", ((1, 5),)),
        ("5-9,1-3,4-4", ((1, 9),)),
        ("1-3,2-2", ((1, 3),)),
    ],
)
def test_accepted_texts(text, expected):
    assert ResidueRange.parse(text).segments == expected


@pytest.mark.parametrize(
    "text", ["", ",", "1-", "-1", "0-5", "5-3", "1-5,", "a-b", "1.5-3", "1–5", "A:", "1-5;6-9", "１-２", "9" * 5000]
)
def test_refused_texts(text):
    with pytest.raises(RangeError) as caught:
        ResidueRange.parse(text)
    assert len(str(caught.value)) < 200


@given(st.text("0123456789-,:A \n", max_size=20))
def test_any_text_is_a_range_or_a_range_error(text):
    try:
        made = ResidueRange.parse(text)
    except RangeError:
        return
    assert made.start >= 1


def test_the_empty_range():
    empty = ResidueRange()
    assert (len(empty), str(empty), bool(empty), empty.coverage(10), empty.iou(empty)) == (0, "", False, 0.0, 0.0)
    assert ResidueRange.from_mask(np.zeros(0, dtype=bool)) == empty
