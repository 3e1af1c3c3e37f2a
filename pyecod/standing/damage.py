"""Results that are no longer what they were when they were recorded, and how they become work again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyecod.batch import Batch, BatchPaths, BatchType, ChainRecord, ChainUpdate, DataType, RunHistory, Status, is_batch
from pyecod.errors import BatchError, BrokenInputError
from pyecod.ids import ChainKey
from pyecod.partition.xml import PartitionFile, read_partition
from pyecod.pdb.chain import sequence_md5
from pyecod.standing.mended import find_replaced

_GONE = "it is gone"
_OTHER = "it is not what was recorded"


@dataclass(frozen=True, slots=True)
class Damage:
    """A result file that is gone or says something else: whose it is, which kind (``partition``, ``summary``), and why.
    ``replaced``: a later repair's result stands for the chain, so that nothing needs to be done."""

    chain: ChainKey
    kind: str
    path: Path
    why: str
    replaced: bool = False

    def __str__(self) -> str:
        replaced = " (a repair has replaced it)" if self.replaced else ""
        return f"{self.chain}: {self.kind} {self.path.name}: {self.why}{replaced}"


def check_files(batch: Batch) -> list[Damage]:
    """Hold every finished chain's result files against what was recorded of them; changes nothing.

    Files that were recorded with a checksum (since 0.2) must be those bytes. Older ones must be readable, of the chain
    and its sequence, and agree with its record and its current run. Batches of the older tools have no such files.
    """
    if batch.manifest.is_older_form:
        return []
    found = [*_Checker(batch).damages()]
    replaced = find_replaced(batch.path) if found else set()
    return [replace(damage, replaced=damage.chain in replaced) for damage in found]


def make_pending(batch: Batch) -> list[Damage]:
    """Check a batch, and give what is damaged back to its next run, which makes it again as a new run.

    Raises:
        BatchLockedError: another process drives the batch. BatchError: the disk is full or not writable.
    """
    if not [damage for damage in check_files(batch) if not damage.replaced]:
        return []
    with batch.lock():
        damaged = [damage for damage in check_files(batch) if not damage.replaced]
        keys = {damage.chain for damage in damaged}
        batch.mark([ChainUpdate(key, {"partition_status": Status.PENDING}) for key in sorted(keys)], repair=True)
        if keys:
            batch.update_header(completed=None)
        return damaged


def find_orphans(base_path: Path) -> list[Path]:
    """Folders that hold results and no manifest: nothing else would speak of them."""
    folders = sorted(path for path in base_path.iterdir() if path.is_dir()) if base_path.is_dir() else []
    return [path for path in folders if not is_batch(path) and BatchPaths(path).holds_results()]


class _Checker:
    """Reads each file once."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.paths, self.history = batch, batch.paths, RunHistory(batch.path)

    def damages(self) -> Iterator[Damage]:
        done = [r for r in self.batch.manifest.chains.values() if r.partition_status is Status.COMPLETE]
        for record in done:
            path = self.paths.file(record, "partition") or self.paths.partition_path(record.key)
            if (why := self._partition(path, record)) is not None:
                yield Damage(record.key, "partition", path, why)
        by_summary: dict[Path, list[ChainRecord]] = defaultdict(list)
        for record in done:
            own = self.paths.file(record, "summary")
            if own is not None and own.is_relative_to(self.paths.root / "summaries"):
                by_summary[own].append(record)
        for path, records in by_summary.items():
            if (why := self._summary(path, records)) is not None:
                yield from (Damage(record.key, "summary", path, why) for record in records)

    def _partition(self, path: Path, record: ChainRecord) -> str | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return _GONE
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if not content:
            return "it is empty"
        if expected := record.checksums.get("partition"):
            return None if _sha256(content) == expected else _OTHER
        try:
            file = read_partition(path)
        except BrokenInputError as error:
            return f"it cannot be read: {error.what}"
        return _disagreement(file, record) or self._other_than_its_run(file, record)

    def _other_than_its_run(self, file: PartitionFile, record: ChainRecord) -> str | None:
        """A run keeps the domains whole; a worse repair's file is of a run that is not current."""
        try:
            run = self.history.current(DataType.PARTITION, record.key)
        except BatchError:
            return None  # the history is no result
        if run is None or self.batch.header.batch_type is BatchType.REPAIR:
            return None
        kept = [(d.get("range"), d.get("t_group"), d.get("pdb_range")) for d in _domains(run.result)]
        ranges = file.pdb_ranges
        now = [(str(d.range), d.t_group, ranges.get(d.number)) for d in file.partition.domains]
        return None if kept == now else f"its domains are not those of run {run.number}"

    def _summary(self, path: Path, records: list[ChainRecord]) -> str | None:
        """Each of the chains that share a summary may have been recorded with a later writing of it."""
        try:
            now = _sha256(path.read_bytes())
        except FileNotFoundError:
            return _GONE
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        known = {record.checksums["summary"] for record in records if "summary" in record.checksums}
        if not known:
            known = self._kept_summaries(path)
        return _OTHER if known and now not in known else None

    def _kept_summaries(self, path: Path) -> set[str]:
        try:
            key = ChainKey.parse(path.name.removesuffix(".summary.xml").partition("~")[0])
            run = self.history.current(DataType.SUMMARY, key)
        except (BatchError, BrokenInputError):
            return set()
        return {str(run.result["sha256"])} if run is not None and run.result.get("sha256") else set()


def _disagreement(file: PartitionFile, record: ChainRecord) -> str | None:
    partition = file.partition
    if file.key != record.key:
        return f"it is of chain {file.key}"
    if file.sequence and sequence_md5(file.sequence) != record.sequence_md5:
        return "it is of another sequence"
    told = {
        "domains": (len(partition.domains), record.domain_count),
        "outcome": (str(partition.outcome), record.partition_outcome),
        "quality": (str(partition.quality), record.partition_quality),
        "coverage": (round(partition.coverage, 3), None if (c := record.partition_coverage) is None else round(c, 3)),
    }
    wrong = [name for name, (now, then) in told.items() if then is not None and now != then]
    return f"{' and '.join(wrong)} are not what was recorded" if wrong else None


def _domains(result: Any) -> list[dict[str, Any]]:
    domains = result.get("domains") if isinstance(result, dict) else None
    return [domain for domain in domains or [] if isinstance(domain, dict)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
