"""Charts count every value once."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pyecod.report.charts import histogram, share_bar


def counts(svg: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) chains</title>", svg)]


@given(st.lists(st.floats(-10, 10, allow_nan=False)))
def test_every_value_is_in_one_bin_and_the_outer_bins_take_the_rest(values: list[float]) -> None:
    svg = histogram(values, [0, 1, 2, 3], label="x", unit="chains")
    etree.fromstring(svg)
    inner = sum(1 <= v < 2 for v in values)
    assert counts(svg) == [sum(v < 1 for v in values), inner, sum(v >= 2 for v in values)]


def test_a_value_on_an_edge_belongs_to_the_bin_it_begins() -> None:
    assert counts(histogram([0.8], [0.7, 0.8, 0.9], label="coverage", unit="chains")) == [0, 1]


def test_whole_numbers_are_named_below_their_bars() -> None:
    svg = histogram([2, 2, 7], [0, 1, 2, 3], label="domains", unit="chains", whole=True)
    assert "<title>domains 2: 3 chains</title>" in svg
    assert re.findall(r'class="tick"[^>]*>([^<]*)', svg) == ["0", "1", "2"]


def test_shares_fill_the_bar() -> None:
    root = etree.fromstring(share_bar({"good": 3, "failed": 1, "pending": 0}, unit="chains"))
    assert [(r.get("class"), float(r.get("width", ""))) for r in root.iter("rect")] == [("good", 750), ("failed", 250)]


def test_nothing_to_count_is_an_empty_chart() -> None:
    etree.fromstring(histogram([], [0, 1], label="x", unit="chains"))
    etree.fromstring(share_bar({}, unit="chains"))
