"""Which run did what, in the database: job ``1`` is a flow run, ``1.2`` a step of it, ``1.2.7`` a chunk of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.batch.ends import finish_counted, note_end_of_worker, note_job
from pyecod.batch import Batch
from pyecod.batch.record import ChainChanges, ChainUpdate, Status, Step, new_coverage
from pyecod.errors import StoreError, describe
from pyecod.ids import ChainKey
from pyecod.reference.record import RECORD_NAME
from pyecod.settings import Settings
from pyecod.store import Job, JobLog, migrate, open_store, track_job
from pyecod.work.chunks import SequenceGroup
from pyecod.work.entries import EntryOutcome
from pyecod.work.groups import StepResult

_PATIENCE = 5.0  # seconds to wait at the end for a database that is away


@dataclass
class RunRecord:
    """The jobs of one flow run. Without a database every method does nothing; none takes longer than a millisecond.

    ``root`` is the flow run's job. Chunks are told apart by the future that will have their result. Each step's tally
    says of its sequences (by MD5) or entries whether they were done when they were last worked on.
    """

    log: JobLog | None = None
    root: Job | None = None
    _steps: dict[str, Job] = field(default_factory=dict)
    _chunks: dict[Any, Job] = field(default_factory=dict)
    _tallies: defaultdict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))

    def step(self, name: str) -> Any:
        """A step that is done in one piece, to be used as ``with``."""
        if self.log is None:
            return nullcontext()
        return track_job(self.log, name, parent=self.root)

    def begin_chunk(self, step: str, title: str, future: Any) -> None:
        """A chunk of a step was submitted; the first one begins the step."""
        if self.log is None:
            return
        task_run = getattr(future, "task_run_id", None)
        job = self._job(self.log, step, title, str(task_run) if task_run else None)
        job.begin()
        self._chunks[future] = job

    def _job(self, log: JobLog, step: str, title: str, task_run_id: str | None) -> Job:
        if step not in self._steps:
            self._steps[step] = track_job(log, step, parent=self.root)
            self._steps[step].begin()
        return track_job(log, f"{step} {title}", parent=self._steps[step], task_run_id=task_run_id)

    def lose_chunk(self, future: Any, items: Sequence[str], error: Exception) -> None:
        """A task run failed as a whole; ``items`` are MD5s of its sequences, or its entries."""
        job = self._chunks.pop(future, None)
        if job is None:
            return
        self._tallies[_step_of(job)].update(dict.fromkeys(items, False))
        note_end_of_worker(job, error)
        job.finish(describe(error))

    def note_result(self, future: Any, groups: Sequence[SequenceGroup], result: StepResult, batch: Batch) -> None:
        """What a chunk of sequences achieved, and the files of its representatives. What its task has partitioned
        beside a search is a chunk of the step ``partition`` too."""
        job = self._chunks.pop(future, None)
        if job is None:
            return
        step = _step_of(job)
        failed_at = {update.key: update.changes.get("failed_step") for update in result.updates}
        unpartitioned = {group.md5 for group in groups if failed_at.get(group.members[0]) is Step.PARTITION}
        failed = set(result.failures or {})
        if step != Step.PARTITION:
            gone_on = failed | {group.md5 for group in result.remote}
            if result.parts:
                ready = {group.md5 for group in groups} - (gone_on - unpartitioned)
                self._tallies[Step.PARTITION].update({md5: md5 not in unpartitioned for md5 in ready})
            failed -= unpartitioned
        chains = sum(len(group.members) for group in groups)
        job.kpi(sequences=len(groups), chains=chains, peak_mib=result.peak_mib)
        if self.log is not None and step != Step.PARTITION:
            for part in result.parts:
                inner = self._job(self.log, Step.PARTITION, part.title, part.task_run_id)
                inner.begin(part.started)
                inner.kpi(sequences=part.sequences)
                note_job(inner, result.slurm_job)
                reasons = [(result.failures or {}).get(md5, "") for md5 in unpartitioned]
                finish_counted(inner, part.failed, part.sequences, "sequence", reasons, seconds=part.seconds)
        leads = {group.representative for group in groups}
        lead_updates = [update for update in result.updates if update.key in leads]
        for name, value in _measures(lead_updates).items():
            job.kpi(**{name: value})
        for update in lead_updates:
            files = update.changes.get("files") or {}
            for kind in ("summary", "partition"):
                if kind in files:
                    job.add_file(batch.path / files[kind], "OUT")
        note_job(job, result.slurm_job)
        self._tallies[step].update({group.md5: group.md5 not in failed for group in groups})
        reasons = [(result.failures or {})[md5] for group in groups if (md5 := group.md5) in failed]
        finish_counted(job, len(failed), len(groups), "sequence", reasons)

    def note_entries(self, future: Any, outcomes: list[EntryOutcome]) -> None:
        """The mmCIF files a chunk of entries read."""
        job = self._chunks.pop(future, None)
        if job is None:
            return
        job.kpi(entries=len(outcomes), chains=sum(len(outcome.chains) for outcome in outcomes))
        for outcome in outcomes:
            if outcome.source is not None:
                job.add_file(outcome.source, "IN", sha256=outcome.source_sha256)
        note_job(job, next((outcome.slurm_job for outcome in outcomes), None))
        failed = [outcome.entry for outcome in outcomes if outcome.entry.status is Status.FAILED]
        failed_ids = {entry.pdb_id for entry in failed}
        ids = [outcome.entry.pdb_id for outcome in outcomes]
        self._tallies[_step_of(job)].update({pdb_id: pdb_id not in failed_ids for pdb_id in ids})
        reasons = [f"{entry.pdb_id}: {entry.failure_reason}" for entry in failed]
        finish_counted(job, len(failed), len(outcomes), "entry", reasons)

    def end_steps(self) -> None:
        """Every chunk is done. What failed at first and was done by a later chunk has not failed."""
        for name, job in self._steps.items():
            ends = self._tallies[name].values()
            what = "sequence" if name in set(Step) else "entry"
            finish_counted(job, sum(not is_done for is_done in ends), len(ends), what)
        self._steps.clear()

    def fail(self, reason: str) -> None:
        """The run ended, and not well, although nothing was raised yet."""
        if self.root is not None:
            self.root.finish(reason)

    def note(self, **values: float | str) -> None:
        """Numbers and words of the whole run."""
        if self.root is not None:
            self.root.kpi(**values)

    def add_file(self, path: Path, role: Literal["IN", "OUT"], import_source: str | None = None) -> None:
        """A file of the whole run."""
        if self.root is not None:
            self.root.add_file(path, role, import_source=import_source)


@contextmanager
def recorded(name: str, settings: Settings, batch: Batch | None = None) -> Iterator[RunRecord]:
    """Record this flow run as a job; what ends the block ends the job, an error with its reason.

    A database that is away or refuses is said once in the log and stops nothing.
    """
    with ExitStack() as stack:
        store = None
        if settings.database.mode != "none":
            try:
                store = stack.enter_context(open_store(settings.database))
                if settings.database.mode == "embedded":
                    migrate(store)
            except StoreError as error:
                get_run_logger().warning(f"jobs are not recorded: {error}")
                store = None
        if store is None:
            yield RunRecord()
            return
        log = stack.enter_context(JobLog(store, patience=_PATIENCE))
        flow_run_id = str(flow_run.id) if flow_run.id else None
        root = track_job(log, name, batch_name=batch.name if batch else None, flow_run_id=flow_run_id)
        with root:
            record = RunRecord(log, root)
            if batch is not None:
                _note_batch(record, batch, settings)
            yield record
            record.end_steps()


def _note_batch(record: RunRecord, batch: Batch, settings: Settings) -> None:
    """What a batch's results depend on."""
    header = batch.header
    words: Mapping[str, object] = {
        "batch_type": header.batch_type,
        "reference": header.reference_id,
        "settings_digest": header.settings_digest,
        "reason": header.reason,
        "parent_flow_run": flow_run.parent_flow_run_id,
        **{f"version {program}": version for program, version in header.tool_versions.items()},
    }
    record.note(**{name: str(word) for name, word in words.items() if word})
    for path, source in (
        (batch.paths.pdb_entries, f"{header.pdb_status_path}/added.pdb" if header.pdb_status_path else None),
        (Path(header.fasta_path) if header.fasta_path else None, None),
        (settings.reference / RECORD_NAME if settings.reference else None, None),
    ):
        if path is not None and path.is_file():
            record.add_file(path, "IN", import_source=source)


def _step_of(job: Job) -> str:
    """The step that a chunk's job belongs to."""
    return next((str(step) for step in Step if job.name.startswith(f"{step} ")), "read entries")


def _measures(updates: list[ChainUpdate]) -> dict[str, float]:
    """Means and sums over the sequences of a chunk; a sequence may have gone through two steps at once."""
    changes: dict[ChainKey, ChainChanges] = {}
    for update in updates:
        known = changes.get(update.key, {})
        evidence = {**known.get("evidence", {}), **update.changes.get("evidence", {})}
        changes[update.key] = {**known, **update.changes, "evidence": evidence}
    measures: dict[str, float] = {}
    for step in Step:
        shares = [share for values in changes.values() if (share := new_coverage(values, step)) is not None]
        if shares:
            measures[f"{step}_coverage"] = sum(shares) / len(shares)
    domains = [count for values in changes.values() if (count := values.get("domain_count")) is not None]
    if domains:
        measures["domains"] = sum(domains)
    for values in changes.values():
        for kind, counts in values["evidence"].items():
            measures[f"{kind}_kept"] = measures.get(f"{kind}_kept", 0) + counts.get("kept", 0)
    return measures
