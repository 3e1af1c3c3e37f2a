"""A batch at one moment, read from its folder alone: how far, how fast, what runs, what failed, what is left of disks.

Whoever can read the folder can look, from any machine, while the flow goes on; nothing is written.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyecod.batch import Batch, BatchCounters, BatchPaths, ChainRecord, Status
from pyecod.batch.header import read_time
from pyecod.batch.paths import free_space
from pyecod.errors import FailureKind, ProgramError
from pyecod.slurm.queue import batch_job_name, jobs_named
from pyecod.watch.conservation import EvidenceTotals, conservation, find_losses

RATE_MINUTES = 15.0
_MOST_CHAINS = 1000
_KILLS = (FailureKind.OUT_OF_MEMORY, FailureKind.WORKER_KILLED)


@dataclass(frozen=True, slots=True)
class RunningChain:
    """A chain whose search or partition was handed to a worker, and how many seconds ago."""

    chain: str
    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FailedChain:
    """A chain or entry that failed, at which step and why; ``at`` is UTC, ISO 8601, empty for entries."""

    chain: str
    step: str
    reason: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at a batch.

    ``per_hour`` are finished chains, over the last quarter of an hour or since the driver began; None while nobody
    drives the batch. ``seconds_left`` follows from it. ``workers`` are those the batch is configured to have, ``jobs``
    what SLURM has of them, by state; None where they are no SLURM jobs, or SLURM does not tell here. ``coverage``
    counts finished chains in ten classes of partition coverage, 0 to 1. ``free`` has bytes per place. ``mended`` of
    what failed was done by repairs since, where somebody has looked into the other batches. ``running`` is
    the longest first, ``failed`` the newest.
    """

    name: str
    path: Path
    at: datetime
    driver: str | None
    driver_since: datetime | None
    last_change: datetime
    counters: BatchCounters
    per_hour: float | None
    seconds_left: float | None
    done_by_driver: int
    running: tuple[RunningChain, ...]
    running_count: int
    failed: tuple[FailedChain, ...]
    coverage: tuple[int, ...]
    memory_kills: int
    evidence: EvidenceTotals
    losses: tuple[str, ...]
    workers: str
    jobs: Mapping[str, int] | None = None
    log: Path | None = None
    free: Mapping[str, int] = field(default_factory=dict)
    mended: int = 0

    @property
    def is_unfinished(self) -> bool:
        """Something is pending or running."""
        return not self.counters.is_finished

    def to_plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("counters", "evidence")}
        return {
            **plain,
            "running": [asdict(one) for one in self.running],
            "failed": [asdict(one) for one in self.failed],
            "counters": self.counters.to_plain(),
            "evidence": {str(kind): asdict(totals) for kind, totals in self.evidence.types.items()},
        }


def look(path: Path, *, now: datetime | None = None, batch: Batch | None = None) -> Snapshot:
    """The batch in ``path`` now; ``batch`` where it is open already.

    Raises:
        BatchError: there is no batch, or its state is damaged.
    """
    batch = batch or Batch.open(path)
    now = now or datetime.now(UTC)
    records = [record for record in batch.manifest.chains.values() if record.can_classify]
    counters = batch.counters()
    holder = batch.holder
    since = datetime.fromisoformat(holder.since) if holder else None
    per_hour = finished_per_hour(records, since, now) if since else None
    running = _running(records, now)
    totals = conservation(records)
    return Snapshot(
        name=batch.name,
        path=path,
        at=now,
        driver=str(holder) if holder else None,
        driver_since=since,
        last_change=_last_change(batch),
        counters=counters,
        per_hour=per_hour,
        seconds_left=counters.left / per_hour * 3600 if per_hour and counters.left else None,
        done_by_driver=_finished_after(records, since) if since else 0,
        running=tuple(running[:_MOST_CHAINS]),
        running_count=len(running),
        failed=tuple(_failed(batch, records)[:_MOST_CHAINS]),
        coverage=coverage_classes(records),
        memory_kills=sum(n for kind, n in counters.failure_kinds.items() if kind in _KILLS),
        evidence=totals,
        losses=tuple(map(str, find_losses(totals))),
        workers=_workers(batch),
        log=newest_log(batch.paths),
        free=free_places(batch),
    )


