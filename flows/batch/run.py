"""What the steps of a batch's run share: the batch, where it is recorded, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from prefect import get_run_logger

from flows.batch.announce import Lookout
from flows.batch.dispatch import Dispatcher, Future, Ledger, Portion
from flows.batch.progress import Progress, log_file
from flows.batch.provenance import RunRecord, recorded
from flows.batch.shown import Shown
from flows.workers.failures import judge
from flows.workers.quiet import one_word_of_outages
from flows.workers.seams import release, untagged
from flows.workers.server import ServerWatch
from flows.workers.suspension import Suspension
from pyecod.batch import Batch, BatchType
from pyecod.settings import Settings
from pyecod.work.partition import Provenance

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class BatchRun:
    """One run of a batch, whose lock is held. Only its process writes to the batch."""

    batch: Batch
    settings: Settings
    record: RunRecord
    server: ServerWatch
    shown: Shown
    progress: Progress
    lookout: Lookout
    suspension: Suspension = field(default_factory=Suspension)

    @property
    def provenance(self) -> Provenance:
        """What is stored with every result."""
        header = self.batch.header
        return Provenance(
            batch_id=self.batch.name,
            from_entries=header.batch_type is not BatchType.FASTA,
            tool_versions=header.tool_versions,
        )

    def show(self) -> None:
        """Show how far it is and what is worth attention, where that was not done just now.

        Raises:
            Pause: somebody suspended the run.
        """
        self.suspension.leave_if_asked(self.server)
        self.progress.report()
        self.lookout.check()

    def dispatch(
        self,
        portions: Sequence[Portion[Item]],
        order: Sequence[str],
        submit: Callable[[Portion[Item]], Future[Result]],
        ledger: Ledger[Item, Result],
    ) -> None:
        """Have portions worked on, and what follows from them; see :class:`~flows.batch.dispatch.Dispatcher`."""
        workers = self.settings.workers.count
        Dispatcher(
            submit=submit,
            ledger=ledger,
            window=workers + max(2, workers // 4),
            order=order,
            judge=judge,
            wait_for_server=self.server.wait,
            on_progress=self.show,
            release=release,
        ).run(portions)


@contextmanager
def driving(batch: Batch, settings: Settings) -> Iterator[BatchRun]:
    """Hold the batch's lock, log and record what is done, and say of outages of the Prefect server only the word.

    Raises:
        BatchLockedError: another process drives the batch.
    """
    server = server_watch(settings)
    shown = Shown(server)
    with (
        batch.lock(),
        log_file(batch),
        one_word_of_outages(server),
        untagged(),
        recorded("process-batch", settings, batch) as record,
    ):
        yield BatchRun(
            batch, settings, record, server, shown, Progress(batch, shown), Lookout(batch, settings.alerts, shown)
        )


def server_watch(settings: Settings) -> ServerWatch:
    """Speaks in the log of the running flow; waits as long as for workers."""
    return ServerWatch(settings.workers.slurm.patience_hours * 3600, get_run_logger().warning)
