"""Batch state: folder, manifest, journal, lock, what is left to do."""

from pyecod.batch.batch import Batch
from pyecod.batch.counters import BatchCounters
from pyecod.batch.header import BatchHeader
from pyecod.batch.manifest import Manifest, read_manifest
from pyecod.batch.names import BatchType, repair_name, weekly_name
from pyecod.batch.paths import BatchPaths, find_batches, is_batch, locate_batch
from pyecod.batch.record import ChainChanges, ChainRecord, ChainUpdate, EntryRecord, Status, Step
from pyecod.batch.runs import DataType, Run, RunHistory

__all__ = [
    "Batch",
    "BatchCounters",
    "BatchHeader",
    "BatchPaths",
    "BatchType",
    "ChainChanges",
    "ChainRecord",
    "ChainUpdate",
    "DataType",
    "EntryRecord",
    "Manifest",
    "Run",
    "RunHistory",
    "Status",
    "Step",
    "find_batches",
    "is_batch",
    "locate_batch",
    "read_manifest",
    "repair_name",
    "weekly_name",
]
