"""The routine of a bad week as a person goes through it: status, repair, sync, verify, trace, retry."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from bad_weeks import command, first_week, spoil
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.sorting import FlowRunSort
from typer.testing import CliRunner

from flows.batch.progress import artifact_key
from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch
from pyecod.cli.main import app
from pyecod.files import sha256_of
from pyecod.settings import load_settings
from pyecod.store import open_store, verify
from pyecod.store.jobs.tree import job_details, job_tree
from pyecod.weeks.plan import plan_weeks

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


def test_the_complete_routine_of_a_bad_week(small_world: Any, base_path: Path, tmp_path: Path) -> None:
    database = {"mode": "embedded", "data_dir": str(tmp_path / "db")}
    overrides = small_world.overrides(base_path, database=database)
    victims = spoil(first_week(small_world, base_path))
    from flows.sync import sync

    assert all(not report.problem for report in sync(overrides=overrides))
    settings = load_settings(overrides=overrides).absolute()

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with open_store(settings.database) as store, store.connect() as connection:
            return connection.execute(statement).fetchall()

    assert rows("SELECT count(*) FROM pdb_update.failed_chains") == [(len(victims),)]
    result = repair(reason="error_fix", failed=True, overrides=overrides)
    assert "loaded" in result.batch.database
    assert rows("SELECT count(*) FROM pdb_update.failed_chains") == [(0,)]
    assert rows("SELECT reason, rerun_blast FROM pdb_update.repair_batch") == [("error_fix", False)]
    outcome = rows("SELECT domains_before, domains_after, accepted, is_current FROM pdb_update.repair_outcome")
    assert len(outcome) == len(victims)
    assert {(before, accepted, current) for before, _, accepted, current in outcome} == {(None, True, True)}
    records = Batch.open(result.plan.batch_path).manifest.chains.values()
    assert sum(after for _, after, _, _ in outcome) == sum(record.domain_count for record in records)
    (summary,) = rows("SELECT failed_chains, partitioned_chains, classifiable_chains FROM pdb_update.release_summary")
    assert (summary[0], summary[1]) == (0, summary[2])
    with open_store(settings.database) as store:
        assert verify(store, 1000, seed=1).findings == ()
    _jobs_tell_what_was_done(settings, result)
    _the_trace_of_a_repaired_chain_tells_its_way(victims[0], overrides, tmp_path)


def _jobs_tell_what_was_done(settings: Any, result: Any) -> None:
    with open_store(settings.database) as store:
        (root, *parts) = job_tree(store, batch_name=result.batch.name)
        chunks = [job for job in parts if job["number"].count(".") == 2]
        with_files = (job_details(store, job["number"]) for job in chunks)
        details = next(details for details in with_files if any(file["role"] == "OUT" for file in details.files))
        whole = job_details(store, root["number"])
    assert {job["status"] for job in (root, *parts)} == {"FINISHED"}
    assert (root["name"], root["parent"]) == ("process-batch", None)
    assert root["flow_run_id"]
    assert all(job["task_run_id"] for job in chunks)
    assert {job["name"] for job in parts if job["number"].count(".") == 1} >= {"blast"}
    assert details.values["sequences"] >= 1
    assert details.values["peak_mib"] > 1
    assert {file["role"] for file in details.files} == {"OUT"}
    for file in details.files:
        assert file["sha256"] == sha256_of(Path(file["path"]))
        assert file["size"] == Path(file["path"]).stat().st_size
    assert whole.values["reason"] == "error_fix"
    assert whole.values["failed"] == 0


def _the_trace_of_a_repaired_chain_tells_its_way(chain: str, overrides: Any, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({name: overrides[name] for name in ("base_path", "database")}))
    told = CliRunner().invoke(app, ["trace", chain, "--settings", str(file)])
    assert told.exit_code == 0, told.output
    assert "Failed at blast after 3 attempts: blastp: killed by signal 9" in told.output
    assert "Repaired (error_fix): failed at blast" in told.output
    assert told.output.count("This result stands.") == 1
    plain = orjson.loads(CliRunner().invoke(app, ["trace", chain, "--json", "--settings", str(file)]).stdout)
    before, after = plain["batches"]
    assert (before["stands"], after["stands"]) == (False, True)
    assert after["repair"]["verdict"] == "better"
    assert after["steps"]["partition"]["status"] == "complete"
    assert after["source_file_sha256"]
    assert [run["run"] for run in after["runs"] if run["type"] == "partition"] == [1]
    assert plain["database"]["runs"][-1]["is_current"]
    assert any(job["role"] == "OUT" for job in plain["database"]["jobs"])
    without = CliRunner().invoke(app, ["trace", chain, "--json", "--no-database", "--settings", str(file)])
    assert orjson.loads(without.stdout)["batches"] == plain["batches"]
    checked = CliRunner().invoke(app, ["verify", "--count", "50", "--settings", str(file)])
    assert (checked.exit_code, "all agree" in checked.output) == (0, True), checked.output
    imported = CliRunner().invoke(app, ["import", "ecod_rep", "--create", "--quality", "all", "--settings", str(file)])
    assert imported.exit_code == 0, imported.output
    again = CliRunner().invoke(
        app, ["import", "ecod_rep", "--quality", "all", "--strategy", "check", "--json", "--settings", str(file)]
    )
    assert set(orjson.loads(again.stdout)["actions"]) == {"unchanged"}


def test_the_command_shows_the_plan_and_then_before_and_after(small_world: Any, base_path: Path) -> None:
    victims = spoil(first_week(small_world, base_path))
    asked = ("repair", "--failed", "--reason", "error_fix")
    plan = orjson.loads(command(small_world, base_path, *asked, "--dry-run", "--json").stdout)
    assert sorted(chain["key"] for chain in plan["chains"]) == victims
    assert plan["searches"]["blast"] == 0
    told = command(small_world, base_path, *asked, "--dry-run")
    assert told.exit_code == 0
    assert "dry run: nothing was changed" in told.stdout
    assert "done with failures" in command(small_world, base_path, "status").stdout
    done = command(small_world, base_path, *asked, "--yes", "--json")
    assert done.exit_code == 0, done.output
    result = orjson.loads(done.stdout)
    assert result["verdicts"] == {"better": len(victims)}
    assert {row["quality_before"] for row in result["outcomes"]} == {"failed"}
    page = (Path(result["batch"]["path"]) / "report" / "index.html").read_text()
    assert "Before and after" in page
    assert all(victim in page for victim in victims)
    assert "done, all failures mended by repairs" in command(small_world, base_path, "status").stdout
    nothing = command(small_world, base_path, "repair", "--weeks", "2020-01-03", "--reason", "user_request")
    assert (nothing.exit_code, "no batch has chains of 2020-01-03" in nothing.stderr) == (0, True)
    wrong = command(small_world, base_path, "repair", "--failed", "--reason", "boredom")
    assert wrong.exception.exit_code == 2


def test_retry_gives_exhausted_chains_new_attempts_in_their_own_batch(small_world: Any, base_path: Path) -> None:
    victims = spoil(first_week(small_world, base_path))
    tasks = base_path.parent / "tasks.json"
    update_weeks(start_date=small_world.world.dates[0], end_date=small_world.world.dates[0],
                 overrides=small_world.overrides(base_path))  # fmt: skip
    assert first_week(small_world, base_path).counters().failed == len(victims)  # tried too often
    assert command(small_world, base_path, "scan", "--only", "failed", "--output", str(tasks)).exit_code == 0
    retried = command(small_world, base_path, "retry", "--tasks", str(tasks), "--yes", "--json")
    assert retried.exit_code == 0, retried.output
    assert first_week(small_world, base_path).counters().failed == 0
    with get_client(sync_client=True) as client:  # by this tag a server's automations find the run
        of_retry = FlowFilter(name=FlowFilterName(any_=["retry"]))
        (run, *_) = client.read_flow_runs(flow_filter=of_retry, sort=FlowRunSort.START_TIME_DESC)
    assert "pyecod" in run.tags


def test_runs_are_tagged_but_no_task_asks_the_server_for_a_slot_of_its_tags(small_world: Any, tmp_path: Path) -> None:
    day = small_world.world.dates[0]
    overrides = small_world.overrides(tmp_path, base_url="https://ecod.example.org/batches/")
    (result,) = update_weeks(start_date=day, end_date=day, overrides=overrides)
    page = f"https://ecod.example.org/batches/{result.name}/report/index.html"
    with get_client(sync_client=True) as client:
        of_page = ArtifactFilter(key=ArtifactFilterKey(any_=[f"report-{artifact_key(result.name)}"]))
        links = [artifact.data for artifact in client.read_artifacts(artifact_filter=of_page)]
        assert [link for link in links if page in str(link)]
        of_batch = FlowRunFilter(tags=FlowRunFilterTags(all_=[result.name]))
        (run, *_) = client.read_flow_runs(flow_run_filter=of_batch, sort=FlowRunSort.START_TIME_DESC)
        deadline = time.monotonic() + 60
        while not (tasks := client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [run.id]}))):
            assert time.monotonic() < deadline, "the server was told of no task run"
            time.sleep(0.5)
    assert {"blast", "hhsearch", "partition"} & {task.name.split()[0] for task in tasks}
    assert [task.name for task in tasks if task.tags and not task.name.startswith("load")] == []


def test_a_week_does_not_try_again_what_a_repair_has_mended(small_world: Any, base_path: Path) -> None:
    more = {"run": {"max_attempts": 9, "retries": 1, "retry_delay": 0}}  # the week itself would go on trying
    overrides = small_world.overrides(base_path, **more)
    batch = first_week(small_world, base_path)
    victims = spoil(batch)
    day = small_world.world.dates[0]
    settings = load_settings(overrides=overrides).absolute()
    (before,) = plan_weeks(settings, day, day)
    assert (before.state, before.chains) == ("resume", len(victims))
    result = repair(reason="error_fix", failed=True, overrides=overrides)
    assert result.batch.counters is not None
    assert result.batch.counters.failed == 0
    (after,) = plan_weeks(settings, day, day)
    assert (after.state, after.chains) == ("done", 0)
    assert f"{len(victims)} mended by repairs" in after.reason
    records = {key: (r.updated_at, r.attempts) for key, r in Batch.open(batch.path).manifest.chains.items()}
    update_weeks(start_date=day, end_date=day, overrides=overrides)
    assert {k: (r.updated_at, r.attempts) for k, r in Batch.open(batch.path).manifest.chains.items()} == records
