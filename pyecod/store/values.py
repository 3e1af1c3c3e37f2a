"""The columns of the loaded tables, and the values of a chain for them."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from pyecod.batch.header import UNKNOWN_TIME, read_time
from pyecod.batch.record import ChainRecord
from pyecod.partition.model import Domain, Flag, Partition, Rival
from pyecod.partition.plain import region_record
from pyecod.store.rows import ChainRow

# column -> PostgreSQL type, as in sql/0001 and 0002
CHAIN_STATUS: dict[str, str] = {
    "pdb_id": "text",
    "chain_id": "text",
    "release_date": "date",
    "batch_name": "text",
    "entity_id": "text",
    "can_classify": "boolean",
    "cannot_classify_reason": "text",
    "sequence_length": "bigint",
    "sequence_md5": "text",
    "representative": "text",
    "is_representative": "boolean",
    "blast_status": "text",
    "blast_coverage": "double precision",
    "needs_hhsearch": "boolean",
    "hhsearch_status": "text",
    "hhsearch_coverage": "double precision",
    "partition_status": "text",
    "partition_coverage": "double precision",
    "partition_outcome": "text",
    "partition_quality": "text",
    "domain_count": "bigint",
    "failed_step": "text",
    "failure_reason": "text",
    "attempts": "bigint",
    "repair_status": "text",
    "reference_version": "text",
    "algorithm_version": "text",
    "seconds": "double precision",
    "fasta_path": "text",
    "chain_blast_path": "text",
    "domain_blast_path": "text",
    "hhsearch_path": "text",
    "summary_path": "text",
    "partition_path": "text",
    "updated_at": "timestamptz",
}
RUN: dict[str, str] = {
    "outcome": "text",
    "quality": "text",
    "coverage": "double precision",
    "run_domain_count": "bigint",
    "run_sequence_length": "bigint",
    "run_reference_version": "text",
    "algorithm": "text",
    "run_algorithm_version": "text",
    "parameters": "jsonb",
    "unassigned": "jsonb",
    "content_digest": "text",
    "run_created_at": "timestamptz",
}
RUN_COLUMNS = tuple(name.removeprefix("run_") for name in RUN)  # as partition_run calls them
# what the rule of pyecod.standing.rule makes of a record
STANDING: dict[str, str] = {"accepted": "boolean", "has_result": "boolean", "is_mark": "boolean"}
INCOMING: dict[str, str] = {
    "row_number": "integer",
    **STANDING,
    "source_week": "text",
    "sequence": "text",
    **CHAIN_STATUS,
    **RUN,
}
DOMAIN = (
    "run_id",
    "domain_number",
    "domain_id",
    "range",
    "pdb_range",
    "start_residue",
    "end_residue",
    "size",
    "is_discontinuous",
    "ecod_domain",
    "f_group",
    "t_group",
    "h_group",
    "x_group",
    "source",
    "evalue",
    "probability",
    "reference_coverage",
    "support",
    "h_agreement",
    "confidence",
    "rival_domain",
    "rival_t_group",
    "rival_h_group",
    "rival_confidence",
    "rival_defeat",
    "evidence_range",
)
EVIDENCE = ("run_id", "evidence_type", "found", "kept", "considered", "accepted", "rejected")
FLAG = ("run_id", "domain_number", "flag", "detail")

_NO_RUN: tuple[Any, ...] = (None,) * len(RUN)
_FILES = ("fasta", "chain_blast", "domain_blast", "hhsearch", "summary", "partition")


def chain_values(
    record: ChainRecord, release_date: datetime.date, batch_name: str, created: str, files: Mapping[str, str]
) -> tuple[Any, ...]:
    """Values for the columns of ``CHAIN_STATUS``; ``created`` is the time of a record never changed, ``files`` are what
    the batch holds of the chain."""
    key = record.key
    name = str(key)
    representative = record.representative or name
    return (
        key.entry_id,
        key.chain_id,
        release_date,
        batch_name,
        record.entity_id or None,
        record.can_classify,
        record.cannot_classify_reason,
        record.sequence_length,
        record.sequence_md5 or None,
        representative,
        representative == name,
        str(record.blast_status),
        record.blast_coverage,
        record.needs_hhsearch,
        str(record.hhsearch_status),
        record.hhsearch_coverage,
        str(record.partition_status),
        record.partition_coverage,
        record.partition_outcome,
        record.partition_quality,
        record.domain_count,
        record.failed_at,
        record.failure_reason,
        record.attempts,
        record.repair_status,
        record.reference_version,
        record.algorithm_version,
        record.seconds,
        *(files.get(kind) for kind in _FILES),
        timestamp(record.updated_at or created),
    )


def timestamp(text: str) -> str:
    """A time as PostgreSQL is to take it, whatever zone its session is in: one without a zone is UTC. What is no time
    stays as it is, so that PostgreSQL refuses it."""
    time = read_time(text)
    return time.isoformat() if time != UNKNOWN_TIME else text


class PartitionValues:
    """Values of one partition object; identical chains come one after the other and share the work."""

    def __init__(self) -> None:
        self._partition: Partition | None = None
        self._run: tuple[Any, ...] = ()
        self._digest = b""
        self._domains: list[tuple[Any, ...]] = []
        self._evidence: list[tuple[Any, ...]] = []
        self._flags: list[tuple[Any, ...]] = []

    def run(self, row: ChainRow) -> tuple[Any, ...]:
        """Values for the columns of ``RUN``; all None for a chain without a partition."""
        if row.partition is None:
            return _NO_RUN
        self._prepare(row.partition)
        return (*self._run, self.digest(row), timestamp(row.created) if row.created else None)

    def digest(self, row: ChainRow) -> str:
        """SHA-256 of the chain's result without its times: equal means the same result."""
        assert row.partition is not None
        self._prepare(row.partition)
        own = orjson.dumps([row.record.sequence_md5, row.pdb_ranges])
        return hashlib.sha256(self._digest + own).hexdigest()

    def domains(self, row: ChainRow, run_id: int) -> list[tuple[Any, ...]]:
        """Rows for the columns of ``DOMAIN``."""
        assert row.partition is not None
        self._prepare(row.partition)
        ranges = row.pdb_ranges or (None,) * len(self._domains)
        name = f"{row.record.key}_"
        return [
            (run_id, number, f"{name}{number:03d}", residues, pdb_range, *rest)
            for (number, residues, *rest), pdb_range in zip(self._domains, ranges, strict=True)
        ]

    def evidence(self, row: ChainRow, run_id: int) -> list[tuple[Any, ...]]:
        """Rows for the columns of ``EVIDENCE``."""
        assert row.partition is not None
        self._prepare(row.partition)
        return [(run_id, *values) for values in self._evidence]

    def flags(self, row: ChainRow, run_id: int) -> list[tuple[Any, ...]]:
        """Rows for the columns of ``FLAG``."""
        assert row.partition is not None
        self._prepare(row.partition)
        return [(run_id, *values) for values in self._flags]

    def _prepare(self, partition: Partition) -> None:
        if partition is self._partition:
            return
        self._domains = [_domain_values(domain) for domain in partition.domains]
        self._evidence = [
            (str(kind), count.found, count.kept, count.considered, count.accepted, _json(count.rejected))
            for kind, count in partition.counts.items()
        ]
        self._flags = [
            (d.number, str(flag), _flag_detail(d, flag)) for d in partition.domains for flag in dict.fromkeys(d.flags)
        ]
        self._run = (
            str(partition.outcome),
            str(partition.quality),
            partition.coverage,
            len(partition.domains),
            partition.length,
            partition.reference_version,
            partition.algorithm,
            partition.algorithm_version,
            _json(partition.parameters),
            _json([region_record(region) for region in partition.unassigned]),
        )
        content = [
            self._run,
            [_digested(values) for values in self._domains],
            sorted(self._evidence),
            [(number, flag) for number, flag, _ in self._flags],
        ]
        self._digest = hashlib.sha256(orjson.dumps(content)).digest()
        self._partition = partition


