"""What was read comes back by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.errors import ReferenceDataError
from pyecod.ranges import ResidueRange
from pyecod.reference.lists import ListLine
from pyecod.reference.lookup import Lookup

Make = Callable[..., Lookup]
Line = Callable[..., ListLine]


def test_columns_stand_in_the_order_of_the_ids(make_lookup: Make, line: Line) -> None:
    lookup = make_lookup(
        [
            line("e2abcB1", "2.1.1", pdb="2abc", chain="B", seqid_range="B:5-9", uid="7"),
            line("e1abcA1", "10.1.1.4", seqid_range="A:1-10", is_representative=True, pdb_range="A:2-11"),
            line("e1abcA2", "NA", seqid_range="A:11-20,A:30-39"),
        ],
        {"1abc_A": 50},
    )
    assert lookup.domain_ids.ids.tolist() == [b"e1abcA1", b"e1abcA2", b"e2abcB1"]
    domains = lookup.domains
    assert domains.length.tolist() == [10, 20, 5]
    assert domains.x.tolist() == [1, -1, 0]
    assert domains.t.tolist() == [1, -1, 0]
    assert domains.f.tolist() == [0, -1, -1]
    assert domains.representative.tolist() == [True, False, False]
    assert domains.segments.tolist() == [[1, 10], [11, 20], [30, 39], [5, 9]]
    assert domains.segment_ends.tolist() == [0, 1, 3, 4]
    assert bytes(domains.text) == b"000000001\tA:2-11000000001\t7\t"
    assert lookup.chain_keys.ids.tolist() == [b"1abc_A", b"2abc_B"]
    assert lookup.chains.length.tolist() == [50, -1]
    assert domains.chain.tolist() == [0, 0, 1]
    assert {getattr(domains, field.name).dtype for field in fields(domains) if field.name in "xhtf"} == {
        np.dtype(np.int32)
    }


def test_domains_of_a_chain_stand_in_the_order_of_its_residues(make_lookup: Make, line: Line) -> None:
    lookup = make_lookup(
        [
            line("e1abcA1", seqid_range="A:50-90"),
            line("e1abcA2", seqid_range="A:1-20,A:100-110"),
            line("e1abcA3", seqid_range=""),
            line("e1abcA4", seqid_range="A:1-10"),
        ]
    )
    assert lookup.chains.rows.tolist() == [3, 1, 0]
    assert lookup.chains.row_ends.tolist() == [0, 3]


def test_two_chains_of_one_sequence_record_are_one(make_lookup: Make, line: Line) -> None:
    lines = [
        line("P1_nD1", pdb="P1", chain="A", seqid_range="1-9"),
        line("P1_nD2", pdb="", chain="", seqid_range="20-29"),
    ]
    lookup = make_lookup(lines, {"P1": 40})
    assert lookup.chain_keys.ids.tolist() == [b"P1"]
    assert lookup.chains.rows.tolist() == [0, 1]


def test_a_lookup_without_any_range_can_be_opened(make_lookup: Make, line: Line) -> None:
    lookup = make_lookup([line("somedomain", "NA", pdb="", chain="", seqid_range="", uid="")])
    assert len(lookup.domain_ids) == 1
    assert len(lookup.chain_keys) == 0
    assert lookup.domains.segments.shape == (0, 2)


def test_a_lookup_with_a_missing_or_damaged_file_is_an_error(make_lookup: Make, line: Line) -> None:
    folder = make_lookup([line("e1abcA1")]).groups_path.parent
    (folder / "domains.t.npy").write_bytes(b"nothing")
    with pytest.raises(ReferenceDataError, match="lookup cannot be read"):
        Lookup.open(folder)
    (folder / "domains.t.npy").unlink()
    with pytest.raises(ReferenceDataError, match=r"domains\.t\.npy"):
        Lookup.open(folder)


SEGMENTS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), min_size=0, max_size=4)
GROUPS = st.sampled_from(["1.1.1.3", "1.1", "NA"])
IDS = st.from_regex(r"e[1-3]abc[AaB][0-9]{1,2}", fullmatch=True)
DOMAINS = st.dictionaries(IDS, st.tuples(SEGMENTS, GROUPS), max_size=25)
_made = iter(range(10**9))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(DOMAINS)
def test_any_lists_come_back_as_they_went_in(
    make_lookup: Make, line: Line, domains: dict[str, tuple[list[tuple[int, int]], str]]
) -> None:
    ranges = {id_: ResidueRange.of((a, a + more) for a, more in parts) for id_, (parts, _) in domains.items()}
    lines = [
        line(id_, group, pdb=id_[1:5], chain=id_[5], seqid_range=str(ranges[id_]))
        for id_, (_, group) in domains.items()
    ]
    lookup = make_lookup(lines, name=f"lookup{next(_made)}")
    found = lookup.domains
    assert [id_.decode() for id_ in lookup.domain_ids.ids.tolist()] == sorted(domains)
    for row, id_ in enumerate(sorted(domains)):
        segments = found.segments[found.segment_ends[row] : found.segment_ends[row + 1]].tolist()
        assert ResidueRange(tuple(map(tuple, segments))) == ranges[id_]
        assert found.length[row] == len(ranges[id_])
        assert (found.h[row] >= 0) == (domains[id_][1] != "NA")
        assert (found.f[row] >= 0) == (domains[id_][1] == "1.1.1.3")
    chains = lookup.chains
    for row in range(len(lookup.chain_keys)):
        key = lookup.chain_keys.id_at(row)
        on_it = [lookup.domain_ids.id_at(r) for r in chains.rows[chains.row_ends[row] : chains.row_ends[row + 1]]]
        expected = [id_ for id_ in domains if f"{id_[1:5]}_{id_[5]}" == key and ranges[id_]]
        assert sorted(on_it) == sorted(expected)
        assert [ranges[id_].start for id_ in on_it] == sorted(ranges[id_].start for id_ in on_it)
