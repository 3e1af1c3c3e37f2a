"""Group ids, names, and which of several names wins."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError, ReferenceDataError
from pyecod.reference.groups import LEVELS, GroupTable, GroupVotes, clean_name, level_of, lineage, parse_group

HEADER = "hierarchy,architecture,fold_desc,h_desc,t_desc,f_desc\n"


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("1.1.1.3", "1.1.1.3"),
        ("106.1.1", "106.1.1"),
        ("11.1.1.0", "11.1.1"),
        ("11.1.0.0", "11.1"),
        (" 2003.1.1.44 ", "2003.1.1.44"),
        ("7.10.20.30", "7.10.20.30"),
        ("", None),
        ("NA", None),
        ("N/A", None),
        ("F_UNCLASSIFIED", None),
    ],
)
def test_a_group_is_as_deep_as_it_says(text: str, group: str | None) -> None:
    assert parse_group(text) == group


@pytest.mark.parametrize("text", ["0.1.1", "1.1.1.1.1", "1..2", "a.b", "1.0.1.2", "1.1.1.", "-1.1", "1.1.1.3;x"])
def test_what_is_no_group_id_is_refused(text: str) -> None:
    with pytest.raises(BrokenInputError):
        parse_group(text)


@given(st.lists(st.integers(1, 9999), min_size=1, max_size=4))
def test_a_group_ends_its_own_lineage(parts: list[int]) -> None:
    group = ".".join(map(str, parts))
    above = lineage(group)
    assert above[-1] == parse_group(group) == group
    assert [level_of(one) for one in above] == list(LEVELS[: len(parts)])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"cradle loop barrel"', "cradle loop barrel"),
        ('The "swivelling" domain', 'The "swivelling" domain'),
        ('"The ""swivelling"" domain"', 'The "swivelling" domain'),
        ('"a" and "b"', '"a" and "b"'),
        ('"', '"'),
        ("F_UNCLASSIFIED", ""),
        ("NO_H_NAME", ""),
        ("NA", ""),
        ("  SH3 ", "SH3"),
    ],
)
def test_quotes_that_enclose_a_name_are_no_part_of_it(text: str, name: str) -> None:
    assert clean_name(text) == name


def table(*votes: tuple[str, tuple[str, ...], int]) -> GroupTable:
    collected = GroupVotes()
    for group, names, weight in votes:
        collected.add(group, names, weight)
    return collected.table()


def test_groups_are_coded_in_natural_order_with_all_those_above_them() -> None:
    groups = table(
        ("10.1.1.2", ("a", "x10", "h", "t", "f"), 1),
        ("2.1.10", ("b", "x2", "h", "t", "no F-group, no name"), 1),
        ("2.1.9", ("b", "x2", "h", "t9", ""), 1),
    )
    assert groups.ids == {
        "x": ("2", "10"),
        "h": ("2.1", "10.1"),
        "t": ("2.1.9", "2.1.10", "10.1.1"),
        "f": ("10.1.1.2",),
    }
    assert groups.codes["2.1.10"] == 1
    assert groups.names_of("10.1.1.2") == {"x": "x10", "h": "h", "t": "t", "f": "f"}
    assert groups.names_of("2.1.10") == {"x": "x2", "h": "h", "t": "t"}
    assert groups.architectures == {"2": "b", "10": "a"}
    assert groups.children("2.1") == ["2.1.9", "2.1.10"]
    assert groups.children("10.1.1.2") == []


def test_the_most_frequent_name_wins_and_no_name_never_does() -> None:
    groups = table(
        ("1.1.1.1", ("", "NO_X_NAME", "", "b", "F_UNCLASSIFIED"), 90),
        ("1.1.1.1", ("", "x", "h", "b", "f"), 1),
        ("1.1.1.2", ("", "x", "h", "a", "f"), 5),
    )
    assert groups.names_of("1.1.1.1") == {"x": "x", "h": "h", "t": "b", "f": "f"}


def test_names_without_majority_are_chosen_alike_whatever_the_order() -> None:
    votes = [("1", ("", "b"), 1), ("1", ("", "a"), 1)]
    assert table(*votes).names == table(*votes[::-1]).names == {"1": "a"}


def test_an_unknown_group_has_no_names() -> None:
    with pytest.raises(KeyError):
        table(("1", ("", "x"), 1)).names_of("2")


def test_names_of_a_hierarchy_file_go_before_those_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "hierarchy.csv"
    path.write_text(HEADER + '1.1.1.1,beta barrels,"Barrel, open",RIFT,protease,RVP\n9.1.1.1,alpha,x9,h9,t9,f9\n')
    votes = GroupVotes()
    votes.add("1.1.1.1", ("other", "other", "other", "other", "other"), 100)
    votes.add("1.1.1.2", ("other", "other", "other", "other", "only here"), 100)
    votes.add_hierarchy(path)
    groups = votes.table()
    assert groups.names_of("1.1.1.1") == {"x": "Barrel, open", "h": "RIFT", "t": "protease", "f": "RVP"}
    assert groups.names_of("1.1.1.2")["f"] == "only here"
    assert groups.names_of("9.1.1.1")["f"] == "f9"
    assert groups.architectures["1"] == "beta barrels"


def test_groups_with_several_names_are_reported() -> None:
    votes = GroupVotes()
    votes.add("1.1", ("", "x", "h"), 2)
    votes.add("1.1", ("", "x", "other"), 1)
    assert list(votes.differing()) == [("1.1", ["h", "other"])]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column 'hierarchy'"),
        ("hierarchy,architecture\n1,2\n", "no column 'fold_desc'"),
        (HEADER + "1.1.x,a,b,c,d,e\n", "not an ECOD group id"),
    ],
)
def test_what_is_no_hierarchy_file_is_an_error_that_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "hierarchy.csv"
    path.write_text(text)
    with pytest.raises(ReferenceDataError, match=says) as caught:
        GroupVotes().add_hierarchy(path)
    assert str(path) in caught.value.where


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    groups = table(("10.1.1.2", ("a", "x", "h", "t", "f"), 1), ("2", ("b", "y"), 1))
    groups.write(tmp_path / "groups.json")
    assert GroupTable.read(tmp_path / "groups.json") == groups


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"ids": {"x": 1}}'])
def test_a_damaged_table_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "groups.json").write_bytes(content)
    with pytest.raises(ReferenceDataError, match=r"groups.json"):
        GroupTable.read(tmp_path / "groups.json")


HIERARCHY = b"hierarchy,architecture,fold_desc,h_desc,t_desc,f_desc\n1.1.1.1,a,b,c,d,e\n"


@pytest.mark.parametrize(
    "data",
    [HIERARCHY, b"\xef\xbb\xbf" + HIERARCHY, HIERARCHY.replace(b"\n", b"\r\n"), gzip.compress(HIERARCHY)],
)
def test_a_hierarchy_is_read_by_its_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(data)
    votes = GroupVotes()
    votes.add_hierarchy(path)
    assert votes.table().names["1.1.1.1"] == "e"


@given(st.data())
@settings(deadline=None)
def test_a_damaged_hierarchy_is_the_declared_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = bytearray(gzip.compress(HIERARCHY * 50, mtime=0))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "names.csv.gz"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with suppress(ReferenceDataError, BrokenInputError):
        GroupVotes().add_hierarchy(path)


def test_a_control_character_in_a_name_is_refused_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(HIERARCHY + b"1.1.1.2,a,b,c,d\x01,e\n")
    with pytest.raises(ReferenceDataError, match="control character") as caught:
        GroupVotes().add_hierarchy(path)
    assert caught.value.where == f"{path}:3"


def test_a_line_that_fills_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(HIERARCHY + b"x" * 200_000)
    with pytest.raises(ReferenceDataError, match="line too long") as caught:
        GroupVotes().add_hierarchy(path)
    assert caught.value.where == f"{path}:3"
