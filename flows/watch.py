"""Findings become Prefect events; automations make messages of them. The hourly watch looks where no run can."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml
from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.events import emit_event

from pyecod.errors import ConfigError
from pyecod.settings import AlertSettings, load_settings
from pyecod.settings.layers import PROFILES
from pyecod.watch.findings import Alert, batch_alerts, house_alerts
from pyecod.watch.snapshot import look

if TYPE_CHECKING:
    from prefect.events import Event

    from pyecod.batch import Batch

AUTOMATIONS = PROFILES.parent / "automations.yaml"
BLOCK_NAME = "pyecod-alerts"


@flow(name="watch", flow_run_name="watch")
def watch(
    profile: str | None = None, settings_file: Path | None = None, overrides: dict[str, Any] | None = None
) -> list[Alert]:
    """Look for what no run can announce of itself: a week that did not come, a batch nobody drives, full disks.

    Args:
        profile: Name of a profile of deployments/profiles/, or its file.
        settings_file: Settings in YAML.
        overrides: Single settings, nested as in the file.
    """
    alerts = house_alerts(load_settings(settings_file, profile, overrides).absolute())
    announce(alerts)
    for alert in alerts:
        get_run_logger().warning(str(alert))
    publish_alerts("watch", alerts)
    return alerts


@dataclass
class Lookout:
    """Looks at a running batch every ``interval`` seconds, and announces each kind of finding once in a run."""

    batch: Batch
    settings: AlertSettings
    interval: float = 300.0
    _looked: float = field(default_factory=time.monotonic)
    _announced: set[str] = field(default_factory=set)

    def check(self, *, last: bool = False) -> tuple[Alert, ...]:
        """Findings now, or none when the last look is not long ago; ``last`` looks in any case."""
        if not last and time.monotonic() - self._looked < self.interval:
            return ()
        alerts = batch_alerts(look(self.batch.path, batch=self.batch), self.settings)
        self._looked = time.monotonic()
        new = [alert for alert in alerts if alert.kind not in self._announced]
        self._announced.update(alert.kind for alert in new)
        announce(new)
        for alert in new:
            get_run_logger().warning(str(alert))
        return tuple(alerts)


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
    from prefect.events.worker import EventsWorker

    announce(alerts)
    EventsWorker.instance().drain()


def require_server() -> None:
    """Make sure that there is a Prefect server to talk to, rather than a temporary one that ends with the command.

    Raises:
        ConfigError: ``PREFECT_API_URL`` is not set.
    """
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise ConfigError(
            "there is no Prefect server to tell: PREFECT_API_URL is not set",
            hint="start one with `prefect server start`, then `prefect config set PREFECT_API_URL=http://…/api`",
        )


def publish_alerts(key: str, alerts: Sequence[Alert]) -> None:
    """The findings as a table in the UI, with a history per key; an empty one says that all is well."""
    create_table_artifact(
        key=f"alerts-{key}",
        table=[{"severity": a.severity, "subject": a.subject, "kind": a.kind, "finding": a.text} for a in alerts],
        description=f"{len(alerts)} findings",
    )


def save_notification_block(url: str) -> str:
    """Keep where messages go as Prefect's block ``pyecod-alerts``, encrypted by the server.

    ``url`` is a Slack webhook, an Apprise URL (``mailtos://…``, ``json://…``), or any other http(s) address, which gets
    ``{"subject": …, "body": …}`` as JSON.

    Returns:
        The block's id.
    """
    from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook

    is_plain_web = url.startswith(("http://", "https://")) and "://hooks.slack" not in url
    block: Any
    if is_plain_web:
        block = CustomWebhookNotificationBlock(
            name="pyECOD",
            url="{{url}}",
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            secrets={"url": url},
        )
    else:
        block = SlackWebhook(url=url)
    return str(block.save(BLOCK_NAME, overwrite=True))


def find_notification_block(slug: str) -> str:
    """Id of a block document named ``type/name`` as in the UI.

    Raises:
        ConfigError: there is none.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    kind, _, name = slug.partition("/")
    with get_client(sync_client=True) as client:
        try:
            return str(client.read_block_document_by_name(name, kind, include_secrets=False).id)
        except ObjectNotFound as error:
            raise ConfigError(
                f"there is no notification block {slug!r}", hint="make it in the UI under Blocks, or use --to FILE"
            ) from error


def read_automations(block_id: str, path: Path = AUTOMATIONS) -> list[Any]:
    """The automations of the file, each checked by Prefect's own model.

    Raises:
        ConfigError: the file is not what Prefect takes; the automation is named.
    """
    from prefect.automations import AutomationCore
    from pydantic import ValidationError

    text = Template(path.read_text(encoding="utf-8")).safe_substitute(block=block_id)
    found = []
    for plain in yaml.safe_load(text)["automations"]:
        try:
            found.append(AutomationCore.model_validate(plain))
        except ValidationError as error:
            raise ConfigError(f"automation {plain.get('name')!r}: {error}", where=path) from None
    return found


def apply_automations(block_id: str, path: Path = AUTOMATIONS) -> list[tuple[str, str]]:
    """Create the automations on the server, or replace those of the same name.

    Returns:
        (name, ``created`` or ``updated``) of each.
    """
    from prefect.client.orchestration import get_client

    done = []
    with get_client(sync_client=True) as client:
        for automation in read_automations(block_id, path):
            earlier = client.read_automations_by_name(automation.name)
            if earlier:
                client.update_automation(earlier[0].id, automation)
            else:
                client.create_automation(automation)
            done.append((automation.name, "updated" if earlier else "created"))
    return done
