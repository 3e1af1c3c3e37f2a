"""The files an installation is made of: every entrypoint, parameter, schedule, trigger and automation is real."""

from __future__ import annotations

import configparser
import inspect
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import TypeAdapter

ROOT = Path(__file__).resolve().parents[3]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
UNITS = sorted((ROOT / "deployments" / "systemd").glob("*.service"))


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def name_of(deployment: dict[str, Any]) -> str:
    return f"{load_flow_from_entrypoint(deployment['entrypoint']).name}/{deployment['name']}"


def test_prefect_itself_reads_the_file() -> None:
    from prefect.cli.deploy._models import PrefectYamlModel

    model = PrefectYamlModel.model_validate(yaml.safe_load((ROOT / "prefect.yaml").read_text()))
    assert len(model.deployments) == len(DEPLOYMENTS)


def test_every_deployment_has_a_name_of_its_own_and_every_renamed_one_a_successor() -> None:
    names = [deployment["name"] for deployment in DEPLOYMENTS]
    assert len(set(names)) == len(names)
    retired = yaml.safe_load((ROOT / "deployments" / "retired.yaml").read_text())
    assert set(retired.values()) <= set(map(name_of, DEPLOYMENTS))
    assert not retired.keys() & set(map(name_of, DEPLOYMENTS))


def test_the_deployments_have_the_names_the_commands_use() -> None:
    names = {name_of(deployment) for deployment in DEPLOYMENTS}
    assert names == {
        "update-weeks/weekly",
        "repair/adhoc",
        "sync/after-update",
        "maintenance/sunday",
        "watch/hourly",
    }
    for path in sorted((ROOT / "pyecod" / "cli").rglob("*.py")):
        for line in path.read_text().splitlines():
            if "submit_run(" in line and '"' in line:
                assert line.split('"')[1] in names, f"{path.name}: {line.strip()}"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["entrypoint"])
def test_every_parameter_is_one_of_the_flow_and_has_a_value_it_takes(deployment: dict[str, Any]) -> None:
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    signature = inspect.signature(flow.fn, eval_str=True)
    sets = [deployment.get("parameters") or {}]
    sets += [schedule.get("parameters") or {} for schedule in deployment.get("schedules", ())]
    sets += [trigger.get("parameters") or {} for trigger in deployment.get("triggers", ())]
    for parameters in sets:
        for name, value in parameters.items():
            assert name in signature.parameters, f"{deployment['entrypoint']} has no parameter {name}"
            TypeAdapter(signature.parameters[name].annotation).validate_python(value)
    if deployment.get("schedules") or deployment.get("triggers"):  # nobody is there to fill in a form
        given = set(sets[0])
        assert set(parameter_schema(flow).required) <= given


def test_schedules_are_valid_and_the_pre_release_sleeps() -> None:
    from prefect.client.schemas.schedules import CronSchedule

    for deployment in DEPLOYMENTS:
        for schedule in deployment.get("schedules", ()):
            if "cron" in schedule:
                CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    (weekly,) = [d for d in DEPLOYMENTS if d["entrypoint"].endswith(".update_weeks")]
    # `active: true` would have `prefect deploy` switch on what a person switched off
    assert {s["slug"]: s.get("active") for s in weekly["schedules"]} == {"release": None, "pre-release": False}


def test_no_run_hangs_on_a_lease_of_the_server() -> None:
    assert not [d["entrypoint"] for d in DEPLOYMENTS if d.get("concurrency_limit")]


def test_the_sync_is_triggered_by_what_a_completed_weekly_run_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.events import DeploymentEventTrigger

    from flows.batch import announce

    (sync,) = [d for d in DEPLOYMENTS if d["entrypoint"].endswith(".sync")]
    (trigger,) = sync["triggers"]
    DeploymentEventTrigger.model_validate(trigger)
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(announce, "emit_event", lambda **event: said.append(event))
    announce.announce_weeks(["ecod_weekly_20250905"])
    assert trigger["expect"] == [said[0]["event"]]
    assert trigger["match"] == {"prefect.resource.id": said[0]["resource"]["prefect.resource.id"]}


def test_the_automations_are_what_prefect_takes() -> None:
    from flows.deploy.automations import read_automations

    block = "00000000-0000-0000-0000-000000000001"
    watch = "00000000-0000-0000-0000-000000000002"
    automations = read_automations(block, watch)
    assert len({a.name for a in automations}) == len(automations) == 4
    notified = [action for a in automations for action in a.actions if action.type == "send-notification"]
    assert len(notified) == 3
    assert {str(action.block_document_id) for action in notified} == {block}
    assert [str(a.deployment_id) for automation in automations for a in automation.actions if a not in notified] == [
        watch
    ]
    tags = {tag for d in DEPLOYMENTS for tag in d["tags"]}
    related = [a.trigger.match_related for a in automations if a.name != "pyECOD: alert"]
    assert {spec.model_dump()["prefect.resource.id"].removeprefix("prefect.tag.") for spec in related} <= tags


def test_a_wrong_automation_is_named(tmp_path: Path) -> None:
    from flows.deploy.automations import read_automations
    from pyecod.errors import ConfigError

    path = tmp_path / "automations.yaml"
    path.write_text("automations: [{name: broken, trigger: {type: event, within: -3}, actions: []}]")
    with pytest.raises(ConfigError, match="broken"):
        read_automations("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002", path)


def test_the_units_start_commands_that_exist() -> None:
    assert {unit.stem for unit in UNITS} == {"pyecod-prefect-server", "pyecod-prefect-worker"}
    for unit in UNITS:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(unit.read_text())
        program, *arguments = parser["Service"]["ExecStart"].split()
        assert program == "/opt/pyecod/.venv/bin/prefect"
        said = subprocess.run(
            [ROOT / ".venv" / "bin" / "prefect", *arguments[:2], "--help"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if said.returncode:
            pytest.fail(said.stdout + said.stderr)
        for option in (a for a in arguments if a.startswith("--")):
            assert option in said.stdout, f"{unit.name}: {option}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text().replace("/opt/pyecod", str(ROOT))
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("User=", "Group=")))
    copy = tmp_path / unit.name
    copy.write_text(text)
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60)
    assert [line for line in said.stderr.splitlines() if unit.name in line] == []
