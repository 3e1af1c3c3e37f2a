"""The atom table read by columns equals the one the CIF parser reads."""

from __future__ import annotations

import gemmi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.pdb.atoms import AtomTable

TAGS = ("id", "label_asym_id", "label_seq_id", "pdbx_PDB_model_num")
_WORD = st.text("ABCabc0123456789'-+*.", min_size=1, max_size=6).filter(lambda word: word[0] not in "'")


def text_of(rows, tags=TAGS, before="_entry.id 1ABC", after="_struct.title x", aligned=True) -> bytes:
    widths = [max(len(row[i]) for row in rows) if aligned else 0 for i in range(len(tags))]
    lines = [f"data_1ABC\n# \n{before}\n# \nloop_", *(f"_atom_site.{tag} " for tag in tags)]
    lines += [" ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)) + " " for row in rows]
    return "\n".join([*lines, "# ", after, "# ", ""]).encode()


def parsed(text: bytes) -> AtomTable:
    return AtomTable.of_block(gemmi.cif.read_string(text)[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_WORD, _WORD, _WORD, st.sampled_from("12")), min_size=1, max_size=20))
def test_both_ways_of_reading_agree(rows):
    text = text_of(rows)
    table, rest = AtomTable.cut_from(text)
    assert table is not None
    assert b"_atom_site." not in rest
    assert table.tags == tuple(tag.lower() for tag in TAGS)
    for tags in (TAGS[1:3], TAGS[:1], TAGS[2:0:-1]):
        assert list(table.residues(*tags)) == list(parsed(text).residues(*tags))


def test_the_rest_of_the_text_is_untouched():
    text = text_of([("1", "A", "1", "1"), ("2", "A", "2", "1")])
    _, rest = AtomTable.cut_from(text)
    block = gemmi.cif.read_string(rest)[0]
    assert block.find_value("_entry.id") == "1ABC"
    assert block.find_value("_struct.title") == "x"


def test_anisotropic_displacements_are_left_out_too():
    anisotropic = "loop_\n_atom_site_anisotrop.id\n_atom_site_anisotrop.U[1][1]\n1 0.1\n2 0.2"
    for order in ("before", "after"):
        table, rest = AtomTable.cut_from(text_of([("1", "A", "1", "1")], **{order: anisotropic}))
        assert table is not None
        assert b"anisotrop" not in rest
        gemmi.cif.read_string(rest)


@pytest.mark.parametrize(
    "text",
    [
        text_of([("1", "'A B'", "1", "1")]),
        text_of([("1", "A", "1", "1")]).replace(b"loop_\n", b"loop_ # rows\n"),
        text_of([(";", "A", "1", "1"), (";", "A", "1", "1")]),
        text_of([("1", "A", "#", "1")]),
        text_of([("1", "A", "1", "1"), ("2", "A", "2", "1")]).replace(b"1 \n2", b"1  2"),
        text_of([("1", "A", "1", "1")]).replace(b"1 A 1 1 ", b"1 A 1\n1 "),
        b"data_x\n_atom_site.id 1\n_atom_site.label_seq_id 1\n",
        b"data_x\nloop_\n_atom_site.id",
        b"data_x\nloop_\n_atom_site.id\n# \n",
        b"\n_atom_site.",
        b"",
    ],
)
def test_what_has_not_one_atom_in_each_line_is_left_to_the_parser(text):
    table, rest = AtomTable.cut_from(text)
    assert table is None
    assert rest == text


_TWO = [("1", "A", "1", "1"), ("22", "Bä", "2", "1"), ("333", "A", "10", "2")]


@pytest.mark.parametrize(
    "text",
    [
        text_of(_TWO),  # a character of two bytes: the columns are those of characters, not of bytes
        text_of(_TWO, aligned=False),
        text_of(_TWO, aligned=False).replace(b"# \n_struct", b"_struct"),
        text_of(_TWO[::2], before="_entry.id 1ABC\n_entry.name 'é'"),
        text_of(_TWO[::2]).replace(b"\nloop_", b"\nLOOP_").replace(b"_atom_site.", b"_Atom_Site."),
        text_of(_TWO[::2], before="_entry.id 1ABC\n_entry.note\n;\nloop_\n_atom_site.id\n1\n# \n;"),
        text_of(_TWO[::2])[: -len("# \n_struct.title x\n# \n")],
    ],
)
def test_one_atom_in_each_line_is_read_without_the_parser(text):
    table, rest = AtomTable.cut_from(text)
    assert table is not None
    assert table.block is None
    expected = [("A", "1"), ("Bä", "2")] if "ä".encode() in text else [("A", "1")]
    assert list(table.residues(*TAGS[1:3])) == expected
    if text.isascii():  # the CIF parser refuses other characters outside of quotes
        assert list(parsed(text).residues(*TAGS[1:3])) == expected
    assert gemmi.cif.read_string(rest)[0].find_value("_entry.id") == "1ABC"


def test_only_the_first_model_counts():
    rows = [("1", "A", "1", "7"), ("2", "A", "3", "7"), ("3", "A", "2", "8"), ("4", "B", "1", "7")]
    for table in (AtomTable.cut_from(text_of(rows))[0], parsed(text_of(rows))):
        assert list(table.residues("label_asym_id", "label_seq_id")) == [("A", "1"), ("A", "3"), ("B", "1")]


def test_a_table_without_models_is_one_model():
    rows = [("1", "A", "1"), ("2", "A", "1"), ("3", "A", "2")]
    table, _ = AtomTable.cut_from(text_of(rows, TAGS[:3]))
    assert list(table.residues("label_seq_id")) == [("1",), ("2",)]


def test_a_missing_column_is_named():
    for table in (AtomTable.cut_from(text_of([("1", "A", "1", "1")]))[0], parsed(text_of([("1", "A", "1", "1")]))):
        with pytest.raises(KeyError, match=r"_atom_site\.auth_seq_id"):
            list(table.residues("auth_seq_id"))


def test_many_rows_are_read_in_parts():
    rows = [(str(i), "A", str(i // 8), "1") for i in range(150_000)]
    table, _ = AtomTable.cut_from(text_of(rows))
    assert [label for (label,) in table.residues("label_seq_id")] == [str(i) for i in range(150_000 // 8)]
