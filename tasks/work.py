"""What a chunk's task is given."""

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
