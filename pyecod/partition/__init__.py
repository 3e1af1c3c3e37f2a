"""Partition: candidates → consensus → layout → boundaries → classification → quality.

:func:`partition_chain` cuts a chain into domains from its domain summary. The data classes are light; everything else
is imported when first used.

>>> from pyecod.partition import partition_chain                               # doctest: +SKIP
>>> partition_chain(summary, reference, settings).domains                      # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyecod.partition.model import (
    REASONS,
    Candidate,
    Defeat,
    Domain,
    Flag,
    Outcome,
    Partition,
    Quality,
    Rival,
    Unassigned,
    UnassignedReason,
)

if TYPE_CHECKING:
    from pyecod.partition.engine import ALGORITHM, ALGORITHM_VERSION, partition_chain
    from pyecod.partition.many import FileResult, partition_files
    from pyecod.partition.xml import read_partition, write_partition

_HOMES = {
    "ALGORITHM": "engine",
    "ALGORITHM_VERSION": "engine",
    "FileResult": "many",
    "partition_chain": "engine",
    "partition_files": "many",
    "read_partition": "xml",
    "write_partition": "xml",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "ALGORITHM",
    "ALGORITHM_VERSION",
    "REASONS",
    "Candidate",
    "Defeat",
    "Domain",
    "FileResult",
    "Flag",
    "Outcome",
    "Partition",
    "Quality",
    "Rival",
    "Unassigned",
    "UnassignedReason",
    "partition_chain",
    "partition_files",
    "read_partition",
    "write_partition",
]
