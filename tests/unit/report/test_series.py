"""Charts over weeks say every value once."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pyecod.report.series import lines, stacked

COUNTS = st.integers(0, 3000)


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=110))
def test_bars_are_as_high_as_their_values_and_stand_on_each_other(weeks: list[tuple[int, int]]) -> None:
    names = [f"week {n}" for n in range(len(weeks))]
    series = {"good": [w[0] for w in weeks], "no_domains": [w[1] for w in weeks]}
    root = etree.fromstring(stacked(names, series, label="x", text=str))
    bars = root.findall("rect")
    assert len(bars) == sum(value > 0 for week in weeks for value in week)
    titles = [bar.findtext("title") for bar in bars]
    expected = []
    for name, (good, none) in zip(names, weeks, strict=True):
        expected += [f"{name}: {good} good"] * (good > 0) + [f"{name}: {none} no domains"] * (none > 0)
    assert titles == expected
    values = [int(re.findall(r": (\d+) ", title)[0]) for title in titles]
    heights = {float(bar.get("height")) / value for bar, value in zip(bars, values, strict=True)}
    assert not heights or max(heights) - min(heights) <= 0.011
    assert all(float(bar.get("y")) >= 8 - 0.1 for bar in bars)


@given(st.lists(st.none() | st.floats(0, 1), max_size=110))
def test_a_line_has_a_point_for_each_known_value_and_breaks_where_there_is_none(values: list[float | None]) -> None:
    root = etree.fromstring(lines([""] * len(values), {"coverage": values}, label="x", text=str, top=1))
    known = [value for value in values if value is not None]
    assert len(root.findall(".//circle")) == len(known)
    runs = sum(v is not None and (i == 0 or values[i - 1] is None) for i, v in enumerate(values))
    assert root.find(".//g/path").get("d").count("M") == runs


def test_names_do_not_crowd_the_axis() -> None:
    root = etree.fromstring(stacked([f"w{n}" for n in range(103)], {"good": [1] * 103}, label="x", text=str))
    named = [text for text in root.findall("text") if (text.text or "").startswith("w")]
    assert 4 <= len(named) <= 8
