"""read_entry: SEQRES, both numberings, observed residues, and every chain accounted for."""

from __future__ import annotations

import hashlib
import re

import pytest

from pyecod.errors import BrokenInputError, IdError
from pyecod.pdb import CannotClassify, ModifiedResidue, NumberingRun, read_entry
from pyecod.ranges import ResidueRange
from pyecod.settings import ChainSettings

SETTINGS = ChainSettings()
SEQUENCE = "MKVLAAGIVGLCDEFHIKLMNPQRSTVWYACDE"
ATOM_TAGS = ("label_asym_id", "label_seq_id")


@pytest.fixture
def read(store):
    def read_text(content, pdb_id="1abc", settings=SETTINGS, name="1abc.cif.gz"):
        return read_entry(store(content, name), pdb_id, settings)

    return read_text


def test_a_plain_chain_is_read_completely(read, made_entry, molecule, store):
    entry = read(made_entry([molecule.protein("A", SEQUENCE)]))
    (chain,) = entry.chains
    assert str(chain.key) == "1abc_A"
    assert (chain.sequence, chain.entity_id, chain.label_asym_id) == (SEQUENCE, "1", "A")
    assert chain.polymer_type == "protein"
    assert chain.observed == ResidueRange.parse(f"1-{len(SEQUENCE)}")
    assert chain.numbering.runs == (NumberingRun(1, 1, len(SEQUENCE)),)
    assert chain.cannot_classify is None
    assert (entry.pdb_id, entry.title, entry.method) == ("1abc", "A made-up entry", "X-RAY DIFFRACTION")
    assert entry.release_date == "2021-09-17"
    assert entry.resolution is None
    assert entry.problems == ()
    stored = store(made_entry([molecule.protein("A", SEQUENCE)])).read_bytes()
    assert entry.source_sha256 == hashlib.sha256(stored).hexdigest()


def test_sequence_is_seqres_and_not_what_is_observed(read, made_entry, molecule):
    entry = read(made_entry([molecule.protein("A", SEQUENCE, observed=[3, 4, 5, 9])]))
    assert entry.chains[0].sequence == SEQUENCE
    assert entry.chains[0].observed == ResidueRange.parse("3-5,9-9")


def test_unobserved_residues_keep_their_author_numbers(read, made_entry, molecule):
    numbers = [str(n) for n in range(-3, 30)]
    chain = read(made_entry([molecule.protein("A", SEQUENCE, numbers=numbers, observed=[10])])).chains[0]
    assert [chain.numbering.author(i) for i in range(1, 34)] == numbers
    assert chain.numbering.pdb_range("A", ResidueRange.parse("1-5")) == "A:-3-1"


def test_insertion_codes_and_backward_numbers_are_kept(read, made_entry, molecule):
    numbers = ["1B", "1A", "1", "2", "5", "4", "4A", "4B", "4C", "10", *map(str, range(11, 34))]
    chain = read(made_entry([molecule.protein("A", SEQUENCE, numbers=numbers)])).chains[0]
    assert [chain.numbering.author(i) for i in range(1, 34)] == numbers
    assert chain.numbering.runs[:3] == (NumberingRun(1, 1, 1, "B"), NumberingRun(2, 1, 1, "A"), NumberingRun(3, 1, 2))


def test_one_record_per_chain_whatever_the_number_of_models(read, made_entry, molecule):
    """The second model of the made entry has all residues, the first has not: the first counts."""
    entry = read(made_entry([molecule.protein("A", SEQUENCE, observed=range(5, 20))], models=3))
    assert [str(chain.key) for chain in entry.chains] == ["1abc_A"]
    assert entry.chains[0].observed == ResidueRange.parse("5-19")


@pytest.mark.parametrize("aligned", [True, False])
def test_the_layout_of_the_atom_table_does_not_matter(read, made_entry, molecule, aligned):
    molecules = [molecule.protein("A", SEQUENCE, observed=[1, 2, 30]), molecule.protein("B", SEQUENCE[:25])]
    chains = read(made_entry(molecules, aligned=aligned, models=2)).chains
    assert [str(chain.observed) for chain in chains] == ["1-2,30-30", "1-25"]


