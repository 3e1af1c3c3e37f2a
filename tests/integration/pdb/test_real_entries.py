"""The twelve real entries: facts of the entries themselves, and agreement with gemmi's own structure reader."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import gemmi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.pdb import CannotClassify, find_entry, find_releases, load_entry, parse_date, read_entry, save_entry
from pyecod.pdb.atoms import AtomTable
from pyecod.ranges import ResidueRange
from pyecod.settings import ChainSettings

PDB = Path(__file__).resolve().parents[4] / "shared" / "real" / "pdb"
MIRROR = PDB / "structures" / "divided" / "mmCIF"
IDS = ("1a4w", "1dix", "1igy", "1j59", "1ncb", "1o1z", "2d0f", "3o5r", "4zxb", "5eil", "5zng", "7gsa")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not MIRROR.is_dir(), reason=f"the real entries are not at {MIRROR}"),
]

# chain: SEQRES length and author numbers of its ends (_struct_ref_seq, _entity_poly), observed residues in model 1
FACTS = {
    "1a4w": {"L": (36, "1H", "14N", 26), "H": (259, "16", "247", 248), "I": (12, "353", "364", 9)},
    "1dix": {"A": (208, "1X", "205", 208)},
    "1igy": {
        "A": (213, "2", "214", 213), "B": (434, "2", "474", 434),
        "C": (213, "2", "214", 213), "D": (434, "2", "474", 434),
    },
    "1j59": {
        "A": (209, "1", "209", 199), "B": (209, "1", "209", 197), "C": (14, "-5", "9", 14),
        "D": (17, "10", "26", 17), "E": (14, "27", "14", 14), "F": (17, "13", "-4", 17),
    },
    "1ncb": {"N": (389, "81", "468", 389), "L": (214, "1", "214", 214), "H": (221, "1", "227", 221)},
    "1o1z": {"A": (234, "-11", "222", 226)},
    "2d0f": {"A": (637, "1", "637", 637)},
    "3o5r": {"A": (128, "13", "140", 128)},
    "4zxb": {
        "A": (219, "1", "219", 214), "B": (219, "1", "219", 218), "C": (220, "1", "220", 187),
        "D": (214, "1", "214", 182), "E": (894, "1", "917", 800),
    },
    "5eil": {"A": (159, "0", "158", 158), "B": (159, "0", "158", 159), "C": (159, "0", "158", 159)},
    "5zng": {"A": (137, "980", "1116", 79), "C": (77, "21", "97", 62)},
    "7gsa": {"A": (321, "1", "321", 284)},
}  # fmt: skip


@pytest.fixture(scope="module")
def entries():
    return {pdb_id: read_entry(find_entry(MIRROR, pdb_id), pdb_id, ChainSettings()) for pdb_id in IDS}


def block(pdb_id: str) -> gemmi.cif.Block:
    return gemmi.cif.read(str(find_entry(MIRROR, pdb_id))).sole_block()


@pytest.mark.parametrize("pdb_id", IDS)
def test_chains_lengths_ends_and_observed_residues(entries, pdb_id):
    found = {
        chain.key.chain_id: (
            chain.length,
            chain.numbering.author(1),
            chain.numbering.author(chain.length),
            len(chain.observed),
        )
        for chain in entries[pdb_id].chains
    }
    assert found == FACTS[pdb_id]
    assert entries[pdb_id].problems == ()


def test_what_cannot_be_classified(entries):
    reasons = {str(c.key): c.cannot_classify for e in entries.values() for c in e.chains if c.cannot_classify}
    assert reasons == {
        "1a4w_I": CannotClassify.PEPTIDE,
        **{f"1j59_{c}": CannotClassify.NUCLEIC_ACID for c in "CDEF"},
    }
    assert sum(chain.cannot_classify is None for entry in entries.values() for chain in entry.chains) == 26


def test_title_method_resolution_and_release(entries):
    header = {i: (e.method, e.resolution, e.release_date) for i, e in entries.items()}
    assert {method for method, _, _ in header.values()} == {"X-RAY DIFFRACTION"}
    assert {i: h[1] for i, h in header.items()} == {
        "1a4w": 1.8, "1dix": 1.65, "1igy": 3.2, "1j59": 2.5, "1ncb": 2.5, "1o1z": 1.6,
        "2d0f": 2.08, "3o5r": 1.1, "4zxb": 3.3, "5eil": 2.25, "5zng": 2.189, "7gsa": 1.72,
    }  # fmt: skip
    assert {i: header[i][2] for i in ("1a4w", "1o1z", "5eil", "7gsa")} == {
        "1a4w": "1998-04-29",  # from _database_PDB_rev: this copy is older than the audit categories
        "1o1z": "2003-04-01",
        "5eil": "2016-11-16",
        "7gsa": "2024-01-24",
    }
    assert entries["1igy"].title == "STRUCTURE OF IMMUNOGLOBULIN"
    assert entries["1j59"].title.startswith("CATABOLITE GENE ACTIVATOR PROTEIN (CAP)/DNA COMPLEX")


def test_modified_residues(entries):
    modified = {
        str(c.key): [(m.label, m.component, m.parent) for m in c.modified] for e in entries.values() for c in e.chains
    }
    assert {key: found for key, found in modified.items() if found} == {
        "1a4w_I": [(11, "TYS", "Y")],
        "5eil_A": [(10, "BP5", "X")],
        "5eil_B": [(10, "BP5", "X")],
        "5eil_C": [(10, "BP5", "X")],
    }


def test_insertion_codes_of_thrombin(entries):
    light, heavy, _ = entries["1a4w"].chains
    assert [light.numbering.author(i) for i in (1, 8, 9, 22, 23, 36)] == ["1H", "1A", "1", "14", "14A", "14N"]
    assert [heavy.numbering.author(i) for i in (21, 22, 23, 46, 47, 55, 56)] == [
        "36",
        "36A",
        "37",
        "60",
        "60A",
        "60I",
        "61",
    ]
    assert heavy.numbering.pdb_range("H", ResidueRange.parse("1-22,47-259")) == "H:16-36A,H:60A-247"


def test_copies_have_the_same_sequence(entries):
    md5 = {str(c.key): c.sequence_md5 for e in entries.values() for c in e.chains}
    assert md5["1igy_A"] == md5["1igy_C"] != md5["1igy_B"] == md5["1igy_D"]
    assert md5["5eil_A"] == md5["5eil_B"] == md5["5eil_C"]
    assert md5["1j59_A"] == md5["1j59_B"]


@pytest.mark.parametrize("pdb_id", IDS)
def test_the_canonical_sequence_of_the_archive_is_ours(entries, pdb_id):
    """An independent statement of the same file: _entity_poly.pdbx_seq_one_letter_code_can."""
    table = block(pdb_id).find("_entity_poly.", ["entity_id", "pdbx_seq_one_letter_code_can"])
    canonical = {row.str(0): "".join(row.str(1).split()) for row in table}
    for chain in entries[pdb_id].chains:
        assert chain.sequence == canonical[chain.entity_id], chain.key


@pytest.mark.parametrize("pdb_id", IDS)
def test_numbering_and_observed_residues_are_those_of_gemmis_structure(entries, pdb_id):
    """Residue by residue: author number and insertion code of everything with coordinates in the first model."""
    structure = gemmi.make_structure_from_block(block(pdb_id))
    atoms: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for chain in structure[0]:
        for residue in chain:
            if residue.label_seq is not None:
                number = f"{residue.seqid.num}{residue.seqid.icode.strip()}"
                atoms[chain.name, residue.subchain].setdefault(residue.label_seq, number)
    chains = {(chain.key.chain_id, chain.label_asym_id): chain for chain in entries[pdb_id].chains}
    assert set(atoms) == set(chains)
    for key, numbers in atoms.items():
        chain = chains[key]
        assert list(chain.observed) == sorted(numbers), chain.key
        for label, number in numbers.items():
            single = ResidueRange(((label, label),))
            assert chain.numbering.author(label) == number
            assert chain.numbering.pdb_range(key[0], single) == f"{key[0]}:{number}-{number}"


@pytest.mark.parametrize("pdb_id", IDS)
def test_the_scheme_and_the_atoms_agree_on_what_is_observed(entries, pdb_id):
    """_atom_site is what we read; the scheme's auth_seq_num says the same in every archived entry here."""
    table = block(pdb_id).find("_pdbx_poly_seq_scheme.", ["asym_id", "seq_id", "auth_seq_num"])
    said: dict[str, set[int]] = defaultdict(set)
    for asym, seq, author in table:
        if author != "?":
            said[asym].add(int(seq))
    for chain in entries[pdb_id].chains:
        assert set(chain.observed) == said[chain.label_asym_id], chain.key


