"""What is worth a person's attention: findings from a batch's counts, and from the want of a batch.

Pure: nothing is sent from here. The flows turn each finding into a Prefect event, the exit report prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pyecod.batch import Batch, BatchType, find_batches
from pyecod.batch.paths import free_space
from pyecod.errors import BatchError
from pyecod.settings import AlertSettings, Settings
from pyecod.watch.snapshot import Snapshot, look

Severity = Literal["warning", "critical"]

_GIB = 2**30
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_POOR = ("fragmentary", "no_domains")
_WATCHED_DAYS = 60  # an older unfinished batch is history, not news


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding: ``kind`` names it for machines, ``text`` says it to a person, ``subject`` is the batch or place.

    ``value`` is what was found and ``limit`` the setting it was held against.
    """

    kind: str
    severity: Severity
    subject: str
    text: str
    value: float = 0.0
    limit: float = 0.0

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.text}"


def batch_alerts(snapshot: Snapshot, settings: AlertSettings) -> list[Alert]:
    """Findings of one batch, during a run and at its end; the gravest first."""
    alerts = [
        *_failures(snapshot, settings),
        *_slowness(snapshot, settings),
        *_poor_quality(snapshot, settings),
        *_evidence(snapshot, settings),
        *_memory(snapshot, settings),
        *_disks(snapshot.name, snapshot.free, settings),
    ]
    return gravest_first(alerts)


def house_alerts(settings: Settings, now: datetime | None = None) -> list[Alert]:
    """Findings no run can make of itself: the week did not come, a batch lies unfinished without a driver, a disk
    fills up, a running batch makes no progress.

    Raises:
        BatchError: the folder of the batches cannot be listed.
    """
    now = now or datetime.now(UTC)
    alerts: list[Alert] = []
    places = {"batches": settings.base_path, "scratch": settings.scratch.dir}
    free = {name: free_space(folder) for name, folder in places.items() if folder is not None and folder.is_dir()}
    alerts += _disks("this machine", free, settings.alerts)
    completed: list[str] = []
    for path in find_batches(settings.base_path) if settings.base_path.is_dir() else []:
        try:
            batch = Batch.open(path)
        except BatchError as error:
            alerts.append(Alert("batch-damaged", "critical", path.name, str(error)))
            continue
        if batch.header.batch_type is BatchType.WEEKLY and batch.header.completed and batch.header.release_date:
            completed.append(batch.header.release_date)
        if not batch.header.completed:
            alerts += _unfinished(look(path, now=now, batch=batch), settings.alerts)
    alerts += _overdue(settings, completed, now)
    return gravest_first(alerts)


