"""Which weekly releases are to be worked on, and how far each of them is."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pyecod.batch import Batch, BatchType, find_batches, is_batch, weekly_name
from pyecod.batch.names import week_of_name
from pyecod.errors import BatchError, ConfigError
from pyecod.pdb import Release, find_releases
from pyecod.settings import Settings
from pyecod.standing.mended import mended_since
from pyecod.watch.conservation import conservation, find_losses
from pyecod.weeks.lists import list_problems, new_entries, what_changed
from pyecod.work.chunks import pending_work
from pyecod.work.start import refuse_orphan

_COMING = "its lists are fetched first"


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """One release and what there is to do: ``new``, ``resume`` (something is left), ``done``, or ``skip`` (nothing in
    it), ``broken`` (its batch cannot be read, or lost its manifest);
    ``reason`` says why. ``entries`` and ``chains`` count what is left;
    chains are unknown before reading. ``open_problems`` are wrong lines of its lists that nobody has acknowledged.
    ``is_late``: a run without dates takes it up although a newer week was begun."""

    release: Release
    batch_path: Path
    state: Literal["new", "resume", "done", "skip", "broken"]
    entries: int = 0
    chains: int | None = None
    reason: str = ""
    open_problems: tuple[str, ...] = ()
    is_late: bool = False

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

    Without ``start``: from the newest weekly batch there is, and before it, back to the oldest one but no further than
    ``run.look_back_weeks``, the weeks that were not begun (their list was empty), that were never finished, and whose
    list has new entries; where there is no batch, the newest release only. ``absent`` are releases whose lists are yet
    to be fetched: they are new weeks of unknown size. A batch that cannot be read is that week's trouble.

    Raises:
        ConfigError: no status folder is configured.
        UsageError, BrokenInputError: the dates or the status folder cannot be used.
    """
    status_dir = status_dir_of(settings)
    days = batch_dates(settings.base_path)
    newest = max(days, default=None)
    coming = [Release(day, status_dir / f"{day:%Y%m%d}", (), (), ()) for day in absent]
    here = status_dir.exists() or not coming
    since = start or first_to_look_at(days, settings) or datetime.date.min
    releases = find_releases(status_dir, since, end) if here else []
    if start is None and newest is None:
        releases = [] if coming else releases[-1:]
    plans = [_plan(release, settings) for release in releases]
    if start is None and newest is not None:
        plans = [plan for plan in plans if plan.release.date >= newest or plan.is_late]
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


def batch_dates(base_path: Path) -> list[datetime.date]:
    """Releases of the weekly batches there are, by their names."""
    if not base_path.is_dir():
        return []
    days = (week_of_name(path.name) for path in find_batches(base_path, BatchType.WEEKLY.pattern))
    return sorted(day for day in days if day is not None)


def first_to_look_at(days: Sequence[datetime.date], settings: Settings) -> datetime.date | None:
    """The first release a run without dates looks at, by those of the batches; None where there is no batch."""
    if not days:
        return None
    return max(min(days), max(days) - datetime.timedelta(weeks=settings.run.look_back_weeks))


def _plan(release: Release, settings: Settings) -> WeekPlan:
    path = settings.base_path / weekly_name(release.date)
    if not is_batch(path):
        wrong = release.problems
        try:
            refuse_orphan(path)
        except BatchError as error:
            return WeekPlan(release, path, "broken", reason=str(error), is_late=True)
        if release.skip_reason:
            return WeekPlan(release, path, "skip", reason=release.skip_reason, open_problems=wrong, is_late=bool(wrong))
        return WeekPlan(release, path, "new", entries=len(release.added), open_problems=wrong, is_late=True)
    try:
        batch = Batch.open(path)
    except BatchError as error:
        return WeekPlan(release, path, "broken", reason=str(error), is_late=True)
    wrong = _open_problems(batch, release)
    plan = replace(_plan_of_batch(release, batch, settings), open_problems=wrong)
    return replace(plan, is_late=plan.is_late or bool(wrong))


def _plan_of_batch(release: Release, batch: Batch, settings: Settings) -> WeekPlan:
    path, older = batch.path, batch.manifest.is_older_form
    changed = what_changed(batch, release)
    mended = mended_since(batch)
    unread = sum(not e.is_settled and e.pdb_id not in mended for e in batch.manifest.entries.values())
    unread += len(new_entries(batch, release)) if changed else 0
    work = pending_work(batch.manifest, settings.run, mended)
    if older and not (unread or work):
        return WeekPlan(release, path, "done", chains=0, reason="complete, by the older tools")
    losses = () if batch.header.completed else find_losses(conservation(batch.manifest.chains.values()))
    # what lost its evidence is not gone on with unasked: it would fail every time; the older tools did not record that
    # they had come to an end
    open_end = not batch.header.completed and not losses and (not older or batch.counters().left > 0)
    late = bool(changed) or open_end
    if changed or unread or work:
        return WeekPlan(release, path, "resume", unread, work.chain_count, changed, is_late=late)
    if not batch.header.completed:  # ended before its end, or must not count as done: it is checked again
        reason = f"evidence was lost: {losses[0]}" if losses else "not finished"
        return WeekPlan(release, path, "resume", chains=0, reason=reason, is_late=late)
    reason = f"{len(work.exhausted)} chains failed too often: see pyecod repair" if work.exhausted else "complete"
    reason += f", {len(mended)} mended by repairs" if mended else ""
    return WeekPlan(release, path, "done", chains=0, reason=reason)


def _open_problems(batch: Batch, release: Release) -> tuple[str, ...]:
    """Wrong lines of the lists as they are now that nobody has acknowledged."""
    if batch.manifest.is_older_form:
        return release.problems
    return replace(batch.header, list_problems=list_problems(release)).open_problems


def _limited(plans: Sequence[WeekPlan], max_batches: int | None) -> list[WeekPlan]:
    kept: list[WeekPlan] = []
    for plan in plans:
        if plan.is_work and max_batches is not None and sum(p.is_work for p in kept) >= max_batches:
            break
        kept.append(plan)
    return kept
