"""An HH-suite database and the ways in which it can be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import ReferenceDataError
from pyecod.reference.profiles import (
    PROFILE_SUFFIXES,
    ProfileEntry,
    copy_profiles,
    profile_files,
    profiles_digest,
    read_profiles,
)

NAMES = {"e1abcA1": "e1abcA1;1.1.1.3", "e1abca1": "e1abca1;1.1;x", "e2abcB12": "e2abcB12"}


def write_part(prefix: Path, kind: str, entries: dict[str, bytes]) -> None:
    data, index = b"", ""
    for name, content in entries.items():
        index += f"{name}\t{len(data)}\t{len(content)}\n"
        data += content
    prefix.with_name(f"{prefix.name}{kind}.ffdata").write_bytes(data)
    prefix.with_name(f"{prefix.name}{kind}.ffindex").write_text(index)


def profile(name: str, length: int) -> bytes:
    return f"HHsearch 1.5\nNAME  {name} some text\nFAM   \nLENG  {length} match states\nSEQ\n".encode() + b"\0"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    prefix = tmp_path / "hh" / "refdb"
    prefix.parent.mkdir()
    write_part(prefix, "_a3m", {key: f">{name} x\nACDEF\n\0".encode() for key, name in NAMES.items()})
    write_part(prefix, "_hhm", {key: profile(name, 100 + i) for i, (key, name) in enumerate(NAMES.items())})
    write_part(prefix, "_cs219", dict.fromkeys(reversed(NAMES), b"\1\2\3"))
    return prefix


def test_ids_end_at_the_first_semicolon_and_lengths_are_read(prefix: Path) -> None:
    assert list(read_profiles(prefix)) == [
        ProfileEntry("e1abcA1", 100),
        ProfileEntry("e1abca1", 101),
        ProfileEntry("e2abcB12", 102),
    ]


def test_an_entry_without_profile_is_named_by_its_alignment(prefix: Path) -> None:
    write_part(prefix, "_hhm", {"e1abcA1": profile("e1abcA1;1.1.1.3", 100)})
    assert list(read_profiles(prefix))[1:] == [ProfileEntry("e1abca1", None), ProfileEntry("e2abcB12", None)]


@pytest.mark.parametrize("suffix", PROFILE_SUFFIXES)
def test_a_missing_file_is_named(prefix: Path, suffix: str) -> None:
    path = prefix.with_name(prefix.name + suffix)
    path.rename(path.with_name(path.name + ".gz"))
    with pytest.raises(ReferenceDataError, match="lacks this file") as caught:
        profile_files(prefix)
    assert caught.value.where == str(path)
    assert "gunzip" in caught.value.hint


@pytest.mark.parametrize("kind", ["_a3m", "_hhm", "_cs219"])
def test_data_that_are_cut_off_are_seen(prefix: Path, kind: str) -> None:
    path = prefix.with_name(f"{prefix.name}{kind}.ffdata")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReferenceDataError, match="cut off"):
        list(read_profiles(prefix))


@pytest.mark.parametrize(
    ("kind", "missing_from"), [("_a3m", "_a3m"), ("_cs219", "_cs219")], ids=["no alignment", "no states"]
)
def test_files_of_different_databases_are_seen(prefix: Path, kind: str, missing_from: str) -> None:
    write_part(prefix, kind, {"e1abcA1": b">e1abcA1\nA\n\0"})
    with pytest.raises(ReferenceDataError, match="2 entries") as caught:
        list(read_profiles(prefix))
    assert caught.value.where.endswith(f"{missing_from}.ffindex")


def test_a_profile_without_alignment_is_seen(prefix: Path) -> None:
    write_part(prefix, "_hhm", {"e9zzzA1": profile("e9zzzA1", 5)})
    with pytest.raises(ReferenceDataError, match="'e9zzzA1'"):
        list(read_profiles(prefix))


@pytest.mark.parametrize("kind", ["_a3m", "_hhm"])
def test_an_unsorted_index_is_refused_because_entries_would_not_be_found(prefix: Path, kind: str) -> None:
    path = prefix.with_name(f"{prefix.name}{kind}.ffindex")
    path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    with pytest.raises(ReferenceDataError, match="out of order"):
        list(read_profiles(prefix))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no entry"),
        ("e1abcA1 0 5\n", "not a line"),
        ("e1abcA1\t0\t-5\n", "not a line"),
        ("a\t0\t1\na\t1\t1\n", "twice"),
    ],
)
def test_a_broken_index_is_refused(prefix: Path, text: str, says: str) -> None:
    prefix.with_name(f"{prefix.name}_hhm.ffindex").write_text(text)
    with pytest.raises(ReferenceDataError, match=says):
        list(read_profiles(prefix))


def test_what_is_no_profile_is_refused(prefix: Path) -> None:
    path = prefix.with_name(f"{prefix.name}_hhm.ffdata")
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ReferenceDataError, match="is no HH-suite profile"):
        list(read_profiles(prefix))


def test_a_copy_is_the_same_database(prefix: Path, tmp_path: Path) -> None:
    copy = copy_profiles(prefix, tmp_path / "copy")
    assert list(read_profiles(copy)) == list(read_profiles(prefix))


def test_the_id_depends_on_every_file() -> None:
    checksums = dict.fromkeys(PROFILE_SUFFIXES, "0")
    ids = {profiles_digest(checksums), *(profiles_digest({**checksums, suffix: "1"}) for suffix in PROFILE_SUFFIXES)}
    assert len(ids) == 1 + len(PROFILE_SUFFIXES)