def gravest_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Critical ones before warnings, otherwise as they came; each once."""
    return sorted(dict.fromkeys(alerts), key=lambda alert: alert.severity != "critical")


def due_time(settings: AlertSettings, now: datetime) -> datetime:
    """The last noon (UTC) of the day by which a week should be complete."""
    noon = now.astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    due = noon - timedelta(days=(noon.weekday() - _DAYS.index(settings.weekly_due)) % 7)
    return due if due <= now else due - timedelta(days=7)


def _failures(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    counters = snapshot.counters
    groups = (
        ("failure-rate", "chains", counters.failed, counters.done + counters.failed),
        ("entry-failures", "entries", counters.entries_failed, sum(counters.entries.values())),
    )
    for kind, what, failed, tried in groups:
        if tried >= settings.min_chains and failed / tried > settings.failure_rate:
            fault, number = next(
                item for item in counters.failures.items() if (item[0][0] == "entry") is (what == "entries")
            )
            text = (
                f"{failed:,} of {tried:,} {what} failed ({failed / tried:.0%}, limit {settings.failure_rate:.0%}); "
                f"most often ({number:,} ×): {counters.told(fault)}"
            )
            yield Alert(kind, "critical", snapshot.name, text, failed / tried, settings.failure_rate)


def _slowness(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    if snapshot.per_hour is None or snapshot.driver_since is None:
        return
    minutes = (snapshot.at - snapshot.driver_since).total_seconds() / 60
    enough = snapshot.counters.left > 0 or snapshot.done_by_driver >= settings.min_chains
    if minutes >= settings.settling_minutes and enough and snapshot.per_hour < settings.chains_per_hour:
        text = (
            f"{snapshot.per_hour:.0f} chains per hour (limit {settings.chains_per_hour:.0f}), "
            f"{snapshot.counters.left:,} left, {snapshot.running_count:,} in work"
        )
        yield Alert("throughput", "warning", snapshot.name, text, snapshot.per_hour, settings.chains_per_hour)


def _poor_quality(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    done = snapshot.counters.done
    poor = sum(snapshot.counters.quality.get(label, 0) for label in _POOR)
    if done >= settings.min_chains and poor / done > settings.poor_quality:
        text = (
            f"{poor:,} of {done:,} chains are fragmentary or without domains "
            f"({poor / done:.0%}, limit {settings.poor_quality:.0%})"
        )
        yield Alert("poor-quality", "warning", snapshot.name, text, poor / done, settings.poor_quality)


def _evidence(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    for loss in snapshot.losses:
        yield Alert("evidence-lost", "critical", snapshot.name, f"evidence was lost: {loss}")
    for kind, totals in snapshot.evidence.types.items():
        if totals.searched >= settings.min_chains and not totals.found and not totals.covered:
            text = f"{kind}: {totals.searched:,} sequences searched, not one hit; is its database whole?"
            yield Alert("evidence-zero", "critical", snapshot.name, text)


def _memory(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    if snapshot.memory_kills >= settings.memory_kills:
        text = f"{snapshot.memory_kills:,} chains failed because memory ran out: give the workers more, or repair them"
        yield Alert("memory-kills", "warning", snapshot.name, text, snapshot.memory_kills, settings.memory_kills)


def _disks(subject: str, free: Mapping[str, int], settings: AlertSettings) -> Iterator[Alert]:
    for place, size in free.items():
        kind, limit = ("scratch-low", settings.scratch_gib) if place == "scratch" else ("disk-low", settings.disk_gib)
        if size / _GIB < limit:
            text = f"{size / _GIB:.1f} GiB free ({place}; limit {limit:g} GiB)"
            yield Alert(kind, "critical", subject, text, size / _GIB, limit)


def _unfinished(snapshot: Snapshot, settings: AlertSettings) -> Iterator[Alert]:
    quiet = (snapshot.at - snapshot.last_change).total_seconds() / 60
    if not snapshot.is_unfinished or quiet < settings.abandoned_minutes or quiet > _WATCHED_DAYS * 24 * 60:
        return
    left = f"{snapshot.counters.left:,} chains left, no change for {_duration(quiet)}"
    if snapshot.driver is None:
        text = f"the batch lies unfinished and nobody drives it ({left}); run the same command again to go on"
        yield Alert("batch-abandoned", "critical", snapshot.name, text, quiet, settings.abandoned_minutes)
    else:
        text = f"the batch does not move ({left}) although {snapshot.driver} drives it; look at that process"
        yield Alert("batch-stalled", "critical", snapshot.name, text, quiet, settings.abandoned_minutes)


def _duration(minutes: float) -> str:
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"


def _overdue(settings: Settings, completed: Sequence[str], now: datetime) -> Iterator[Alert]:
    if settings.status_dir is None:  # this place does not follow the PDB
        return
    due = due_time(settings.alerts, now)
    oldest = (due - timedelta(days=7)).date()
    newest = max(completed, default="")
    if newest > oldest.isoformat():
        return
    text = (
        f"no weekly batch is complete for a release after {oldest} (due {due:%A %Y-%m-%d %H:%M} UTC); "
        f"the newest complete one is {newest or 'none at all'}"
    )
    yield Alert("week-overdue", "critical", "weekly run", text)