@pytest.mark.parametrize("pdb_id", IDS)
def test_atoms_are_read_by_columns_and_the_same_as_by_the_parser(pdb_id):
    text = gzip.decompress(find_entry(MIRROR, pdb_id).read_bytes())
    table, rest = AtomTable.cut_from(text)
    assert table is not None, "the archive's layout is not recognised: reading is slow"
    assert b"\n_atom_site_anisotrop." not in rest
    tags = ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_comp_id")
    assert list(table.residues(*tags)) == list(AtomTable.of_block(gemmi.cif.read_string(text)[0]).residues(*tags))


@pytest.mark.parametrize("pdb_id", IDS)
def test_saved_and_loaded_again_an_entry_is_equal(entries, pdb_id, tmp_path):
    path = save_entry(entries[pdb_id], tmp_path)
    assert load_entry(tmp_path, pdb_id) == entries[pdb_id]
    assert path.stat().st_size < 10_000


@pytest.mark.parametrize("pdb_id", ["1a4w", "1j59"])
def test_without_the_scheme_sequence_and_observed_residues_are_the_same(entries, pdb_id, tmp_path):
    text = gzip.decompress(find_entry(MIRROR, pdb_id).read_bytes())
    for category in (b"pdbx_poly_seq_scheme", b"pdbx_database_status", b"database_2"):  # as other programs write it
        text = text.replace(b"_%b." % category, b"_removed_%b." % category)
    path = tmp_path / "x.cif"
    path.write_bytes(text)
    entry = read_entry(path, pdb_id, ChainSettings())
    assert len(entry.problems) == 1
    whole = {chain.key: chain for chain in entries[pdb_id].chains}
    assert {chain.key for chain in entry.chains} == set(whole)
    for chain in entry.chains:
        assert chain.sequence == whole[chain.key].sequence
        assert chain.observed == whole[chain.key].observed
        for label in chain.observed:
            assert chain.numbering.author(label) == whole[chain.key].numbering.author(label)


