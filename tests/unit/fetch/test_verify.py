from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.fetch.verify import (
    check_entry,
    check_gzip,
    check_id_list,
    check_sum,
    check_tar,
    check_text,
    offered_checksum,
    read_checksums,
)

WHOLE = gzip.compress(b"data_1ABC\n" + bytes(range(256)) * 40, mtime=0)


def put(tmp_path: Path, content: bytes, name: str = "x.gz") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_gzip_file_cut_anywhere_is_found_out(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(BrokenInputError):
        check_gzip(put(tmp_path_factory.getbasetemp(), WHOLE[:cut]))


@given(place=st.integers(10, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_a_gzip_file_with_a_wrong_byte_is_found_out_or_unpacks_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    wrong = WHOLE[:place] + bytes([WHOLE[place] ^ flip]) + WHOLE[place + 1 :]
    path = put(tmp_path_factory.getbasetemp(), wrong)
    try:
        check_gzip(path)
    except BrokenInputError:
        return
    assert gzip.decompress(wrong) == gzip.decompress(WHOLE)


@pytest.mark.parametrize("name", ["1abc.cif.gz", "1abc.cif.gz.part"])
def test_an_entry_begins_with_a_data_block(tmp_path: Path, name: str) -> None:
    check_entry(put(tmp_path, gzip.compress(b"# comment\n\ndata_1ABC\n"), name))
    for content, said in ((b"<html>", "this is no mmCIF file: it begins with '<html>'"), (b"#\n", "is empty")):
        with pytest.raises(BrokenInputError, match=said):
            check_entry(put(tmp_path, gzip.compress(content), name))
    check_entry(put(tmp_path, b"data_1ABC\n", "1abc.cif"))


def test_a_list_has_ids_or_nothing(tmp_path: Path) -> None:
    for good in (b"", b"\n\n", b"# none this week\n", b"8s72\n", b"nonsense\n8s72\n", b"pdb_00008s72\n"):
        check_id_list(put(tmp_path, good))
    for bad in (b"<html>\n<body>moved</body>\n", b"no such file\n", b"\xff\xfe\x00"):
        with pytest.raises(BrokenInputError, match="no list of PDB ids"):
            check_id_list(put(tmp_path, bad))


def test_a_text_is_neither_empty_nor_a_page_nor_binary(tmp_path: Path) -> None:
    check_text(put(tmp_path, b">e1suaA1\nMKV\n"))
    for bad in (b"", b" \n", b"<!DOCTYPE html>", b"a\0b"):
        with pytest.raises(BrokenInputError, match="no plain text"):
            check_text(put(tmp_path, bad))


def test_a_cut_archive_is_found_out(tmp_path: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        info = tarfile.TarInfo("x")
        info.size = 5000
        archive.addfile(info, io.BytesIO(bytes(5000)))
    check_tar(put(tmp_path, content.getvalue()))
    with pytest.raises(BrokenInputError, match="no whole tar archive"):
        check_tar(put(tmp_path, content.getvalue()[:3000]))


def test_checksums_are_read_as_the_programs_print_them(tmp_path: Path) -> None:
    sha, md5 = hashlib.sha256(b"x").hexdigest(), hashlib.md5(b"x").hexdigest()
    text = f"{sha}  a/b/one.gz\n{md5.upper()} *two.fasta\nnot a sum\n{sha[:-1]}  short\n"
    sums = read_checksums(text)
    assert sums == {"one.gz": f"sha256:{sha}", "two.fasta": f"md5:{md5}"}
    for checksum in sums.values():
        check_sum(put(tmp_path, b"x"), checksum)
        with pytest.raises(BrokenInputError, match="checksum is"):
            check_sum(put(tmp_path, b"y"), checksum)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_header_is_a_checksum_or_none(repr_digest: str, digest: str, md5: str) -> None:
    found = offered_checksum({"repr-digest": repr_digest, "digest": digest, "content-md5": md5}, whole=True)
    assert found is None or found.partition(":")[0] in ("sha256", "md5")
