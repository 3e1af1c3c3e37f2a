"""The deployments of prefect.yaml on a Prefect server: registered from the installed package, no checkout needed.

What a person set on the server stays: whether a schedule is on, whether a deployment is paused, parameters, job
variables, the work pool, and schedules of their own. Everything else is brought to what the file says.
"""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from pyecod.errors import ConfigError
from pyecod.files import product_folder

DEPLOYMENTS = product_folder("prefect.yaml")
RETIRED = product_folder("deployments") / "retired.yaml"
POOL_TYPE = "process"  # a worker that starts each run as a process of its own

Happened = Literal["created", "updated", "unchanged", "retired"]


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of a deployment or work pool, and what was changed or left in each of its parts."""

    name: str
    happened: Happened
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """A deployment as prefect.yaml states it, with its flow."""

    name: str
    flow: Any
    plain: Mapping[str, Any]

    @property
    def full_name(self) -> str:
        """``flow/deployment``, as Prefect names it."""
        return f"{self.flow.name}/{self.name}"

    @property
    def pool(self) -> str:
        """The work pool it goes to unless somebody says otherwise."""
        return str(self.plain["work_pool"]["name"])

    def schedules(self) -> dict[str, tuple[Any, Mapping[str, Any]]]:
        """Schedules by slug: Prefect's own, and the file's words about it."""
        from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

        found: dict[str, tuple[Any, Mapping[str, Any]]] = {}
        for plain in self.plain.get("schedules", ()):
            zone = plain.get("timezone", "Etc/UTC")
            if "cron" in plain:
                found[plain["slug"]] = CronSchedule(cron=plain["cron"], timezone=zone), plain
            else:
                every = datetime.timedelta(seconds=plain["interval"])
                found[plain["slug"]] = IntervalSchedule(interval=every, timezone=zone), plain
        return found

    def automations(self, deployment_id: Any) -> list[Any]:
        """Automations that start it when something happens."""
        from prefect.events import DeploymentTriggerTypes
        from pydantic import TypeAdapter

        made = []
        for plain in self.plain.get("triggers", ()):
            trigger: Any = TypeAdapter(DeploymentTriggerTypes).validate_python(plain)
            trigger.set_deployment_id(deployment_id)
            made.append(trigger.as_automation())
        return made


def read_stated(path: Path = DEPLOYMENTS) -> list[Stated]:
    """The deployments of a file; their flows are imported by module path.

    Raises:
        ConfigError: an entrypoint leads to no flow.
    """
    from prefect import Flow

    stated = []
    for plain in yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]:
        module, _, name = plain["entrypoint"].rpartition(".")
        try:  # not by Prefect's own way, which searches the working folder too
            flow = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"no flow at {plain['entrypoint']}: {error}", where=path) from error
        if not isinstance(flow, Flow):
            raise ConfigError(f"{plain['entrypoint']} is no flow", where=path)
        stated.append(Stated(plain["name"], flow, plain))
    return stated


def read_retired(path: Path = RETIRED) -> dict[str, str]:
    """Names of earlier versions, and the name of the deployment that took the place of each."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def register(
    pool: str | None = None,
    *,
    dry_run: bool = False,
    stated: Iterable[Stated] | None = None,
    retired: Mapping[str, str] | None = None,
) -> list[Registered]:
    """Bring the server's deployments to what prefect.yaml says; ``pool`` names the work pool for all of them.

    A work pool that is not there is made. A deployment that takes the place of a renamed one takes over what a person
    had set there, before the old one is deleted.

    Raises:
        ConfigError: the server refuses; with its words.
    """
    from prefect.client.orchestration import get_client

    wanted = list(read_stated() if stated is None else stated)
    former = {new: old for old, new in (read_retired() if retired is None else retired).items()}
    with get_client(sync_client=True) as client:
        server = _Server(client, dry_run)
        done = [_pool(server, name) for name in sorted({pool or one.pool for one in wanted})]
        for one in wanted:
            earlier = server.find(former.get(one.full_name))
            done.append(_deployment(server, one, pool, earlier))
            if earlier is not None:
                done.append(_retire(server, former[one.full_name], earlier, one))
    return done


