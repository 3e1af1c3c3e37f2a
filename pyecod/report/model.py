"""What a report page is made from: plain data, so that it can be made from a batch on disk or from anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyecod.batch.header import BatchHeader
from pyecod.batch.record import ChainRecord, EntryRecord
from pyecod.batch.repair_plan import RepairOutcome
from pyecod.ids import ChainKey
from pyecod.partition.model import Partition
from pyecod.pdb.chain import Numbering
from pyecod.report.tracks import EvidenceTrack


@dataclass(frozen=True, slots=True)
class ReportChain:
    """One chain of the page.

    ``partition`` is None where there is none (failed, pending, not classifiable). ``tracks`` are the evidence of its
    sequence. ``problems`` say why something of the chain cannot be shown.
    """

    record: ChainRecord
    partition: Partition | None = None
    numbering: Numbering | None = None
    tracks: tuple[EvidenceTrack, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def key(self) -> ChainKey:
        """The chain."""
        return self.record.key

    def pdb_range(self, number: int) -> str:
        """Author range of domain ``number``, empty where the numbering is unknown."""
        if self.numbering is None or self.partition is None:
            return ""
        domain = next(d for d in self.partition.domains if d.number == number)
        return self.numbering.pdb_range(self.key.author_part, domain.range)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch: its head, its entries by PDB id and its chains in the order of their keys.

    ``generated`` is the time of the report, ISO 8601 UTC. ``notes`` are shown above the chain table,
    ``repairs`` are a repair's chains before and after. ``mended`` of what failed was done by repairs since.
    """

    header: BatchHeader
    chains: tuple[ReportChain, ...]
    entries: Mapping[str, EntryRecord] = field(default_factory=dict)
    generated: str = ""
    notes: tuple[str, ...] = ()
    repairs: tuple[RepairOutcome, ...] = ()
    mended: int = 0
