"""Task: partition one chunk of unique sequences and write the results of all their chains."""

from __future__ import annotations

from prefect import task

from pyecod.work.groups import StepResult
from pyecod.work.partition import partition_groups
from tasks.work import ChunkWork


@task(name="partition", task_run_name="partition {label}")
def partition_chunk(label: str, work: ChunkWork) -> StepResult:
    """Summarise and partition; see :func:`pyecod.work.partition.partition_groups`."""
    return partition_groups(work.groups, work.batch_path, work.settings, work.provenance)
