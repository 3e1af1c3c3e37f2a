"""Tasks: BLAST and profile search of one chunk of unique sequences, and the partition of those that need no more."""

from __future__ import annotations

from prefect import task

from pyecod.work.groups import StepResult
from pyecod.work.partition import partition_ready
from pyecod.work.search import blast_groups, profile_groups
from tasks.work import ChunkWork


@task(name="blast", task_run_name="blast {label}")
def blast_chunk(label: str, work: ChunkWork) -> StepResult:
    """BLAST against domains and chains; what the search cache holds is not searched again."""
    searched = blast_groups(work.groups, work.batch_path, work.settings)
    return partition_ready(searched, work.batch_path, work.settings, work.provenance)


@task(name="hhsearch", task_run_name="hhsearch {label}")
def profile_chunk(label: str, work: ChunkWork) -> StepResult:
    """Hhblits profile and hhsearch for sequences whose domain BLAST covers too little."""
    searched = profile_groups(work.groups, work.batch_path, work.settings)
    return partition_ready(searched, work.batch_path, work.settings, work.provenance)
