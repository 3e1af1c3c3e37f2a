"""FASTA as the second way in."""

from __future__ import annotations

import gzip

import pytest

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


def test_all_errors_of_a_file_come_in_one_message_in_order(tmp_path):
    text = ">a/b\nMKV\n>ok\nMKV\n>bad\nMK9\n>none\n>sp|x;y|Z\nMKV\n>ok\nMK\n>1SUA_A\nMK\n>1sua_A\nMK\n"
    with pytest.raises(BrokenInputError, match="6 records cannot be used") as caught:
        read(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert [int(line.split("chains.fasta:")[1].split(":")[0]) for line in lines[1:]] == [1, 6, 7, 8, 10, 14]
    for line, part in zip(lines[1:], ["'a/b'", "'9'", "'none'", "'x;y'", "duplicate", "as in line 12"], strict=True):
        assert part in line


def test_a_single_error_stands_alone_with_file_and_line(tmp_path):
    with pytest.raises(BrokenInputError) as caught:
        read(tmp_path, f">ok\n{SEQUENCE}\n>a;b\n{SEQUENCE}\n")
    assert caught.value.where == f"{tmp_path}/chains.fasta:3"


def test_many_errors_are_not_all_listed(tmp_path):
    with pytest.raises(BrokenInputError) as caught:
        read(tmp_path, "".join(f">a;{i}\nMKV\n" for i in range(50)))
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("50 records cannot be used:")
    assert lines[-1] == "  and 30 more"
    assert len(lines) == 22


@pytest.mark.parametrize("text", ["", "MKV\n", "\n\n", ">\nMKV\n"])
def test_what_is_no_fasta_is_refused(tmp_path, text):
    with pytest.raises(BrokenInputError):
        read(tmp_path, text)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(BrokenInputError, match="cannot read"):
        read_fasta_chains(tmp_path / "absent.fa", SETTINGS)
