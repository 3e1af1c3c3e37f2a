"""What a batch knows of each chain and entry: statuses, attempts, reasons, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from pyecod.errors import FailureKind
from pyecod.ids import ChainKey


class Status(StrEnum):
    """State of one step for one chain."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"


class Step(StrEnum):
    """The steps a chain goes through, in their order; a record has ``…_status`` and ``…_coverage`` of each."""

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
    """One chain of the manifest. Coverages are 0 to 1, None until known; ``files`` are relative to the batch,
    ``checksums`` the SHA-256 of those of them that this batch made.

    ``representative`` is the chain key whose searches this chain shares (its own where it is the one searched).
    ``failure_kind`` says it where something is decided by it. ``evidence`` maps an
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
    failed_step: Step | None = None
    failure_kind: FailureKind | None = None
    attempts: int = 0
    source_week: str | None = None
    repair_status: str | None = None
    reference_version: str | None = None
    algorithm_version: str | None = None
    evidence: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    updated_at: str | None = None

    @property
    def is_done(self) -> bool:
        """Nothing is left to do: partitioned, or not classifiable."""
        return not self.can_classify or self.partition_status is Status.COMPLETE

    @property
    def is_unusable(self) -> bool:
        """Its entry's file does not let it be used: it has no sequence to be searched before the file is mended."""
        return self.failure_kind is FailureKind.UNUSABLE

    @property
    def failed_at(self) -> str | None:
        """The step that failed last, ``entry`` where the entry's file is at fault; None where nothing failed."""
        if self.is_unusable:
            return "entry"
        step = self.failed_step or self.step_that_is(Status.FAILED)
        return None if step is None else str(step)

    @property
    def is_failed(self) -> bool:
        """The last attempt at some step failed."""
        return Status.FAILED in (self.blast_status, self.hhsearch_status, self.partition_status)

    def status(self, step: Step) -> Status:
        """State of one step."""
        match step:
            case Step.BLAST:
                return self.blast_status
            case Step.HHSEARCH:
                return self.hhsearch_status
            case Step.PARTITION:
                return self.partition_status

    def step_that_is(self, status: Status) -> Step | None:
        """The first step in this state, None where no step is."""
        return next((step for step in Step if self.status(step) is status), None)


class ChainChanges(TypedDict, total=False):
    """Fields of a :class:`ChainRecord` that get a new value: all but those that identify the chain. ``files``,
    ``checksums`` and ``evidence`` are added to what the record has."""

    entity_id: str
    can_classify: bool
    cannot_classify_reason: str | None
    representative: str | None
    blast_status: Status
    blast_coverage: float | None
    needs_hhsearch: bool | None
    hhsearch_status: Status
    hhsearch_coverage: float | None
    partition_status: Status
    partition_coverage: float | None
    partition_outcome: str | None
    partition_quality: str | None
    domain_count: int | None
    failure_reason: str | None
    failed_step: Step | None
    failure_kind: FailureKind | None
    attempts: int
    source_week: str | None
    repair_status: str | None
    reference_version: str | None
    algorithm_version: str | None
    evidence: Mapping[str, Mapping[str, int]]
    files: Mapping[str, str]
    checksums: Mapping[str, str]
    seconds: float | None
    updated_at: str | None


NO_FAILURE: ChainChanges = {"failure_reason": None, "failed_step": None, "failure_kind": None}
"""What failed before is forgotten."""


def step_is(step: Step, status: Status) -> ChainChanges:
    """The change after which ``step`` is in this state."""
    match step:
        case Step.BLAST:
            return {"blast_status": status}
        case Step.HHSEARCH:
            return {"hhsearch_status": status}
        case Step.PARTITION:
            return {"partition_status": status}


def new_status(changes: ChainChanges, step: Step) -> Status | None:
    """The state that the changes give ``step``, None where they leave it as it is."""
    match step:
        case Step.BLAST:
            return changes.get("blast_status")
        case Step.HHSEARCH:
            return changes.get("hhsearch_status")
        case Step.PARTITION:
            return changes.get("partition_status")


def new_coverage(changes: ChainChanges, step: Step) -> float | None:
    """The coverage, 0 to 1, that the changes note for ``step``, None where they note none."""
    match step:
        case Step.BLAST:
            return changes.get("blast_coverage")
        case Step.HHSEARCH:
            return changes.get("hhsearch_coverage")
        case Step.PARTITION:
            return changes.get("partition_coverage")


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
    """Change of one chain. Applying it twice is applying it once."""

    key: ChainKey
    changes: ChainChanges