class _Server:
    """Prefect's API; a dry run asks and tells nothing."""

    def __init__(self, client: Any, dry_run: bool) -> None:
        self.client = client
        self._dry_run = dry_run

    def find(self, name: str | None) -> Any:
        """The deployment of this name, None where there is none."""
        from prefect.exceptions import ObjectNotFound

        if name is None:
            return None
        try:
            return self.client.read_deployment_by_name(name)
        except ObjectNotFound:
            return None

    def tell(self, method: str, *given: Any, **named: Any) -> Any:
        """Call one of the client's methods that change something.

        Raises:
            ConfigError: the server refuses.
        """
        from prefect.exceptions import PrefectHTTPStatusError

        if self._dry_run:
            return None
        try:
            return getattr(self.client, method)(*given, **named)
        except PrefectHTTPStatusError as error:
            raise ConfigError(f"the Prefect server refuses: {error.response.text[:500]}", where=method) from None


def _pool(server: _Server, name: str) -> Registered:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        found = server.client.read_work_pool(name)
    except ObjectNotFound:
        server.tell("create_work_pool", WorkPoolCreate(name=name, type=POOL_TYPE))
        return Registered(f"work pool {name}", "created", (f"type {POOL_TYPE}",))
    return Registered(f"work pool {name}", "unchanged", () if found.type == POOL_TYPE else (f"type {found.type}",))


def _deployment(server: _Server, one: Stated, pool: str | None, earlier: Any) -> Registered:
    existing = server.find(one.full_name)
    if existing is None:
        return _create(server, one, pool, earlier)
    notes = _update_fields(server, one, pool, existing)
    notes += _update_schedules(server, one, existing)
    notes += _update_automations(server, one, existing)
    kept = _kept(one, existing)
    return Registered(one.full_name, "updated" if notes else "unchanged", (*notes, *kept))


def _create(server: _Server, one: Stated, pool: str | None, earlier: Any) -> Registered:
    """Make a deployment, with what a person had set at the one whose place it takes."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate

    before = {schedule.slug: schedule for schedule in earlier.schedules} if earlier else {}
    schedules = []
    for slug, (schedule, plain) in one.schedules().items():
        old = before.pop(slug, None)
        active = old.active if old else plain.get("active", True)
        parameters = old.parameters if old else plain.get("parameters", {})
        schedules.append(DeploymentScheduleCreate(schedule=schedule, active=active, parameters=parameters, slug=slug))
    for slug, old in before.items():
        schedules.append(
            DeploymentScheduleCreate(schedule=old.schedule, active=old.active, parameters=old.parameters, slug=slug)
        )
    flow_id = server.tell("create_flow_from_name", one.flow.name)
    deployment_id = server.tell(
        "create_deployment",
        flow_id=flow_id,
        name=one.name,
        schedules=schedules,
        parameters=(earlier.parameters if earlier else None) or one.plain.get("parameters", {}),
        paused=bool(earlier and earlier.paused),
        work_pool_name=pool or (earlier and earlier.work_pool_name) or one.pool,
        **_fields(one, earlier),
    )
    if deployment_id is not None:
        for automation in one.automations(deployment_id):
            server.tell("create_automation", automation)
    notes = [f"schedule {schedule.slug}: {'on' if schedule.active else 'off'}" for schedule in schedules]
    return Registered(one.full_name, "created", tuple(notes))


def _fields(one: Stated, existing: Any) -> dict[str, Any]:
    """What the file and the flow say of a deployment, but for what is a person's."""
    from prefect.utilities.callables import parameter_schema

    ours = one.plain["work_pool"].get("job_variables", {})
    theirs = dict(existing.job_variables or {}) if existing else {}
    environment = {**ours.get("env", {}), **theirs.get("env", {})}
    return {
        "entrypoint": one.plain["entrypoint"],
        "description": one.plain["description"],
        "tags": list(one.plain["tags"]),
        "pull_steps": [],
        "path": None,
        "parameter_openapi_schema": parameter_schema(one.flow).model_dump(exclude_unset=True),
        "job_variables": {**ours, **theirs, **({"env": environment} if environment else {})},
        "enforce_parameter_schema": True,
    }


