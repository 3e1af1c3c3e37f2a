"""What flows ask for: the form that Prefect shows, and what is taken of it, of commands and of earlier names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Pending
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate

from flows.deploy.form import asks, short_form
from flows.repair import _run_name, repair
from pyecod.errors import UsageError
from pyecod.repair.request import RepairRequest
from pyecod.settings import Settings
from pyecod.settings.asked import asked_fields

ROOT = Path(__file__).resolve().parents[3]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
FORM = parameter_schema(repair)


@short_form
@flow(name="asked", flow_run_name=_run_name)
@asks
def asked(request: RepairRequest, settings: Settings, colour: str = "red") -> tuple[dict[str, Any], Settings, str]:
    """Say what was asked for.

    Args:
        colour: Which one.
    """
    return request.model_dump(exclude_defaults=True), settings, colour


@pytest.fixture(autouse=True)
def _server(prefect_api: None) -> None:
    """A Prefect server of the tests."""


def test_the_form_has_the_common_choices_first_and_the_others_in_a_group_that_is_closed() -> None:
    fields = sorted(FORM.properties, key=lambda name: FORM.properties[name]["position"])
    assert fields == [
        *("reason", "weeks", "failed", "low_quality", "modified", "obsolete", "stale", "chains", "dry_run"),
        *("more", "profile", "settings_file", "overrides"),
    ]
    assert FORM.required == ["reason"]
    assert FORM.properties["more"]["default"] is None
    (group,) = [d for name, d in FORM.definitions.items() if name.startswith("More")]
    seldom = [name for name, _, mark in asked_fields(RepairRequest) if mark.seldom]
    assert list(group["properties"]) == seldom
    assert {name for name, *_ in asked_fields(RepairRequest)} == set(RepairRequest.model_fields)


@pytest.mark.parametrize("entrypoint", [deployment["entrypoint"] for deployment in DEPLOYMENTS])
def test_every_form_is_labelled_and_explained_in_plain_words(entrypoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    schema = parameter_schema(load_flow_from_entrypoint(entrypoint))
    groups = [d for d in schema.definitions.values() if d.get("type") == "object"]
    fields = {**schema.properties, **{name: field for group in groups for name, field in group["properties"].items()}}
    for name, field in fields.items():
        label = field.get("title") or schema.definitions[field["$ref"].rpartition("/")[2]]["title"]
        assert label[0].isupper(), name
        assert "_" not in label, name
        assert field.get("description"), name


def test_the_server_takes_what_form_and_command_send() -> None:
    form = {"reason": "error_fix", "weeks": ["2025-09-05"], "failed": True, "low_quality": False, "chains": []}
    form |= {"more": {"rerun_blast": True, "below": None}, "settings_file": None, "overrides": None}
    validate(form, FORM.model_dump_for_openapi(), raise_on_error=True)
    command = RepairRequest(reason="error_fix", low_quality=True, below=0.5, chains="8abc_A,8abc B 2025-09-05")
    sent = dict(command.parameters())
    assert sent["more"] == {"below": 0.5}
    validate(sent, FORM.model_dump_for_openapi(), raise_on_error=True)
    request, *_ = asked(**sent)
    assert RepairRequest(**request) == command


def test_the_group_and_the_names_of_its_fields_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(f"base_path: {tmp_path}\n")
    given = {"reason": "error_fix", "failed": True, "settings_file": tmp_path / "settings.yaml"}
    grouped = asked(**given, more={"rerun_blast": True, "rerun_partition": True}, colour="blue")
    alone = asked(**given, rerun_blast=True, colour="blue")
    assert grouped == alone
    assert alone[0] == {"reason": "error_fix", "failed": True, "rerun_blast": True}
    assert alone[1].base_path == tmp_path
    assert alone[2] == "blue"


def test_a_run_with_the_parameters_of_an_earlier_version_is_understood() -> None:
    """As an automation or a schedule has them, and as forms of 0.1 stored them: flat, with null for what was left."""
    flat = {"reason": "error_fix", "weeks": None, "chains": None, "below": None, "failed": True, "rerun_hhsearch": True}
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(asked, parameters=flat, state=Pending())
        request, _, colour = run_flow(asked, flow_run=flow_run)
        assert client.read_flow_run(flow_run.id).name == "repair failed (error_fix)"
    assert request == {"reason": "error_fix", "failed": True, "rerun_hhsearch": True}
    assert colour == "red"


def test_the_run_is_named_by_what_was_asked_for_in_the_group_too() -> None:
    asked_for = {"reason": "error_fix", "weeks": ["2025-09-05"], "more": {"chains_file": "/lists/bad.txt"}}
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(asked, parameters=asked_for, state=Pending())
        run_flow(asked, flow_run=flow_run)
        assert client.read_flow_run(flow_run.id).name == "repair 2025-09-05 bad.txt (error_fix)"


def test_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="batch_name is given twice"):
        asked(reason="error_fix", failed=True, batch_name="ecod_repair_a", more={"batch_name": "ecod_repair_b"})
    with pytest.raises(UsageError, match="not a reason"):
        asked(reason="because", failed=True)
