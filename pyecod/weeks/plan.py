"""Which weekly releases are to be worked on, and how far each of them is."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyecod.batch import Batch, BatchType, find_batches, is_batch, weekly_name
from pyecod.batch.names import week_of_name
from pyecod.errors import ConfigError
from pyecod.pdb import Release, find_releases
from pyecod.settings import Settings
from pyecod.watch.conservation import conservation, find_losses
from pyecod.work.chunks import pending_work

_COMING = "its lists are fetched first"
_LOOK_BACK = datetime.timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """One release and what there is to do: ``new``, ``resume`` (something is left), ``done``, or ``skip`` (nothing in
    it, ``reason`` says why). ``entries`` and ``chains`` count what is left; chains are unknown before reading."""

    release: Release
    batch_path: Path
    state: Literal["new", "resume", "done", "skip"]
    entries: int = 0
    chains: int | None = None
    reason: str = ""

    @property
    def is_work(self) -> bool:
        """Something is to be done."""
        return self.state in ("new", "resume")


def plan_weeks(
    settings: Settings,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
    max_batches: int | None = None,
    *,
    absent: Sequence[datetime.date] = (),
) -> list[WeekPlan]:
    """Releases from ``start`` to ``end`` in order, at most ``max_batches`` of them with work; changes nothing.

    Without ``start``: from the newest weekly batch there is, and before it the weeks of the last eight that were begun
    and never finished; where there is no batch, the newest release only. ``absent`` are releases whose lists are yet
    to be fetched: they are new weeks of unknown size.

    Raises:
        ConfigError: no status folder is configured.
        UsageError, BrokenInputError: the dates or the status folder cannot be used.
    """
    status_dir = status_dir_of(settings)
    newest = newest_batch(settings.base_path)
    coming = [Release(day, status_dir / f"{day:%Y%m%d}", (), (), ()) for day in absent]
    here = status_dir.exists() or not coming
    since = start or (newest - _LOOK_BACK if newest else datetime.date.min)
    releases = find_releases(status_dir, since, end) if here else []
    if start is None and newest is None:
        releases = [] if coming else releases[-1:]
    elif start is None and newest is not None:
        releases = [r for r in releases if r.date >= newest or _is_unfinished(settings.base_path / weekly_name(r.date))]
    plans = [_plan(release, settings) for release in releases]
    plans += [WeekPlan(r, settings.base_path / weekly_name(r.date), "new", reason=_COMING) for r in coming]
    return _limited(sorted(plans, key=lambda plan: plan.release.date), max_batches)


def status_dir_of(settings: Settings) -> Path:
    """The status folder.

    Raises:
        ConfigError: none is configured.
    """
    if settings.status_dir is None:
        raise ConfigError("no PDB status folder is configured", hint="--status-dir PATH, or `status_dir:` in settings")
    return settings.status_dir


def newest_batch(base_path: Path) -> datetime.date | None:
    """Release of the newest weekly batch, None where there is none."""
    if not base_path.is_dir():
        return None
    days = (week_of_name(path.name) for path in find_batches(base_path, BatchType.WEEKLY.pattern))
    return max((day for day in days if day is not None), default=None)


def _is_unfinished(path: Path) -> bool:
    """The batch was begun and never finished. What lost its evidence is not gone on with: it would fail every time."""
    if not is_batch(path):
        return False
    batch = Batch.open(path)
    if batch.manifest.is_older_form and not batch.counters().left:
        return False  # the older tools did not record that they had come to an end
    return not batch.header.completed and not find_losses(conservation(batch.manifest.chains.values()))


def _plan(release: Release, settings: Settings) -> WeekPlan:
    path = settings.base_path / weekly_name(release.date)
    if release.skip_reason:
        return WeekPlan(release, path, "skip", reason=release.skip_reason)
    if not is_batch(path):
        return WeekPlan(release, path, "new", entries=len(release.added))
    batch = Batch.open(path)
    unread = sum(not entry.is_settled for entry in batch.manifest.entries.values())
    work = pending_work(batch.manifest, settings.run)
    if unread or work:
        return WeekPlan(release, path, "resume", entries=unread, chains=work.chain_count)
    if batch.manifest.is_older_form:
        return WeekPlan(release, path, "done", chains=0, reason="complete, by the older tools")
    if not batch.header.completed:  # ended before its end, or must not count as done: it is checked again
        losses = find_losses(conservation(batch.manifest.chains.values()))
        reason = f"evidence was lost: {losses[0]}" if losses else "not finished"
        return WeekPlan(release, path, "resume", chains=0, reason=reason)
    reason = f"{len(work.exhausted)} chains failed too often: see pyecod repair" if work.exhausted else "complete"
    return WeekPlan(release, path, "done", chains=0, reason=reason)


def _limited(plans: Sequence[WeekPlan], max_batches: int | None) -> list[WeekPlan]:
    kept: list[WeekPlan] = []
    for plan in plans:
        if plan.is_work and max_batches is not None and sum(p.is_work for p in kept) >= max_batches:
            break
        kept.append(plan)
    return kept
