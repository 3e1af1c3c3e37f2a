"""What a team does with an installation: deploy, run by hand and by schedule, cancel, look, be told, keep secrets."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pyecod.batch import Batch
from pyecod.batch.lock import read_holder

pytestmark = pytest.mark.e2e

# the tests run in the order they stand here, as the days of a new installation


def test_everything_of_prefect_yaml_is_deployed(platform: Any, wait_until: Any) -> None:
    stated = yaml.safe_load((Path(__file__).resolve().parents[2] / "prefect.yaml").read_text())["deployments"]
    deployed = {f"{d['name']}": d for d in platform.api("POST", "/deployments/filter", json={})}
    assert len(platform.api("POST", "/deployments/filter", json={})) == len(stated)
    weekly = platform.deployment("update-weeks/weekly")
    assert {s["slug"]: s["active"] for s in weekly["schedules"]} == {"release": True, "pre-release": False}
    assert weekly["global_concurrency_limit"] is None  # a lease that a restart of the server would break
    assert "after-update" in deployed
    upcoming = wait_until(lambda: platform.runs("update-weeks"), 30, "the first scheduled week")
    assert all(run["state"]["type"] == "SCHEDULED" and run["auto_scheduled"] for run in upcoming)
    starts = [datetime.datetime.fromisoformat(run["expected_start_time"]) for run in upcoming]
    assert {start.strftime("%A") for start in starts} <= {"Wednesday", "Thursday", "Friday"}
    assert {(start.hour, start.utcoffset()) for start in starts} == {(4, datetime.timedelta(0))}


def test_the_api_refuses_who_has_no_password(platform: Any) -> None:
    assert httpx.post(f"{platform.url}/api/flow_runs/filter", json={}).status_code == 401
    wrong = httpx.post(f"{platform.url}/api/flow_runs/filter", json={}, auth=("pyecod", "wrong"))
    assert wrong.status_code == 401
    refused = platform.run("prefect", "deployment", "ls", check=False, PREFECT_API_AUTH_STRING="pyecod:wrong")
    assert refused.returncode != 0


def test_messages_about_alerts_arrive(platform: Any, receiver: Any, tmp_path: Path, wait_until: Any) -> None:
    address = tmp_path / "address"
    address.write_text(receiver.url + "\n")
    assert "created  pyECOD: alert" in platform.run("pyecod", "alerts", "apply", "--to", str(address)).stdout
    assert "updated  pyECOD: alert" in platform.run("pyecod", "alerts", "apply", "--to", str(address)).stdout
    platform.run("pyecod", "alerts", "test")
    wait_until(lambda: any("a test at" in s for s in receiver.subjects()), 60, "the test message")


_ENDLESS = """
import os, time
os.environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = "30"
from prefect import flow, tags
@flow(flow_run_name="a run that dies without a word")
def endless():
    time.sleep(600)
with tags("pyecod"):
    endless()
