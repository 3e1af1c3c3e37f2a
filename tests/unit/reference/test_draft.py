"""List lines become domains, or are rejected with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.reference.draft import Draft, resolve_chains
from pyecod.reference.lists import ListLine
from pyecod.reference.misfits import Misfit, Remark

Line = Callable[..., ListLine]


def test_a_domain_is_kept_with_its_range_and_group(draft: Draft, line: Line) -> None:
    draft.add(line("e1abcA1", "2.1.1.44", seqid_range="A:1-50,A:60-79"))
    assert draft.ids == ["e1abcA1"]
    assert draft.length[0] == 70
    assert draft.segments_of(0) == ((1, 50), (60, 79))
    assert draft.groups == ["2.1.1.44"]
    assert not draft.log.rejected
    assert not draft.log.remarks


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id_": ""}, Misfit.BAD_ID),
        ({"id_": "e1abc/A1"}, Misfit.BAD_ID),
        ({"id_": "e1abc A1"}, Misfit.BAD_ID),
        ({"id_": "e" * 64}, Misfit.BAD_ID),
        ({"id_": "e1abc;A1"}, Misfit.BAD_ID),
        ({"pdb": "../x"}, Misfit.BAD_ID),
        ({"chain": "A/B", "seqid_range": "1-9"}, Misfit.BAD_ID),
        ({"group": "1.1.x"}, Misfit.BAD_GROUP),
        ({"group": "1.1.1.1.1"}, Misfit.BAD_GROUP),
        ({"seqid_range": "A:-3-100"}, Misfit.BAD_RANGE),
        ({"seqid_range": "A:1B-99A"}, Misfit.BAD_RANGE),
        ({"seqid_range": "A:50-10"}, Misfit.BAD_RANGE),
        ({"seqid_range": "A:1-50,A:40-60"}, Misfit.BAD_RANGE),
        ({"seqid_range": "B:1-50"}, Misfit.BAD_RANGE),
    ],
)
def test_a_line_that_contradicts_itself_is_rejected_with_file_and_line(
    draft: Draft, line: Line, change: dict[str, str], reason: Misfit
) -> None:
    draft.add(line(**{"id_": "e1abcA1", "line": 7, **change}))
    assert dict(draft.log.rejected) == {reason: 1}
    assert draft.log.first[reason] == "list.txt:7"
    assert len(draft) == 0
    assert draft.order().tolist() == []


def test_the_second_line_of_an_id_is_rejected_and_names_the_first(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", line=3))
    draft.add(line("e1abca1", chain="a", seqid_range="a:1-5", line=4))
    draft.begin("other.txt")
    draft.add(line("e1abcA1", line=9))
    assert draft.ids == ["e1abcA1", "e1abca1"]
    assert dict(draft.log.rejected) == {Misfit.DUPLICATE_ID: 1}
    draft.log.__exit__(None, None, None)
    text = (tmp_path / "log" / "rejected.tsv").read_text()
    assert text.splitlines()[1] == "other.txt:9\te1abcA1\tduplicate_id\talready in list.txt:3"


def test_a_domain_without_seqid_range_is_kept_and_noted(draft: Draft, line: Line) -> None:
    draft.add(line("e1abcA1", seqid_range="", pdb_range="A:-2-207"))
    assert draft.length[0] == 0
    assert draft.segments_of(0) == ()
    assert dict(draft.log.remarks) == {Remark.NO_SEQID_RANGE: 1}


@pytest.mark.parametrize("group", ["NA", "N/A", "", "F_UNCLASSIFIED"])
def test_a_domain_without_group_is_kept_and_noted(draft: Draft, line: Line, group: str) -> None:
    draft.add(line("e1abcA1", group))
    assert draft.group[0] == -1
    assert dict(draft.log.remarks) == {Remark.NO_GROUP: 1}


@pytest.mark.parametrize(("chain", "text"), [(".", "A:1-50,B:1-100"), ("A", "A:1-50,B:1-100"), (".", "")])
def test_a_domain_of_several_chains_is_kept_without_chain_and_range(
    draft: Draft, line: Line, chain: str, text: str
) -> None:
    draft.add(line("e1abc.1", chain=chain, seqid_range=text))
    assert draft.chain[0] == -1
    assert draft.segments_of(0) == ()
    assert draft.length[0] == (150 if text else 0)
    assert dict(draft.log.remarks) == {Remark.SEVERAL_CHAINS: 1}


def test_a_trailing_zero_is_the_t_group_and_shares_its_code(draft: Draft, line: Line) -> None:
    draft.add(line("a", "11.1.1.0"))
    draft.add(line("b", "11.1.1"))
    assert draft.groups == ["11.1.1"]
    assert list(draft.group) == [0, 0]


def test_segments_of_a_permuted_domain_keep_the_lists_order_for_its_sequence(draft: Draft, line: Line) -> None:
    draft.add(line("e1abcA1", seqid_range="A:100-120,A:1-50"))
    assert draft.segments_of(0) == ((100, 120), (1, 50))
    assert list(draft.segments) == [1, 50, 100, 120]


@pytest.mark.parametrize(
    ("pdb", "chain", "id_", "lengths", "key"),
    [
        ("2nmz", "A", "e2nmzA1", {}, "2nmz_A"),
        ("2NMZ", "A", "e2nmzA1", {"2nmz_A": 9}, "2nmz_A"),
        ("2nmz", "a", "e2nmza1", {"2nmz_A": 9}, "2nmz_a"),
        ("pdb_00002nmz", "A", "e2nmzA1", {}, "2nmz_A"),
        ("pdb_10002nmz", "AA", "e2nmzAA1", {}, "pdb_10002nmz_AA"),
        ("P00350", "A", "P00350_nD1", {"P00350": 468}, "P00350"),
        ("P00350", "A", "P00350_nD1", {"P00350": 468, "P00350_A": 468}, "P00350_A"),
        ("P00350", "A", "P00350_nD1", {}, "P00350_A"),
        ("", "", "UPI00376788AD_nD1", {}, "UPI00376788AD"),
        ("", "A", "UPI00376788AD_nD12", {"UPI00376788AD": 9}, "UPI00376788AD"),
        ("P00350", "", "P00350_nD1", {}, "P00350"),
    ],
)
def test_a_chain_is_known_by_the_key_of_its_sequence(
    draft: Draft, line: Line, pdb: str, chain: str, id_: str, lengths: dict[str, int], key: str
) -> None:
    draft.add(line(id_, pdb=pdb, chain=chain, seqid_range="1-9"))
    assert resolve_chains(draft.chains, lengths) == [key]


def test_a_domain_of_no_chain_has_none(draft: Draft, line: Line) -> None:
    draft.add(line("somedomain", pdb="", chain="", seqid_range="1-9"))
    assert draft.chain[0] == -1
    assert draft.length[0] == 9


def test_the_order_is_that_of_bytes_and_without_the_rejected(draft: Draft, line: Line) -> None:
    for id_ in ("e1abca1", "e1abcA1", "Q1_nD1", "e1abcA10", "e1abcA2"):
        draft.add(line(id_))
    draft.reject(draft.numbers["e1abcA2"], Misfit.LENGTH_DIFFERS, "test")
    assert [draft.ids[number] for number in draft.order()] == ["Q1_nD1", "e1abcA1", "e1abcA10", "e1abca1"]
    assert draft.was_rejected("e1abcA2")
    assert not draft.was_rejected("e1abcA1")
    assert not draft.was_rejected("unheard")


CELLS = st.one_of(
    st.text(max_size=20), st.text("eA1abc:.,-_ 0N", max_size=20), st.sampled_from(["A:1-9", "1.1.1", "NA"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS, min_size=5, max_size=5))
def test_any_line_is_kept_or_rejected(draft: Draft, line: Line, cells: list[str]) -> None:
    before = len(draft) + draft.log.rejected.total()
    draft.add(line(*cells))
    assert len(draft) + draft.log.rejected.total() == before + 1