def _domain_values(domain: Domain) -> tuple[Any, ...]:
    return (
        domain.number,
        str(domain.range),
        domain.range.start,
        domain.range.end,
        len(domain.range),
        domain.range.is_discontinuous,
        domain.ecod_domain,
        domain.f_group,
        domain.t_group,
        domain.h_group,
        domain.x_group,
        str(domain.source),
        domain.evalue,
        domain.probability,
        domain.reference_coverage,
        domain.support,
        domain.h_agreement,
        domain.confidence,
        *_rival_values(domain.rival),
        str(domain.evidence_range) if domain.evidence_range else None,
    )


def _flag_detail(domain: Domain, flag: Flag) -> str | None:
    """The domain's own figures behind a flag; what the flag means stands beside it."""
    match flag:
        case Flag.PARTIAL:
            return f"{domain.reference_coverage:.0%} of {domain.ecod_domain} aligned"
        case Flag.DISCONTINUOUS:
            return str(domain.range)
        case Flag.NEW_REPRESENTATIVE_CANDIDATE:
            return f"{len(domain.range)} residues, nearest {domain.ecod_domain}"
        case Flag.CONFLICT:
            return f"{domain.h_agreement:.0%} of the hits here are of {domain.h_group}"
    return None


def _digested(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """What of a domain's values makes its result: those of 0.1 have no confidence, and keep the digest they had."""
    sure = DOMAIN.index("confidence") - (len(DOMAIN) - len(values))
    return values if values[sure] is not None else values[:sure]


def _rival_values(rival: Rival | None) -> tuple[Any, ...]:
    if rival is None:
        return (None,) * 5
    return (rival.ecod_domain, rival.t_group, rival.h_group, rival.confidence, str(rival.defeat))


def _json(value: Mapping[str, Any] | list[Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
