"""Registering on a real Prefect server: what is made, what follows the file, what of a person's stays."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL

from flows.deploy.deployments import Registered, Stated, read_stated, register

pytestmark = pytest.mark.integration
WEEKLY = "update-weeks/weekly"
SYNC = "sync/after-update"


@pytest.fixture
def client(prefect_api: None) -> Iterator[SyncPrefectClient]:
    """The server's API; no deployment is there before or after."""
    with get_client(sync_client=True) as client:

        def clear() -> None:
            for deployment in client.read_deployments():
                client.delete_deployment(deployment.id)
            for pool in client.read_work_pools():
                client.delete_work_pool(pool.name)

        clear()
        yield client
        clear()


def happened(done: list[Registered]) -> dict[str, str]:
    return {one.name: one.happened for one in done}


def notes(done: list[Registered], name: str) -> str:
    (found,) = (one.notes for one in done if one.name == name)
    return "; ".join(found)


def schedules(client: SyncPrefectClient, name: str) -> dict[str, Any]:
    return {schedule.slug: schedule for schedule in client.read_deployment_by_name(name).schedules}


def changed(name: str, **plain: Any) -> list[Stated]:
    """What prefect.yaml states, one deployment stated otherwise."""
    return [
        dataclasses.replace(one, plain={**one.plain, **plain}) if one.full_name == name else one
        for one in read_stated()
    ]


def test_everything_is_made_once_and_then_left_alone(client: SyncPrefectClient) -> None:
    done = register()
    assert set(happened(done).values()) == {"created"}
    assert client.read_work_pool("pyecod").type == "process"
    weekly = client.read_deployment_by_name(WEEKLY)
    assert weekly.entrypoint == "flows.update_weeks.update_weeks"
    assert not weekly.pull_steps
    assert {slug: schedule.active for slug, schedule in schedules(client, WEEKLY).items()} == {
        "release": True,
        "pre-release": False,
    }
    assert set(weekly.parameter_openapi_schema["properties"]) >= {"start_date", "max_batches"}
    sync = client.read_deployment_by_name(SYNC)
    assert [a.enabled for a in client.read_resource_related_automations(f"prefect.deployment.{sync.id}")] == [True]
    assert set(happened(register()).values()) == {"unchanged"}


def test_a_dry_run_says_the_same_and_changes_nothing(client: SyncPrefectClient) -> None:
    said = register(dry_run=True)
    assert client.read_deployments() == []
    assert client.read_work_pools() == []
    assert said == register()
    with_other_time = changed(WEEKLY, schedules=[{"slug": "release", "cron": "0 5 * * 3"}])
    before = client.read_deployment_by_name(WEEKLY)
    said = register(dry_run=True, stated=with_other_time)
    assert client.read_deployment_by_name(WEEKLY) == before
    assert said == register(stated=with_other_time)


