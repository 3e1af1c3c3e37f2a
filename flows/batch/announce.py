"""Findings become Prefect events, and a table in the UI; automations make messages of the events."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prefect import get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.events import emit_event

from flows.batch.shown import Shown
from flows.workers.seams import say_events_now
from pyecod.settings import AlertSettings
from pyecod.watch.findings import Alert, batch_alerts
from pyecod.watch.snapshot import look

if TYPE_CHECKING:
    from prefect.events import Event

    from pyecod.batch import Batch


@dataclass
class Lookout:
    """Looks at a running batch every ``interval`` seconds, and announces each kind of finding once in a run."""

    batch: Batch
    settings: AlertSettings
    shown: Shown
    interval: float = 300.0
    _looked: float = field(default_factory=time.monotonic)
    _announced: set[str] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)

    def check(self, *, last: bool = False) -> tuple[Alert, ...]:
        """Findings now, or none when the last look is not long ago; ``last`` looks in any case."""
        if not last and time.monotonic() - self._looked < self.interval:
            return ()
        self._looked = time.monotonic()
        alerts: list[Alert] = []
        self.shown.guard("what is worth attention", lambda: alerts.extend(self._look()))
        new = [alert for alert in alerts if alert.kind not in self._announced]
        for alert in new:
            if alert.kind not in self._said:
                get_run_logger().warning(str(alert))
        self._said.update(alert.kind for alert in new)
        if not new or self.shown.attempt("alerts", lambda: announce(new)):
            self._announced.update(alert.kind for alert in new)
        return tuple(alerts)

    def _look(self) -> Iterable[Alert]:
        return batch_alerts(look(self.batch.path, batch=self.batch), self.settings)


def announce(alerts: Iterable[Alert]) -> list[Event]:
    """One event ``pyecod.alert.<kind>`` for each finding."""
    events = []
    for alert in alerts:
        subject = re.sub(r"[^A-Za-z0-9_-]+", "-", alert.subject)
        event = emit_event(
            event=f"pyecod.alert.{alert.kind}",
            resource={
                "prefect.resource.id": f"pyecod.alert.{alert.kind}.{subject}",
                "prefect.resource.name": f"{alert.kind}: {alert.subject}",
            },
            payload={
                "severity": alert.severity,
                "subject": alert.subject,
                "text": alert.text,
                "value": alert.value,
                "limit": alert.limit,
            },
        )
        if event is not None:
            events.append(event)
    return events


def announce_at_once(alerts: Iterable[Alert]) -> None:
    """The same outside a flow: on the server when this returns."""
    announce(alerts)
    say_events_now()


def announce_weeks(names: Sequence[str]) -> None:
    """Say with the event ``pyecod.weeks.completed`` that a weekly run worked on these batches and all went well.

    The sync waits for it rather than for Prefect's own ``prefect.flow-run.Completed``, which automations get a quarter
    of an hour late where a schedule made the run: Prefect waits for the event before it, which nobody sends.
    """
    emit_event(
        event="pyecod.weeks.completed",
        resource={"prefect.resource.id": "pyecod.weeks", "prefect.resource.name": "weekly run"},
        payload={"batches": list(names)},
    )


def publish_alerts(key: str, alerts: Sequence[Alert]) -> None:
    """The findings as a table in the UI, with a history per key; an empty one says that all is well."""
    create_table_artifact(
        key=f"alerts-{key}",
        table=[{"severity": a.severity, "subject": a.subject, "kind": a.kind, "finding": a.text} for a in alerts],
        description=f"{len(alerts)} findings",
    )
