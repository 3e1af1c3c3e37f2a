"""One run of a deployment at a time, by a lock that the kernel drops with the run's process.

Prefect's own ``concurrency_limit`` is not used for it: it is a lease that the run must renew every few minutes, so that
a restart of the server, or one that is away for longer than the lease, ends a run that is hard at work; and a run that
was pending when its worker died keeps its place for ever.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from prefect import State, get_run_logger
from prefect.runtime import deployment
from prefect.states import Cancelled

from pyecod.batch.lock import BatchLock
from pyecod.errors import BatchLockedError
from pyecod.settings import Settings

_LOOK_SECONDS = 5.0


@contextmanager
def turn(settings: Settings, flow: str, *, wait: bool = False) -> Iterator[Any]:
    """Hold the turn of the running deployment of ``flow`` for the body.

    Gives None where the run may go on. Where another run of the deployment is at work on the same ``base_path``, gives
    the state in which this one is to end at once, ``Cancelled`` with the name of the other; with ``wait`` it waits for
    the other instead. Runs from the command line take no turns: batches have locks of their own.
    """
    if deployment.id is None:
        yield None
        return
    settings.base_path.mkdir(parents=True, exist_ok=True)
    path = lock_path(settings.base_path, flow, str(deployment.name))
    lock = BatchLock(path, what=f"another run of {flow}/{deployment.name} is at work")
    with ExitStack() as stack:
        state = _take(lock, stack, wait=wait)
        yield state


def lock_path(base_path: Path, flow: str, name: str) -> Path:
    """The lock file of the deployment ``flow/name``."""
    return base_path / f".turn-{re.sub(r'[^A-Za-z0-9_-]+', '-', f'{flow}-{name}')}.lock"


def _take(lock: BatchLock, stack: ExitStack, *, wait: bool) -> State[Any] | None:
    told = False
    while True:
        try:
            stack.enter_context(lock)
        except BatchLockedError as error:
            if not wait:
                get_run_logger().warning(f"{error.what}; this one ends")
                return Cancelled(message=error.what)
            if not told:
                get_run_logger().info(f"{error.what}; this one waits for its turn")
                told = True
            time.sleep(_LOOK_SECONDS)
        else:
            return None
