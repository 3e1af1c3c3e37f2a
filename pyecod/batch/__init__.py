"""Batch state: folder, manifest, journal, lock, what is left to do."""

from pyecod.batch.batch import Batch
from pyecod.batch.counters import BatchCounters
from pyecod.batch.header import BatchHeader, repair_name, weekly_name
from pyecod.batch.manifest import Manifest, read_manifest
from pyecod.batch.paths import BatchPaths, find_batches, is_batch, locate_batch
from pyecod.batch.plan import (
    Chunk,
    SequenceGroup,
    Work,
    choose_representatives,
    halve,
    pending_work,
    plan_blast_chunks,
    plan_chunks,
    plan_profile_chunks,
)
from pyecod.batch.record import ChainRecord, ChainUpdate, EntryRecord, Status, Step
from pyecod.batch.runs import DataType, Run, RunHistory
from pyecod.batch.scan import Task, read_tasks, write_tasks

__all__ = [
    "Batch",
    "BatchCounters",
    "BatchHeader",
    "BatchPaths",
    "ChainRecord",
    "ChainUpdate",
    "Chunk",
    "DataType",
    "EntryRecord",
    "Manifest",
    "Run",
    "RunHistory",
    "SequenceGroup",
    "Status",
    "Step",
    "Task",
    "Work",
    "choose_representatives",
    "find_batches",
    "halve",
    "is_batch",
    "locate_batch",
    "pending_work",
    "plan_blast_chunks",
    "plan_chunks",
    "plan_profile_chunks",
    "read_manifest",
    "read_tasks",
    "repair_name",
    "weekly_name",
    "write_tasks",
]
