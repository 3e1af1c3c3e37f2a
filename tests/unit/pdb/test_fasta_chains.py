"""FASTA as the second way in."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.pdb import CannotClassify, read_fasta_chains
from pyecod.settings import ChainSettings

SETTINGS = ChainSettings()
SEQUENCE = "MKVLAAGIVGLCDEFHIKLMNP"


def read(tmp_path, text, settings=SETTINGS):
    path = tmp_path / "chains.fasta"
    path.write_text(text)
    return read_fasta_chains(path, settings)


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("1SUA_A", "1sua_A"),
        ("1sua_Ab some text", "1sua_Ab"),
        ("pdb_00001sua_A", "1sua_A"),
        ("pdb_1a0x1sua_A", "pdb_1a0x1sua_A"),
        ("P00350", "P00350"),
        ("sp|P00350|6PGD_ECOLI 6-phosphogluconate dehydrogenase OS=Escherichia coli", "P00350"),
        ("tr|A0A024R1R8|A0A024R1R8_HUMAN", "A0A024R1R8"),
        ("sp|P04637-2|P53_HUMAN", "P04637-2"),
        ("my_protein.v2", "my_protein.v2"),
    ],
)
def test_ids(tmp_path, title, key):
    (chain,) = read(tmp_path, f">{title}\n{SEQUENCE}\n")
    assert str(chain.key) == key
    assert chain.sequence == SEQUENCE
    assert (chain.numbering, chain.observed, chain.cannot_classify) == (None, None, None)


def test_the_order_of_the_file_stays_and_gzip_is_read(tmp_path):
    path = tmp_path / "chains.fa.gz"
    path.write_bytes(gzip.compress(f">b\n{SEQUENCE}\n>a\n{SEQUENCE}\n".encode()))
    assert [str(chain.key) for chain in read_fasta_chains(path, SETTINGS)] == ["b", "a"]


def test_what_cannot_be_classified_is_recorded_with_the_reason(tmp_path):
    text = f">a\nMKV\n>b\n{'X' * 30}\n>c\n{'A' * 60}\n>d\n{SEQUENCE}\n"
    reasons = [chain.cannot_classify for chain in read(tmp_path, text, ChainSettings(max_length=50))]
    assert reasons == [CannotClassify.PEPTIDE, CannotClassify.UNKNOWN_SEQUENCE, CannotClassify.TOO_LONG, None]


def test_a_record_that_cannot_be_used_is_a_failed_chain_and_costs_no_other(tmp_path):
    text = ">a/b\nMKV\n>ok\nMKV\n>bad\nMK9\n>none\n>sp|x;y|Z\nMKV\n>ok\nMK\n>1SUA_A\nMK\n>1sua_A\nMK\n"
    text += ">\nMK\n>stop\nM*K\n>-\nM\n>"
    chains = read(tmp_path, text)
    failures = {str(chain.key): chain.failure for chain in chains if chain.failure is not None}
    assert {str(chain.key) for chain in chains} - failures.keys() == {"a_b", "ok", "x_y", "1sua_A"}
    for key, line, part in (
        ("bad", 6, "'9' is not an amino acid letter"),
        ("none", 7, "no sequence"),
        ("ok.line10", 10, "as in line 3"),
        ("1sua_A.line14", 14, "'1sua_A' is 1sua_A, as in line 12"),
        ("line16", 16, "title line without an id"),
        ("stop", 19, "'*' is not an amino acid letter"),
        ("line20", 20, "has no id"),
        ("line22", 22, "title line without an id"),
    ):
        assert f"line {line} of chains.fasta: " in failures[key]
        assert part in failures[key]
    assert len(failures) == 8
    assert all(chain.sequence == "" for chain in chains if chain.failure is not None)


def test_a_file_without_any_usable_record_is_refused_with_all_reasons(tmp_path):
    with pytest.raises(BrokenInputError, match="none of the 50 records can be used") as caught:
        read(tmp_path, "".join(f">a{i}\nMK9\n" for i in range(50)))
    lines = str(caught.value).splitlines()
    assert lines[-1] == "  and 30 more"
    assert len(lines) == 22


@pytest.mark.parametrize(
    "sequence", ["ATGGCC" * 10, "ATGNNNGCC" * 9, "augcuaguucgaugcuaguucgaugcuaguucg", "ACGTX" * 12], ids=str.lower
)
def test_nucleotides_are_said_before_they_are_searched(tmp_path, sequence):
    with pytest.raises(BrokenInputError, match="nucleotides, not a protein"):
        read(tmp_path, f">gene\n{sequence}\n")
    gene, protein = read(tmp_path, f">gene\n{sequence}\n>p\n{SEQUENCE}\n")
    assert "nucleotides" in gene.failure
    assert protein.is_searchable


@pytest.mark.parametrize("sequence", ["ACG" * 5, "G" * 60, "GA" * 40, "GAC" * 20 + "K"], ids=str.lower)
def test_dull_proteins_are_no_nucleotides(tmp_path, sequence):
    (chain,) = read(tmp_path, f">p\n{sequence}\n")
    assert chain.failure is None


def test_a_file_that_memory_does_not_hold_is_the_declared_error(tmp_path, monkeypatch):
    monkeypatch.setattr("pyecod.pdb.fasta_chains.memory_limit", lambda: 40_000)
    with pytest.raises(BrokenInputError, match="more sequences than the memory"):
        read(tmp_path, "".join(f">a{i}\n{SEQUENCE}\n" for i in range(50)))


@given(st.lists(st.text(max_size=30) | st.sampled_from([">a", ">b x", "MKV", "M*V", "*", ">", "; c"]), max_size=12))
def test_any_lines_are_chains_with_keys_of_their_own_or_the_declared_error(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("any") / "x.fa"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    with suppress(BrokenInputError):
        chains = read_fasta_chains(path, SETTINGS)
        assert len({chain.key for chain in chains}) == len(chains)
        assert any(chain.failure is None for chain in chains)


@pytest.mark.parametrize("text", ["", "MKV\n", "\n\n", ">\nMKV\n", ">"])
def test_what_is_no_fasta_is_refused(tmp_path, text):
    with pytest.raises(BrokenInputError):
        read(tmp_path, text)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(BrokenInputError, match="cannot read"):
        read_fasta_chains(tmp_path / "absent.fa", SETTINGS)