def worker_jobs(snapshot: Snapshot) -> Snapshot:
    """The same look with the SLURM jobs of the batch's workers, as the queue has them for whoever asks."""
    if not snapshot.workers.endswith("slurm"):
        return snapshot
    try:
        states = jobs_named(batch_job_name(snapshot.path))
    except ProgramError:  # no SLURM on this machine, or no answer
        return snapshot
    return replace(snapshot, jobs=dict(Counter(state.lower() for state in states.values())))


def newest_log(paths: BatchPaths) -> Path | None:
    """Log file of the batch's newest run; None where there is none."""
    return max(paths.logs.glob("*.log"), default=None)


def finished_per_hour(records: Iterable[ChainRecord], since: datetime, now: datetime) -> float | None:
    """Chains finished per hour since the driver began, over the last quarter of an hour at most; None in its first
    seconds."""
    start = max(since, now - timedelta(minutes=RATE_MINUTES))
    hours = (now - start).total_seconds() / 3600
    return _finished_after(records, start) / hours if hours > 1 / 3600 else None


def coverage_classes(records: Iterable[ChainRecord]) -> tuple[int, ...]:
    """Finished chains in ten classes of partition coverage: 0 to 0.1, … 0.9 to 1."""
    classes = Counter(
        min(9, int(record.partition_coverage * 10))
        for record in records
        if record.is_done and record.partition_coverage is not None
    )
    return tuple(classes[number] for number in range(10))


def free_places(batch: Batch) -> dict[str, int]:
    """Free bytes beside the batch, in the search cache and in the scratch folder, where this machine sees them."""
    settings = batch.header.settings
    cache = (settings.get("search") or {}).get("cache_dir") or batch.path.parent / "search_cache"
    scratch = (settings.get("scratch") or {}).get("dir") or tempfile.gettempdir()
    places = {"batches": batch.path, "search cache": Path(cache), "scratch": Path(scratch)}
    return {name: free_space(folder) for name, folder in places.items() if folder.is_dir()}


def _finished_after(records: Iterable[ChainRecord], since: datetime) -> int:
    start = since.timestamp()
    return sum(
        record.is_done and record.updated_at is not None and read_time(record.updated_at).timestamp() >= start
        for record in records
    )


def _running(records: Iterable[ChainRecord], now: datetime) -> list[RunningChain]:
    found = []
    for record in records:
        step = record.step_that_is(Status.RUNNING)
        if step is not None:
            seconds = (now - read_time(record.updated_at)).total_seconds() if record.updated_at else 0.0
            found.append(RunningChain(str(record.key), str(step), max(0.0, seconds)))
    return sorted(found, key=lambda one: -one.seconds)


def _failed(batch: Batch, records: Iterable[ChainRecord]) -> list[FailedChain]:
    chains = [
        FailedChain(
            str(record.key), record.failed_at or "", record.failure_reason or "no reason", record.updated_at or ""
        )
        for record in records
        if record.is_failed
    ]
    entries = [
        FailedChain(entry.pdb_id, "entry", entry.failure_reason or "no reason")
        for entry in batch.manifest.entries.values()
        if entry.status is Status.FAILED
    ]
    return sorted(chains, key=lambda one: one.at, reverse=True) + entries


def _last_change(batch: Batch) -> datetime:
    """When manifest or journal were last written."""
    times = [path.stat().st_mtime for path in (batch.paths.manifest, batch.paths.journal) if path.exists()]
    return datetime.fromtimestamp(max(times), UTC)


def _workers(batch: Batch) -> str:
    """The workers the batch is configured to have: ``10 × slurm``."""
    workers = batch.header.settings.get("workers") or {}
    return f"{workers['count']} × {workers['kind']}" if {"count", "kind"} <= workers.keys() else "unknown"
