"""The chunks of sequences of a batch: each goes on its own through BLAST, profile search and partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect import get_run_logger

from flows.batch.dispatch import Future, Portion
from flows.batch.run import BatchRun
from flows.batch.stages import FINISH_FIRST, STAGES, packed, portions_of
from pyecod.batch.record import Status, Step, step_is
from pyecod.errors import describe, kind_of
from pyecod.work.chunks import SequenceGroup, Work
from pyecod.work.groups import StepResult, failed_updates, group_updates
from pyecod.work.partition import Provenance
from tasks.retries import retried
from tasks.work import ChunkWork, title_of_groups


def search_and_partition(run: BatchRun, work: Work) -> None:
    """Work until nothing is left; chains that fail are marked with the reason.

    Raises:
        ConfigError, ReferenceDataError, OSError, BatchError: the set-up is at fault, not a chain; what is finished
            stays recorded.
    """
    if work:
        ledger = SequenceLedger(run, run.provenance)
        run.dispatch(portions_of(work, run.settings), FINISH_FIRST, ledger.submit, ledger)
        run.progress.report(last=True)


@dataclass
class SequenceLedger:
    """Submits chunks of sequences, records what comes back, and says what follows from it."""

    run: BatchRun
    provenance: Provenance
    _tasks: dict[str, Any] = field(init=False)
    _repeats: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._tasks = {stage.step: retried(stage.task, self.run.settings.run) for stage in STAGES.values()}

    def submit(self, portion: Portion[SequenceGroup]) -> Future[StepResult]:
        """Have a chunk worked on; its chains are running from now on."""
        self._mark(portion.items, Step(portion.stage), Status.RUNNING)
        work = ChunkWork(portion.items, self.run.batch.path, self.run.settings, self.provenance)
        future: Future[StepResult] = self._tasks[portion.stage].submit(work)
        self.run.record.begin_chunk(portion.stage, work.title, future)
        return future

    def succeeded(
        self, portion: Portion[SequenceGroup], future: Future[StepResult], result: StepResult
    ) -> Iterable[Portion[SequenceGroup]]:
        """Record what is done. Searches that failed are repeated later, so that nothing and nobody waits for them."""
        run = self.run.settings.run
        self.run.record.note_result(future, portion.items, result, self.run.batch)
        again = [g for g in result.worth_repeating(portion.items) if self._repeats[g.md5] < run.retries]
        pending = {key for group in again for key in group.members}
        self.run.batch.mark(update for update in result.updates if update.key not in pending)
        follow = self._repeated(portion, again, result) if again else []
        self.run.batch.snapshot(min_seconds=run.snapshot_seconds)
        remote = STAGES[Step(portion.stage)].remote
        return follow + (packed(remote, result.remote, self.run.settings) if remote else [])

    def failed(self, portion: Portion[SequenceGroup], future: Future[StepResult], error: Exception) -> None:
        """Record the end of a task run."""
        self.run.record.lose_chunk(future, [group.md5 for group in portion.items], error)

    def gave_up(self, portion: Portion[SequenceGroup], error: Exception) -> None:
        """Record the chains of a sequence that fails or kills whatever works on it."""
        (group,) = portion.items
        self.run.batch.mark(failed_updates(group, Step(portion.stage), describe(error), kind_of(error)))

    def _repeated(
        self, portion: Portion[SequenceGroup], again: Sequence[SequenceGroup], result: StepResult
    ) -> list[Portion[SequenceGroup]]:
        delay = self.run.settings.run.retry_delay * 2 ** self._repeats[again[0].md5]
        get_run_logger().warning(
            f"{len(again)} of {len(portion.items)} sequences of {portion.stage} {title_of_groups(portion.items)} "
            f"failed and are tried again in {delay:.0f} s, the first: {(result.failures or {}).get(again[0].md5, '')}"
        )
        self._repeats.update(group.md5 for group in again)
        self._mark(again, Step(portion.stage), Status.PENDING)
        return packed(Step(portion.stage), again, self.run.settings, delay)

    def _mark(self, groups: Sequence[SequenceGroup], step: Step, status: Status) -> None:
        self.run.batch.mark(update for group in groups for update in group_updates(group, step_is(step, status)))
