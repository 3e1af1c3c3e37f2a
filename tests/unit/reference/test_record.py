"""The version record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pyecod.errors import ReferenceDataError
from pyecod.reference.lists import ListLine
from pyecod.reference.record import RECORD_NAME, FileStamp, ProfileDatabase, ReferenceRecord, must_be_whole


@pytest.fixture
def folder(make_reference: Callable[..., Path], line: Callable[..., ListLine]) -> Path:
    return make_reference([line("e1abcA1")])


def test_a_record_is_read_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    record = ReferenceRecord.read(folder)
    record.write(tmp_path)
    assert ReferenceRecord.read(tmp_path) == record
    assert record.created.tzinfo is not None


def test_files_stand_relative_to_the_folder(folder: Path) -> None:
    record = ReferenceRecord.read(folder)
    assert all(not Path(name).is_absolute() and (folder / name).is_file() for name in record.files)
    assert str(folder) not in (folder / RECORD_NAME).read_text()


@pytest.mark.parametrize("prefix", ["hh/refdb", "/elsewhere/refdb"])
def test_profiles_are_inside_or_where_they_were(folder: Path, prefix: str) -> None:
    stamp = FileStamp(size=1, sha256="0")
    hh_db = ProfileDatabase(prefix=prefix, id="1", entries=1, known_entries=1, files={"_a3m.ffdata": stamp})
    record = ReferenceRecord.read(folder).model_copy(update={"hh_db": hh_db})
    assert list(record.stamps(folder))[-1] == ((folder / prefix).with_name("refdb_a3m.ffdata"), stamp)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 99}, "made in format 99"),
        ({"format": None}, "format"),
        ({"name": None}, "name"),
        ({"domain_db": {"prefix": "x"}}, r"domain_db\.id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_record_that_is_none_says_what_is_wrong(folder: Path, change: dict[str, object], says: str) -> None:
    path = folder / RECORD_NAME
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(ReferenceDataError, match=says) as caught:
        ReferenceRecord.read(folder)
    assert caught.value.where == str(path)
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", "a: !!python/object/apply:os.getcwd []", "\x00", "[" * 50_000])
def test_a_damaged_record_is_an_error(folder: Path, content: str) -> None:
    (folder / RECORD_NAME).write_text(content)
    with pytest.raises(ReferenceDataError, match=r"version record|YAML") as caught:
        ReferenceRecord.read(folder)
    assert str(folder / RECORD_NAME) in str(caught.value)
    assert caught.value.hint


def test_whole_files_pass_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"123")
    stamp = FileStamp.of(path)
    must_be_whole([(path, stamp)])
    path.write_bytes(b"1234")
    with pytest.raises(ReferenceDataError, match="4 bytes instead of 3"):
        must_be_whole([(path, stamp)])
