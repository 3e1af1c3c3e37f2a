"""Saved entries come back equal, or not at all."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError, IdError
from pyecod.ids import ChainKey
from pyecod.pdb import CannotClassify, Chain, Entry, ModifiedResidue, Numbering, NumberingRun, load_entry, save_entry
from pyecod.ranges import ResidueRange

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_RUNS = st.builds(
    NumberingRun, st.integers(1, 9999), st.integers(-999, 99999), st.integers(1, 500), st.sampled_from(["", "A", "Z"])
)
_CHAINS = st.builds(
    Chain,
    key=st.builds(ChainKey, st.just("1abc"), st.text("ABab12", min_size=1, max_size=3)),
    sequence=st.text("ACDEFX", max_size=40),
    entity_id=_TEXT,
    label_asym_id=_TEXT,
    polymer_type=st.sampled_from(["protein", "dna"]),
    numbering=st.none() | st.builds(Numbering, st.lists(_RUNS, max_size=4).map(tuple)),
    observed=st.none()
    | st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), max_size=4).map(lambda s: ResidueRange.of(s)),
    modified=st.lists(st.builds(ModifiedResidue, st.integers(1, 40), _TEXT, st.sampled_from("ACX")), max_size=3).map(
        tuple
    ),
    cannot_classify=st.none() | st.sampled_from(CannotClassify),
)
_ENTRIES = st.builds(
    Entry,
    pdb_id=st.just("1abc"),
    chains=st.lists(_CHAINS, max_size=4).map(tuple),
    title=_TEXT,
    method=_TEXT,
    resolution=st.none() | st.floats(0.1, 99),
    release_date=_TEXT,
    source_sha256=_TEXT,
    problems=st.lists(_TEXT, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(_ENTRIES)
def test_an_entry_comes_back_equal(tmp_path_factory, entry):
    folder = tmp_path_factory.mktemp("entries")
    save_entry(entry, folder)
    assert load_entry(folder, "1ABC") == entry


@pytest.fixture
def saved(tmp_path):
    chains = (
        Chain(ChainKey("1abc", "A"), "MKV" * 9, "1", "A", numbering=Numbering((NumberingRun(1, -3, 27),))),
        Chain(ChainKey("1abc", "B"), "MKV" * 9, "1", "B", cannot_classify=CannotClassify.PEPTIDE),
    )
    return save_entry(Entry("1abc", chains, title="An entry"), tmp_path / "entries")


def test_the_folder_is_made_and_nothing_else_is_left_in_it(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["1abc.json"]


def test_copies_share_their_sequence(saved):
    assert saved.read_text().count("MKV" * 9) == 1


def test_saving_twice_gives_the_same_bytes(saved):
    before = saved.read_bytes()
    save_entry(load_entry(saved.parent, "1abc"), saved.parent)
    assert saved.read_bytes() == before


def test_an_absent_entry_says_so(tmp_path):
    with pytest.raises(BrokenInputError, match="not been read yet"):
        load_entry(tmp_path, "1abc")


def test_an_id_never_becomes_a_path(tmp_path):
    with pytest.raises(IdError):
        load_entry(tmp_path, "../1abc")


def test_every_flipped_byte_is_noticed(saved):
    good = saved.read_bytes()
    entry = load_entry(saved.parent, "1abc")
    for at in range(len(good)):
        saved.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(BrokenInputError):
            load_entry(saved.parent, "1abc")
    saved.write_bytes(good)
    assert load_entry(saved.parent, "1abc") == entry


def test_every_cut_is_noticed(saved):
    good = saved.read_bytes()
    for length in range(len(good)):
        saved.write_bytes(good[:length])
        with pytest.raises(BrokenInputError) as caught:
            load_entry(saved.parent, "1abc")
        assert caught.value.where == str(saved)


@pytest.mark.parametrize("content", [b"null", b"[]", b"{}", b'{"format":1}', b'{"format":1,"entry":null,"sha256":""}'])
def test_what_is_no_saved_entry_is_refused(saved, content):
    saved.write_bytes(content)
    with pytest.raises(BrokenInputError):
        load_entry(saved.parent, "1abc")


def test_another_format_is_named(saved):
    document = orjson.loads(saved.read_bytes()) | {"format": 99}
    saved.write_bytes(orjson.dumps(document))
    with pytest.raises(BrokenInputError, match="format 99"):
        load_entry(saved.parent, "1abc")


def test_another_entry_under_the_name_is_refused(saved):
    saved.rename(saved.parent / "2xyz.json")
    with pytest.raises(BrokenInputError, match="holds entry 1abc, not 2xyz"):
        load_entry(saved.parent, "2xyz")