def _update_fields(server: _Server, one: Stated, pool: str | None, existing: Any) -> list[str]:
    from prefect.client.schemas.actions import DeploymentUpdate

    stated = _fields(one, existing)
    changed = {key: value for key, value in stated.items() if (value or None) != (getattr(existing, key) or None)}
    notes = [_changed_text(key, getattr(existing, key), value) for key, value in changed.items()]
    if pool is not None and pool != existing.work_pool_name:
        changed["work_pool_name"] = pool
        notes.append(f"work pool: {existing.work_pool_name} → {pool}")
    limit = getattr(existing, "global_concurrency_limit", None)
    if limit is not None:
        changed["concurrency_limit"] = None
        notes.append(f"concurrency limit {limit.limit}: removed")
    if changed:
        server.tell("update_deployment", existing.id, DeploymentUpdate(**changed))
    return notes


def _changed_text(key: str, before: Any, after: Any) -> str:
    plain = {"pull_steps": "pull steps", "parameter_openapi_schema": "form", "job_variables": "job variables"}
    text = plain.get(key, key)
    return f"{text}: {before} → {after}" if key in ("entrypoint", "path") else text


def _update_schedules(server: _Server, one: Stated, existing: Any) -> list[str]:
    """Times follow the file; whether a schedule is on and its parameters stay as they are."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate

    notes = []
    there = {schedule.slug: schedule for schedule in existing.schedules}
    for slug, (schedule, plain) in one.schedules().items():
        old = there.get(slug)
        if old is None:
            active = plain.get("active", True)
            made = DeploymentScheduleCreate(
                schedule=schedule, active=active, parameters=plain.get("parameters", {}), slug=slug
            )
            server.tell("create_deployment_schedules", existing.id, [made])
            notes.append(f"schedule {slug}: new, {'on' if active else 'off'}")
        elif _when(old.schedule) != _when(schedule):
            server.tell("update_deployment_schedule", existing.id, old.id, schedule=schedule)
            notes.append(f"schedule {slug}: {_when(old.schedule)} → {_when(schedule)}")
    return notes


def _update_automations(server: _Server, one: Stated, existing: Any) -> list[str]:
    """Bring the automations that start the deployment up to date; one that a person switched off stays off."""
    from prefect.events.schemas.automations import AutomationCore

    notes = []
    owned = server.client.read_resource_related_automations(f"prefect.deployment.{existing.id}")
    there = {automation.name: automation for automation in owned}
    for automation in one.automations(existing.id):
        old = there.get(automation.name)
        if old is None:
            server.tell("create_automation", automation)
            notes.append(f"automation {automation.name!r}: new")
            continue
        # whose it is can be said only when it is made
        plain = automation.model_dump(exclude={"owner_resource"}) | {"enabled": old.enabled}
        automation = AutomationCore.model_validate(plain)
        if _meaning(automation) != _meaning(old):
            server.tell("update_automation", old.id, automation)
            notes.append(f"automation {automation.name!r}")
    return notes


def _meaning(automation: Any) -> Any:
    """An automation without what the server adds to it."""
    plain = automation.model_dump(mode="json", include={"name", "description", "enabled", "trigger", "actions"})
    plain["trigger"].pop("id", None)
    return plain


def _kept(one: Stated, existing: Any) -> list[str]:
    """What a person set that the file says otherwise."""
    notes = ["paused"] if existing.paused else []
    stated = one.schedules()
    for old in existing.schedules:
        if old.slug not in stated:
            notes.append(f"schedule {old.slug or _when(old.schedule)}: yours, kept")
        elif old.active != stated[old.slug][1].get("active", True):
            notes.append(f"schedule {old.slug}: {'on' if old.active else 'off'}, kept")
    if existing.parameters:
        notes.append(f"parameters kept: {', '.join(sorted(existing.parameters))}")
    return notes


def _retire(server: _Server, name: str, earlier: Any, one: Stated) -> Registered:
    server.tell("delete_deployment", earlier.id)
    return Registered(name, "retired", (f"now {one.full_name}",))


def _when(schedule: Any) -> str:
    """A schedule's times in words; the moment an interval counts from is the server's business."""
    for what in ("cron", "rrule"):
        if hasattr(schedule, what):
            return f"{getattr(schedule, what)} {schedule.timezone or 'UTC'}"
    return f"every {schedule.interval}"
