"""Which domains are too long for their group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.reference import Reference
from pyecod.reference.lengths import group_lengths


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 500)), max_size=60))
def test_the_quartiles_are_those_of_numpy(members: list[tuple[int, int]]) -> None:
    codes = np.array([code for code, _ in members], np.int32)
    sizes = np.array([size for _, size in members], np.int32)
    found = group_lengths(codes, sizes, 4)
    for group in range(4):
        own = sizes[codes == group]
        if len(own) < 6:
            assert np.isinf(found.limit[group])
            assert not found.is_repeat[group]
            continue
        lower, median, upper = np.percentile(own, [25, 50, 75])
        assert found.limit[group] == pytest.approx(max(upper + 3 * (upper - lower), 1.5 * median))
        assert found.is_repeat[group] == (upper - lower > 0.5 * median + 1e-9)


@pytest.fixture
def reference(make_reference: Callable[..., Path], line: Callable[..., Any]) -> Reference:
    def domains(group: str, lengths: list[int], entry: str) -> list[Any]:
        return [
            line(f"e{entry}{chr(65 + n)}1", group, entry, chr(65 + n), f"{chr(65 + n)}:1-{length}")
            for n, length in enumerate(lengths)
        ]

    lines = domains("1.1.1.1", [98, 99, 100, 100, 101, 102], "1aaa")
    lines += domains("2.1.1.1", [33, 66, 99, 132, 165, 198], "1bbb")  # ankyrins and their like
    lines += domains("1.1.1.2", [100, 100], "1ccc")  # a small family of the first T-group
    lines += domains("3.1.1.1", [100, 100], "1ddd")  # and one alone
    return Reference.open(make_reference(lines))


@pytest.mark.parametrize(
    ("like", "size", "expected"),
    [
        ("e1aaaA1", 150, None),
        ("e1aaaA1", 200, "merged"),
        ("e1bbbA1", 396, None),
        ("e1bbbA1", 500, "repeat"),
        ("e1cccA1", 200, "merged"),  # by its T-group
        ("e1dddA1", 900, None),  # nothing is known
    ],
)
def test_a_domain_is_too_long_for_its_family(reference: Reference, like: str, size: int, expected: str | None) -> None:
    row = int(reference.rows([like])[0])
    assert reference.beyond_family(row, size) == expected
