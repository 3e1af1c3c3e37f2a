"""The odd files of the shared cases, by what is expected of each; and gemmi as the oracle of what a file says."""

from __future__ import annotations

from pathlib import Path

import gemmi
import pytest

from pyecod.errors import BrokenInputError
from pyecod.pdb import find_entry, read_entry
from pyecod.settings import ChainSettings

CASES = Path(__file__).parents[4] / "shared" / "cases" / "pdb"
UBIQUITIN = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")


def read(name: str):
    return read_entry(CASES / name, "9aaa", ChainSettings())


@pytest.mark.parametrize(
    ("name", "chains"),
    [
        ("atom-site-in-text.cif", "A"),
        ("bom.cif", "A"),
        ("chain-id-null.cif", "%3F B"),
        ("comment-at-end.cif", "A"),
        ("double-gz.cif.gz", "A"),
        ("latin1-title.cif", "A"),
        ("microhet-order.cif", "A B"),
        ("mixed-case-tags.cif", "A"),
        ("no-ins-code.cif", "A"),
        ("no-struct-asym.cif", "A"),
        ("number-plus.cif", "A"),
        ("number-with-letter.cif", "A"),
        ("scheme-interleaved.cif", "A B"),
        ("seqres-one-letter-only.cif", "A"),
        ("type-lower-case.cif", "A"),
        ("unobserved-chain-no-scheme.cif", "A B"),
    ],
)
def test_what_can_be_read_is_read(name, chains):
    entry = read(name)
    assert [chain.key.chain_id for chain in entry.chains] == chains.split()
    for chain in entry.chains:
        assert (chain.sequence, chain.is_searchable, chain.polymer_type) == (UBIQUITIN, True, "protein")


@pytest.mark.parametrize(
    ("name", "chains"), [("chain-id-underscore.cif", "A%5F1 B"), ("same-author-two-polymers.cif", "A@A A@B")]
)
def test_every_polymer_has_a_key_of_its_own(name, chains):
    entry = read(name)
    assert [chain.key.chain_id for chain in entry.chains] == chains.split()
    assert [chain.length for chain in entry.chains] == [76, 129]
    assert all(chain.is_searchable for chain in entry.chains)


@pytest.mark.parametrize(
    ("name", "reason"), [("tables-disagree.cif", "at residue 40"), ("two-author-ids.cif", "from 'A' to 'B'")]
)
def test_a_chain_that_contradicts_itself_has_failed(name, reason):
    (chain,) = read(name).chains
    assert reason in chain.failure


def test_numbers_and_letters(tmp_path):
    assert read("number-with-letter.cif").chains[0].numbering.author(6) == "6A"
    assert read("number-plus.cif").chains[0].numbering.author(6) == "6"
    assert read("modified-by-canonical.cif").chains[0].sequence[30] == "M"
    assert "Angstrom" not in read("latin1-title.cif").problems[0]
    assert "not UTF-8" in read("latin1-title.cif").problems[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut-before-scheme.cif", "is cut off"),
        ("utf16.cif", "UTF-16"),
        ("modelcif-afdb.cif", "pyecod classify"),
        ("atoms.pdb", "in PDB format"),
    ],
)
def test_what_cannot_be_read_says_why(name, reason):
    with pytest.raises(BrokenInputError, match=reason):
        read(name)


def test_a_mirrors_other_names(tmp_path):
    names = (CASES / "mirror-names" / "names.txt").read_text().split("\n")
    for number, name in enumerate(name.split(" ")[0] for name in names[:2]):
        path = tmp_path / str(number) / name
        path.parent.mkdir(parents=True)
        path.touch()
        assert find_entry(tmp_path / str(number), name.partition(".")[0][-4:] if number == 0 else "3flt") == path


@pytest.mark.parametrize("path", sorted(CASES.glob("*.cif")), ids=lambda path: path.name)
def test_what_gemmi_reads_is_read_or_a_reason_is_given(path):
    """Every polymer that gemmi finds with its sequence has a chain: with that sequence, or with the reason."""
    try:
        structure = gemmi.make_structure_from_block(gemmi.cif.read(str(path)).sole_block())
    except ValueError:
        pytest.skip("gemmi reads nothing")
    try:
        chains = {chain.label_asym_id: chain for chain in read_entry(path, "9aaa", ChainSettings()).chains}
    except BrokenInputError:
        assert path.name in ("cut-before-scheme.cif", "modelcif-afdb.cif")
        return
    for entity in structure.entities:
        names = [gemmi.Entity.first_mon(item) for item in entity.full_sequence]
        for asym in entity.subchains if names else ():
            chain = chains[asym]
            if chain.failure is None:
                assert chain.length == len(names)
                letters = gemmi.one_letter_code(names)
                assert all(
                    ours == theirs for ours, theirs in zip(chain.sequence, letters, strict=True) if theirs != "X"
                )
