"""An opened reference."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml

from pyecod.errors import ReferenceDataError
from pyecod.ranges import ResidueRange
from pyecod.reference import ChainDomains, Reference, ReferenceDomain
from pyecod.reference.lists import ListLine
from pyecod.reference.record import RECORD_NAME

Line = Callable[..., ListLine]
MakeReference = Callable[..., Path]

NAMES = {"x": "cradle loop barrel", "h": "RIFT-related", "t": "acid protease", "f": "RVP"}


@pytest.fixture
def path(make_reference: MakeReference, line: Line) -> Path:
    lines = [
        line("e1abcA2", "1.1.1.3", seqid_range="A:60-80,A:100-110", pdb_range="A:61-81,A:101-111", uid="42"),
        line("e1abcA1", "1.1.1.3", seqid_range="A:1-50", is_representative=True),
        line("e1abca1", "1.1.1", chain="a", seqid_range="a:1-50"),
        line("e3abcA1", "NA", pdb="3abc", seqid_range="A:7-9"),
        line("e4abc.1", "20.1", pdb="4abc", chain=".", seqid_range="A:1-9,B:1-9"),
        line("P00350_nD1", "1.1.1.3", pdb="P00350", seqid_range="A:4-174"),
    ]
    return make_reference(lines, {"1abc_A": 120, "P00350": 468})


@pytest.fixture
def reference(path: Path) -> Reference:
    return Reference.open(path)


def test_families_are_named_as_deep_as_the_list_goes(reference: Reference) -> None:
    ids = ["e1abcA2", "e1abca1", "e4abc.1", "e3abcA1", "e9zzzA1"]
    assert reference.families(ids) == [("RVP", 32), ("1.1.1", 50), ("", 18), ("", 3), None]
    assert reference.families([]) == []


def test_a_domain_is_everything_the_list_says(reference: Reference) -> None:
    assert reference.domain("e1abcA2") == ReferenceDomain(
        id="e1abcA2",
        uid="42",
        chain_key="1abc_A",
        range=ResidueRange(((60, 80), (100, 110))),
        pdb_range="A:61-81,A:101-111",
        length=32,
        f_group="1.1.1.3",
        t_group="1.1.1",
        h_group="1.1",
        x_group="1",
        names=NAMES,
    )
    assert reference.domain("e1abcA1").is_representative


def test_groups_a_domain_does_not_have_are_none(reference: Reference) -> None:
    t_only = reference.domain("e1abca1")
    assert (t_only.f_group, t_only.t_group, t_only.names) == (None, "1.1.1", {k: NAMES[k] for k in "xht"})
    none = reference.domain("e3abcA1")
    assert (none.f_group, none.t_group, none.h_group, none.x_group, none.names) == (None, None, None, None, {})
    several = reference.domain("e4abc.1")
    assert (several.chain_key, several.range, several.length) == ("", ResidueRange(), 18)
    assert (several.h_group, several.t_group) == ("20.1", None)


def test_rows_index_the_columns(reference: Reference) -> None:
    rows = reference.rows(["e3abcA1", "unknown", "e1abcA2"])
    assert rows.dtype == np.int32
    assert rows[1] == -1
    known = rows[[0, 2]]
    assert reference.length[known].tolist() == [3, 32]
    assert reference.t[known].tolist()[0] == -1
    assert reference.group_id("t", int(reference.t[known[1]])) == "1.1.1"
    assert reference.group_id("f", int(reference.f[known[1]])) == "1.1.1.3"
    assert [reference.domain_at(row).id for row in known] == ["e3abcA1", "e1abcA2"]
    assert reference.length.shape == reference.x.shape == reference.h.shape == (len(reference),)


def test_columns_cannot_be_written(reference: Reference) -> None:
    with pytest.raises(ValueError, match="read-only"):
        reference.length[0] = 1


def test_an_unknown_domain_group_or_row_is_an_error(reference: Reference) -> None:
    for ask in (
        lambda: reference.domain("e9abcA1"),
        lambda: reference.domain("E1ABCA1"),
        lambda: reference.domain(""),
        lambda: reference.group_id("t", -1),
        lambda: reference.group_id("t", 10**6),
        lambda: reference.group_names("99.1"),
        lambda: reference.group_rows("99.1"),
        lambda: reference.group_rows("1.1.1.3.1.1"),
    ):
        with pytest.raises(KeyError):
            ask()
    for row in (-1, len(reference)):
        with pytest.raises(IndexError):
            reference.domain_at(row)
        with pytest.raises(IndexError):
            reference.chain_at(row)


def test_a_chain_gives_its_domains_in_the_order_of_its_residues(reference: Reference) -> None:
    chain = reference.chain_domains("1abc_A")
    assert isinstance(chain, ChainDomains)
    assert [reference.domain_at(row).id for row in chain.rows] == ["e1abcA1", "e1abcA2"]
    assert chain.ranges == (ResidueRange(((1, 50),)), ResidueRange(((60, 80), (100, 110))))
    assert chain.length == reference.chain_length("1abc_A") == 120
    assert chain.chain_key == "1abc_A"


def test_chains_differ_by_case_and_may_be_records(reference: Reference) -> None:
    lower = reference.chain_domains("1abc_a")
    assert lower is not None
    assert [reference.domain_at(row).id for row in lower.rows] == ["e1abca1"]
    assert lower.length is reference.chain_length("1abc_a") is None
    record = reference.chain_domains("P00350")
    assert record is not None
    assert record.ranges == (ResidueRange(((4, 174),)),)
    assert reference.chain_length("P00350") == 468


def test_a_chain_without_domains_with_ranges_is_none(reference: Reference) -> None:
    for key in ("4abc_A", "9zzz_A", "1ABC_A", "", "P00350_A"):
        assert reference.chain_domains(key) is None
        assert reference.chain_length(key) is None


def test_many_chains_are_found_at_once(reference: Reference) -> None:
    rows = reference.chains(["P00350", "no", "1abc_A"])
    assert rows[1] == -1
    found = [reference.chain_at(int(row)) for row in rows[[0, 2]]]
    assert [chain.chain_key for chain in found if chain] == ["P00350", "1abc_A"]


def test_segments_of_many_chains_are_those_of_each(reference: Reference) -> None:
    keys = ["P00350", "no", "1abc_A", "1abc_a", "1abc_A"]
    expected = [
        [place, row, first, last]
        for place, chain in enumerate(map(reference.chain_domains, keys))
        if chain is not None
        for row, residues in zip(chain.rows.tolist(), chain.ranges, strict=True)
        for first, last in residues.segments
    ]
    assert len(expected) == 1 + 3 + 1 + 3
    assert reference.chain_segments(reference.chains(keys)).tolist() == expected
    assert reference.chain_segments(reference.chains(["no"])).shape == (0, 4)
    assert reference.chain_segments(reference.chains([])).shape == (0, 4)


def test_a_group_gives_its_domains_of_all_depths(reference: Reference) -> None:
    assert [reference.id_at(row) for row in reference.group_rows("1.1.1")] == [
        "P00350_nD1", "e1abcA1", "e1abcA2", "e1abca1",
    ]  # fmt: skip
    assert len(reference.group_rows("1.1.1.3")) == 3
    assert reference.group_names("1.1.1.3") == NAMES


def test_ids_that_begin_alike_are_listed(reference: Reference) -> None:
    assert reference.ids_like("e1abc") == ["e1abcA1", "e1abcA2", "e1abca1"]
    assert reference.ids_like("e1abc", most=1) == ["e1abcA1"]
    assert reference.ids_like("z") == reference.ids_like("e2") == []


def test_names_and_prefixes_are_those_of_the_record(reference: Reference, path: Path) -> None:
    assert reference.version == "test1"
    assert reference.id.startswith("test1-")
    assert reference.domain_db == path / "blast" / "domains"
    assert reference.domain_db_id == "d" * 64
    assert (reference.chain_db, reference.chain_db_id, reference.hh_db, reference.hh_db_id) == (None,) * 4


def test_an_unchanged_reference_is_opened_once_per_process(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    first = Reference.open(path)
    assert Reference.open(str(path)) is first
    assert Reference.open(tmp_path / "link") is first


def test_a_rebuilt_reference_is_opened_anew(path: Path) -> None:
    first = Reference.open(path)
    record = yaml.safe_load((path / RECORD_NAME).read_text())
    (path / RECORD_NAME).write_text(yaml.safe_dump({**record, "id": "test1-other"}))
    assert Reference.open(path) is not first
    assert Reference.open(path).id == "test1-other"


def test_a_pickle_opens_the_same_reference(reference: Reference, path: Path) -> None:
    pickled = pickle.dumps(reference)
    assert len(pickled) < 500
    assert pickle.loads(pickled) is reference
    record = yaml.safe_load((path / RECORD_NAME).read_text())
    (path / RECORD_NAME).write_text(yaml.safe_dump({**record, "id": "test1-other"}))
    with pytest.raises(ReferenceDataError, match="has changed"):
        pickle.loads(pickled)


def test_a_moved_reference_is_the_same(reference: Reference, path: Path, tmp_path: Path) -> None:
    shutil.copytree(path, tmp_path / "elsewhere")
    moved = Reference.open(tmp_path / "elsewhere")
    assert moved.id == reference.id
    assert moved.domain("e1abcA2") == reference.domain("e1abcA2")
    assert moved.domain_db == tmp_path / "elsewhere" / "blast" / "domains"


def test_threads_get_the_same_answers(path: Path) -> None:
    expected = Reference.open(path).domain("e1abcA2")

    def ask(_: int) -> bool:
        reference = Reference.open(path)
        chain = reference.chain_domains("1abc_A")
        return chain is not None and reference.domain_at(int(chain.rows[1])) == expected

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(200)))


def test_no_reference_is_a_clear_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ReferenceDataError, match="no ECOD reference") as caught:
            Reference.open(path)
        assert "pyecod reference build" in caught.value.hint


def test_a_missing_or_shortened_file_is_named(path: Path) -> None:
    target = path / "lookup" / "domains.length.npy"
    content = target.read_bytes()
    target.write_bytes(content[:-1])
    with pytest.raises(ReferenceDataError, match="bytes instead of") as caught:
        Reference.open(path)
    assert caught.value.where == str(target)
    target.unlink()
    with pytest.raises(ReferenceDataError, match="No such file"):
        Reference.open(path)