@pytest.mark.parametrize("pdb_id", IDS)
def test_an_entry_cut_off_between_two_categories_is_refused_or_loses_nothing(entries, pdb_id, tmp_path):
    text = gzip.decompress(find_entry(MIRROR, pdb_id).read_bytes())
    path = tmp_path / "cut.cif"
    refused = 0
    for boundary in re.finditer(rb"\n# ?\n", text):
        path.write_bytes(text[: boundary.end()])
        try:
            entry = read_entry(path, pdb_id, ChainSettings())
        except BrokenInputError:
            refused += 1
            continue
        assert replace(entry, source_sha256=entries[pdb_id].source_sha256) == entries[pdb_id]
    assert refused > 30


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 0.9999))
def test_an_entry_cut_off_anywhere_is_refused_or_keeps_its_sequences(entries, tmp_path_factory, share):
    text = gzip.decompress(find_entry(MIRROR, "1a4w").read_bytes())
    path = tmp_path_factory.mktemp("cut") / "1a4w.cif"
    path.write_bytes(text[: int(share * len(text))])
    try:
        entry = read_entry(path, "1a4w", ChainSettings())
    except BrokenInputError:
        return
    assert [c.sequence for c in entry.chains] == [c.sequence for c in entries["1a4w"].chains]


def test_the_real_releases():
    first, second = find_releases(PDB / "status", parse_date("2021-09-01"), parse_date("20211001"))
    assert first.added == ("1a4w", "1dix", "1igy", "1j59", "1ncb", "1o1z")
    assert (first.modified, first.obsolete, first.skip_reason, first.problems) == ((), (), None, ())
    assert second.added == ("2d0f", "3o5r", "4zxb", "5eil", "5zng", "7gsa")
    assert (second.modified, second.obsolete) == (("1o1z",), ("1dix",))


def test_a_real_weekly_update_list_is_read(tmp_path):
    week = tmp_path / "20210917"
    week.mkdir()
    for source, name in (
        ("added-entries", "added"),
        ("modified-entries", "modified"),
        ("obsolete-entries", "obsolete"),
    ):
        (week / f"{name}.pdb").write_bytes((PDB / "update-lists" / source).read_bytes())
    (release,) = find_releases(tmp_path, parse_date("20210917"))
    assert [len(release.added), len(release.modified), len(release.obsolete)] == [244, 188, 2]
    assert release.problems == ()
