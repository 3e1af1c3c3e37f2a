"""What the Prefect server does by itself when something happens: the automations of deployments/automations.yaml."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from pyecod.errors import ConfigError
from pyecod.settings.layers import PROFILES
from pyecod.yamldoc import load_yaml

WATCH = "watch/hourly"
AUTOMATIONS = PROFILES.parent / "automations.yaml"


def read_automations(block_id: str, watch_id: str, path: Path = AUTOMATIONS) -> list[Any]:
    """The automations of the file, each checked by Prefect's own model; ``watch_id`` is the deployment that looks for
    dead runs.

    Raises:
        ConfigError: the file is not what Prefect takes; the automation is named.
    """
    from prefect.automations import AutomationCore
    from pydantic import ValidationError

    text = Template(path.read_text(encoding="utf-8")).safe_substitute(block=block_id, watch=watch_id)
    found = []
    for plain in load_yaml(text.encode(), path, ConfigError)["automations"]:
        try:
            found.append(AutomationCore.model_validate(plain))
        except ValidationError as error:
            raise ConfigError(f"automation {plain.get('name')!r}: {error}", where=path) from None
    return found


def apply_automations(block_id: str, path: Path = AUTOMATIONS) -> list[tuple[str, str]]:
    """Create the automations on the server, or replace those of the same name.

    Returns:
        (name, ``created`` or ``updated``) of each.

    Raises:
        ConfigError: the deployments are not registered yet, or the file is not what Prefect takes.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    done = []
    with get_client(sync_client=True) as client:
        try:
            watch = client.read_deployment_by_name(WATCH)
        except ObjectNotFound:
            hint = "`pyecod deploy`, then this command again"
            raise ConfigError(
                f"the deployment {WATCH}, which looks for dead runs, is not registered", hint=hint
            ) from None
        for automation in read_automations(block_id, str(watch.id), path):
            earlier = client.read_automations_by_name(automation.name)
            if earlier:
                client.update_automation(earlier[0].id, automation)
            else:
                client.create_automation(automation)
            done.append((automation.name, "updated" if earlier else "created"))
    return done