def test_modified_residues_are_their_parents(read, made_entry, molecule):
    components = ["MSE", "SEP", "TYS", "CSO", "MLY"] + ["ALA"] * 20
    chain = read(made_entry([molecule("A", components)])).chains[0]
    assert chain.sequence == "MSYCK" + "A" * 20
    assert chain.modified[0] == ModifiedResidue(1, "MSE", "M")
    assert [m.label for m in chain.modified] == [1, 2, 3, 4, 5]


def test_parents_of_new_components_come_from_the_file(read, made_entry, molecule):
    entry = made_entry([molecule("A", ["A1ZZ1", "A1ZZ2", "A1ZZ3"] + ["ALA"] * 20)])
    entry.categories = {
        "pdbx_struct_mod_residue": (("id", "label_comp_id", "parent_comp_id"), [("1", "A1ZZ1", "LYS")]),
        "chem_comp": (("id", "mon_nstd_parent_comp_id"), [("A1ZZ2", "TRP"), ("A1ZZ3", "?"), ("ALA", "?")]),
    }
    chain = read(entry).chains[0]
    assert chain.sequence == "KWX" + "A" * 20
    assert [m.parent for m in chain.modified] == ["K", "W", "X"]


def test_a_component_with_several_parents_is_not_guessed(read, made_entry, molecule):
    entry = made_entry([molecule("A", ["A1ZZ1"] + ["ALA"] * 20)])
    entry.categories = {
        "pdbx_struct_mod_residue": (("id", "label_comp_id", "parent_comp_id"), [("1", "A1ZZ1", "'SER,TYR,GLY'")])
    }
    assert read(entry).chains[0].sequence[0] == "X"


def test_unknown_residues_are_x(read, made_entry, molecule):
    chain = read(made_entry([molecule("A", ["ALA", "UNK", "SEC", "PYL"] * 6)])).chains[0]
    assert chain.sequence == "AXUO" * 6


def test_microheterogeneity_counts_once_and_the_first_component_stays(read, made_entry, molecule):
    components = ["MET", "SER/THR", "ALA/GLY/VAL", *["LYS"] * 20]
    chain = read(made_entry([molecule("A", components)])).chains[0]
    assert chain.sequence == "MSA" + "K" * 20
    assert chain.numbering.runs == (NumberingRun(1, 1, 23),)
    assert chain.observed == ResidueRange.parse("1-23")


@pytest.mark.parametrize(
    ("kind", "components", "reason"),
    [
        ("polypeptide(L)", ["ALA"] * 19, CannotClassify.PEPTIDE),
        ("polypeptide(L)", ["ALA"] * 20, None),
        ("polypeptide(D)", ["DAL"] * 20, None),
        ("polypeptide(L)", ["UNK"] * 30, CannotClassify.UNKNOWN_SEQUENCE),
        ("polypeptide(L)", ["ALA"] * 51, CannotClassify.TOO_LONG),
        ("polydeoxyribonucleotide", ["DA"] * 30, CannotClassify.NUCLEIC_ACID),
        ("polyribonucleotide", ["A"] * 5, CannotClassify.NUCLEIC_ACID),
        ("polydeoxyribonucleotide/polyribonucleotide hybrid", ["DA", "U"] * 15, CannotClassify.NUCLEIC_ACID),
        ("peptide nucleic acid", ["APN"] * 30, CannotClassify.NOT_PROTEIN),
        ("polysaccharide(D)", ["GLC"] * 30, CannotClassify.NOT_PROTEIN),
        ("cyclic-pseudo-peptide", ["ALA"] * 30, CannotClassify.NOT_PROTEIN),
        ("other", ["ALA"] * 30, CannotClassify.NOT_PROTEIN),
        ("something new", ["ALA"] * 30, CannotClassify.NOT_PROTEIN),
        ("?", ["ALA"] * 30, None),
        ("?", ["DA"] * 30, CannotClassify.NUCLEIC_ACID),
        ("?", ["U"] * 30, CannotClassify.NUCLEIC_ACID),
    ],
)
def test_what_cannot_be_classified_is_recorded_with_the_reason(read, made_entry, molecule, kind, components, reason):
    molecules = [molecule("A", components, kind), molecule.protein("B", SEQUENCE)]
    entry = read(made_entry(molecules), settings=ChainSettings(max_length=50))
    assert [str(chain.key) for chain in entry.chains] == ["1abc_A", "1abc_B"]
    assert entry.chains[0].cannot_classify is reason
    assert entry.chains[0].length == len(components)
    assert entry.chains[1].cannot_classify is None