"""


@pytest.fixture(scope="module")
def dead_run(platform: Any, wait_until: Any) -> str:
    """A run whose process was killed before it could say anything; its automation waits for 45 seconds here."""
    platform.hasten("dead run", 45)
    process = platform.start("endless", "python", "-c", _ENDLESS)

    def heard() -> list[dict[str, Any]]:
        asked = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
        events = platform.api("POST", "/events/filter", json=asked)["events"]
        return [e for e in events if "a run that dies" in e["resource"].get("prefect.resource.name", "")]

    (event, *_) = wait_until(heard, 60, "the first sign of life")
    process.kill()
    return str(event["resource"]["prefect.resource.id"]).rpartition(".")[2]


def test_a_dead_run_is_still_called_running_at_first(platform: Any, dead_run: str) -> None:
    assert platform.run_of(dead_run)["state"]["type"] == "RUNNING"


def test_a_week_asked_for_by_hand_is_processed_and_synced(platform: Any) -> None:
    day = platform.world.world.dates[0]
    command = ("pyecod", "update-weeks", "--start-date", str(day), "--end-date", str(day), "--submit")
    said = platform.run(*command).stdout
    assert "submitted as flow run" in said
    (run,) = [r for r in platform.runs("update-weeks") if r["parameters"].get("start_date")]
    twice = platform.start_run("update-weeks/weekly", start_date=str(day), end_date=str(day))
    ended = [platform.wait(i, "COMPLETED", "FAILED", "CRASHED", "CANCELLED", seconds=150) for i in (run["id"], twice)]
    # whichever the worker took first went on, the other was refused
    assert sorted(r["state"]["type"] for r in ended) == ["CANCELLED", "COMPLETED"], [r["state"] for r in ended]
    (done,) = [r for r in ended if r["state"]["type"] == "COMPLETED"]
    assert done["name"] == f"update-weeks {day}"
    batch = Batch.open(platform.base_path / f"ecod_weekly_{day:%Y%m%d}")
    assert batch.counters().done == batch.counters().classifiable > 0
    (subflow,) = platform.runs("process-batch")
    assert subflow["name"] == batch.name
    assert {batch.name, "weekly", str(day)} <= set(subflow["tags"])


def test_the_completed_week_starts_a_sync(platform: Any, wait_until: Any) -> None:
    (run,) = wait_until(lambda: platform.runs("sync"), 60, "the sync that follows the week")
    assert platform.wait(run["id"], "COMPLETED", "FAILED")["state"]["type"] == "COMPLETED"
    assert run["created_by"]["type"] == "AUTOMATION"


def test_the_ui_shows_speaking_names_and_what_came_of_the_week(platform: Any, browser: Any) -> None:
    day = platform.world.world.dates[0]
    name = f"ecod_weekly_{day:%Y%m%d}"
    browser.open(f"{platform.url}/")
    browser.evaluate("localStorage.setItem('prefect-password', btoa('pyecod:canary-of-the-api'))")
    browser.open(f"{platform.url}/runs")
    text = browser.wait_for(f"update-weeks {day}")
    assert name in text
    browser.open(f"{platform.url}/deployments")
    browser.wait_for("after-update")
    browser.open(f"{platform.url}/deployments/deployment/{platform.deployment('repair/adhoc')['id']}/run")
    browser.wait_for("Poor coverage")
    (subflow,) = platform.runs("process-batch")
    browser.open(f"{platform.url}/runs/flow-run/{subflow['id']}")
    browser.wait_for("hhsearch ")
    for key, words in (
        ("weekly-summary", "chains done, 0 failed"),
        (f"batch-ecod-weekly-{day:%Y%m%d}", "unique sequences"),
    ):
        asked = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
        artifact = platform.api("POST", "/artifacts/filter", json=asked)[0]
        browser.open(f"{platform.url}/artifacts/artifact/{artifact['id']}")
        browser.wait_for(words)
    browser.open(f"{platform.url}/artifacts/key/weekly-summary")
    browser.wait_for(name)


def test_progress_of_each_stage_reaches_the_end(platform: Any) -> None:
    day = platform.world.world.dates[0]
    found = platform.api("POST", "/artifacts/latest/filter", json={"artifacts": {"type": {"any_": ["progress"]}}})
    bars = {a["key"].rpartition("-")[2]: a["data"] for a in found if f"{day:%Y%m%d}" in a["key"]}
    assert bars == dict.fromkeys(("entries", "blast", "hhsearch", "partition", "all"), 100.0)


def test_a_schedule_starts_a_run(platform: Any, wait_until: Any) -> None:
    deployment = platform.deployment("watch/hourly")
    start = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=8)
    schedule = {"interval": 3600, "anchor_date": start.isoformat()}
    (made,) = platform.api(
        "POST", f"/deployments/{deployment['id']}/schedules", json=[{"schedule": schedule, "active": True}]
    )

    def ran() -> Any:
        return [r for r in platform.runs("watch") if r["auto_scheduled"] and r["state"]["type"] == "COMPLETED"]

    assert wait_until(ran, 180, "the scheduled run")
    platform.api("DELETE", f"/deployments/{deployment['id']}/schedules/{made['id']}")


def test_a_cancelled_run_leaves_nothing_behind_and_goes_on_later(platform: Any, receiver: Any, wait_until: Any) -> None:
    day = platform.world.world.dates[1]
    folder = platform.base_path / f"ecod_weekly_{day:%Y%m%d}"
    run_id = platform.start_run("update-weeks/weekly", start_date=str(day), end_date=str(day))

    def searching() -> bool:
        names = {process.name() for process in platform.work_processes(run_id)}
        return bool(names & {"hhblits", "hhsearch"})

    wait_until(searching, 90, "a profile search")
    assert read_holder(folder / "batch.lock") is not None
    platform.run("prefect", "flow-run", "cancel", run_id)
    platform.wait(run_id, "CANCELLED", seconds=60)
    wait_until(lambda: not platform.work_processes(run_id), 30, "the end of all its processes")
    assert read_holder(folder / "batch.lock") is None
    assert Batch.open(folder).counters().left > 0
    dask = {"workers": {"kind": "dask", "count": 2}}  # its workers talk to the server with the password too
    again = platform.start_run("update-weeks/weekly", start_date=str(day), end_date=str(day), overrides=dask)
    done = platform.wait(again, "COMPLETED", "FAILED", seconds=180)
    assert done["state"]["type"] == "COMPLETED", done["state"]
    assert Batch.open(folder).counters().left == 0
    assert not [path for path in (platform.home / "scratch").glob("*") if path.is_dir()]


def test_a_failed_run_is_told_with_its_reason(platform: Any, receiver: Any, wait_until: Any) -> None:
    run_id = platform.start_run("update-weeks/weekly", overrides={"reference": "/nowhere"})
    failed = platform.wait(run_id, "FAILED", seconds=60)
    assert failed["name"].startswith("update-weeks newest on 2")
    assert "/nowhere" in failed["state"]["message"]
    wait_until(lambda: any("Failed" in s for s in receiver.subjects()), 60, "the message about the failed run")
    told = next(m for m in receiver.received if "Failed" in m["subject"])
    assert "/nowhere" in told["body"]
    assert run_id in told["body"]


def test_maintenance_and_sync_run_by_hand(platform: Any) -> None:
    ids = [platform.start_run("maintenance/sunday", dry_run=True), platform.start_run("sync/after-update")]
    for run_id in ids:
        done = platform.wait(run_id, "COMPLETED", "FAILED", "CRASHED", "CANCELLED", seconds=90)
        assert done["state"]["type"] == "COMPLETED", done["state"]


def test_wrong_parameters_are_refused_by_the_form(platform: Any) -> None:
    for deployment, parameters in (
        ("update-weeks/weekly", {"max_batches": 0}),
        ("maintenance/sunday", {"keep_runs": 0}),
        ("repair/adhoc", {"reason": "because"}),
        ("repair/adhoc", {"reason": "error_fix", "failed": True, "more": {"rerun_everything": True}}),
        ("sync/after-update", {"overwrite": "perhaps"}),
    ):
        with pytest.raises(httpx.HTTPStatusError, match=r"409|422"):
            platform.start_run(deployment, **parameters)


def test_the_dead_run_was_found_out_and_told(platform: Any, dead_run: str, receiver: Any, wait_until: Any) -> None:
    assert platform.wait(dead_run, "CRASHED", seconds=180)["state"]["message"].startswith("no sign of life")
    message = wait_until(lambda: receiver.find("Crashed"), 30, "the message about the dead run")
    assert f"{platform.url}/" in message["body"]  # a link that leads somewhere
    live = [r for r in platform.runs("watch") + platform.runs("update-weeks") if r["state"]["type"] == "CRASHED"]
    assert live == []


def test_no_secret_is_anywhere(platform: Any, receiver: Any) -> None:
    secrets = ["canary-of-the-database", "canary-of-the-api", "canary-of-the-webhook"]
    found = []
    theirs = [platform.home / "passwords", platform.home / "etc" / "worker.env"]
    handed_over = list(platform.home.glob("tmp/prefect-workspace-attempt-*/workspace.json"))  # Prefect's, to a live run
    assert all(path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0 for path in handed_over)
    theirs += handed_over
    for path in platform.home.rglob("*"):
        if path.is_file() and path not in theirs:
            data = path.read_bytes()
            found += [f"{secret} in {path.relative_to(platform.home)}" for secret in secrets if secret.encode() in data]
    for secret in secrets:
        found += [f"{secret} in {line}" for line in platform.command_lines.seen if secret in line]
    assert found == []
    everything = [
        platform.api("POST", f"/{kind}/filter", json={})
        for kind in ("flow_runs", "task_runs", "artifacts", "deployments", "block_documents", "logs", "automations")
    ]
    assert not [secret for secret in secrets if secret in json.dumps(everything)]
    assert any("hhsearch" in line for line in platform.command_lines.seen)  # the list was really watched
