"""Groups of identical chains as the steps see them: their sequence, and the records that outcomes turn into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pyecod.batch.paths import BatchPaths
from pyecod.batch.record import ChainChanges, ChainUpdate, Status, Step, step_is
from pyecod.errors import BrokenInputError, FailureKind, describe
from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5
from pyecod.search.hit import Query
from pyecod.work.chunks import SequenceGroup


@dataclass(frozen=True, slots=True)
class Part:
    """The partition of a chunk's sequences, whichever task did it: what was in it, when, how long, and how it went."""

    title: str
    sequences: int
    failed: int
    started: datetime
    seconds: float
    task_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step made of a chunk: changes of records, the groups to search further and those to partition now,
    and by MD5 the reason of each group that failed. ``peak_mib`` is the worker's largest memory so far; ``parts`` are
    the partitions that were made on the way; ``slurm_job`` is the id of the job that did it, where it was one."""

    updates: tuple[ChainUpdate, ...]
    remote: tuple[SequenceGroup, ...] = ()
    ready: tuple[SequenceGroup, ...] = ()
    failures: Mapping[str, str] | None = None
    peak_mib: float = 0.0
    parts: tuple[Part, ...] = ()
    slurm_job: str | None = None

    def with_part(self, part: Part) -> StepResult:
        """The same result, with a partition that was made for it."""
        return replace(self, parts=(*self.parts, part))

    def followed_by(self, partitioned: StepResult) -> StepResult:
        """A search's result together with that of the partition of its ready groups, which are ready no more."""
        return StepResult(
            self.updates + partitioned.updates,
            remote=self.remote,
            failures={**(self.failures or {}), **(partitioned.failures or {})},
            peak_mib=partitioned.peak_mib,
            parts=self.parts + partitioned.parts,
            slurm_job=partitioned.slurm_job,
        )

    def worth_repeating(self, groups: Iterable[SequenceGroup]) -> tuple[SequenceGroup, ...]:
        """Those of the groups whose search failed in a way that may pass. The time limit of a profile search is that of
        one sequence and would be reached again; BLAST's is that of a chunk, and what was found within it is kept."""
        ends = {update.key: update.changes for update in self.updates if update.changes.get("failed_step")}
        return tuple(group for group in groups if _may_pass(ends.get(group.members[0])))


def _may_pass(end: ChainChanges | None) -> bool:
    if end is None or end["failed_step"] is Step.PARTITION:
        return False
    return (end["failed_step"], end.get("failure_kind")) != (Step.HHSEARCH, FailureKind.OUT_OF_TIME)


def read_query(group: SequenceGroup, batch_path: Path) -> Query:
    """The sequence of a group, from its representative's FASTA file.

    Raises:
        BrokenInputError: the file is missing or damaged, or holds another sequence than the one recorded.
    """
    path = BatchPaths(batch_path).fasta_path(group.representative)
    record = next(read_fasta(path))
    if sequence_md5(record.sequence) != group.md5:
        raise BrokenInputError("the sequence is not the one recorded in the manifest", where=path)
    return Query(group.md5, record.sequence)


def read_queries(groups: Iterable[SequenceGroup], batch_path: Path) -> tuple[dict[str, Query], dict[str, str]]:
    """By MD5 the sequences of all groups, and the reason for each that cannot be read."""
    queries, broken = {}, {}
    for group in groups:
        try:
            queries[group.md5] = read_query(group, batch_path)
        except BrokenInputError as error:
            broken[group.md5] = describe(error)
    return queries, broken


def group_updates(group: SequenceGroup, changes: ChainChanges) -> list[ChainUpdate]:
    """The same change for every member."""
    return [ChainUpdate(key, changes) for key in group.members]


def time_updates(group: SequenceGroup) -> list[ChainUpdate]:
    """The time spent on the sequence so far, told of its representative alone, so that times can be added up."""
    if not group.seconds or group.representative not in group.members:
        return []
    return [ChainUpdate(group.representative, {"seconds": round(group.seconds, 3)})]


def failed_updates(group: SequenceGroup, step: Step, reason: str, kind: FailureKind | None = None) -> list[ChainUpdate]:
    """Every member failed at ``step``, once more than before."""
    failure: ChainChanges = {
        "failed_step": step,
        "failure_reason": reason,
        "failure_kind": kind,
        "attempts": group.attempts + 1,
    }
    return group_updates(group, failure | step_is(step, Status.FAILED))