def test_copies_of_an_entity_are_chains_of_their_own(read, made_entry, molecule):
    copies = [molecule.protein(a, SEQUENCE, entity="1", numbers=None) for a in ("A", "a", "AA-2")]
    chains = read(made_entry(copies)).chains
    assert [str(c.key) for c in chains] == ["1abc_A", "1abc_a", "1abc_AA-2"]
    assert {c.sequence_md5 for c in chains} == {chains[0].sequence_md5}
    assert {c.entity_id for c in chains} == {"1"}


def test_an_entry_without_polymer_has_no_chains_and_says_so(read, made_entry):
    entry = made_entry([])
    entry.categories = {"entity": (("id", "type"), [("1", "branched"), ("9", "water")])}
    entry = read(entry)
    assert entry.chains == ()
    assert entry.problems == ("the entry has no polymer",)


def test_chain_ids_outside_the_grammar_are_encoded(read, made_entry, molecule):
    entry = read(made_entry([molecule.protein(a, SEQUENCE) for a in ["A", "A/B", "A;rm", "_x", "B"]]))
    assert [str(c.key) for c in entry.chains] == ["1abc_A", "1abc_A%2FB", "1abc_A%3Brm", "1abc_%5Fx", "1abc_B"]
    assert [c.key.author_id for c in entry.chains] == ["A", "A/B", "A;rm", "_x", "B"]
    assert {c.sequence for c in entry.chains} == {SEQUENCE}
    assert entry.problems == ()


@pytest.mark.parametrize("protein_first", [True, False])
def test_polymers_with_one_author_id_have_the_label_id_appended(read, made_entry, molecule, protein_first):
    molecules = [molecule.protein("A", SEQUENCE), molecule("A", ["DA"] * 40, "polydeoxyribonucleotide")]
    entry = read(made_entry(molecules if protein_first else molecules[::-1]))
    assert [str(chain.key) for chain in entry.chains] == ["1abc_A@A", "1abc_A@B"]
    assert sorted(chain.polymer_type for chain in entry.chains) == ["dna", "protein"]


def test_a_polymer_entity_without_chain_is_a_failed_chain(read, made_entry, molecule):
    entry = made_entry([molecule.protein("A", SEQUENCE)])
    entry.categories = {"entity": (("id", "type"), [("1", "polymer"), ("2", "polymer")])}
    good, lost = read(entry).chains
    assert good.failure is None
    assert (str(lost.key), lost.failure) == ("1abc_%3F", "entity 2 is a polymer without any chain")


def test_a_chain_only_its_entity_names_is_a_failed_chain(read, made_entry, molecule):
    text = made_entry([molecule.protein("A", SEQUENCE)]).text().replace("'A' \n", "'A,C' \n")
    good, lost = read(text).chains
    assert (str(good.key), good.failure) == ("1abc_A", None)
    assert str(lost.key) == "1abc_C"
    assert "no table has its residues" in lost.failure


def test_a_chain_whose_tables_disagree_is_failed_and_the_others_stay(read, made_entry, molecule):
    text = made_entry([molecule.protein("A", SEQUENCE), molecule.protein("B", SEQUENCE)]).text()
    head, mark, tail = text.partition("_pdbx_poly_seq_scheme.asym_id")
    for old, new, failure in (
        ("B 2 5  ALA", "B 2 5  TRP", "differs between"),
        ("B 2 5  ALA", "B 2 6  ALA", "not numbered 1, 2, 3"),
        ("B 2 5  ALA", "B 2 x  ALA", "'x' for a residue's number"),
        ("B 2 5  ALA 5  5 ", "B 2 5  ALA 5  5x2 ", "'5x2' is not a residue number"),
        ("B 2 5  ALA", "B 1 5  ALA", "belongs to two entities"),
        ("GLU 33 33 33 B", "GLU 33 33 33 C", "author chain id changes from 'B' to 'C'"),
        ("B 2 33 GLU 33 33 33 B .", "", "has 32 residues"),
    ):
        assert tail.count(old) == 1
        good, bad = read(head + mark + tail.replace(old, new)).chains
        assert (str(good.key), good.failure, good.is_searchable) == ("1abc_A", None, True)
        assert (str(bad.key), bad.cannot_classify, bad.is_searchable) == ("1abc_B", None, False)
        assert failure in bad.failure


