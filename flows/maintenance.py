"""Housekeeping between the weeks: old runs, unused search results, old logs; the database held against the files."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows.batch.shown import Shown
from flows.deploy.form import asks
from flows.workers.turns import turn
from pyecod.batch import Batch, BatchPaths, RunHistory, find_batches
from pyecod.errors import BatchError, StoreError
from pyecod.reference.check import check_and_record
from pyecod.reference.checked import ReferenceCheck
from pyecod.search import SearchCache
from pyecod.settings import Settings
from pyecod.standing.damage import check_files, find_orphans, make_pending
from pyecod.store import VerifyReport, open_store, require_schema, verify
from tasks.ends import completed

_DAY = 24 * 3600
_MOST_FINDINGS = 50

Days = Annotated[int, Field(ge=1)]


class UpkeepError(StoreError):
    """The database and the files of its batches say different things; ``results`` is all that was done and found."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What maintenance removed, or would remove: files of each kind, what the check of the database found,
    and which results were ``damaged`` and are pending again."""

    runs: int
    cache_files: int
    cache_bytes: int
    logs: int
    database: VerifyReport | None
    reference: ReferenceCheck | None
    skipped: tuple[str, ...]
    dry_run: bool
    damaged: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What was done as Markdown."""
        return describe_upkeep(self)


@flow(name="maintenance", flow_run_name="maintenance")
@asks
def maintenance(
    settings: Settings,
    keep_runs: Annotated[int, Field(ge=1)] = 3,
    runs_older_than_days: Days = 90,
    cache_unused_days: Days = 365,
    cache_max_gib: Annotated[float, Field(gt=0)] | None = None,
    logs_older_than_days: Days = 180,
    verify_chains: Annotated[int, Field(ge=0)] = 100,
    check_reference: bool = True,
    dry_run: bool = False,
) -> Upkeep:
    """Make room and check the database. What is current or needed by a running batch is never removed.

    Args:
        keep_runs: Newest runs of each chain that stay.
        runs_older_than_days: Only older runs are removed.
        cache_unused_days: Search results unused for so long are removed; what is needed again is searched again.
        cache_max_gib: Then the longest unused ones, until the search cache is no larger than this.
        logs_older_than_days: Older log files are removed.
        verify_chains: Random chains of the database that are held against their files; 0 for none. Batches that are
            running, were changed since their load or have no folder any more are passed over.
        check_reference: Whether the reference's files are read whole and held against their checksums.
        dry_run: Only say what would be removed.

    Raises:
        UpkeepError: the database does not say what the files say; everything else was done before.
        StoreError: the database cannot be reached.
    """
    with turn(settings, "maintenance") as another:
        if another is not None:
            return cast(Upkeep, another)
        batches, skipped = _idle_batches(settings.base_path)
        damaged = give_back_damaged(batches, dry_run)
        runs = prune_runs(batches, keep_runs, datetime.timedelta(days=runs_older_than_days), dry_run)
        cache = SearchCache(settings.cache_dir).prune(
            older_than=datetime.timedelta(days=cache_unused_days),
            max_bytes=None if cache_max_gib is None else int(cache_max_gib * 2**30),
            dry_run=dry_run,
        )
        logs = prune_logs(batches, logs_older_than_days, dry_run)
        upkeep = Upkeep(
            runs=runs,
            cache_files=cache.removed.files,
            cache_bytes=cache.removed.bytes,
            logs=logs,
            database=_check_database(settings, verify_chains),
            reference=_check_reference(settings) if check_reference else None,
            skipped=skipped,
            dry_run=dry_run,
            damaged=damaged,
        )
        words = describe_upkeep(upkeep)
        Shown.of_this_run().attempt(
            "what was done", lambda: create_markdown_artifact(key="maintenance", markdown=words)
        )
        (get_run_logger().warning if damaged else get_run_logger().info)(words)
        _refuse_differences(upkeep)
        told = f"{len(damaged)} damaged results, the first: {damaged[0]}" if damaged else "nothing damaged"
        state: Upkeep = completed(upkeep, told, failures=bool(damaged))
        return state


