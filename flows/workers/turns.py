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
from prefect.context import FlowRunContext
from prefect.runtime import deployment
from prefect.states import Cancelled

from flows.workers.server import ServerWatch
from pyecod.batch.lock import BatchLock
from pyecod.errors import BatchLockedError
from pyecod.settings import Settings

_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 3600.0  # with a server that went as the run began


@contextmanager
def turn(settings: Settings, flow: str, *, wait: bool = False) -> Iterator[Any]:
    """Hold the turn of the running deployment of ``flow`` for the body.

    Gives None where the run may go on. Where another run of the deployment is at work on the same ``base_path``, gives
    the state in which this one is to end at once, ``Cancelled`` with the name of the other; with ``wait`` it waits for
    the other instead. Runs from the command line take no turns: batches have locks of their own.
    """
    name = deployment_name()
    if name is None:
        yield None
        return
    settings.base_path.mkdir(parents=True, exist_ok=True)
    path = lock_path(settings.base_path, flow, name)
    lock = BatchLock(path, what=f"another run of {flow}/{name} is at work")
    with ExitStack() as stack:
        state = _take(lock, stack, wait=wait)
        yield state


def deployment_name() -> str | None:
    """Of the running flow; None where no deployment began it, for which the server is not asked."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        return None
    return ServerWatch(_PATIENCE_SECONDS, get_run_logger().warning).patiently(lambda: str(deployment.name))


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
