"""A run that a person suspends in the Prefect UI ends its work, and goes on where it was when it is resumed.

Prefect itself lets a suspended run work on, and then does not know how it ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from prefect import get_run_logger
from prefect.exceptions import Pause
from prefect.runtime import flow_run
from prefect.states import Cancelled

from flows.workers.server import ServerWatch, server_is_away

_WORD = "suspended: the run goes on when it is resumed"


@dataclass
class Suspension:
    """Looks every ``interval`` seconds whether the run that this one is part of was suspended."""

    interval: float = 20.0
    _looked: float = 0.0

    def leave_if_asked(self, server: ServerWatch) -> None:
        """Nothing, as a rule, nor while the server is away: even the id of the first run is asked of it.

        Raises:
            Pause: the run was suspended; Prefect ends the process and leaves the run as it is, to be resumed.
        """
        if time.monotonic() - self._looked < self.interval:
            return
        self._looked = time.monotonic()
        if server.is_away():
            return
        from prefect.client.orchestration import get_client

        try:
            if flow_run.root_flow_run_id is None:
                return
            with get_client(sync_client=True) as client:
                state = client.read_flow_run(flow_run.root_flow_run_id).state
                if state is None or not state.is_paused():
                    return
                get_run_logger().warning(_WORD)
                if flow_run.id != flow_run.root_flow_run_id:  # the resumed run makes another one in its place
                    client.set_flow_run_state(flow_run.id, Cancelled(message=_WORD), force=True)
        except Exception as error:
            if server_is_away(error):
                return
            raise
        raise Pause(state=state)
