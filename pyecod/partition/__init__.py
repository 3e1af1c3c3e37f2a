"""Partition: candidates → consensus → layout → boundaries → classification → quality."""

from pyecod.partition.engine import ALGORITHM, ALGORITHM_VERSION, partition_chain
from pyecod.partition.model import Domain, Flag, Outcome, Partition, Quality, Unassigned, UnassignedReason

__all__ = [
    "ALGORITHM",
    "ALGORITHM_VERSION",
    "Domain",
    "Flag",
    "Outcome",
    "Partition",
    "Quality",
    "Unassigned",
    "UnassignedReason",
    "partition_chain",
]
