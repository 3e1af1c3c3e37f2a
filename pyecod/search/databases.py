"""The databases that are searched, and the keys under which results are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from pyecod.errors import ReferenceDataError
from pyecod.node.program import program_version
from pyecod.search.hit import EvidenceType, Query
from pyecod.settings import SearchSettings, Settings

RECIPE = 1
"""Rises when results would come out differently for the same program, database and options: how we call and parse."""

_SAMPLE = 1 << 20
_PROFILE_PARTS = ("_cs219.ffindex", "_cs219.ffdata", "_a3m.ffindex", "_a3m.ffdata", "_hhm.ffindex", "_hhm.ffdata")


class SearchDatabases(Protocol):
    """What the searches need of a reference: prefixes of the databases and the SHA-256 of their content.

    ``pyecod.reference.Reference`` is one. ``chain_db`` and ``hh_db`` are None where the reference has none.
    """

    @property
    def domain_db(self) -> Path:
        """BLAST database of the domain sequences."""
        ...

    @property
    def domain_db_id(self) -> str:
        """SHA-256 of its content."""
        ...

    @property
    def chain_db(self) -> Path | None:
        """BLAST database of the classified chains."""
        ...

    @property
    def chain_db_id(self) -> str | None:
        """SHA-256 of its content."""
        ...

    @property
    def hh_db(self) -> Path | None:
        """HH-suite database of the domains, without ``_hhm``."""
        ...

    @property
    def hh_db_id(self) -> str | None:
        """SHA-256 of its content."""
        ...


def database_of(kind: EvidenceType, reference: SearchDatabases) -> tuple[Path, str]:
    """Prefix and id of the database that gives this evidence.

    Raises:
        ReferenceDataError: the reference has none.
    """
    prefix, database_id = {
        EvidenceType.DOMAIN_BLAST: (reference.domain_db, reference.domain_db_id),
        EvidenceType.CHAIN_BLAST: (reference.chain_db, reference.chain_db_id),
        EvidenceType.HHSEARCH: (reference.hh_db, reference.hh_db_id),
    }[kind]
    if prefix is None or database_id is None:
        raise ReferenceDataError(
            f"the reference has no database for {kind} evidence",
            hint="build it with --hh-db PREFIX"
            if kind is EvidenceType.HHSEARCH
            else "build it with --chain-fasta FILE",
        )
    return Path(prefix).absolute(), database_id


def profile_database(reference: SearchDatabases, settings: SearchSettings) -> tuple[Path, str]:
    """Prefix and id of the database hhblits builds profiles from: the configured one, else the reference's own.

    A configured database is far too large to checksum (UniRef30: 261 GB); its id covers the sizes and both ends of
    its files, so that a copy on another disk has the same id.

    Raises:
        ReferenceDataError: there is neither, or the configured one is not there.
    """
    if settings.profile_db is None:
        return database_of(EvidenceType.HHSEARCH, reference)
    prefix = settings.profile_db.absolute()
    parts = [Path(f"{prefix}{part}") for part in _PROFILE_PARTS]
    present = [part for part in parts if part.is_file()]
    if parts[0] not in present or not ({parts[2], parts[4]} & set(present)):
        raise ReferenceDataError(
            "this is not an HH-suite database",
            where=prefix,
            hint="search.profile_db is the prefix before _a3m.ffdata and _cs219.ffdata",
        )
    return prefix, _sampled_id(tuple((part, part.stat().st_mtime_ns) for part in present))


@lru_cache(maxsize=8)
def _sampled_id(parts: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, _ in parts:
        size = path.stat().st_size
        digest.update(f"{path.name.rpartition('_')[2]} {size}\n".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(_SAMPLE))
            stream.seek(max(0, size - _SAMPLE))
            digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()


def search_key(kind: EvidenceType, query: Query, reference: SearchDatabases, settings: Settings) -> str:
    """Where the search cache keeps one result: SHA-256 of sequence, program, version, database and options.

    Only options that change the result count: threads and memory do not.

    Raises:
        ProgramError, ReferenceDataError: the program or the database that decides the key is missing.
    """
    return key_maker(kind, reference, settings)(query)


def _keys(*parts: str) -> Callable[[Query], str]:
    tail = "\n".join(parts)
    return lambda query: hashlib.sha256(f"{query.sequence}\n{tail}".encode()).hexdigest()


def key_maker(kind: EvidenceType, reference: SearchDatabases, settings: Settings) -> Callable[[Query], str]:
    """:func:`search_key` for many sequences: what does not depend on the sequence is asked once."""
    search = settings.search
    _, database_id = database_of(kind, reference)
    if kind is not EvidenceType.HHSEARCH:
        options = f"recipe={RECIPE} evalue={search.evalue!r} max_hits={search.max_hits}"
        return _keys(str(kind), "blastp", program_version("blastp"), database_id, options)
    options = (
        f"recipe={RECIPE} probability={search.probability!r} max_hits={search.hhsearch_max_hits} "
        f"alternatives={search.hhsearch_alternatives}"
    )
    profile = _profile_parts(reference, search)
    return _keys(str(kind), "hhsearch", program_version("hhsearch"), database_id, options, *profile)


def profile_key_maker(reference: SearchDatabases, settings: Settings) -> Callable[[Query], str]:
    """The function from a query to the key of its profile, which does not depend on the reference searched later."""
    return _keys("profile", *_profile_parts(reference, settings.search))


def _profile_parts(reference: SearchDatabases, settings: SearchSettings) -> tuple[str, ...]:
    _, database_id = profile_database(reference, settings)
    options = f"recipe={RECIPE} iterations={settings.hhblits_iterations} evalue={settings.hhblits_evalue!r}"
    return ("hhblits", program_version("hhblits"), database_id, options)
