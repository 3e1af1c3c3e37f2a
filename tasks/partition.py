"""Task: partition one chunk of unique sequences and write the results of all their chains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task

from pyecod.batch import SequenceGroup
from pyecod.config import Settings
from pyecod.steps.groups import StepResult
from pyecod.steps.partition import Provenance, partition_groups


@task(name="partition", task_run_name="partition {label}")
def partition_chunk(
    label: str, groups: Sequence[SequenceGroup], batch_path: Path, settings: Settings, provenance: Provenance
) -> StepResult:
    """Summarise and partition; see :func:`pyecod.steps.partition.partition_groups`."""
    return partition_groups(groups, batch_path, settings, provenance)
