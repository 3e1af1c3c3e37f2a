"""What a batch knows of each chain and entry: statuses, attempts, reasons, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pyecod.ids import ChainKey


class Status(StrEnum):
    """State of one step for one chain."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"


class Step(StrEnum):
    """The steps a chain goes through; the names are those of the record's ``…_status`` fields."""

    BLAST = "blast"
    HHSEARCH = "hhsearch"
    PARTITION = "partition"


class Verdict(StrEnum):
    """What a repair made of a chain: the ``repair_status`` of its record.

    ``worse`` is kept as a run but does not become current; ``worse_accepted`` does, because that was asked for.
    ``new``: there was no result of this sequence before.
    """

    PENDING = "pending"
    BETTER = "better"
    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    WORSE = "worse"
    WORSE_ACCEPTED = "worse_accepted"
    FAILED = "failed"
    OBSOLETE = "obsolete"
    REMOVED = "removed"
    NOT_CLASSIFIABLE = "not_classifiable"


@dataclass(slots=True)
class ChainRecord:
    """One chain of the manifest. Coverages are 0 to 1, None until known; ``files`` are relative to the batch.

    ``representative`` is the chain key whose searches this chain shares (its own where it is the one searched).
    ``failure_kind`` is a :class:`~pyecod.errors.FailureKind` where something is decided by it. ``evidence`` maps an
    evidence type to ``{found, kept, considered, accepted}``. ``seconds`` were spent on the sequence in this batch: its
    share of the searches it was in together with others (none for what the cache had), and its partition; only its
    representative has them.
    """

    key: ChainKey
    sequence_length: int
    sequence_md5: str
    entity_id: str = ""
    can_classify: bool = True
    cannot_classify_reason: str | None = None
    representative: str | None = None
    blast_status: Status = Status.PENDING
    blast_coverage: float | None = None
    needs_hhsearch: bool | None = None
    hhsearch_status: Status = Status.PENDING
    hhsearch_coverage: float | None = None
    partition_status: Status = Status.PENDING
    partition_coverage: float | None = None
    partition_outcome: str | None = None
    partition_quality: str | None = None
    domain_count: int | None = None
    failure_reason: str | None = None
    failed_step: str | None = None
    failure_kind: str | None = None
    attempts: int = 0
    source_week: str | None = None
    repair_status: str | None = None
    reference_version: str | None = None
    algorithm_version: str | None = None
    evidence: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    updated_at: str | None = None

    @property
    def is_done(self) -> bool:
        """Nothing is left to do: partitioned, or not classifiable."""
        return not self.can_classify or self.partition_status is Status.COMPLETE

    @property
    def is_failed(self) -> bool:
        """The last attempt at some step failed."""
        return Status.FAILED in (self.blast_status, self.hhsearch_status, self.partition_status)


@dataclass(slots=True)
class EntryRecord:
    """One entry of the release: ``complete`` once its chains are recorded, ``failed`` with the reason otherwise;
    ``not_needed`` where it was made obsolete before it was read, which ``failure_reason`` says.

    ``source_week`` is the release it belongs to where that is not the batch's own: in a repair.
    """

    pdb_id: str
    status: Status = Status.PENDING
    failure_reason: str | None = None
    attempts: int = 0
    chain_count: int | None = None
    problems: tuple[str, ...] = ()
    title: str = ""
    method: str = ""
    resolution: float | None = None
    release_date: str = ""
    source_week: str | None = None

    @property
    def is_settled(self) -> bool:
        """It is read, or need not be."""
        return self.status in (Status.COMPLETE, Status.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class ChainUpdate:
    """Change of one chain: the fields of :class:`ChainRecord` that are new. Applying it twice is applying it once."""

    key: ChainKey
    changes: Mapping[str, Any]
