"""Collect what a report shows from a batch folder: records, partitions, evidence and numberings, each read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import Batch, BatchType, ChainRecord, Status
from pyecod.batch.repair_plan import repair_outcomes
from pyecod.errors import BatchError, PyecodError
from pyecod.evidence import read_summary
from pyecod.ids import ChainKey
from pyecod.partition.model import Partition
from pyecod.partition.xml import read_partition
from pyecod.pdb import load_entry
from pyecod.pdb.chain import Numbering
from pyecod.report.model import BatchReport, ReportChain
from pyecod.report.tracks import EvidenceTrack, evidence_tracks
from pyecod.standing.mended import find_mended

MOST_EVIDENCE = 5000
"""Different sequences up to which a report draws evidence: reading it takes up to half a second for each."""


def gather_report(batch: Batch, keys: Iterable[ChainKey] | None = None) -> BatchReport:
    """Everything the report of ``batch`` needs, of all chains or of ``keys``.

    Identical chains share what was read for their representative. A file that is missing or broken becomes a problem
    of its chains; the others are not held up. Beyond :data:`MOST_EVIDENCE` different sequences the evidence is left
    out, and the report's notes say so.

    Raises:
        BatchError: a chain of ``keys`` is not in the batch.
    """
    chains = batch.manifest.chains
    wanted = sorted(chains) if keys is None else [str(key) for key in keys]
    unknown = [key for key in wanted if key not in chains]
    if unknown:
        raise BatchError(f"the batch has no chain {unknown[0]}", where=batch.path)
    sequences = len({chains[key].sequence_md5 for key in wanted})
    reader = _Reader(batch, with_evidence=sequences <= MOST_EVIDENCE)
    note = (
        f"The pictures leave out the evidence, because there are {sequences:,} different sequences; "
        f"`pyecod report chain CHAIN --batch {batch.path} --svg` draws one with it."
    )
    return BatchReport(
        header=batch.manifest.header,
        chains=tuple(reader.chain(chains[key]) for key in wanted),
        entries=batch.manifest.entries,
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=() if reader.with_evidence else (note,),
        mended=_mended(batch) if keys is None else 0,
        repairs=tuple(repair_outcomes(batch)) if batch.header.batch_type is BatchType.REPAIR else (),
    )


def _mended(batch: Batch) -> int:
    """Failed chains and entries in whose place a repair's result stands; only where any failed are others opened."""
    counters = batch.counters()
    if not counters.failed + counters.entries_failed:
        return 0
    folder = batch.path.absolute()
    return find_mended(folder.parent, {folder.name}).count(folder.name)


@dataclass(slots=True)
class _Shared:
    """What identical chains have in common."""

    partition: Partition | None = None
    tracks: tuple[EvidenceTrack, ...] = ()
    problems: list[str] = field(default_factory=list)


class _Reader:
    """Reads each file of a batch once."""

    def __init__(self, batch: Batch, *, with_evidence: bool) -> None:
        self.batch = batch
        self.with_evidence = with_evidence
        self._shared: dict[tuple[str, str], _Shared] = {}
        self._numberings: dict[str, dict[ChainKey, Numbering | None]] = {}

    def chain(self, record: ChainRecord) -> ReportChain:
        """One chain with all that belongs to it."""
        if record.partition_status is not Status.COMPLETE:
            return ReportChain(record)
        source = self._source(record)
        place = (str(source.key), record.sequence_md5)
        if place not in self._shared:
            self._shared[place] = self._read(source)
        shared = self._shared[place]
        problems = list(shared.problems)
        numbering = self._numbering(record.key, problems)
        return ReportChain(record, shared.partition, numbering, shared.tracks, tuple(problems))

    def _source(self, record: ChainRecord) -> ChainRecord:
        """The record whose files stand for this chain's sequence."""
        other = self.batch.manifest.chains.get(record.representative or "")
        same = other is not None and other.sequence_md5 == record.sequence_md5 and "partition" in other.files
        return other if other is not None and same else record

    def _read(self, record: ChainRecord) -> _Shared:
        shared = _Shared()
        try:
            path = self._path(record, "partition")
            if path is None:
                shared.problems.append("no partition file is recorded")
            else:
                shared.partition = read_partition(path, length=record.sequence_length).partition
        except PyecodError as error:
            shared.problems.append(str(error))
        try:
            path = self._path(record, "summary") if self.with_evidence else None
            if path is not None:
                shared.tracks = evidence_tracks(read_summary(path, length=record.sequence_length))
        except PyecodError as error:
            shared.problems.append(str(error))
        return shared

    def _path(self, record: ChainRecord, kind: str) -> Path | None:
        name = record.files.get(kind)  # relative, as the manifest's reader has made sure
        return None if name is None else self.batch.path / name

    def _numbering(self, key: ChainKey, problems: list[str]) -> Numbering | None:
        if self.batch.manifest.header.batch_type is BatchType.FASTA or not key.chain_id:
            return None
        if key.entry_id not in self._numberings:
            self._numberings[key.entry_id] = self._load(key.entry_id, problems)
        return self._numberings[key.entry_id].get(key)

    def _load(self, pdb_id: str, problems: list[str]) -> dict[ChainKey, Numbering | None]:
        folder = self.batch.path / "entries"
        if not (folder / f"{pdb_id}.json").exists():
            return {}  # a batch of the older tools, or entries that were pruned: no author numbers to show
        try:
            return {chain.key: chain.numbering for chain in load_entry(folder, pdb_id).chains}
        except PyecodError as error:
            problems.append(str(error))
            return {}
