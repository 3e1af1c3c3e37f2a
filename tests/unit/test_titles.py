import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import IdError
from pyecod.ids import ChainKey
from pyecod.titles import chain_keys, chain_target, domain_id, entry_of, is_ecod_id, record_key

CHAIN_TITLES = {
    "6ces A": "6ces_A",
    "1lkk a": "1lkk_a",
    "1lkkA": "1lkk_A",
    "1LKK_A mol:protein length:105  PROTO-ONCOGENE": "1lkk_A",
    "1lkk_AA": "1lkk_AA",
    "pdb|1lkk|A": "1lkk_A",
    "pdb|1LKK|A Chain A, LCK kinase": "1lkk_A",
    "gi|1234|pdb|1LKK|A": "1lkk_A",
    "gnl|ecod|1lkk_A": "1lkk_A",
    "gnl|pdbaa|1lkkA": "1lkk_A",
    "lcl|1lkk_A": "1lkk_A",
    "PDB:1LKK_A": "1lkk_A",
    "1lkk:A": "1lkk_A",
    "1LKK_A|PDBID|CHAIN|SEQUENCE": "1lkk_A",
    "1LKK_1|Chain A|LCK|Homo sapiens (9606)": "1lkk_A",
    "1LKK_2|Chains B[auth D], F|PEPTIDE|synthetic": "1lkk_D",
    "1lkk Chain A, LCK kinase": "1lkk_A",
    "pdb_00001lkk_A": "1lkk_A",
    "pdb_10001lkk A": "pdb_10001lkk_A",
}


@pytest.mark.parametrize(("title", "key"), CHAIN_TITLES.items())
def test_every_spelling_of_a_chain_is_its_key(title: str, key: str) -> None:
    assert chain_keys(title) == (key,)
    assert chain_target(title) == key


@pytest.mark.parametrize(
    "title", ["1lkk", "pdb|1lkk| ", "pdb|1lkk|", "1lkk protein kinase", "P00350", "P00350 A", "12345", "e1lkkA1", ""]
)
def test_what_names_no_chain_of_an_entry_is_none(title: str) -> None:
    assert chain_keys(title) == ()


def test_an_entry_is_seen_without_its_chain() -> None:
    assert entry_of("1LKK kinase") == "1lkk"
    assert entry_of("pdb|1lkk| ") == "1lkk"
    assert entry_of("1lkk#A") == "1lkk"
    assert entry_of("P00350") is None
    assert entry_of("1lkkA") is None
    assert chain_target("pdb|1lkk| ") == "1lkk"


@pytest.mark.parametrize(
    ("title", "id_"),
    [
        ("000003268|e1dlwA1|106.1.1.1|A:1-116", "e1dlwA1"),
        ("NA|P00350_nD1|2003.1.1.44|A:4-174", "P00350_nD1"),
        ("e1dlwA1", "e1dlwA1"),
        ("x|e1dlwA1", "e1dlwA1"),
        ("gnl|ecod|e1dlwA1", "e1dlwA1"),
        ("lcl|e1dlwA1 some text", "e1dlwA1"),
        ("lcl|P00350_nD1", "P00350_nD1"),
        ("e1dlwA1;106.1.1.1 Globin", "e1dlwA1"),
        ("000003268|e1dlwA1|106.1.1.1|A:1-116;x", "e1dlwA1"),
        ("PF03676.14 ; UPF0183", "PF03676.14"),
    ],
)
def test_every_spelling_of_a_domain_is_its_id(title: str, id_: str) -> None:
    assert domain_id(title) == id_


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("1A81_1|Chains A, C, E|TYROSINE-PROTEIN KINASE SYK|Homo sapiens (9606)", "1a81_A"),
        ("pdb|1A81|A Chain A, SYK", "1a81_A"),
        ("1a81_A", "1a81_A"),
        ("6ces A", "6ces_A"),
        ("sp|P00350|6PGD_ECOLI 6-phosphogluconate", "P00350"),
        ("sp|P00350.2|6PGD_ECOLI", "P00350.2"),
        ("tr|A0A009IHW8|ABTIR_ACIB9", "A0A009IHW8"),
        ("ref|NP_416533.1| gnd", "NP_416533.1"),
        ("gi|16130|ref|NP_416533.1| gnd", "NP_416533.1"),
        ("NP_416533.1 gnd [Escherichia coli]", "NP_416533.1"),
        ("pir||S16356", "S16356"),
        ("AFDB:AF-A0A009IHW8-F1 2 ADP-D-ribose UA=A0A009IHW8", "AF-A0A009IHW8-F1"),
        ("AF-A0A009IHW8-F1", "AF-A0A009IHW8-F1"),
        ("jgi|Aspni7|123|gm1.1_g", "jgi_Aspni7_123_gm1.1_g"),
        ("TRINITY_DN1000|c115_g5_i1.p1 TRINITY GENE", "TRINITY_DN1000_c115_g5_i1.p1"),
        ("UniRef50_P00350 6-phosphogluconate n=3", "UniRef50_P00350"),
        ("UniRef100_A0A-2", "UniRef100_A0A-2"),
        ("1abcd", "1abcd"),
        ("1abc.d", "1abc.d"),
    ],
)
def test_titles_of_the_large_collections_give_the_ids_their_readers_know(title: str, key: str) -> None:
    assert str(record_key(title)) == key


@given(st.text(max_size=200))
def test_any_title_is_a_key_or_the_declared_error(title: str) -> None:
    try:
        key = record_key(title)
    except IdError:
        assert not re.search("[A-Za-z0-9]", title.split()[0] if title.split() else "")
        return
    assert ChainKey.parse(str(key)) == key
    assert record_key(str(key)) == key


@given(st.text(max_size=60) | st.from_regex(r"(gnl\||lcl\||pdb\|)?[0-9][A-Za-z0-9|_: ]{3,12}", fullmatch=True))
def test_what_a_title_names_is_read_again_as_itself(title: str) -> None:
    for key in chain_keys(title):
        assert chain_keys(key) == (key,)
        assert chain_target(key) == key
    named = domain_id(title)
    if is_ecod_id(named):
        assert domain_id(named) == named
    assert not chain_target(title).endswith(" ")


@given(st.from_regex(r"[0-9][a-z0-9]{3}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True))
def test_any_chain_is_understood_in_every_spelling(entry: str, chain: str) -> None:
    key = f"{entry}_{chain}"
    for title in (f"{entry}_{chain}", f"{entry} {chain}", f"pdb|{entry.upper()}|{chain} x", f"gnl|db|{entry}_{chain}"):
        assert chain_keys(title) == (key,), title
