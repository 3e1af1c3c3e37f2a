"""find_entry: every layout a mirror has, and errors that say where was looked."""

from __future__ import annotations

import pytest

from pyecod.errors import BrokenInputError, IdError, UsageError
from pyecod.pdb import find_entry


@pytest.mark.parametrize(
    ("pdb_id", "place"),
    [
        ("1abc", "ab/1abc.cif.gz"),
        ("1ABC", "ab/1abc.cif"),
        ("1abc", "ab/pdb_00001abc.cif.gz"),
        ("pdb_00001abc", "ab/1abc.cif.gz"),
        ("1abc", "1abc.cif"),
        ("1abc", "1abc.cif.gz"),
        ("1abc", "ab/pdb_00001abc/structures/pdb_00001abc.cif.gz"),
        ("1abc", "ab/pdb_00001abc/pdb_00001abc.cif.gz"),
        ("pdb_00009abc", "ab/9abc.cif.gz"),
        ("pdb_1abc5678", "67/pdb_1abc5678.cif.gz"),
        ("pdb_1abc5678", "67/pdb_1abc5678/structures/pdb_1abc5678.cif.gz"),
        ("PDB_1ABC5678", "pdb_1abc5678.cif"),
    ],
)
def test_every_layout_of_a_mirror_is_known(tmp_path, pdb_id, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find_entry(tmp_path, pdb_id) == path


@pytest.mark.parametrize(
    "place",
    [
        "1ABC.cif",
        "1ABC.CIF.GZ",
        "AB/1ABC.cif.gz",
        "ab/1abc.mmcif",
        "ab/1abc_updated.cif.gz",
        "ab/pdb_00001abc/pdb_00001abc_xyz-enrich.cif.gz",
        "ab/pdb_00001abc/structures/pdb_00001abc_xyz.cif.gz",
        "ab/pdb_00001abc_xyz.cif",
    ],
)
def test_other_spellings_of_its_names_are_found(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find_entry(tmp_path, "1abc") == path


@pytest.mark.parametrize("top", [".", "mmCIF", "divided", "structures", "data"])
def test_the_top_of_an_archive_will_do(tmp_path, top):
    whole = tmp_path / "data/structures/divided/mmCIF"
    place = whole / "ab" / "1abc.cif.gz"
    place.parent.mkdir(parents=True)
    place.touch()
    mirrors = {".": tmp_path, "data": tmp_path / "data", "structures": tmp_path / "data/structures"}
    mirrors |= {"divided": whole.parent, "mmCIF": whole}
    assert find_entry(mirrors[top], "1abc") == place


@pytest.mark.parametrize(
    "name", ["pdb1abc.ent.gz", "1abc-assembly1.cif.gz", "1abc-sf.cif.gz", "1abc.bcif", "1abc.cif.Z", "11abc.cif"]
)
def test_files_that_are_something_else_are_named(tmp_path, name):
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / name).touch()
    with pytest.raises(BrokenInputError, match="no mmCIF file of 1abc") as caught:
        find_entry(tmp_path, "1abc")
    assert f"there is ab/{name}" in caught.value.hint


def test_the_divided_place_is_preferred(tmp_path):
    (tmp_path / "ab").mkdir()
    for place in ("1abc.cif.gz", "ab/1abc.cif", "ab/1abc.cif.gz"):
        (tmp_path / place).touch()
    assert find_entry(tmp_path, "1abc") == tmp_path / "ab" / "1abc.cif.gz"


def test_a_missing_entry_says_where_was_looked(tmp_path):
    (tmp_path / "ab" / "1abc.cif.gz").mkdir(parents=True)
    with pytest.raises(BrokenInputError, match="no mmCIF file of 1abc") as caught:
        find_entry(tmp_path, "1ABC")
    assert caught.value.where == str(tmp_path)
    assert "ab/1abc.cif.gz" in caught.value.what
    assert "ab/pdb_00001abc/structures/pdb_00001abc.cif.gz" in caught.value.what


def test_a_mirror_that_is_no_folder_is_another_error(tmp_path):
    (tmp_path / "file").touch()
    for mirror in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(UsageError, match="the mirror is not a folder") as caught:
            find_entry(mirror, "1abc")
        assert "--mirror" in caught.value.hint


def test_a_mirror_that_cannot_be_read_is_another_error(tmp_path, monkeypatch):
    """Permissions do not bind root, so the file system's answer is given here."""

    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(tmp_path), "is_file", refuse)
    with pytest.raises(BrokenInputError, match="cannot read the mirror: Permission denied"):
        find_entry(tmp_path, "1abc")


@pytest.mark.parametrize("pdb_id", ["../../etc", "1ab", "", "1abc/..", "pdb_1abc"])
def test_what_is_no_id_never_becomes_a_path(tmp_path, pdb_id):
    with pytest.raises(IdError):
        find_entry(tmp_path, pdb_id)
