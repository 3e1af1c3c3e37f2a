"""FASTA in and out."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.fasta import format_fasta, read_fasta, write_fasta

_IDS = st.from_regex(r"[!-=?-~]{1,12}", fullmatch=True)
_SEQUENCES = st.text("ACDEFGHIKLMNPQRSTVWYBZJUOX", min_size=1, max_size=200)


def read(tmp_path, content, name="x.fasta", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_fasta(path, **options))


@settings(deadline=None)
@given(st.lists(st.tuples(_IDS, _SEQUENCES), min_size=1, max_size=5, unique_by=lambda r: r[0]))
def test_what_is_written_is_read_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    write_fasta(path, records)
    assert [(r.id, r.sequence) for r in read_fasta(path)] == records


def test_titles_lines_and_letters(tmp_path):
    text = "\n; a comment\n>a first title\r\nmkv la\r\n\r\nGG*\n>b\nACD\n"
    a, b = read(tmp_path, text)
    assert (a.id, a.title, a.sequence, a.line) == ("a", "a first title", "MKVLAGG", 3)
    assert (b.id, b.sequence, b.line) == ("b", "ACD", 7)


def test_gzipped_files_and_byte_order_marks_are_read(tmp_path):
    assert read(tmp_path, gzip.compress(b">a\nMKV\n"), "x.fa.gz")[0].sequence == "MKV"
    assert read(tmp_path, "\ufeff>a\nMKV\n")[0].id == "a"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.fa", gzip.compress(b">a\nMKV\n")),
        ("x.fa.gz", b">a\nMKV\n"),
        ("x.fa", gzip.compress(gzip.compress(b">a\nMKV\n"))),
        ("x.fa", ">a Sjögren\nMKV\n".encode("latin-1")),
        ("x.fa", ">a Sjögren\r\nMKV\r\n".encode("utf-16")),
        ("x.fa", b">a\rMKV\r"),
    ],
)
def test_files_are_read_by_their_bytes_whatever_their_name(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert [(record.id, record.sequence) for record in read_fasta(tmp_path / name)] == [("a", "MKV")]


def test_a_stop_at_the_end_is_removed(tmp_path):
    assert read(tmp_path, ">a\nMKV\n*\n>b\nMKV*\n\n")[0].sequence == "MKV"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (">a\nMK1V\n", 2, "'1' is not an amino acid letter"),
        (">a\nMKV\nMK-V\n", 3, "'-' is not"),
        (">a\nMK*V\n", 2, r"'\*' is not"),
        (">a\nMKV*\nMKV\n", 2, r"'\*' is not"),
        (">a\nMKV**\n", 2, r"'\*' is not"),
        (">a\nMKß\n", 2, "'ß' is not"),
        (">a\nMſK\n", 2, "'ſ' is not"),
        (">a\nMKV\n>b\n>c\nMKV\n", 3, "'b' has no sequence"),
        (">a\nMKV\n>b\n", 3, "'b' has no sequence"),
        (">a\n*\n", 1, "'a' has no sequence"),
        (">a x\nMKV\n>a y\nMKV\n", 3, "'a' is a duplicate of line 1"),
        (">\nMKV\n", 1, "without an id"),
        ("MKV\n>a\nMKV\n", 1, "before the first title"),
    ],
)
def test_errors_name_file_and_line(tmp_path, content, line, message):
    with pytest.raises(BrokenInputError, match=message) as caught:
        read(tmp_path, content)
    assert caught.value.where == f"{tmp_path}/x.fasta:{line}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.fa", b"", "no FASTA record"),
        ("x.fa", b"\n\n; nothing\n", "no FASTA record"),
        ("x.fa", b">a\n\xff\xfe\n", "'ÿ' is not an amino acid letter"),
        ("x.fa", b"\xfd7zXZ\x00\x00", "packed with xz.*only gzip is read"),
        ("x.fa.gz", b"BZh91AY&SY", "packed with bzip2"),
        ("x.fa.gz", gzip.compress(b">a\n" + b"MKV\n" * 9)[:-6], "cannot read FASTA"),
        ("x.fa.gz", gzip.compress(b">a\nMKV\n")[:12] + b"\xff" * 9, "cannot read FASTA"),
    ],
)
def test_damaged_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(BrokenInputError, match=message):
        read(tmp_path, content, name)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(BrokenInputError, match="cannot read FASTA"):
        list(read_fasta(tmp_path / "absent.fa"))


def test_an_endless_line_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("pyecod.fasta._LONGEST_LINE", 100)
    assert len(read(tmp_path, ">a\n" + "A" * 99 + "\n")[0].sequence) == 99
    with pytest.raises(BrokenInputError, match="longer than 100") as caught:
        read(tmp_path, ">a\n" + "A" * 101)
    assert caught.value.where.endswith(":2")


def test_bad_records_can_be_set_aside(tmp_path):
    refused = []
    text = ">a\nMK1\n>b\nMKV\n>c\n>b\nMKV\n>d\nMKV\n"
    records = read(tmp_path, text, refuse=lambda bad, error: refused.append((bad.id, error.where.rpartition(":")[2])))
    assert [record.id for record in records] == ["b", "d"]
    assert refused == [("a", "2"), ("c", "5"), ("b", "6")]


def test_lines_are_wrapped():
    assert format_fasta([("a", "ABCDE"), ("b", "")], width=2) == ">a\nAB\nCD\nE\n>b\n"
    assert format_fasta([]) == ""


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(">;*AM \n\r\t1", max_size=60))
def test_any_text_is_fasta_or_broken_input(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        records = list(read_fasta(path))
    except BrokenInputError:
        return
    assert all(record.sequence.isascii() and record.sequence.isupper() for record in records)


def test_a_sequence_that_fills_memory_costs_its_record(tmp_path, monkeypatch):
    monkeypatch.setattr("pyecod.fasta._LONGEST_LINE", 100)
    refused = []
    text = ">a\n" + "MKVLAAGIVG\n" * 20 + ">b\nMKV\n"
    records = read(tmp_path, text, refuse=lambda bad, error: refused.append((bad.id, bad.sequence, str(error))))
    assert [record.id for record in records] == ["b"]
    assert [(name, sequence) for name, sequence, _ in refused] == [("a", "")]
    assert "more than 100 letters" in refused[0][2]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("data_1ABC\n#\n", "this is mmCIF"),
        ("HEADER    HYDROLASE\n", "in PDB format"),
        ("ATOM      1  N   MET A   1\n", "in PDB format"),
        ("PDB_ID\tEntity_ID\tSequence\n9XYZ\t1\tMQIF\n", "before release"),
        ("MKV\n", ""),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "some.fasta"
    path.write_text(text)
    with pytest.raises(BrokenInputError, match="before the first title") as caught:
        list(read_fasta(path))
    assert hint in (caught.value.hint or "")
    assert bool(hint) == bool(caught.value.hint)
