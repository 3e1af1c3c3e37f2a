"""Ids are parsed once, and are safe as keys and file names afterwards."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import IdError
from pyecod.ids import ChainKey, extended_pdb_id, parse_pdb_id

_CLASSIC = st.from_regex(r"[0-9][a-z0-9]{3}", fullmatch=True)
_EXTENDED = st.from_regex(r"pdb_[1-9][a-z0-9]{7}", fullmatch=True)
_CHAIN = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,5}", fullmatch=True)
_RECORD = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,12}", fullmatch=True)


@given(_CLASSIC)
def test_both_forms_of_a_classic_id_are_one_entry(pdb_id):
    assert (
        parse_pdb_id(pdb_id) == parse_pdb_id(f" {pdb_id.upper()}\n") == parse_pdb_id(extended_pdb_id(pdb_id)) == pdb_id
    )
    assert parse_pdb_id(extended_pdb_id(pdb_id).upper()) == pdb_id


@given(_EXTENDED)
def test_an_extended_id_is_never_cut(pdb_id):
    assert parse_pdb_id(pdb_id) == parse_pdb_id(pdb_id.upper()) == extended_pdb_id(pdb_id) == pdb_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pdb_00008s72", "8s72"),
        ("pdb_10008s72", "pdb_10008s72"),
        ("pdb_1000axyz", "pdb_1000axyz"),
        ("pdb_1001ba3c", "pdb_1001ba3c"),
        ("pdb_1abc5678", "pdb_1abc5678"),
        ("pdb_0000abcd", "pdb_0000abcd"),
    ],
)
def test_examples(text, expected):
    assert parse_pdb_id(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "abcd", "1ab", "1abcd", "pdb_1abc", "pdb_000012345", "pdb1abc", "1ab/", "../1", "1аbc", "１abc", "1abc\0"],
)
def test_what_is_no_pdb_id(text):
    with pytest.raises(IdError, match="is not a PDB id"):
        parse_pdb_id(text)


@given(_CLASSIC | _EXTENDED, _CHAIN)
def test_a_chain_key_survives_its_text(entry, chain):
    key = ChainKey.of_pdb(entry.upper(), chain)
    assert key == ChainKey(entry, chain)
    assert ChainKey.parse(str(key)) == key


@given(_RECORD)
def test_a_record_id_survives_its_text(text):
    key = ChainKey.parse(text)
    assert ChainKey.parse(str(key)) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("8s72_N", ChainKey("8s72", "N")),
        ("8S72_n", ChainKey("8s72", "n")),
        ("pdb_00008s72_UB2", ChainKey("8s72", "UB2")),
        ("pdb_10008s72_N", ChainKey("pdb_10008s72", "N")),
        ("P00350", ChainKey("P00350")),
        ("my_protein", ChainKey("my_protein")),
        ("8s72", ChainKey("8s72")),
    ],
)
def test_parsed_keys(text, key):
    assert ChainKey.parse(text) == key


@pytest.mark.parametrize(
    "text", ["", "_", "a/b", "8s72_A/B", "../x", "a b", "-x", ".hidden", "é", "x" * 81, "a\nb", "a;b", "a$(b)"]
)
def test_keys_with_path_or_shell_characters_are_refused(text):
    with pytest.raises(IdError):
        ChainKey.parse(text)


@pytest.mark.parametrize("chain", ["", "/", "A/B", "A;rm", "A_B", "é", "x" * 65, "-A", ".", "A\n"])
def test_chain_ids_outside_the_grammar_are_refused(chain):
    with pytest.raises(IdError, match="is not a chain id") as caught:
        ChainKey.of_pdb("8s72", chain)
    assert caught.value.where == "entry 8s72"


@given(st.lists(st.one_of(st.tuples(_CLASSIC, _CHAIN).map("_".join), _RECORD), min_size=2, max_size=8))
def test_file_stems_differ_even_where_the_file_system_ignores_case(texts):
    texts += [text.swapcase() for text in texts]
    keys = {ChainKey.parse(text) for text in texts}
    assert len({key.file_stem.casefold() for key in keys}) == len(keys)
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", key.file_stem)


@pytest.mark.parametrize(
    ("key", "stem"), [("8abc_A", "8abc_A"), ("8abc_a", "8abc_a~1"), ("8abc_Ba", "8abc_Ba~2"), ("P00350", "P00350")]
)
def test_file_stems(key, stem):
    assert ChainKey.parse(key).file_stem == stem


def test_keys_sort_by_entry_then_chain():
    texts = ["8abc_B", "1abc_Z", "8abc_A", "P1"]
    assert [str(key) for key in sorted(map(ChainKey.parse, texts))] == ["1abc_Z", "8abc_A", "8abc_B", "P1"]


@given(_CLASSIC, st.text(min_size=1, max_size=20), st.text(max_size=4))
def test_any_author_id_gives_a_key_that_can_be_a_file_name(entry, author, label):
    key = ChainKey.of_author(entry, author, label)
    assert re.fullmatch(r"[A-Za-z0-9_.%@~-]{1,130}", key.file_stem)
    assert ChainKey.parse(str(key)) == key
    if not label and "@" not in key.chain_id:  # else it may have been cut
        assert key.author_id == author.encode("utf-8", "replace").decode()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=30), st.text(max_size=3)), min_size=2, max_size=2, unique=True))
def test_two_chains_never_share_a_key(chains):
    keys = [ChainKey.of_author("9aaa", author, label) for author, label in chains]
    assert keys[0] != keys[1]
    assert keys[0].file_stem.lower() != keys[1].file_stem.lower()


@pytest.mark.parametrize(
    ("author", "label", "key"),
    [
        ("A", "", "9aaa_A"),
        ("A_1", "", "9aaa_A%5F1"),
        ("A*", "", "9aaa_A%2A"),
        ("?", "", "9aaa_%3F"),
        ("", "", "9aaa_%3F"),
        ("-", "", "9aaa_%2D"),
        ("A-2", "", "9aaa_A-2"),
        ("A", "C", "9aaa_A@C"),
        ("Å", "", "9aaa_%C3%85"),
        ("100%", "", "9aaa_100%25"),
    ],
)
def test_what_the_grammar_lacks_is_percent_encoded(author, label, key):
    assert str(ChainKey.of_author("9AAA", author, label)) == key


@pytest.mark.parametrize("text", ["%41", "A%2a", "A%5", "%FF", "A@", "@A", "A@%41", "A@B@C"])
def test_a_chain_has_one_spelling(text):
    with pytest.raises(IdError):
        ChainKey.of_pdb("9aaa", text)
