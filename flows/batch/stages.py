"""The stages of a batch's task runs: what works on what, and what follows from it.

==============  ===================  ==========================================================================
stage           task                 what follows
==============  ===================  ==========================================================================
read entries    read_entries_chunk   nothing until all are read: then the representatives are chosen
blast           blast_chunk          hhsearch for what domain BLAST covers too little; the rest is partitioned
hhsearch        profile_chunk        everything is partitioned
partition       partition_chunk      nothing
==============  ===================  ==========================================================================

There is no barrier between the last three: each chunk goes on by itself. What a search has made ready is partitioned by
the worker that has searched it, as a task run ``partition`` of its own; the flow submits this task only for what was
searched before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.batch.dispatch import Portion
from pyecod.batch.record import Step
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup, Work, plan_blast_chunks, plan_chunks, plan_profile_chunks
from tasks.partition import partition_chunk
from tasks.search import blast_chunk, profile_chunk

Pack = Callable[[Sequence[SequenceGroup], Settings], list[tuple[SequenceGroup, ...]]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A row of the table. ``remote`` is where groups go that a task of this stage leaves to be searched further."""

    step: Step
    task: Any
    pack: Pack
    remote: Step | None = None


STAGES = {
    stage.step: stage
    for stage in (
        Stage(
            Step.BLAST, blast_chunk, lambda groups, s: plan_blast_chunks(groups, s.run, s.workers.count), Step.HHSEARCH
        ),
        Stage(Step.HHSEARCH, profile_chunk, lambda groups, s: plan_profile_chunks(groups, s.run, s.workers.count)),
        Stage(Step.PARTITION, partition_chunk, lambda groups, s: plan_chunks(groups, s.run)),
    )
}

FINISH_FIRST = tuple(reversed(STAGES))
"""The stages in the order in which chunks are taken: what is nearest to its end goes first."""


def portions_of(work: Work, settings: Settings) -> list[Portion[SequenceGroup]]:
    """What is left to do for a batch, in chunks."""
    return [
        *packed(Step.BLAST, work.blast, settings),
        *packed(Step.HHSEARCH, work.hhsearch, settings),
        *packed(Step.PARTITION, work.partition + work.records, settings),
    ]


def packed(
    step: Step, groups: Sequence[SequenceGroup], settings: Settings, delay: float = 0.0
) -> list[Portion[SequenceGroup]]:
    """Groups in chunks of a stage, to be submitted ``delay`` seconds from now."""
    return [Portion(step, chunk, delay) for chunk in STAGES[step].pack(groups, settings)]
