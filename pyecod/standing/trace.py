"""Everything about one chain over all batches: how its domains came to be, as facts in the order they happened."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyecod.batch import BatchPaths, BatchType, DataType, RunHistory, Status
from pyecod.batch.header import read_time, week_of
from pyecod.batch.record import ChainRecord, Verdict
from pyecod.batch.repair_plan import read_repair_record
from pyecod.errors import BrokenInputError, PyecodError
from pyecod.ids import ChainKey
from pyecod.partition.plain import region_record
from pyecod.partition.xml import read_partition
from pyecod.pdb import load_entry
from pyecod.standing.current import ChainOfWeek, CurrentChain, CurrentState


@dataclass(frozen=True, slots=True)
class TraceStop:
    """One batch a chain went through. Its record ``speaks`` for the chain in its week (None for one that came with no
    release; ``filed`` is the date it is under then), and ``stands`` unless it is only all there is."""

    batch: str
    batch_type: str
    created: str
    week: str | None
    speaks: bool
    stands: bool
    filed: datetime.date
    facts: dict[str, Any]
    story: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainTrace:
    """One chain's way through the batches, in the order they were begun. ``database`` has what the database adds,
    empty without one."""

    key: ChainKey
    stops: tuple[TraceStop, ...]
    problems: tuple[str, ...] = ()
    database: dict[str, Any] = field(default_factory=dict)

    @property
    def standing(self) -> TraceStop | None:
        """The stop that speaks for the chain, of several weeks that of the newest; None where no batch has it."""
        stops = (stop for stop in self.stops if stop.speaks)
        return max(stops, key=lambda stop: (stop.filed, read_time(stop.created), stop.batch), default=None)

    def to_plain(self) -> dict[str, Any]:
        """The trace as JSON has it."""
        return {
            "chain": str(self.key),
            "batches": [
                {
                    "batch": stop.batch,
                    "type": stop.batch_type,
                    "created": stop.created,
                    "week": stop.week,
                    "stands": stop.stands,
                    **stop.facts,
                }
                for stop in self.stops
            ],
            "problems": list(self.problems),
            "database": self.database,
        }


def trace_chain(key: ChainKey, base_path: Path) -> ChainTrace:
    """Follow a chain through every batch under a folder; a batch that cannot be read is a problem of the trace.

    Raises:
        BatchError: there is no such folder.
    """
    state = CurrentState(base_path, keys={key}, fasta=True)
    stops = [_stop(one, chain) for chain in state.weeks_of_chains() for one in chain.records]
    stops.sort(key=lambda stop: (read_time(stop.created), stop.batch))
    return ChainTrace(key, tuple(stops), tuple(state.problems.values()))


def _stop(one: CurrentChain, chain: ChainOfWeek) -> TraceStop:
    week = week_of(one.header, one.record)
    facts = _facts(one)
    return TraceStop(
        batch=one.header.batch_name,
        batch_type=str(one.header.batch_type),
        created=one.header.created,
        week=week.isoformat() if week else None,
        speaks=one is chain.current,
        stands=one is chain.current and chain.stands,
        filed=one.week,
        facts=facts,
        story=tuple(_story(one, facts, chain)),
    )


def _facts(one: CurrentChain) -> dict[str, Any]:
    header, record = one.header, one.record
    facts: dict[str, Any] = {
        "folder": str(one.batch_path),
        "sequence": {"length": record.sequence_length, "md5": record.sequence_md5, "entity": record.entity_id},
        "can_classify": record.can_classify,
        "cannot_classify_reason": record.cannot_classify_reason,
        "representative": record.representative,
        "steps": {
            "blast": {"status": str(record.blast_status), "coverage": record.blast_coverage},
            "hhsearch": {
                "status": str(record.hhsearch_status),
                "coverage": record.hhsearch_coverage,
                "needed": record.needs_hhsearch,
            },
            "partition": {
                "status": str(record.partition_status),
                "coverage": record.partition_coverage,
                "outcome": record.partition_outcome,
                "quality": record.partition_quality,
                "domains": record.domain_count,
            },
        },
        "evidence": record.evidence,
        "failure": {"step": record.failed_at, "reason": record.failure_reason, "attempts": record.attempts},
        "versions": {
            "reference": header.reference_version,
            "reference_id": header.reference_id,
            "algorithm": record.algorithm_version,
            "settings": header.settings_digest,
            **header.tool_versions,
        },
        "files": {kind: str(one.batch_path / name) for kind, name in record.files.items()},
        "updated_at": record.updated_at,
    }
    facts["source_file_sha256"] = _source_checksum(one)
    facts |= _partition(one) | _runs(one) | _repair(one)
    return facts


def _source_checksum(one: CurrentChain) -> str | None:
    """SHA-256 of the mmCIF file the chain was read from."""
    try:
        return load_entry(BatchPaths(one.batch_path).entries, one.key.entry_id).source_sha256 or None
    except PyecodError:
        return None  # FASTA, or a batch of the older tools


def _partition(one: CurrentChain) -> dict[str, Any]:
    record = one.record
    path = BatchPaths(one.batch_path).file(record, "partition")
    if path is None or record.partition_status is not Status.COMPLETE:
        return {}
    try:
        file = read_partition(path, length=record.sequence_length)
    except BrokenInputError as error:
        return {"partition_problem": str(error)}
    return {
        "summary_sha256": file.summary_sha256,
        "made_at": file.timestamp,
        "domains": [
            {
                "id": domain.id(record.key),
                "range": str(domain.range),
                "pdb_range": file.pdb_ranges.get(domain.number),
                "t_group": domain.t_group,
                "f_group": domain.f_group,
                "ecod_domain": domain.ecod_domain,
                "source": str(domain.source),
                "evalue": domain.evalue,
                "probability": domain.probability,
                "support": domain.support,
            }
            for domain in file.partition.domains
        ],
        "unassigned": [region_record(region) for region in file.partition.unassigned],
    }


def _runs(one: CurrentChain) -> dict[str, Any]:
    """The run history of the chain, and of its representative's searches."""
    record, history = one.record, RunHistory(one.batch_path)
    lead = ChainKey.parse(record.representative) if record.representative else record.key
    runs = []
    for data_type, key in (
        (DataType.BLAST, lead),
        (DataType.HHSEARCH, lead),
        (DataType.SUMMARY, lead),
        (DataType.PARTITION, record.key),
    ):
        for state in history.states(data_type, key):
            runs.append(
                {
                    "type": str(data_type),
                    "chain": str(key),
                    "run": state.number,
                    "current": state.is_current,
                    "outcome": state.run.outcome if state.run else "damaged",
                    "error": state.run.result.get("error") if state.run else None,
                    "finished": state.run.finished if state.run else None,
                    "seconds": state.run.seconds if state.run else None,
                    "file": str(state.path),
                }
            )
    return {"runs": runs}


