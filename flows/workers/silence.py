"""Runs that give no sign of life: which of them are dead, so that they are called so.

A live run sends a heartbeat to the Prefect server every minute or three. While the server was away it heard none, so
silence alone proves nothing: what is silent is listened to once more before it is called dead.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.runtime import flow_run as this_run

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_LISTEN_SECONDS = 200.0  # more than the interval of heartbeats, which is 180 seconds unless it is set
_LOOK_SECONDS = 5.0


def crash_silent_runs(minutes: float) -> list[str]:
    """Mark as crashed the runs of pyECOD that have given no sign of life for so many minutes, nor give one now.

    Returns:
        The names of these runs.
    """
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        silent = _silent(client, _running(client), minutes)
        until = time.monotonic() + min(_LISTEN_SECONDS, 60 * minutes)
        while silent and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            silent = _silent(client, silent, minutes)
        still = {run.id for run in _running(client)} if silent else set()
        dead = [run for run in silent if run.id in still]
        for run in dead:
            message = f"no sign of life for {minutes:g} minutes: its process or machine is gone"
            get_run_logger().warning(f"{run.name}: {message}")
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        return [str(run.name) for run in dead]


def _running(client: SyncPrefectClient) -> list[Any]:
    from prefect.client.schemas.filters import FlowRunFilter

    asked = {"tags": {"all_": ["pyecod"]}, "state": {"type": {"any_": ["RUNNING"]}}}
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(asked))
    return [run for run in runs if str(run.id) != this_run.id]


def _silent(client: SyncPrefectClient, runs: list[Any], minutes: float) -> list[Any]:
    """Those of the runs that began before and were not heard since."""
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    return [run for run in runs if (run.start_time or since) <= since and not _heard(client, run, since)]


def _heard(client: SyncPrefectClient, run: Any, since: datetime) -> bool:
    from prefect.events.filters import EventFilter

    asked = {
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run.id}"]},
        "occurred": {"since": since.isoformat()},
    }
    return bool(client.read_events(EventFilter.model_validate(asked), limit=1).events)
