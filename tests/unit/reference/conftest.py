"""Lists in both layouts, drafts, and a reference folder made without BLAST."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pyecod.reference.draft import Draft, resolve_chains
from pyecod.reference.groups import GroupVotes
from pyecod.reference.lists import ListLine
from pyecod.reference.lookup import Lookup, write_lookup
from pyecod.reference.misfits import BuildLog
from pyecod.reference.record import FORMAT, FileStamp, ReferenceRecord, SequenceDatabase


def list_line(
    id_: str,
    group: str = "1.1.1.3",
    pdb: str = "1abc",
    chain: str = "A",
    seqid_range: str = "A:1-100",
    *,
    line: int = 1,
    uid: str = "000000001",
    pdb_range: str = "",
    is_representative: bool = False,
    names: tuple[str, ...] = ("beta barrels", "cradle loop barrel", "RIFT-related", "acid protease", "RVP"),
) -> ListLine:
    return ListLine(line, id_, uid, group, pdb, chain, pdb_range, seqid_range, is_representative, names)


@pytest.fixture
def line() -> Callable[..., ListLine]:
    return list_line


@pytest.fixture
def log(tmp_path: Path) -> Iterator[BuildLog]:
    folder = tmp_path / "log"
    folder.mkdir()
    with BuildLog(folder) as log:
        yield log


@pytest.fixture
def draft(log: BuildLog) -> Draft:
    draft = Draft(log)
    draft.begin("list.txt")
    return draft


MakeLookup = Callable[..., Lookup]


@pytest.fixture
def make_lookup(tmp_path: Path, log: BuildLog) -> MakeLookup:
    def make(lines: Iterable[ListLine], lengths: dict[str, int] | None = None, name: str = "lookup") -> Lookup:
        draft = Draft(log)
        draft.begin("list.txt")
        for line in lines:
            draft.add(line)
        return _write(tmp_path / name, draft, lengths or {})

    return make


def _write(folder: Path, draft: Draft, lengths: dict[str, int]) -> Lookup:
    votes = GroupVotes()
    draft.vote(votes)
    return write_lookup(folder, draft, votes.table(), resolve_chains(draft.chains, lengths), lengths)


@pytest.fixture
def make_reference(tmp_path: Path, log: BuildLog) -> Callable[..., Path]:
    """A reference folder as a build leaves it, but with BLAST files that hold no database."""

    def make(lines: Sequence[ListLine], lengths: dict[str, int] | None = None, name: str = "reference") -> Path:
        folder = tmp_path / name
        (folder / "blast").mkdir(parents=True)
        (folder / "blast" / "domains.psq").write_bytes(b"no database")
        draft = Draft(log)
        draft.begin("list.txt")
        for line in lines:
            draft.add(line)
        lookup = _write(folder / "lookup", draft, lengths or {})
        files = {
            path.relative_to(folder).as_posix(): FileStamp.of(path)
            for part in ("blast", "lookup")
            for path in sorted((folder / part).iterdir())
        }
        database = SequenceDatabase(prefix="blast/domains", id="d" * 64, sequences=len(lines), residues=1)
        ReferenceRecord(
            format=FORMAT,
            name="test1",
            id=f"test1-{FileStamp.of(folder / 'lookup' / 'domains.ids.npy').sha256[:12]}",
            created=datetime(2025, 9, 5, tzinfo=UTC),
            made_by="pyecod",
            programs={},
            counts={"domains": len(lookup.domain_ids)},
            rejected={},
            noted={},
            domain_db=database,
            chain_db=None,
            hh_db=None,
            sources=[],
            files=files,
        ).write(folder)
        return folder

    return make