def _repair(one: CurrentChain) -> dict[str, Any]:
    if one.header.batch_type is not BatchType.REPAIR:
        return {}
    try:
        item = read_repair_record(one.batch_path).items.get(str(one.key))
    except BrokenInputError as error:
        return {"repair": {"problem": str(error)}}
    return {
        "repair": {
            "reason": one.header.reason,
            "why": item.why if item else None,
            "steps": list(item.steps) if item else None,
            "before": str(item.before) if item and item.before else None,
            "source": item.source if item else None,
            "verdict": one.record.repair_status,
        }
    }


def _story(one: CurrentChain, facts: dict[str, Any], chain: ChainOfWeek) -> Iterator[str]:
    """The facts in sentences."""
    header, record = one.header, one.record
    repair = facts.get("repair")
    if repair:
        yield f"Repaired ({repair['reason']}): {repair.get('why') or 'no plan is kept'}."
        if (repair.get("before") or "").startswith("failed"):
            yield f"It had failed in {repair['source']}."
        elif repair.get("before"):
            yield f"It stood at {repair['before']} in {repair['source']}."
    elif header.batch_type is BatchType.WEEKLY:
        yield f"Came with the release of {header.release_date}."
    else:
        yield f"Read from {header.fasta_path or 'a FASTA file'}."
    if not record.can_classify:
        yield f"Cannot be classified: {record.cannot_classify_reason}."
        return
    version = header.reference_version
    yield f"{record.sequence_length} residues, MD5 {record.sequence_md5[:8]}…; reference {version}."
    if record.representative not in (None, str(record.key)):
        yield f"Identical to {record.representative}, whose searches and summary it shares."
    yield from _story_of_searches(record)
    if record.is_failed:
        yield f"Failed at {record.failed_at} after {record.attempts} attempts: {record.failure_reason}."
    elif record.partition_status is Status.COMPLETE:
        yield from _story_of_partition(record, facts)
    else:
        yield "Not finished yet."
    yield _standing(one, chain)


def _standing(one: CurrentChain, chain: ChainOfWeek) -> str:
    """Whether a record's result stands, and whose does else."""
    own, other = one.contender, chain.current
    if one is other:
        if not chain.stands:
            return "No result stands: no other batch has the chain."
        return "This result stands." if own.has_result else "No batch has a result of it."
    if not chain.stands:
        return "It does not count."
    if one.record.repair_status == Verdict.WORSE:
        return f"Worse than before, so it was kept as a run; what stands is in {other.header.batch_name}."
    return f"The result of {other.header.batch_name} {'took its place' if own.accepted else 'stands'}."


def _story_of_searches(record: ChainRecord) -> Iterator[str]:
    if record.blast_coverage is not None and record.blast_status is Status.COMPLETE:
        kept = {kind: counts.get("kept", 0) for kind, counts in record.evidence.items()}
        decision = "so profiles were searched" if record.needs_hhsearch else "so no profile search was needed"
        hits = ", ".join(f"{count} {kind} hits" for kind, count in kept.items())
        yield f"Domain BLAST covers {record.blast_coverage:.0%}, {decision}: {hits or 'no hits'}."
        if "domain_blast" in record.files:
            yield f"The evidence is an earlier one: {record.files['domain_blast']}."


def _story_of_partition(record: ChainRecord, facts: dict[str, Any]) -> Iterator[str]:
    if "partition_problem" in facts:
        yield f"Its partition file cannot be read: {facts['partition_problem']}."
        return
    coverage = record.partition_coverage or 0.0
    domains = facts.get("domains") or []
    outcome = f" ({record.partition_outcome})" if not domains else ""
    yield f"Partitioned: {len(domains)} domains{outcome}, coverage {coverage:.0%}, {record.partition_quality}."
    for domain in domains:
        strength = (
            f"probability {domain['probability']:.1f}"
            if domain["probability"] is not None
            else f"E = {domain['evalue']:.2g}"
            if domain["evalue"] is not None
            else "no score"
        )
        author = f" ({domain['pdb_range']})" if domain["pdb_range"] else ""
        yield (
            f"  {domain['id']}  {domain['range']}{author}  {domain['t_group']}  from {domain['ecod_domain']} "
            f"by {domain['source']}, {strength}, {domain['support']} hits agree"
        )
    for region in facts.get("unassigned") or []:
        yield f"  unassigned {region['range']}: {region['reason']}"
