"""An outage of the Prefect server costs one warning and one "it is back", not hundreds of lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from flows.workers.seams import LOGGER_OF_SUSPENSIONS, LOGGERS_OF_OUTAGES
from flows.workers.server import ServerWatch

if TYPE_CHECKING:
    from distributed.diagnostics.plugin import WorkerPlugin
    from distributed.worker import Worker

_AFTERMATH = 30.0  # seconds after an outage in which Prefect still speaks of it


class OutageFilter(logging.Filter):
    """Drops what Prefect says about each event and log line it cannot send, while the server is away."""

    def __init__(self, server: ServerWatch) -> None:
        super().__init__()
        self.server = server
        self._away = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown: what fails while the server is there is worth a line."""
        if self.server.is_away():
            self._away = time.monotonic()
        return time.monotonic() - self._away > _AFTERMATH


@contextmanager
def one_word_of_outages(server: ServerWatch) -> Iterator[None]:
    """Within the block ``server`` says what there is to say about an outage, and Prefect's own lines are dropped."""
    quiet = OutageFilter(server)
    loggers = [logging.getLogger(name) for name in LOGGERS_OF_OUTAGES]
    logging.getLogger(LOGGER_OF_SUSPENSIONS).setLevel(logging.CRITICAL)  # flows/workers/suspension.py goes on looking
    loud = logging.raiseExceptions
    for logger in loggers:
        logger.addFilter(quiet)
    logging.raiseExceptions = False  # else Prefect writes to stderr for every batch of log lines it cannot send
    try:
        yield
    finally:
        logging.raiseExceptions = loud
        for logger in loggers:
            logger.removeFilter(quiet)


def quiet_outages() -> AbstractContextManager[None]:
    """Within the block Prefect's own lines about an outage are dropped; somebody else says the word."""
    return one_word_of_outages(ServerWatch(0.0, lambda _: None))


def quiet_worker() -> WorkerPlugin:
    """A plugin of Dask workers: about outages the flow's process speaks, for all of them."""
    from distributed.diagnostics.plugin import WorkerPlugin

    class QuietWorker(WorkerPlugin):
        name = "quiet-worker"

        def setup(self, worker: Worker) -> None:
            self.quiet = quiet_outages()
            self.quiet.__enter__()

        def teardown(self, worker: Worker) -> None:
            self.quiet.__exit__(None, None, None)

    return QuietWorker()