def test_what_a_person_set_stays(client: SyncPrefectClient) -> None:
    register()
    weekly = client.read_deployment_by_name(WEEKLY)
    there = schedules(client, WEEKLY)
    client.update_deployment_schedule(weekly.id, there["release"].id, active=False)
    client.update_deployment_schedule(weekly.id, there["pre-release"].id, active=True, parameters={"max_batches": 2})
    mine = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 12 * * 5"), active=True)
    client.create_deployment_schedules(weekly.id, [mine])
    variables = {"env": {"OMP_NUM_THREADS": "1"}, "working_dir": "/srv"}
    update = DeploymentUpdate(parameters={"profile": "slurm"}, job_variables=variables, paused=True)
    client.update_deployment(weekly.id, update)
    sync = client.read_deployment_by_name(SYNC)
    (automation,) = client.read_resource_related_automations(f"prefect.deployment.{sync.id}")
    off = AutomationCore.model_validate(automation.model_dump(exclude={"id", "owner_resource"}) | {"enabled": False})
    client.update_automation(automation.id, off)

    done = register()
    assert happened(done)[WEEKLY] == "updated"  # the safe search path beside the person's variables
    assert happened(done)[SYNC] == "unchanged"
    said = notes(done, WEEKLY)
    for word in ("release: off, kept", "pre-release: on, kept", "yours, kept", "parameters kept: profile", "paused"):
        assert word in said
    weekly = client.read_deployment_by_name(WEEKLY)
    assert weekly.parameters == {"profile": "slurm"}
    assert weekly.paused
    assert weekly.job_variables == {
        "env": {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"},
        "working_dir": "/srv",
    }
    assert {(s.slug, s.active) for s in weekly.schedules} == {("release", False), ("pre-release", True), (None, True)}
    assert schedules(client, WEEKLY)["pre-release"].parameters == {"max_batches": 2}
    (automation,) = client.read_resource_related_automations(f"prefect.deployment.{sync.id}")
    assert not automation.enabled
    assert set(happened(register()).values()) == {"unchanged"}

    trigger = {"name": automation.name, "expect": ["pyecod.other"], "match": {"prefect.resource.id": "pyecod.weeks"}}
    assert "automation 'sync after the weekly run'" in notes(register(stated=changed(SYNC, triggers=[trigger])), SYNC)
    (automation,) = client.read_resource_related_automations(f"prefect.deployment.{sync.id}")
    assert automation.trigger.expect == {"pyecod.other"}
    assert not automation.enabled


def test_times_and_words_follow_the_file_though_the_schedule_is_off(client: SyncPrefectClient) -> None:
    register()
    weekly = client.read_deployment_by_name(WEEKLY)
    client.update_deployment_schedule(weekly.id, schedules(client, WEEKLY)["release"].id, active=False)
    stated = changed(
        WEEKLY,
        description="otherwise",
        schedules=[
            {"slug": "release", "cron": "0 5 * * 3", "timezone": "Europe/Berlin"},
            {"slug": "pre-release", "cron": "0 6 * * 6", "timezone": "Etc/UTC", "active": False},
            {"slug": "daily", "interval": 86400},
        ],
    )
    said = notes(register(stated=stated), WEEKLY)
    assert "schedule release: 0 4 * * 3-5 Etc/UTC → 0 5 * * 3 Europe/Berlin" in said
    assert "schedule daily: new, on" in said
    there = schedules(client, WEEKLY)
    assert (there["release"].schedule.cron, there["release"].active) == ("0 5 * * 3", False)
    assert there["daily"].active
    assert client.read_deployment_by_name(WEEKLY).description == "otherwise"


def test_a_renamed_deployment_hands_over_what_was_set_and_is_gone(client: SyncPrefectClient) -> None:
    old, new = "maintenance/weekly", "maintenance/sunday"
    register(stated=[dataclasses.replace(one, name="weekly") for one in read_stated() if one.full_name == new])
    earlier = client.read_deployment_by_name(old)
    client.update_deployment_schedule(earlier.id, schedules(client, old)["sunday"].id, active=False)
    client.update_deployment(earlier.id, DeploymentUpdate(parameters={"keep_runs": 5}))

    done = register()
    assert happened(done)[old] == "retired"
    assert happened(done)[new] == "created"
    assert [d.name for d in client.read_deployments() if d.flow_id == earlier.flow_id] == ["sunday"]
    taken = client.read_deployment_by_name(new)
    assert taken.parameters == {"keep_runs": 5}
    assert [(s.slug, s.active) for s in taken.schedules] == [("sunday", False)]
    assert old not in happened(register())


def test_a_pool_is_made_and_kept_until_another_is_named(client: SyncPrefectClient) -> None:
    register("big")
    assert client.read_deployment_by_name(WEEKLY).work_pool_name == "big"
    assert happened(register())[WEEKLY] == "unchanged"
    assert "work pool: big → small" in notes(register("small"), WEEKLY)
    assert client.read_deployment_by_name(WEEKLY).work_pool_name == "small"


def test_deployments_of_an_older_version_run_from_the_package_without_a_lease(client: SyncPrefectClient) -> None:
    register()
    weekly = client.read_deployment_by_name(WEEKLY)
    here = [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt/pyecod"}}]
    older = DeploymentUpdate(entrypoint="flows/update_weeks.py:update_weeks", pull_steps=here, concurrency_limit=1)
    client.update_deployment(weekly.id, older)
    said = notes(register(), WEEKLY)
    assert "entrypoint: flows/update_weeks.py:update_weeks → flows.update_weeks.update_weeks" in said
    assert "concurrency limit 1: removed" in said
    weekly = client.read_deployment_by_name(WEEKLY)
    assert not weekly.pull_steps
    assert weekly.global_concurrency_limit is None
    assert happened(register())[WEEKLY] == "unchanged"


def test_prefect_itself_registers_the_same_and_switches_nothing_on(client: SyncPrefectClient) -> None:
    register()
    weekly = client.read_deployment_by_name(WEEKLY)
    client.update_deployment_schedule(weekly.id, schedules(client, WEEKLY)["release"].id, active=False)
    command = [Path(sys.executable).with_name("prefect"), "--no-prompt", "deploy", "--all"]
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    there = {slug: schedule.active for slug, schedule in schedules(client, WEEKLY).items()}
    assert there == {"release": False, "pre-release": False}
    assert set(happened(register()).values()) == {"unchanged"}


def test_without_a_server_the_command_says_so(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("pyecod"), "deploy"]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment = {**plain, "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "PREFECT_API_URL is not set" in done.stderr
    environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "does not answer" in done.stderr