def give_back_damaged(batches: Sequence[Path], dry_run: bool) -> tuple[str, ...]:
    """Hold the result files of every batch against its records; what is damaged becomes pending, so that the batch's
    next run makes it again. Returns it in words."""
    found: list[str] = []
    for path in batches:
        try:
            batch = Batch.open(path)
            damages = check_files(batch) if dry_run else make_pending(batch)
        except BatchError as error:
            found.append(str(error))
            continue
        found += [f"{path.name} {damage}" for damage in damages if not damage.replaced]
    orphans = find_orphans(batches[0].parent) if batches else []
    found += [f"{path.name}: it holds results, but its manifest is gone" for path in orphans]
    return tuple(found)


def prune_runs(batches: Sequence[Path], keep: int, older_than: datetime.timedelta, dry_run: bool) -> int:
    """Remove old runs of every batch; returns how many."""
    return sum(len(RunHistory(path).prune(keep, older_than, dry_run=dry_run)) for path in batches)


def prune_logs(batches: Sequence[Path], older_than_days: int, dry_run: bool) -> int:
    """Remove log files last written so many days ago; returns how many."""
    removed = 0
    for batch in batches:
        for path in BatchPaths(batch).logs.rglob("*"):
            if path.is_file() and time.time() - path.stat().st_mtime > older_than_days * _DAY:
                removed += 1
                if not dry_run:
                    path.unlink(missing_ok=True)
    return removed


def describe_upkeep(upkeep: Upkeep) -> str:
    """What was done as Markdown."""
    done = "would be removed" if upkeep.dry_run else "removed"
    lines = [
        f"# Maintenance{': dry run' if upkeep.dry_run else ''}",
        f"- {upkeep.runs} old runs {done}",
        f"- {upkeep.cache_files} unused search results ({upkeep.cache_bytes / 2**20:.1f} MiB) {done}",
        f"- {upkeep.logs} old log files {done}",
    ]
    if upkeep.damaged:
        pending = (
            "would become pending" if upkeep.dry_run else "pending again, made anew by the next run of their batch"
        )
        lines.append(f"- **{len(upkeep.damaged)} damaged results**, {pending}")
        lines += [f"    - {words}" for words in upkeep.damaged[:_MOST_FINDINGS]]
    else:
        lines.append("- all result files are as recorded")
    if upkeep.database is None:
        lines.append("- database: not checked")
    else:
        differences = len(upkeep.database.findings)
        lines.append(
            f"- database: {upkeep.database.checked} chains compared with their files, {differences} differences"
        )
        lines += [
            f"    - {f.batch_name} {f.chain}: {f.table} {f.what}: database {f.database}, files {f.files}"
            for f in upkeep.database.findings[:_MOST_FINDINGS]
        ]
        lines += [f"    - passed over: {reason}" for reason in upkeep.database.passed_over]
    lines.append(f"- reference: {upkeep.reference or 'not checked'}")
    lines += [f"- passed over: {reason}" for reason in upkeep.skipped]
    return "\n".join(lines)


def _idle_batches(base_path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Batches that nobody drives, and why the others are left alone."""
    idle, skipped = [], []
    for path in find_batches(base_path) if base_path.is_dir() else []:
        try:
            holder = Batch.open(path).holder
        except BatchError as error:
            skipped.append(str(error))
            continue
        if holder is None:
            idle.append(path)
        else:
            skipped.append(f"{path.name} is running ({holder})")
    return idle, tuple(skipped)


def _check_database(settings: Settings, count: int) -> VerifyReport | None:
    if not count or settings.database.mode == "none":
        return None
    with open_store(settings.database) as store:
        require_schema(store)
        return verify(store, count, settled=True)


def _check_reference(settings: Settings) -> ReferenceCheck | None:
    if settings.reference is None:
        return None
    return check_and_record(settings.reference, settings.base_path)[1]


def _refuse_differences(upkeep: Upkeep) -> None:
    if upkeep.reference is not None and upkeep.reference.problems:
        raise UpkeepError(
            f"the reference is damaged: {upkeep.reference.problems[0]}",
            where=upkeep.reference.reference_id,
            hint="put the right files back, or build the reference again; then repair what was searched since",
            results=upkeep,
        )
    if upkeep.database is not None and upkeep.database.findings:
        first = upkeep.database.findings[0]
        raise UpkeepError(
            f"{len(upkeep.database.findings)} differences between database and files, the first: {first.table} "
            f"{first.what} of {first.chain}",
            where=first.batch_name,
            hint="`pyecod sync --overwrite --batch DIR` loads the batch again; the files are the truth",
            results=upkeep,
        )
