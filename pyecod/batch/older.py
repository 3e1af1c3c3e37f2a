"""Manifests of the older tools: ``batch_info``, ``processing_status``, ``chains``, ``slurm_jobs``.

Their stored counters are not read (they grew on every resume), nor the jobs, which are long gone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pyecod.batch.changes import chain_from_plain
from pyecod.batch.header import BatchHeader, header_from_plain
from pyecod.batch.names import BatchType
from pyecod.batch.record import ChainChanges, ChainRecord, EntryRecord, Status, Step, step_is
from pyecod.errors import BatchError, IdError
from pyecod.ids import ChainKey

_HEADER = (
    "batch_name",
    "batch_type",
    "created",
    "release_date",
    "pdb_status_path",
    "reference_version",
    "reason",
    "source_weeks",
    "rerun_blast",
    "rerun_hhsearch",
    "rerun_partition",
)
# taken over as they are; what else those records hold (times, job numbers) is left behind
_FIELDS = (
    "entity_id",
    "cannot_classify_reason",
    "domain_count",
    "partition_quality",
    "failure_reason",
    "source_week",
    "repair_status",
    "algorithm_version",
)
_STATUSES = {
    **{str(status): status for status in Status},
    "completed": Status.COMPLETE,
    "error": Status.FAILED,
    "submitted": Status.PENDING,  # its job is gone
    "running": Status.PENDING,
    "skipped": Status.NOT_NEEDED,
}


def is_older_form(tree: Mapping[Any, Any]) -> bool:
    """Whether a manifest is of the older, nested form."""
    return "batch_info" in tree or "processing_status" in tree


def read_older_form(
    tree: Mapping[str, Any], path: Path
) -> tuple[BatchHeader, dict[str, EntryRecord], dict[str, ChainRecord]]:
    """Header, entries and chains of an older manifest; every entry of which a chain is recorded counts as read.

    Raises:
        BatchError: a chain's record cannot be understood; file and chain are named.
    """
    info = tree.get("batch_info") or tree
    raw_chains = tree.get("chains") or {}
    if not isinstance(info, dict) or not isinstance(raw_chains, dict):
        raise BatchError("batch_info and chains must be mappings", where=path)
    plain = {name: info[name] for name in _HEADER if info.get(name) is not None}
    plain.setdefault("batch_name", path.parent.name)
    repair = BatchType.REPAIR.value in str(plain["batch_name"])
    plain.setdefault("batch_type", BatchType.REPAIR if repair else BatchType.WEEKLY)
    plain.setdefault("created", "unknown")
    header = header_from_plain(plain, str(path))
    records = [_chain(name, raw, header, path) for name, raw in raw_chains.items()]
    chains = {str(record.key): record for record in records}
    if len(chains) < len(records):
        twice = Counter(str(record.key) for record in records).most_common(1)[0][0]
        raise BatchError(f"chain {twice!r} stands there twice", where=path)
    _choose_representatives(chains.values())
    counts = Counter(record.key.entry_id for record in records if record.key.chain_id)
    entries = {
        pdb_id: EntryRecord(pdb_id, Status.COMPLETE, chain_count=count) for pdb_id, count in sorted(counts.items())
    }
    return header, entries, chains


def _chain(name: Any, raw: Any, header: BatchHeader, path: Path) -> ChainRecord:
    place = f"{path}: chain {name!r:.100}"
    if not isinstance(name, str):
        raise BatchError("the chain's key is not text", where=place, hint="quote it")
    if not isinstance(raw, dict):
        raise BatchError("the record is not a mapping", where=place)
    try:
        key = ChainKey.parse(name)
    except IdError as error:
        raise BatchError(error.what, where=place) from None
    from pyecod.pdb.chain import sequence_md5  # its room is heavy, and old batches are rare

    sequence = raw.get("sequence") or ""
    if not isinstance(sequence, str) or not sequence.isascii():
        raise BatchError("sequence is not one-letter code", where=place)
    plain: dict[str, Any] = {field: raw[field] for field in _FIELDS if raw.get(field) is not None}
    plain |= {
        "pdb_id": key.entry_id,
        "chain_id": key.chain_id,
        "sequence_length": raw.get("sequence_length") or len(sequence),
        "sequence_md5": sequence_md5(sequence.upper()) if sequence else "",
        "can_classify": raw.get("can_classify", True),
        "files": _files(raw.get("files") or {}, header, place),
        "reference_version": header.reference_version,
        **_steps(raw, place),
        **_coverages(raw, place),
    }
    return chain_from_plain(str(key), plain, str(path))


def _steps(raw: Mapping[str, Any], place: str) -> ChainChanges:
    statuses: dict[Step, Status] = {}
    for step in Step:
        text = raw.get(f"{step}_status") or "pending"
        if text not in _STATUSES:
            raise BatchError(f"{step}_status: {text!r:.80} is not a status", where=place)
        statuses[step] = _STATUSES[text]
    if not raw.get("can_classify", True):
        statuses = dict.fromkeys(statuses, Status.NOT_NEEDED)
    elif statuses[Step.BLAST] is not Status.COMPLETE and statuses[Step.HHSEARCH] is Status.NOT_NEEDED:
        statuses[Step.HHSEARCH] = Status.PENDING  # the older tools wrote not_needed before they knew
    decided = statuses[Step.BLAST] is Status.COMPLETE
    changes: ChainChanges = {"needs_hhsearch": bool(raw.get("needs_hhsearch")) if decided else None}
    for step, status in statuses.items():
        changes |= step_is(step, status)
    return changes


def _coverages(raw: Mapping[str, Any], place: str) -> dict[str, float]:
    coverages = {}
    for field in ("blast_coverage", "hhsearch_coverage", "partition_coverage"):
        value = raw.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise BatchError(f"{field}: {value!r:.80} is not a coverage", where=place)
        coverages[field] = min(1.0, float(value))  # overlapping domains were counted twice
    return coverages


def _files(raw: Any, header: BatchHeader, place: str) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise BatchError("files is not a mapping", where=place)
    return {str(kind): _inside(str(file), header.batch_name) for kind, file in raw.items() if file}


def _inside(file: str, batch_name: str) -> str:
    """An absolute path of another machine, made relative to the batch folder where it leads through it."""
    parts = PurePosixPath(file).parts
    if file.startswith("/") and batch_name in parts:
        return "/".join(parts[parts.index(batch_name) + 1 :])
    return file


def _choose_representatives(records: Iterable[ChainRecord]) -> None:
    first: dict[str, str] = {}
    for record in sorted(records, key=lambda r: r.key):
        if record.can_classify:
            record.representative = first.setdefault(record.sequence_md5 or str(record.key), str(record.key))
