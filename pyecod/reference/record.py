"""``reference.yaml``: what a reference is, what it was made of, and the sizes and checksums of its files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pyecod.errors import ReferenceDataError
from pyecod.files import atomic_write, sha256_of
from pyecod.yamldoc import DUMPER, load_yaml

RECORD_NAME = "reference.yaml"
FORMAT = 1
_REBUILD = "build it with `pyecod reference build`"
SourceKind = Literal["domain_list", "domain_fasta", "chain_fasta", "hierarchy"]
_LARGEST = 16 * 2**20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileStamp(_Part):
    """Size in bytes and SHA-256 of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, *, ours: bool = True) -> FileStamp:
        """Stamp of a file; one that is ``ours`` is forced to disk first: the record must not say more than it holds."""
        if ours:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        return cls(size=path.stat().st_size, sha256=sha256_of(path))


class SourceFile(_Part):
    """A file the reference was made of. ``version`` is what a domain list says of itself."""

    kind: SourceKind
    path: str
    sha256: str
    version: str = ""


class SequenceDatabase(_Part):
    """A BLAST database: ``prefix`` inside the reference's folder, ``id`` the SHA-256 of its ids and sequences."""

    prefix: str
    id: str
    sequences: int
    residues: int


class ProfileDatabase(_Part):
    """The HH-suite database: ``prefix`` inside the folder if it was copied, else an absolute path.

    ``known_entries`` counts those whose domain is in the lists; ``files`` are stamped by suffix.
    """

    prefix: str
    id: str
    entries: int
    known_entries: int
    files: dict[str, FileStamp]


class ReferenceRecord(_Part):
    """The version record. ``files`` are relative to the reference's folder."""

    format: int
    name: str
    id: str
    created: datetime
    made_by: str
    programs: dict[str, str]
    counts: dict[str, int]
    rejected: dict[str, int]
    noted: dict[str, int]
    domain_db: SequenceDatabase
    chain_db: SequenceDatabase | None
    hh_db: ProfileDatabase | None
    sources: list[SourceFile]
    files: dict[str, FileStamp]

    def write(self, folder: Path) -> None:
        """Store in ``folder``, whole or not at all."""
        content = self.model_dump(mode="json")
        text = yaml.dump(content, Dumper=DUMPER, sort_keys=False, default_flow_style=None, width=1000)
        atomic_write(folder / RECORD_NAME, text)

    @classmethod
    def read(cls, folder: Path) -> ReferenceRecord:
        """Load and check the record of the reference in ``folder``.

        Raises:
            ReferenceDataError: there is none, it is damaged, or of a format this version does not know.
        """
        path = folder / RECORD_NAME
        try:
            content = load_yaml(path.read_bytes(), path, ReferenceDataError, largest=_LARGEST, hint=_REBUILD)
        except FileNotFoundError:
            raise ReferenceDataError("there is no ECOD reference here", where=folder, hint=_REBUILD) from None
        except OSError as error:
            raise ReferenceDataError(f"cannot read the version record: {error}", where=path, hint=_REBUILD) from error
        found = content.get("format") if isinstance(content, dict) else None
        if isinstance(found, int) and found != FORMAT:
            raise ReferenceDataError(
                f"made in format {found}, this version reads format {FORMAT}",
                where=path,
                hint="build the reference again with this version of pyECOD",
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise ReferenceDataError(
                f"not a version record: {key}: {first['msg']}", where=path, hint=_REBUILD
            ) from None

    def stamps(self, folder: Path) -> Iterator[tuple[Path, FileStamp]]:
        """Every file of the reference with its stamp, those of the HH-suite database included."""
        for name, stamp in self.files.items():
            yield folder / name, stamp
        if self.hh_db is not None:
            prefix = folder / self.hh_db.prefix
            for suffix, stamp in self.hh_db.files.items():
                yield prefix.with_name(prefix.name + suffix), stamp


def must_be_whole(stamps: Iterable[tuple[Path, FileStamp]]) -> None:
    """See that every file is there and has its size.

    Raises:
        ReferenceDataError: names the first that does not.
    """
    for path, stamp in stamps:
        try:
            size = path.stat().st_size
        except OSError as error:
            raise ReferenceDataError(
                f"a file of the reference cannot be read: {error.strerror}",
                where=path,
                hint="put it back, or build the reference again",
            ) from None
        if size != stamp.size:
            raise ReferenceDataError(
                f"a file of the reference has {size} bytes instead of {stamp.size}",
                where=path,
                hint="put the right one back, or build the reference again",
            )


def must_be_unchanged(stamps: Iterable[tuple[Path, FileStamp]]) -> None:
    """See that every file has its content: damage may keep a file's size.

    Raises:
        ReferenceDataError: names the first that does not.
    """
    for path, stamp in stamps:
        try:
            found = sha256_of(path)
        except OSError as error:
            what = f"a file of the reference cannot be read: {error.strerror}"
            raise ReferenceDataError(what, where=path, hint="put it back, or build the reference again") from None
        if found != stamp.sha256:
            raise ReferenceDataError(
                "its content has changed since the build",
                where=path,
                hint="put the right one back, or build the reference again",
            )
