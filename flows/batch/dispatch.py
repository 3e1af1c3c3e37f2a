"""The chunks of a batch: each goes on its own through BLAST, profile search and partition, with no barrier between."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from prefect import get_run_logger
from prefect.futures import PrefectFuture

from flows.batch.provenance import RunRecord
from flows.workers.runner import avoids_node, explained, server_is_away, wait_for_server
from pyecod.batch import Batch
from pyecod.batch.record import Status, Step, step_is
from pyecod.errors import describe, kind_of
from pyecod.settings import Settings
from pyecod.work.chunks import Chunk, SequenceGroup, Work, halve, plan_blast_chunks, plan_chunks, plan_profile_chunks
from pyecod.work.groups import StepResult, failed_updates, group_updates
from pyecod.work.partition import Provenance
from tasks.partition import partition_chunk
from tasks.retries import is_hopeless, retried
from tasks.search import blast_chunk, profile_chunk
from tasks.work import ChunkWork

Groups = Chunk[SequenceGroup]
_FINISH_FIRST = (Step.PARTITION, Step.HHSEARCH, Step.BLAST)


@dataclass
class ChunkFlow:
    """Submits chunks in a bounded window, records what comes back, and submits what follows from it.

    Only this object, in the flow's process, writes to the batch. ``on_progress`` is called after every record.
    """

    batch: Batch
    settings: Settings
    provenance: Provenance
    on_progress: Callable[[], None]
    record: RunRecord = field(default_factory=RunRecord)
    _waiting: dict[Step, deque[Groups]] = field(default_factory=lambda: {step: deque() for step in Step})
    _running: dict[PrefectFuture[Any], tuple[Step, Groups]] = field(default_factory=dict)
    _finished: SimpleQueue[PrefectFuture[Any]] = field(default_factory=SimpleQueue)
    _tasks: dict[Step, Any] = field(default_factory=dict)
    _later: list[tuple[float, Step, tuple[SequenceGroup, ...]]] = field(default_factory=list)
    _repeats: Counter[str] = field(default_factory=Counter)
    _numbers: Counter[Step] = field(default_factory=Counter)

    def run(self, work: Work) -> None:
        """Work until nothing is left; chains that fail are marked with the reason.

        Raises:
            ConfigError, ReferenceDataError, OSError, BatchError: the set-up is at fault, not a chain; what is
                finished stays recorded.
        """
        self._add(Step.BLAST, work.blast)
        self._add(Step.HHSEARCH, work.hhsearch)
        self._add(Step.PARTITION, work.partition + work.records)
        while self._fill_window() or self._later:
            future = self._next_finished()
            if future is None:
                continue
            step, chunk = self._running.pop(future)
            try:
                result: StepResult = future.result()
            except Exception as raised:  # noqa: BLE001 - whatever it is, it is this chunk's reason
                error = explained(raised)
                self.record.end_chunk(future, error)
                if avoids_node(error):
                    self._waiting[step].appendleft(chunk)
                elif is_hopeless(error):
                    raise error from None
                elif server_is_away(error):
                    wait_for_server(self.settings)
                    self._waiting[step].appendleft(chunk)
                else:
                    self._after_failure(step, chunk, error)
            else:
                self.record.note_result(future, chunk, result, self.batch)
                self._after_success(step, chunk, result)
            _release(future)
            self.on_progress()

    def _add(self, step: Step, groups: Sequence[SequenceGroup]) -> None:
        run, workers = self.settings.run, self.settings.workers.count
        if step is Step.BLAST:
            chunks = plan_blast_chunks(groups, run, workers)
        elif step is Step.HHSEARCH:
            chunks = plan_profile_chunks(groups, run, workers)
        else:
            chunks = plan_chunks(groups, run)
        for chunk in chunks:
            self._numbers[step] += 1
            self._waiting[step].append(Chunk(str(self._numbers[step]), chunk.queries, chunk.cost))

    def _next_finished(self) -> PrefectFuture[Any] | None:
        """The next chunk to end; None when it is time to repeat a search before that."""
        due = min((moment for moment, *_ in self._later), default=None)
        try:
            return self._finished.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
        except Empty:
            return None

    def _fill_window(self) -> bool:
        self._repeat_due()
        workers = self.settings.workers.count
        while len(self._running) < workers + max(2, workers // 4):
            step = self._next_step()
            if step is None:
                break
            self._submit(step, self._waiting[step].popleft())
        return bool(self._running)

    def _next_step(self) -> Step | None:
        """What is nearest to its end goes first."""
        return next((step for step in _FINISH_FIRST if self._waiting[step]), None)

    def _submit(self, step: Step, chunk: Groups) -> None:
        running = step_is(step, Status.RUNNING)
        self.batch.mark(update for group in chunk.queries for update in group_updates(group, running))
        work = ChunkWork(chunk.queries, self.batch.path, self.settings, self.provenance)
        future = self._task(step).submit(chunk.label, work)
        self._running[future] = (step, chunk)
        self.record.begin_chunk(str(step), chunk.label, future)
        future.add_done_callback(self._finished.put)

    def _task(self, step: Step) -> Any:
        if step not in self._tasks:
            plain: Any = {Step.BLAST: blast_chunk, Step.HHSEARCH: profile_chunk, Step.PARTITION: partition_chunk}[step]
            self._tasks[step] = retried(plain, self.settings.run)
        return self._tasks[step]

    def _after_failure(self, step: Step, chunk: Groups, error: Exception) -> None:
        """A chunk that fails as a whole is halved until the chain at fault is alone."""
        if len(chunk.queries) > 1:
            self._waiting[step].extendleft(halve(chunk))
        else:
            self.batch.mark(failed_updates(chunk.queries[0], step, describe(error), kind_of(error)))

    def _after_success(self, step: Step, chunk: Groups, result: StepResult) -> None:
        """Record what is done. Searches that failed are repeated later, so that nothing and nobody waits for them."""
        again = [g for g in result.worth_repeating(chunk.queries) if self._repeats[g.md5] < self.settings.run.retries]
        pending = {key for group in again for key in group.members}
        self.batch.mark(update for update in result.updates if update.key not in pending)
        if again:
            self._repeat(step, chunk, again, (result.failures or {}).get(again[0].md5, ""))
        self.batch.snapshot(min_seconds=self.settings.run.snapshot_seconds)
        self._add(Step.HHSEARCH, result.remote)

    def _repeat(self, step: Step, chunk: Groups, again: Sequence[SequenceGroup], reason: str) -> None:
        delay = self.settings.run.retry_delay * 2 ** self._repeats[again[0].md5]
        get_run_logger().warning(
            f"{len(again)} of {len(chunk.queries)} sequences of {step} {chunk.label} failed and are tried again in "
            f"{delay:.0f} s, the first: {reason}"
        )
        self._repeats.update(group.md5 for group in again)
        self.batch.mark(u for group in again for u in group_updates(group, step_is(step, Status.PENDING)))
        self._later.append((time.monotonic() + delay, step, tuple(again)))

    def _repeat_due(self) -> None:
        now = time.monotonic()
        due = [entry for entry in self._later if entry[0] <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for _, step, groups in due:
            self._add(step, groups)


def _release(future: PrefectFuture[Any]) -> None:
    """Let Dask forget a finished task: what the flow still holds is run again whenever its worker goes."""
    release = getattr(getattr(future, "wrapped_future", None), "release", None)
    if release is not None:
        release()
