"""What a chunk's task is given, and how its task run is named by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup
from pyecod.work.partition import Provenance


class ChunkWork:
    """The groups of a chunk, and where and how they are worked on.

    Not a dataclass on purpose: in those Prefect looks for futures, in every field of every record of every task.
    """

    __slots__ = ("batch_path", "groups", "provenance", "settings")

    def __init__(
        self, groups: Sequence[SequenceGroup], batch_path: Path, settings: Settings, provenance: Provenance
    ) -> None:
        self.groups = groups
        self.batch_path = batch_path
        self.settings = settings
        self.provenance = provenance

    def __repr__(self) -> str:
        return f"{len(self.groups)} sequences of {self.batch_path.name}"

    @property
    def title(self) -> str:
        """What is in it, for the name of its task run."""
        return title_of_groups(self.groups)


class EntryWork:
    """The entries of a chunk, and where and how they are read; ``week`` is the release they belong to."""

    __slots__ = ("batch_path", "pdb_ids", "settings", "week")

    def __init__(self, pdb_ids: Sequence[str], batch_path: Path, settings: Settings, week: str | None) -> None:
        self.pdb_ids = pdb_ids
        self.batch_path = batch_path
        self.settings = settings
        self.week = week

    def __repr__(self) -> str:
        return f"{len(self.pdb_ids)} entries of {self.batch_path.name}"

    @property
    def title(self) -> str:
        """What is in it, for the name of its task run."""
        return title_of_entries(self.pdb_ids)


def title_of_groups(groups: Sequence[SequenceGroup]) -> str:
    """``8s72_N +24 (25 sequences, 11 k residues)``; a single sequence by its chain's key."""
    first = str(groups[0].representative)
    if len(groups) == 1:
        return first
    residues = sum(group.length for group in groups)
    size = f"{residues}" if residues < 1000 else f"{residues / 1000:.0f} k"
    return f"{first} +{len(groups) - 1} ({len(groups)} sequences, {size} residues)"


def title_of_entries(pdb_ids: Sequence[str]) -> str:
    """``1abc +24 (25 entries)``; a single entry by its id."""
    if len(pdb_ids) == 1:
        return pdb_ids[0]
    return f"{pdb_ids[0]} +{len(pdb_ids) - 1} ({len(pdb_ids)} entries)"