def test_a_chain_without_rows_in_the_scheme_is_a_failed_chain(read, made_entry, molecule):
    text = made_entry([molecule.protein("A", SEQUENCE), molecule.protein("B", SEQUENCE)]).text()
    head, mark, tail = text.partition("_pdbx_poly_seq_scheme.asym_id")
    kept = "\n".join(line for line in tail.split("\n") if not line.startswith("B 2 "))
    good, lost = read(head + mark + kept).chains
    assert good.failure is None
    assert (str(lost.key), lost.failure) == ("1abc_B", "_pdbx_poly_seq_scheme has no rows for it")


def test_a_nucleic_acid_with_bad_tables_is_still_not_classifiable(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE), molecule("B", ["DA"] * 30, "polydeoxyribonucleotide")])
    head, mark, tail = made.text().partition("_pdbx_poly_seq_scheme.asym_id")
    chains = read(head + mark + tail.replace("B 2 5  DA", "B 2 5  DG", 1)).chains
    assert chains[1].cannot_classify is CannotClassify.NUCLEIC_ACID
    assert chains[1].failure is None


def test_the_order_of_alternatives_and_of_rows_does_not_matter(read, made_entry, molecule):
    components = ["MET", "SER/THR", *["LYS"] * 20]
    copies = [molecule(author, components, entity="1") for author in "AB"]
    text = made_entry(copies).text()
    head, mark, tail = text.partition("_pdbx_poly_seq_scheme.pdb_ins_code \n")
    first = "B 1 2  SER 2  2  2  B .\n"
    second = first.replace("SER", "THR")
    exchanged = tail.replace(first + second, second + first)
    assert exchanged != tail
    rows, end, rest = exchanged.partition(" \n# \n")
    lines = rows.split("\n")
    plain = read(text).chains
    for order in (lines, lines[::-1], lines[::2] + lines[1::2]):
        chains = read(head + mark + "\n".join(order) + end + rest).chains
        assert sorted(chains, key=lambda chain: chain.key) == list(plain)


def test_atoms_beyond_seqres_make_a_failed_chain(read, made_entry, molecule):
    entry = made_entry([molecule.protein("A", SEQUENCE), molecule.protein("B", SEQUENCE)], without=["entity_poly_seq"])
    text = entry.text().replace(" B 2 33 ", " B 2 77 ").replace("B 2 77 GLU 33 33", "B 2 33 GLU 33 33")
    good, bad = read(text).chains
    assert (str(good.key), good.failure) == ("1abc_A", None)
    assert (str(bad.key), bad.failure) == ("1abc_B", "has atoms of residue 77, but SEQRES has 33")


_USERS_OWN = ["pdbx_poly_seq_scheme", "pdbx_audit_revision_history"]


def test_without_the_scheme_the_sequence_is_the_entitys_and_a_note_says_so(read, made_entry, molecule):
    numbers = [str(n) for n in range(101, 134)]
    chain_a = molecule.protein("X", SEQUENCE, numbers=numbers, observed=[2, 3, 7])
    made = made_entry([chain_a, molecule.protein("Y", SEQUENCE, observed=[])], without=_USERS_OWN)
    entry = read(made)
    seen, unseen = entry.chains
    assert str(seen.key) == "1abc_X"
    assert seen.sequence == unseen.sequence == SEQUENCE
    assert str(seen.observed) == "2-3,7-7"
    assert seen.numbering.runs == (NumberingRun(2, 102, 2), NumberingRun(7, 107, 1))
    assert any("no _pdbx_poly_seq_scheme" in problem for problem in entry.problems)
    assert str(unseen.key) == "1abc_Y"
    assert not unseen.observed
    assert unseen.numbering.runs == ()


def test_without_scheme_and_struct_asym_chains_are_those_of_the_atoms_and_the_entities(read, made_entry, molecule):
    copies = [molecule.protein("A", SEQUENCE, entity="1"), molecule.protein("B", SEQUENCE, entity="1", observed=[])]
    entry = read(made_entry(copies, without=[*_USERS_OWN, "struct_asym"]))
    assert [(str(c.key), c.sequence) for c in entry.chains] == [("1abc_A", SEQUENCE), ("1abc_B", SEQUENCE)]


