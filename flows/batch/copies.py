"""One chain of each sequence is searched; the others are its copies, or are mapped from the middle of their cluster."""

from __future__ import annotations

from collections import Counter

from prefect import get_run_logger

from flows.batch.run import BatchRun
from pyecod.batch import BatchType
from pyecod.standing.mended import mended_since
from pyecod.work import chunks
from pyecod.work.chunks import SequenceGroup, Work, pending_work
from pyecod.work.propagate import ClusterMembers


def choose_representatives(run: BatchRun) -> tuple[Work, tuple[SequenceGroup, ...]]:
    """Choose the representatives of identical chains. Gives what is left to do for them, and the members of clusters,
    which are to get their domains from another representative.

    Identical chains need no step of their own: the partition of their representative is written for each of them.
    """
    batch, settings = run.batch, run.settings
    batch.mark(chunks.choose_representatives(batch.manifest.chains.values()))
    if settings.run.until == "entries":
        return Work(), ()
    work = pending_work(batch.manifest, settings.run, mended_since(batch))
    if batch.header.batch_type is BatchType.REPAIR:
        return work, ()
    return ClusterMembers(batch.path, settings, run.provenance).defer(work)


def map_copies(run: BatchRun, members: tuple[SequenceGroup, ...]) -> Work:
    """Give members of clusters their domains; gives those that map badly, which are to be searched themselves."""
    if not members:
        return Work()
    states: Counter[str] = Counter()
    queued = []
    with run.record.step("map members"):
        for outcome in ClusterMembers(run.batch.path, run.settings, run.provenance).propagate(members):
            states[outcome.state] += 1
            run.batch.mark(outcome.updates)
            if outcome.state == "queued":
                queued.append(outcome.group)
    get_run_logger().info(
        f"{len(members)} members of clusters: {states['mapped']} mapped, {states['queued']} to be searched themselves, "
        f"{states['waiting']} wait for representatives in batches that are not done"
    )
    return Work(blast=tuple(queued))
