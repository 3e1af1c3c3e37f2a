"""The table of ids against a plain dictionary."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.reference.idtable import IdTable

IDS = st.text("abcABC019._-", min_size=1, max_size=30)


def table(ids: set[str] | list[str]) -> tuple[IdTable, dict[str, int]]:
    ordered = sorted(ids)
    return IdTable.of(ordered), {id_: row for row, id_ in enumerate(ordered)}


@given(st.sets(IDS, max_size=60), st.lists(IDS, max_size=60))
def test_rows_are_those_of_a_dictionary(ids: set[str], others: list[str]) -> None:
    found, expected = table(ids)
    asked = [*ids, *others]
    assert found.rows(asked).tolist() == [expected.get(id_, -1) for id_ in asked]
    assert [found.row(id_) for id_ in asked] == [expected.get(id_, -1) for id_ in asked]
    assert [found.id_at(row) for row in range(len(found))] == sorted(ids)


def test_case_is_told_apart() -> None:
    found, _ = table(["e1abcA1", "e1abca1"])
    assert found.rows(["e1abcA1", "e1abca1", "E1ABCA1"]).tolist() == [0, 1, -1]


@pytest.mark.parametrize("wrong", ["e1abcA", "e1abcA11", "e1abcA1x" * 9, "", "é1abcA1", "e1abcA1 ", "日本"])
def test_prefixes_longer_ids_and_foreign_letters_are_unknown(wrong: str) -> None:
    found, _ = table(["e1abcA1", "e1abcA2"])
    assert found.rows([wrong, "e1abcA2"]).tolist() == [-1, 1]
    assert found.row(wrong) == -1


def test_an_id_of_full_words_is_found_and_its_extension_is_not() -> None:
    found, _ = table(["abcdefgh", "abcdefghabcdefgh"])
    assert found.rows(["abcdefgh", "abcdefghabcdefgh", "abcdefghabcdefghx"]).tolist() == [0, 1, -1]


@pytest.mark.parametrize("ids", [[], ["a"], [f"e{i:05d}A1" for i in range(3000)]])
def test_a_mapped_table_answers_like_the_one_that_was_written(tmp_path: Path, ids: list[str]) -> None:
    IdTable.of(ids).write(tmp_path, "domains")
    found = IdTable.open(tmp_path, "domains")
    assert len(found) == len(ids)
    assert found.rows([*ids, "no"]).tolist() == [*range(len(ids)), -1]
    assert found.rows([]).tolist() == []
    assert found.row("no") == -1
    assert found.rows(ids).dtype == np.int32
    assert not found.ids.flags.writeable


def test_ids_out_of_order_or_twice_are_refused() -> None:
    for ids in (["b", "a"], ["a", "a"]):
        with pytest.raises(ValueError, match="sorted and distinct"):
            IdTable.of(ids)


def test_answers_do_not_share_memory_with_the_table(tmp_path: Path) -> None:
    IdTable.of(["a", "b"]).write(tmp_path, "t")
    found = IdTable.open(tmp_path, "t")
    found.rows(["a", "b"])[:] = 7
    assert found.rows(["a", "b"]).tolist() == [0, 1]
    assert pickle.loads(pickle.dumps(found.rows(["b"]))).tolist() == [1]
