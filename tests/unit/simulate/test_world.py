import datetime
import hashlib
from collections import Counter

import gemmi
import pytest

from pyecod.errors import BrokenInputError, UsageError
from pyecod.fasta import read_fasta
from pyecod.ids import parse_pdb_id
from pyecod.pdb import find_entry, find_releases, read_entry
from pyecod.ranges import ResidueRange
from pyecod.settings import ChainSettings
from pyecod.simulate import Kind, World, WorldOptions, read_truth, read_truth_chains, simulate_world
from pyecod.simulate.entries import Quirk

pytestmark = pytest.mark.slow

OPTIONS = WorldOptions(seed=11, families=20, entries=24, weeks=2, homologs=6, profiles=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return simulate_world(tmp_path_factory.mktemp("world") / "w", OPTIONS)


@pytest.fixture(scope="module")
def entries(world):
    releases = find_releases(world.status_dir, datetime.date(2025, 1, 1))
    gone = {pdb_id for release in releases for pdb_id in release.obsolete}
    ids = [pdb_id for release in releases for pdb_id in release.added if pdb_id not in gone]
    return {i: read_entry(find_entry(world.mirror, i), i, ChainSettings()) for i in ids}


def _digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(world, tmp_path):
    again = simulate_world(tmp_path / "again", OPTIONS)
    assert _digests(again.folder) == _digests(world.folder)
    other = simulate_world(tmp_path / "other", OPTIONS, seed=12)
    assert other.truth.read_bytes() != world.truth.read_bytes()


def test_a_world_goes_on_where_it_stopped(world, tmp_path):
    one = simulate_world(tmp_path / "w", OPTIONS, weeks=1)
    first = (one.status_dir / "20250905" / "added.pdb").read_bytes()
    assert not (one.status_dir / "20250912").exists()
    on = simulate_world(tmp_path / "w", OPTIONS, weeks=2)
    assert (on.status_dir / "20250905" / "added.pdb").read_bytes() == first
    assert _digests(on.folder) == _digests(world.folder)


def test_another_world_in_the_folder_is_refused(world, tmp_path):
    with pytest.raises(UsageError, match="other options"):
        simulate_world(world.folder, OPTIONS, seed=99)
    with pytest.raises(UsageError, match="other options"):
        simulate_world(world.folder, OPTIONS, weeks=1)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        simulate_world(tmp_path, OPTIONS)
    with pytest.raises(BrokenInputError, match="not a simulated world"):
        World.open(tmp_path)


def test_a_written_world_is_opened_as_it_was(world):
    assert World.open(world.folder) == world


@pytest.mark.parametrize(
    "change",
    [
        {"families": 2},
        {"entries": 0},
        {"weeks": 0},
        {"weeks": 9000},
        {"seed": -1},
        {"divergence": 9.0},
        {"layout": "2"},
    ],
)
def test_impossible_options_are_refused(change):
    with pytest.raises(UsageError):
        WorldOptions(**change)


def test_releases_are_read_with_added_modified_and_obsolete_entries(world):
    first, second = find_releases(world.status_dir, datetime.date(2025, 1, 1))
    assert (first.date, second.date) == world.dates
    assert len(first.added) == len(second.added) == OPTIONS.entries
    assert not first.modified
    assert second.modified
    assert second.obsolete
    assert set(second.modified + second.obsolete) <= set(first.added)
    assert not first.problems + second.problems
    assert any(pdb_id.startswith("pdb_1000") for pdb_id in first.added)
    assert "pdb_0000" in (first.path / "added.pdb").read_text()
    for pdb_id in second.obsolete:
        with pytest.raises(BrokenInputError, match="no mmCIF file"):
            find_entry(world.mirror, pdb_id)


def test_every_chain_is_read_as_the_truth_says(world, entries):
    expected = {chain.chain: chain for chain in read_truth_chains(world.truth_chains)}
    found = {chain.key: chain for entry in entries.values() for chain in entry.chains}
    assert found.keys() == expected.keys()
    for key, chain in found.items():
        truth = expected[key]
        assert chain.length == truth.length
        assert (chain.cannot_classify or "") == truth.reason
        assert (chain.cannot_classify is None) is truth.can_classify
        if truth.can_classify:
            assert chain.sequence_md5 == truth.sequence_md5
            assert chain.observed
    without = [entry for entry in entries.values() if not entry.chains]
    assert without
    assert all(entry.problems == ("the entry has no polymer",) for entry in without)
    assert not [entry.problems for entry in entries.values() if entry.chains and entry.problems]
    assert world.chains == len(found)
    assert world.proteins == sum(truth.can_classify for truth in expected.values())


def test_domains_lie_inside_their_chains_do_not_overlap_and_have_author_numbers(world, entries):
    chains = {chain.key: chain for entry in entries.values() for chain in entry.chains}
    by_chain = {}
    for domain in read_truth(world.truth):
        by_chain.setdefault(domain.chain, []).append(domain)
    assert by_chain.keys() == {key for key, chain in chains.items() if chain.cannot_classify is None}
    for key, domains in by_chain.items():
        assert [d.number for d in domains] == list(range(1, len(domains) + 1))
        assert sum(len(d.range) for d in domains) == len(ResidueRange().union(*(d.range for d in domains)))
        for domain in domains:
            assert domain.range.end <= domain.length == chains[key].length
            assert domain.pdb_range == chains[key].numbering.pdb_range(key.chain_id, domain.range)
            assert (domain.t_group is None) == (domain.kind is Kind.NOVEL)
            assert domain.f_group is None or domain.f_group.startswith(f"{domain.t_group}.")


def test_gemmi_reads_the_same_numbers_from_the_coordinates(world, entries):
    for pdb_id, entry in entries.items():
        structure = gemmi.read_structure(str(find_entry(world.mirror, pdb_id)))
        models = {chain.key.chain_id: chain for chain in entry.chains}
        for part in structure[0]:
            for residue in part.get_polymer():
                number = models[part.name].numbering.author(residue.label_seq)
                assert number == str(residue.seqid)
                assert residue.label_seq in models[part.name].observed


def test_the_release_has_the_whole_catalogue(world, entries):
    chains = [chain for entry in entries.values() for chain in entry.chains]
    architectures = " ".join(c.architecture for c in read_truth_chains(world.truth_chains))
    for layout in (
        "tandem repeat",
        "nested",
        "interleaved",
        "many domains",
        "one remote",
        "one novel",
        "near-identical",
    ):
        assert layout in architectures
    assert {"peptide", "nucleic_acid", "not_protein", "unknown_sequence"} <= {
        c.cannot_classify.value for c in chains if c.cannot_classify
    }
    components = {m.component for c in chains for m in c.modified}
    assert {"MSE", "SEP", "TPO", "PTR", "CSO", "MLY", "A1SIM"} <= components
    assert any(m.component == "A1SIM" and m.parent == "L" for c in chains for m in c.modified)
    numbers = [run for c in chains for run in c.numbering.runs]
    assert any(run.insertion_code == "A" for run in numbers)
    assert any(run.auth_start < 0 for run in numbers)
    assert any(len(c.observed.segments) > 1 for c in chains)
    assert any(c.key.chain_id.islower() for c in chains)
    assert any(len(c.key.chain_id) > 1 for c in chains)
    assert {"X-RAY DIFFRACTION", "ELECTRON MICROSCOPY", "SOLUTION NMR"} <= {e.method for e in entries.values()}
    sequences = Counter(c.sequence for c in chains if c.cannot_classify is None)
    assert sum(sequences.values()) / len(sequences) > 2
    cased = [e for e in entries.values() if {"A", "a"} <= {c.key.chain_id for c in e.chains}]
    assert cased
    for entry in cased:
        by_id = {c.key.chain_id: c.sequence for c in entry.chains}
        assert by_id["A"] != by_id["a"]


def test_quirks_are_all_in_a_release_of_as_many_entries(world):
    assert len(Quirk) <= 19 <= OPTIONS.entries  # what the documentation of WorldOptions promises


def test_the_domain_list_and_the_sequences_agree(world):
    lines = [line.split("\t") for line in world.domain_list.read_text().splitlines() if not line.startswith("#")]
    titles = {record.id.split("|")[1]: record for record in read_fasta(world.domain_fasta)}
    chains = {record.id: record.sequence for record in read_fasta(world.chain_fasta)}
    assert len(lines) == len(titles) == world.reference_domains
    for cells in lines:
        assert len(cells) == 16
        _, domain_id, _, group, pdb, chain, _, seqid_range = cells[:8]
        assert parse_pdb_id(pdb) == pdb
        assert domain_id.startswith(f"e{pdb}{chain}")
        record = titles[domain_id]
        assert record.id.split("|")[2:] == [group, seqid_range]
        segments = ResidueRange.parse(seqid_range).segments
        assert "".join(chains[f"{pdb}_{chain}"][a - 1 : b] for a, b in segments) == record.sequence
    assert any("," in cells[7] for cells in lines)


def test_the_fasta_holds_every_chain_that_can_be_classified(world):
    expected = {str(c.chain): c.sequence_md5 for c in read_truth_chains(world.truth_chains) if c.can_classify}
    found = {r.id: hashlib.md5(r.sequence.encode()).hexdigest() for r in read_fasta(world.fasta)}
    assert found == expected