@pytest.mark.parametrize("tag", ["pdbx_seq_one_letter_code", "pdbx_seq_one_letter_code_can"])
def test_the_sequence_may_stand_in_one_letter_codes_only(read, made_entry, molecule, tag):
    made = made_entry([molecule.protein("A", SEQUENCE)], without=[*_USERS_OWN, "entity_poly_seq"])
    code = SEQUENCE if tag.endswith("can") else "(MSE)" + SEQUENCE[1:]
    columns = ("entity_id", "type", "pdbx_strand_id", tag)
    made.categories = {"entity_poly": (columns, [("1", "'polypeptide(L)'", "A", f"\n;{code[:20]}\n{code[20:]}\n;\n")])}
    made.aligned = False
    (chain,) = read(made).chains
    assert chain.sequence == SEQUENCE


def test_canonical_letters_stand_for_components_that_are_not_known(read, made_entry, molecule):
    made = made_entry([molecule("A", ["OMT", "A1ZZ1", "UNK", "MSE"] + ["ALA"] * 20)])
    columns = ("entity_id", "type", "pdbx_strand_id", "pdbx_seq_one_letter_code_can")
    made.categories = {"entity_poly": (columns, [("1", "'polypeptide(L)'", "A", "MWXM" + "A" * 20)])}
    chain = read(made).chains[0]
    assert chain.sequence == "MWXM" + "A" * 20
    assert [m.parent for m in chain.modified] == ["M", "W", "M"]
    made.categories = {"entity_poly": (columns, [("1", "'polypeptide(L)'", "A", "MWXXM" + "A" * 20)])}
    assert read(made).chains[0].sequence == "XXXM" + "A" * 20


@pytest.mark.parametrize("kind", ["POLYPEPTIDE(L)", "polypeptide(l)", "Polypeptide(D)"])
def test_the_case_of_a_polymer_type_does_not_matter(read, made_entry, molecule, kind):
    assert read(made_entry([molecule.protein("A", SEQUENCE, kind=kind)])).chains[0].cannot_classify is None


@pytest.mark.parametrize("number", ["+6", "6", "6A", "-6"])
def test_author_numbers_in_every_way_of_writing(read, made_entry, molecule, number):
    text = made_entry([molecule.protein("A", SEQUENCE)]).text()
    changed = text.replace("A 1 6  ALA 6  6  6  A", f"A 1 6  ALA 6  {number}  6  A")
    assert read(changed).chains[0].numbering.author(6) == number.removeprefix("+")


def test_insertion_codes_are_optional(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE)])
    text = re.sub(r"_(atom_site|pdbx_poly_seq_scheme)\.pdb(x_PDB)?_ins_code \n", "", made.text())
    text = re.sub(r" (\?|\.) 1\.000 ", " 1.000 ", text)
    text = re.sub(r"(?m)^(A 1 .*) \.( ?)$", r"\1\2", text)
    assert read(text).chains[0].numbering.runs == (NumberingRun(1, 1, 33),)


def test_a_file_of_the_archive_without_its_scheme_is_cut_off(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE)], without=["pdbx_poly_seq_scheme"])
    assert read(made).chains[0].sequence == SEQUENCE  # nothing in it says that it is from the archive
    made.extra = "_pdbx_database_status.entry_id 1ABC"
    with pytest.raises(BrokenInputError, match="cut off"):
        read(made)
    made.without = ["pdbx_poly_seq_scheme"]
    made.extra = ""
    made.molecules = [molecule.protein("A", SEQUENCE, observed=range(4, 30))]
    with pytest.raises(BrokenInputError, match="cut off"):
        read(made)


def test_a_file_of_the_archive_without_its_revision_history_is_cut_off(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE)], without=["pdbx_audit_revision_history"])
    made.extra = "_pdbx_database_status.entry_id 1ABC\n_audit_conform.dict_version 5.392"
    with pytest.raises(BrokenInputError, match="cut off"):
        read(made)
    made.extra = made.extra.replace("5.392", "1.0670")
    assert read(made).chains[0].sequence == SEQUENCE


