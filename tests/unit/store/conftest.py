"""Small real batches on disk, with chosen chains and partitions; also for the integration tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, BatchType, ChainRecord, EntryRecord, Status
from pyecod.evidence.summary import EvidenceCount
from pyecod.ids import ChainKey
from pyecod.partition.model import Candidate, Domain, Flag, Outcome, Partition, Quality, Unassigned, UnassignedReason
from pyecod.partition.xml import write_partition
from pyecod.pdb.chain import Chain, Numbering, NumberingRun, sequence_md5
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV" * 3


CANDIDATE = Candidate("e1suaA9", "11.1.1", "11.1", EvidenceType.HHSEARCH, 0.125, 1e-4, 60.5)


@dataclass(frozen=True)
class ChainPlan:
    """A chain to be written: ``ranges`` are its domains, None for a chain that is not partitioned."""

    ranges: tuple[str, ...] | None = ("1-90", "95-200")
    sequence: str = SEQUENCE
    representative: str | None = None
    t_group: str = "2003.1.1"
    made: str = "2025-09-05T12:00:00+00:00"
    author_start: int = 11
    fields: Mapping[str, Any] = field(default_factory=dict)


def make_partition(length: int, ranges: tuple[str, ...], t_group: str = "2003.1.1") -> Partition:
    """A partition with these domains."""
    residues = [ResidueRange.parse(text) for text in ranges]
    domains = tuple(
        Domain(
            number=number,
            range=r,
            ecod_domain=f"e1suaA{number}",
            t_group=t_group,
            h_group=t_group.rpartition(".")[0],
            x_group=t_group.partition(".")[0],
            f_group=f"{t_group}.7" if number == 1 else None,
            source=EvidenceType.DOMAIN_BLAST if number == 1 else EvidenceType.HHSEARCH,
            evalue=0.0 if number == 1 else 1e-300,
            probability=None if number == 1 else 98.4,
            reference_coverage=0.9,
            support=3,
            h_agreement=0.75,
            flags=(Flag.DISCONTINUOUS,) if r.is_discontinuous else (),
            names={"t": "Rossmann <fold> & co"},
            evidence_range=ResidueRange(((r.start, (r.start + r.segments[0][1]) // 2),)) if number == 1 else None,
        )
        for number, r in enumerate(residues, 1)
    )
    covered = ResidueRange.of(s for r in residues for s in r.segments).coverage(length)
    quality = Quality.GOOD if covered >= 0.8 else Quality.LOW_COVERAGE if covered >= 0.5 else Quality.FRAGMENTARY
    return Partition(
        length=length,
        outcome=Outcome.ASSIGNED if domains else Outcome.NO_EVIDENCE,
        quality=quality if domains else Quality.NO_DOMAINS,
        domains=domains,
        unassigned=(Unassigned(ResidueRange(((length, length),)), UnassignedReason.WEAK_EVIDENCE, CANDIDATE),),
        counts={
            EvidenceType.CHAIN_BLAST: EvidenceCount(0, 0, 0, 0),
            EvidenceType.DOMAIN_BLAST: EvidenceCount(12, 10, 9, 4, {"weaker": 5}),
            EvidenceType.HHSEARCH: EvidenceCount(7, 6, 6, 3),
        },
        reference_version="develop291",
        algorithm="consensus-layout",
        algorithm_version="1.0",
        parameters={"consensus": 0.7, "min_domain_length": 25},
    )


def write_plan(folder: Path, name: str, plan: ChainPlan, batch_id: str = "") -> None:
    """Write the chain's partition file."""
    key = ChainKey.parse(name)
    assert plan.ranges is not None
    numbering = Numbering((NumberingRun(1, plan.author_start, len(plan.sequence)),))
    write_partition(
        folder / "partitions" / f"{key.file_stem}.partition.xml",
        make_partition(len(plan.sequence), plan.ranges, plan.t_group),
        Chain(key, plan.sequence, numbering=numbering if key.chain_id else None),
        batch_id=batch_id,
        timestamp=plan.made,
        tool_versions={"blastp": "2.12.0+"},
        summary_sha256="0" * 64,
    )


def make_record(name: str, plan: ChainPlan) -> ChainRecord:
    """The chain's record, finished where it has a partition."""
    key = ChainKey.parse(name)
    record = ChainRecord(
        key=key,
        sequence_length=len(plan.sequence),
        sequence_md5=sequence_md5(plan.sequence),
        entity_id="1",
        representative=plan.representative or name,
        blast_status=Status.COMPLETE,
        blast_coverage=0.95,
        needs_hhsearch=False,
        hhsearch_status=Status.NOT_NEEDED,
        attempts=1,
        updated_at=plan.made,
    )
    if plan.ranges is not None:
        partition = make_partition(len(plan.sequence), plan.ranges, plan.t_group)
        record.partition_status = Status.COMPLETE
        record.partition_coverage = partition.coverage
        record.partition_outcome = str(partition.outcome)
        record.partition_quality = str(partition.quality)
        record.domain_count = len(partition.domains)
        record.reference_version = partition.reference_version
        record.algorithm_version = partition.algorithm_version
        record.files = {
            "partition": f"partitions/{key.file_stem}.partition.xml",
            "summary": f"summaries/{ChainKey.parse(record.representative or name).file_stem}.summary.xml",
        }
    return replace(record, **plan.fields)


def make_batch(
    folder: Path,
    chains: Mapping[str, ChainPlan],
    *,
    kind: str = "weekly",
    date: str = "2025-09-05",
    name: str | None = None,
    created: str | None = None,
    **header: Any,
) -> Path:
    """Write a whole batch directory and return it; ``date`` is the week, or the day a repair was made."""
    compact = date.replace("-", "")
    batch = BatchHeader(
        batch_name=name or f"ecod_{kind}_{compact}",
        batch_type=BatchType(kind),
        created=created or f"{date}T08:00:00+00:00",
        completed=header.pop("completed", f"{date}T20:00:00+00:00"),
        release_date=date if kind == "weekly" else None,
        reference_version="develop291",
        tool_versions={"blastp": "2.12.0+"},
        **header,
    )
    path = folder / batch.batch_name
    (path / "partitions").mkdir(parents=True)
    for key, plan in chains.items():
        if plan.ranges is not None:
            write_plan(path, key, plan, batch.batch_name)
    entries = sorted({ChainKey.parse(key).entry_id for key in chains}) if kind == "weekly" else []
    Batch.create(
        folder,
        batch,
        entries=[EntryRecord(entry, Status.COMPLETE) for entry in entries],
        chains=[make_record(key, plan) for key, plan in chains.items()],
    )
    return path


@pytest.fixture
def batches(tmp_path: Path) -> Callable[..., Path]:
    """Makes batches in the test's folder: ``batches({"8s72_A": ChainPlan()}, kind="weekly", date="2025-09-05")``."""
    folder = tmp_path / "batches"
    folder.mkdir()
    return lambda chains, **options: make_batch(folder, chains, **options)


@pytest.fixture
def plan() -> type[ChainPlan]:
    """What a chain looks like."""
    return ChainPlan
