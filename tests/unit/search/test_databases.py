import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pyecod.errors import MissingProgramError, ReferenceDataError
from pyecod.search import EvidenceType, SearchDatabases, search_key
from pyecod.search.databases import database_of, profile_database, profile_key_maker
from pyecod.settings import Settings, load_settings

from .conftest import query_of

QUERY = query_of("ACDEFGHIKLMNPQRSTVWY")
BLAST_TYPES = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST)


@dataclass(frozen=True)
class Databases:
    domain_db: Path = Path("/ref/domains")
    domain_db_id: str = "1" * 64
    chain_db: Path | None = Path("/ref/chains")
    chain_db_id: str | None = "2" * 64
    hh_db: Path | None = Path("/ref/profiles")
    hh_db_id: str | None = "3" * 64


REFERENCE: SearchDatabases = Databases()


def settings(**search: object) -> Settings:
    return load_settings(overrides={"search": search})


@pytest.fixture(autouse=True)
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that know nothing but their version, first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("blastp", "blastp: 2.99.0+"), ("hhblits", "HHblits 3.9.9:"), ("hhsearch", "HHsearch 3.9.9")):
        say(folder / name, text)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def say(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)


def keys(reference: SearchDatabases = REFERENCE, chosen: Settings | None = None) -> dict[EvidenceType, str]:
    return {kind: search_key(kind, QUERY, reference, chosen or settings()) for kind in EvidenceType}


def changed(before: dict[EvidenceType, str], after: dict[EvidenceType, str]) -> set[EvidenceType]:
    return {kind for kind in EvidenceType if before[kind] != after[kind]}


def test_a_key_is_a_sha256_and_differs_by_type_and_sequence() -> None:
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in keys().values())
    assert len(set(keys().values())) == 3
    other = search_key(EvidenceType.DOMAIN_BLAST, query_of("ACD"), REFERENCE, settings())
    assert other != keys()[EvidenceType.DOMAIN_BLAST]


@pytest.mark.parametrize(
    ("search", "types"),
    [
        ({"evalue": 0.01}, set(BLAST_TYPES)),
        ({"max_hits": 100}, set(BLAST_TYPES)),
        ({"probability": 20}, {EvidenceType.HHSEARCH}),
        ({"hhsearch_max_hits": 20}, {EvidenceType.HHSEARCH}),
        ({"hhsearch_alternatives": 4}, {EvidenceType.HHSEARCH}),
        ({"hhblits_iterations": 3}, {EvidenceType.HHSEARCH}),
        ({"hhblits_evalue": 1e-5}, {EvidenceType.HHSEARCH}),
        (
            {"program_cores": 4, "parallel_programs": 8, "memory_gib": 9, "blast_timeout": 5, "hhsuite_timeout": 5},
            set(),
        ),
        ({"hhsearch_below": 0.5, "cache_dir": "/elsewhere", "require_chains": False}, set()),
    ],
)
def test_only_options_that_change_the_result_change_the_key(
    search: dict[str, object], types: set[EvidenceType]
) -> None:
    assert changed(keys(), keys(chosen=settings(**search))) == types


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("domain_db_id", EvidenceType.DOMAIN_BLAST),
        ("chain_db_id", EvidenceType.CHAIN_BLAST),
        ("hh_db_id", EvidenceType.HHSEARCH),
    ],
)
def test_another_database_changes_the_key_and_another_place_of_it_does_not(field: str, kind: EvidenceType) -> None:
    assert changed(keys(), keys(replace(Databases(), **{field: "9" * 64}))) == {kind}
    moved = replace(Databases(), domain_db=Path("/node/d"), chain_db=Path("/node/c"), hh_db=Path("/node/h"))
    assert changed(keys(), keys(moved)) == set()


def test_another_version_of_the_program_changes_the_key(versions: Path) -> None:
    before = keys()
    say(versions / "blastp", "blastp: 2.100.0+")
    assert changed(before, keys()) == set(BLAST_TYPES)
    before = keys()
    say(versions / "hhblits", "HHblits 4.0.0:")
    assert changed(before, keys()) == {EvidenceType.HHSEARCH}


def test_a_missing_program_is_said_with_how_to_install_it(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(versions))
    (versions / "blastp").unlink()
    with pytest.raises(MissingProgramError, match="blastp") as caught:
        keys()
    assert "apt-get install ncbi-blast+" in str(caught.value)
    assert "conda" in str(caught.value)


def test_a_reference_without_the_database_is_an_error() -> None:
    without = replace(Databases(), hh_db=None, hh_db_id=None)
    with pytest.raises(ReferenceDataError, match="hhsearch"):
        database_of(EvidenceType.HHSEARCH, without)
    with pytest.raises(ReferenceDataError):
        profile_database(without, settings().search)


def make_database(prefix: Path, content: bytes = b"x" * 3_000_000) -> Path:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    for part in ("_cs219.ffindex", "_cs219.ffdata", "_a3m.ffindex", "_a3m.ffdata"):
        Path(f"{prefix}{part}").write_bytes(content)
    return prefix


def test_the_profile_database_is_the_configured_one_and_known_by_its_content(tmp_path: Path) -> None:
    assert profile_database(REFERENCE, settings().search) == (Path("/ref/profiles"), "3" * 64)
    first = make_database(tmp_path / "a" / "uniref")
    copy = make_database(tmp_path / "b" / "renamed")
    other = make_database(tmp_path / "c" / "uniref", b"y" * 3_000_000)
    ids = [profile_database(REFERENCE, settings(profile_db=path).search)[1] for path in (first, copy, other)]
    assert ids[0] == ids[1] != ids[2]
    with pytest.raises(ReferenceDataError, match="not an HH-suite database"):
        profile_database(REFERENCE, settings(profile_db=tmp_path / "none").search)


def test_a_profile_does_not_depend_on_the_reference_when_profiles_come_from_elsewhere(tmp_path: Path) -> None:
    newer = replace(Databases(), hh_db_id="9" * 64)
    assert profile_key_maker(REFERENCE, settings())(QUERY) != profile_key_maker(newer, settings())(QUERY)
    elsewhere = settings(profile_db=make_database(tmp_path / "uniref"))
    assert profile_key_maker(REFERENCE, elsewhere)(QUERY) == profile_key_maker(newer, elsewhere)(QUERY)
    assert changed(keys(chosen=elsewhere), keys(newer, elsewhere)) == {EvidenceType.HHSEARCH}