@pytest.mark.parametrize("inside", ["1ABC", "1abc", "pdb_00001abc", "PDB_00001ABC"])
@pytest.mark.parametrize("asked", ["1abc", "1ABC", "pdb_00001abc"])
def test_both_forms_of_a_pdb_id_are_the_same_entry(read, made_entry, molecule, inside, asked):
    entry = read(made_entry([molecule.protein("A", SEQUENCE)], id=inside), asked)
    assert entry.pdb_id == "1abc"
    assert str(entry.chains[0].key) == "1abc_A"


def test_an_entry_with_only_an_extended_id_keeps_it(read, made_entry, molecule):
    entry = read(made_entry([molecule.protein("A", SEQUENCE)], id="PDB_1A0X8S72"), "pdb_1a0x8s72")
    assert str(entry.chains[0].key) == "pdb_1a0x8s72_A"


@pytest.mark.parametrize(
    ("identity", "asked"),
    [({"id": "2XYZ"}, "1abc"), ({"block": "2XYZ"}, "1abc"), ({}, "pdb_10001abc")],
)
def test_another_entrys_file_is_refused(read, made_entry, molecule, identity, asked):
    with pytest.raises(BrokenInputError, match=r"holds entry .*, not"):
        read(made_entry([molecule.protein("A", SEQUENCE)], **identity), asked)


def test_a_file_that_names_no_entry_is_refused(read, made_entry, molecule):
    with pytest.raises(BrokenInputError, match="does not say which entry"):
        read(made_entry([molecule.protein("A", SEQUENCE)], id="model", block="refined"))


def test_an_impossible_id_is_refused_before_any_file(tmp_path):
    with pytest.raises(IdError):
        read_entry(tmp_path / "absent.cif", "../etc/passwd", SETTINGS)


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ("entity", "no _entity category"),
        ("atom_site", "no coordinates"),
    ],
)
def test_a_file_that_lacks_what_every_entry_has_is_refused(read, made_entry, molecule, category, message):
    with pytest.raises(BrokenInputError, match=message):
        read(made_entry([molecule.protein("A", SEQUENCE)], without=[category]))


def test_polymers_without_seqres_are_refused(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE)], without=["entity_poly_seq", "pdbx_poly_seq_scheme"])
    with pytest.raises(BrokenInputError, match="SEQRES"):
        read(made)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ({"refine": (("entry_id", "ls_d_res_high"), [("1ABC", "1.85"), ("1ABC", "1.60")])}, 1.6),
        ({"refine": (("entry_id", "ls_d_res_high"), [("1ABC", "?")])}, None),
        ({"em_3d_reconstruction": (("id", "resolution"), [("1", "3.20")])}, 3.2),
        ({}, None),
    ],
)
def test_resolution_is_the_experiments_own(read, made_entry, molecule, category, expected):
    entry = read(made_entry([molecule.protein("A", SEQUENCE)], categories=category))
    assert entry.resolution == expected


def test_all_methods_are_named(read, made_entry, molecule):
    methods = ["X-RAY DIFFRACTION", "NEUTRON DIFFRACTION"]
    entry = read(made_entry([molecule.protein("A", SEQUENCE)], method=methods))
    assert entry.method == "X-RAY DIFFRACTION; NEUTRON DIFFRACTION"


def test_release_date_of_old_files_comes_from_the_old_category(read, made_entry, molecule):
    old = {"database_PDB_rev": (("num", "date"), [("1", "1998-04-29"), ("2", "2003-04-01")])}
    made = made_entry([molecule.protein("A", SEQUENCE)], without=["pdbx_audit_revision_history"], categories=old)
    assert read(made).release_date == "1998-04-29"


def test_titles_of_several_lines_become_one(read, made_entry, molecule):
    made = made_entry([molecule.protein("A", SEQUENCE)], without=["struct"])
    made.extra = "_struct.entry_id 1ABC\n_struct.title\n;First line\n second; line\n;"
    assert read(made).title == "First line second; line"


def test_quoted_ids_are_the_same_ids(read, made_entry, molecule):
    text = made_entry([molecule.protein("Q7", SEQUENCE)], aligned=False).text()
    chain = read(text.replace(" Q7 ", ' "Q7" ').replace("\nA 1 ", "\n'A' '1' ")).chains[0]
    assert (str(chain.key), chain.label_asym_id, chain.entity_id) == ("1abc_Q7", "A", "1")
    assert chain.observed == ResidueRange.parse("1-33")
