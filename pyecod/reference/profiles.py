"""The HH-suite database of a reference: six files of one prefix, checked before anything is searched with them."""

from __future__ import annotations

import hashlib
import mmap
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import ReferenceDataError
from pyecod.titles import domain_id

PROFILE_SUFFIXES = tuple(f"{kind}.{part}" for kind in ("_a3m", "_hhm", "_cs219") for part in ("ffdata", "ffindex"))

_NAME = re.compile(rb"^NAME[ \t]+(\S+)", re.MULTILINE)
_LENGTH = re.compile(rb"^LENG[ \t]+([0-9]+)", re.MULTILINE)
_HEAD = 4096  # bytes of a profile that hold its name and length


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One profile: ``domain_id`` is what its name says (:func:`pyecod.titles.domain_id`), ``length`` in residues."""

    domain_id: str
    length: int | None


def profile_files(prefix: Path) -> dict[str, Path]:
    """The six files of an HH-suite database by their suffix.

    Raises:
        ReferenceDataError: one of them is absent; says which.
    """
    files = {suffix: prefix.with_name(prefix.name + suffix) for suffix in PROFILE_SUFFIXES}
    for path in files.values():
        if path.is_file():
            continue
        packed = path.with_name(path.name + ".gz")
        hint = f"gunzip {packed} first" if packed.is_file() else "give the prefix without _a3m, _hhm or _cs219"
        raise ReferenceDataError(f"the HH-suite database {prefix.name!r} lacks this file", where=path, hint=hint)
    return files


def read_profiles(prefix: Path) -> Iterator[ProfileEntry]:
    """Every entry of a database after checking that its files agree.

    All entries must have an alignment and a column-state sequence; a profile (hhm) may be missing, HH-suite then makes
    it of the alignment. Alignments and profiles must be sorted by name, since HH-suite finds them by binary search
    and passes over what it does not find.

    Raises:
        ReferenceDataError: a file is missing, cut off, unsorted, or lacks entries that another one has.
    """
    files = profile_files(prefix)
    alignments, profiles, states = (_Index(files, kind) for kind in ("_a3m", "_hhm", "_cs219"))
    alignments.must_be_sorted()
    profiles.must_be_sorted()
    alignments.must_have(states)
    states.must_have(alignments)
    alignments.must_have(profiles)
    with _mapped(files["_a3m.ffdata"]) as alignment_data, _mapped(files["_hhm.ffdata"]) as profile_data:
        for name in alignments.places:
            if name in profiles.places:
                start, size = profiles.places[name]
                yield _profile(profile_data[start : start + min(size, _HEAD)], name, profiles.path)
            else:
                start, size = alignments.places[name]
                yield _alignment(alignment_data[start : start + min(size, _HEAD)], name, alignments.path)


def _profile(head: bytes, name: str, index: Path) -> ProfileEntry:
    found, length = _NAME.search(head), _LENGTH.search(head)
    if found is None or length is None:
        raise ReferenceDataError(f"entry {name!r} is no HH-suite profile", where=index, hint="make the database again")
    return ProfileEntry(_domain_id(found[1]), int(length[1]))


def _alignment(head: bytes, name: str, index: Path) -> ProfileEntry:
    title = next((line for line in head.split(b"\n") if line[:1] in (b">", b"#") and len(line) > 1), b"")
    if not title:
        raise ReferenceDataError(f"entry {name!r} is no alignment", where=index, hint="make the database again")
    return ProfileEntry(_domain_id(title[1:].split()[0]), None)


def _domain_id(name: bytes) -> str:
    return domain_id(name.decode("ascii", "replace"))


class _Index:
    """One ffindex file: where in its ffdata file each entry begins, and how long it is, in bytes."""

    def __init__(self, files: dict[str, Path], kind: str) -> None:
        self.path = files[f"{kind}.ffindex"]
        self.places: dict[str, tuple[int, int]] = {}
        size = files[f"{kind}.ffdata"].stat().st_size
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ReferenceDataError(f"cannot read the index: {error}", where=self.path) from error
        for number, line in enumerate(lines, 1):
            cells = line.split("\t")
            if len(cells) != 3 or not (cells[1].isdecimal() and cells[2].isdecimal()):
                raise ReferenceDataError("not a line of an ffindex file", where=f"{self.path}:{number}")
            name, start, length = cells[0], int(cells[1]), int(cells[2])
            if name in self.places:
                raise ReferenceDataError(f"entry {name!r} occurs twice", where=f"{self.path}:{number}")
            if start + length > size:
                raise ReferenceDataError(
                    f"entry {name!r} ends at byte {start + length}, its data at {size}: the data file is cut off",
                    where=f"{self.path}:{number}",
                    hint="copy the database again",
                )
            self.places[name] = (start, length)
        if not self.places:
            raise ReferenceDataError("the index has no entry", where=self.path)

    def must_be_sorted(self) -> None:
        previous = b""
        for name in self.places:
            if name.encode() < previous:
                raise ReferenceDataError(
                    f"entry {name!r} is out of order: HH-suite would not find all entries",
                    where=self.path,
                    hint="sort it with `LC_ALL=C sort`, or ffindex_build -as",
                )
            previous = name.encode()

    def must_have(self, other: _Index) -> None:
        missing = [name for name in other.places if name not in self.places]
        if missing:
            raise ReferenceDataError(
                f"{len(missing)} entries of {other.path.name} are missing, the first is {missing[0]!r}",
                where=self.path,
                hint="the six files must be of one database: make or copy it again",
            )


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ReferenceDataError(f"cannot read the data: {error}", where=path) from error


def copy_profiles(prefix: Path, folder: Path) -> Path:
    """Copy the six files into ``folder``; the prefix of the copy is returned."""
    folder.mkdir()
    for suffix, path in profile_files(prefix).items():
        shutil.copyfile(path, folder / f"{prefix.name}{suffix}")
    return folder / prefix.name


def profiles_digest(checksums: dict[str, str]) -> str:
    """Id of a database: SHA-256 over the six files' checksums, whatever its prefix is called."""
    text = "".join(f"{suffix} {checksums[suffix]}\n" for suffix in PROFILE_SUFFIXES)
    return hashlib.sha256(text.encode()).hexdigest()
