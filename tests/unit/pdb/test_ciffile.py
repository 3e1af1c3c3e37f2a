"""Damaged files are refused with the reason, whatever the damage."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.pdb import read_entry
from pyecod.pdb.ciffile import read_cif
from pyecod.settings import ChainSettings

LIMIT = 1 << 22


@pytest.fixture
def good(made_entry, molecule) -> bytes:
    chains = [
        molecule.protein("A", "MKVLAAGIVGLCDEFHIKLMNPQRSTVWY", observed=range(4, 20)),
        molecule("B", ["DA", "DC/DG", "DT"] * 4, "polydeoxyribonucleotide"),
    ]
    return made_entry(chains, models=2).text().encode()


def test_plain_and_gzipped_files_are_told_apart_by_content(good, store):
    for name in ("1abc.cif", "1abc.cif.gz"):
        assert read_cif(store(good, name), LIMIT).text("_entry.id") == "1ABC"
    assert read_cif(store(gzip.compress(good), "zipped.cif"), LIMIT).text("_entry.id") == "1ABC"


def test_gzip_files_of_several_members_and_zero_padding_are_whole(good, store, tmp_path):
    path = tmp_path / "1abc.cif.gz"
    path.write_bytes(gzip.compress(good[:500]) + gzip.compress(good[500:]) + b"\0" * 64)
    assert len(read_cif(path, LIMIT).values("_pdbx_poly_seq_scheme.seq_id")) == 29 + 16


@pytest.mark.parametrize(
    "change",
    [
        lambda good: b"\xef\xbb\xbf" + good,
        lambda good: good.replace(b"\n", b"\r\n"),
        lambda good: good.replace(b"\n", b"\r"),
        lambda good: gzip.compress(gzip.compress(good)),
        lambda good: good + b"# end of file\n",
        lambda good: good + b"# written by a program\n# on a Friday",
        lambda good: good.replace(b"made-up", b"\xc5ngstr\xf6m"),
        lambda good: good.replace(b"made-up", "Ångström".encode()),
        lambda good: good.replace(b"_atom_site.", b"_ATOM_SITE.").replace(b"_entity_poly.type", b"_Entity_Poly.Type"),
    ],
)
def test_other_ways_of_writing_the_same_text_are_read(good, store, change):
    plain = read_entry(store(good), "1abc", ChainSettings())
    other = read_entry(store(change(good), "other.cif"), "1abc", ChainSettings())
    assert other.chains == plain.chains


def test_replaced_bytes_are_noted_with_their_line(good, store):
    file = read_cif(store(good.replace(b"made-up", b"\xc5")), LIMIT)
    assert file.text("_struct.title") == "A Å entry"
    (note,) = file.notes
    assert "not UTF-8" in note
    assert "entry" in note


def _gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("a.cif", lambda _: b"", "is empty"),
        ("a.cif.gz", lambda _: b"", "is empty"),
        ("a.cif.gz", lambda _: _gz(b""), "is empty"),
        ("a.cif", lambda _: b" \n\n", "is empty"),
        ("a.cif.gz", lambda good: good, "not gzipped"),
        ("a.cif.gz", lambda good: _gz(good)[:-9], "cut off"),
        ("a.cif.gz", lambda good: _gz(good)[:40], "cut off"),
        ("a.cif.gz", lambda _: b"\x1f\x8b", "cut off"),
        ("a.cif.gz", lambda good: _gz(good)[:-8] + b"\0" * 8, "damaged"),
        ("a.cif.gz", lambda good: _gz(good)[:300] + b"\xff" * 30 + _gz(good)[330:], "damaged"),
        ("a.cif.gz", lambda good: _gz(good) + b"garbage", "foreign bytes"),
        ("a.cif", lambda good: good[: len(good) // 2], "cut off"),
        ("a.cif", lambda good: good[:-5], "cut off"),
        ("a.cif", lambda _: bytes(range(256)) * 20, "not valid CIF"),
        ("a.cif", lambda _: b"<html><body>404</body></html>", "not valid CIF"),
        ("a.cif", lambda good: good.decode().encode("utf-16"), "is UTF-16"),
        ("a.cif", lambda good: good.decode().encode("utf-16-be"), "is UTF-16"),
        ("a.cif.gz", lambda good: _gz(_gz(_gz(good))), "more than 2 times"),
        ("a.cif.gz", lambda _: _gz(b"HEADER    OXYGEN TRANSPORT\nATOM      1  N   MET A   1\n"), "in PDB format"),
        ("a.cif", lambda _: b"ATOM      1  N   MET A   1\n", "in PDB format"),
        ("a.cif", lambda good: good.replace(b"1 polymer", b"1", 1), "not valid CIF"),
        ("a.cif", lambda good: good.replace(b"\n_atom_site.id", b"\n__atom_site.id"), "not valid CIF"),
        ("a.cif", lambda good: good + b"data_two\n_entry.id 2XYZ\n#\n", "one data block"),
        ("a.cif", lambda good: good + b"_cell.x " + b"9" * (3 << 20) + b"\n#\n", "a line of more than"),
        ("a.cif", lambda good: good + b"#\n" * LIMIT, "larger than 4 MiB"),
        ("a.cif.gz", lambda good: _gz(good + b"#\n" * LIMIT), "larger than 4 MiB"),
        ("a.cif.gz", lambda good: _gz(good) + _gz(b"#\n" * LIMIT), "larger than 4 MiB"),
    ],
)
def test_each_damage_has_its_own_reason(good, tmp_path, name, damage, message):
    path = tmp_path / name
    path.write_bytes(damage(good))
    with pytest.raises(BrokenInputError, match=message) as caught:
        read_cif(path, LIMIT)
    assert caught.value.where == str(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent.cif", tmp_path):
        with pytest.raises(BrokenInputError, match="cannot read the file"):
            read_cif(path, LIMIT)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.cif.gz"
    squeeze = zlib.compressobj(9, wbits=31)
    path.write_bytes(b"".join(squeeze.compress(b"\n" * (1 << 20)) for _ in range(64)) + squeeze.flush())
    with pytest.raises(BrokenInputError, match="larger than 4 MiB"):
        read_cif(path, LIMIT)


_TOKENS = st.sampled_from(
    [b"loop_\n", b"#\n", b"\n", b"?", b"'", b'"', b";", b"\n;", b"data_x\n", b"_atom_site.id ", b"\xff"]
)


@st.composite
def _edits(draw) -> list[tuple[str, float, float, bytes]]:
    edit = st.tuples(
        st.sampled_from(["cut", "replace", "insert", "double"]),
        st.floats(0, 1),
        st.floats(0, 0.02),
        _TOKENS | st.binary(min_size=1, max_size=4),
    )
    return draw(st.lists(edit, min_size=1, max_size=4))


def mutate(data: bytes, edits) -> bytes:
    for what, at, share, new in edits:
        start = int(at * len(data))
        end = start + int(share * len(data))
        middle = {"cut": b"", "replace": new, "insert": new + data[start:end], "double": data[start:end] * 2}[what]
        data = data[:start] + middle + data[end:]
    return data


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_edits())
def test_mutated_files_raise_only_broken_input(good, tmp_path, edits):
    path = tmp_path / "mutated.cif"
    path.write_bytes(mutate(good, edits))
    with suppress(BrokenInputError):
        assert read_entry(path, "1abc", ChainSettings()).pdb_id == "1abc"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1))
def test_a_file_cut_off_anywhere_is_refused_or_loses_no_sequence(good, tmp_path, share):
    """Cut between two categories a file is valid CIF; then everything it must have is there, or it is refused."""
    path = tmp_path / "cut.cif"
    path.write_bytes(good[: int(share * len(good))])
    try:
        entry = read_entry(path, "1abc", ChainSettings())
    except BrokenInputError:
        return
    assert [chain.length for chain in entry.chains] == [29, 12]
