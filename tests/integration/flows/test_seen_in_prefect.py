"""What a person sees in Prefect is what happens: names, states, messages and logs, read through the API."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, LogFilter

from flows.batch.result import BatchResult
from flows.update_weeks import update_weeks
from pyecod.batch import Batch
from pyecod.settings import load_settings
from pyecod.store import open_store
from pyecod.store.jobs.tree import job_tree

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

# fails with one sequence in its input
_WRAPPER = """#!/bin/sh
for word in "$@"; do
  case "$before" in -query) query=$word;; esac
  before=$word
done
[ -n "$query" ] && grep -q {poison} "$query" && exit 1
exec {real} "$@"
"""


@pytest.fixture(scope="module")
def bad_week(small_world: Any, prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """A week with one bad sequence: the state of its flow run, the result, and the settings."""
    from test_retry_of_chunks import a_sequence

    folder = tmp_path_factory.mktemp("bad")
    overrides = small_world.overrides(
        folder / "batches",
        search={"cache_dir": str(folder / "cache")},
        run={"retries": 0},
        database={"mode": "embedded", "data_dir": str(folder / "db")},
    )
    day = small_world.world.dates[0]
    wrapper = folder / "bin" / "blastp"
    wrapper.parent.mkdir()
    poison = a_sequence(small_world, load_settings(overrides=overrides))[:60]
    wrapper.write_text(_WRAPPER.format(real=shutil.which("blastp"), poison=poison))
    wrapper.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
        state = update_weeks(start_date=day, end_date=day, overrides=overrides, return_state=True)
    (result,) = state.result()
    return state, result, load_settings(overrides=overrides)


@pytest.fixture(scope="module")
def seen(bad_week: tuple[Any, Any, Any]) -> tuple[Any, list[Any], list[Any]]:
    """The batch's flow run, its task runs and all their log lines, once the server has them."""
    deadline = time.monotonic() + 60
    while True:
        with get_client(sync_client=True) as client:
            of_batch = FlowRunFilter(id={"any_": [bad_week[0].state_details.flow_run_id]})
            (week,) = client.read_flow_runs(flow_run_filter=of_batch)
            (run,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id={"any_": [week.id]}))
            of_run = FlowRunFilter(id={"any_": [run.id]})
            tasks = client.read_task_runs(flow_run_filter=of_run)
            logs = client.read_logs(LogFilter(flow_run_id={"any_": [run.id]}))
        final = all(task.state is not None and task.state.is_final() for task in tasks)
        if final and any(task.name.startswith("load") for task in tasks):
            return run, tasks, logs
        assert time.monotonic() < deadline, "the server has not been told of everything"
        time.sleep(0.5)


def failed_chains(result: BatchResult) -> list[Any]:
    return [chain for chain in Batch.open(result.path).manifest.chains.values() if chain.is_failed]


def test_a_week_with_failed_chains_ends_in_a_state_that_says_so(bad_week: tuple[Any, Any, Any], seen: Any) -> None:
    state, result, _ = bad_week
    failed = failed_chains(result)
    counters = result.counters
    assert 0 < len(failed) == counters.failed < counters.classifiable
    words = f"{len(failed)} of {counters.classifiable} chains failed, first {failed[0].key}: {failed[0].failure_reason}"
    for ended in (state, seen[0].state):
        assert (ended.type, ended.name) == ("COMPLETED", "Completed with failures")
        assert ended.message == f"{result.name}: {words}"
    assert result.failed == words


def test_task_runs_are_named_by_what_is_in_them_and_say_what_they_did(
    bad_week: tuple[Any, Any, Any], seen: Any
) -> None:
    _, tasks, _ = seen
    told = {task.name: (task.state.name, task.state.message) for task in tasks}
    stages = {name.split(" ")[0] for name in told}
    assert stages >= {"read", "blast", "hhsearch", "partition", "load"}
    patterns = (
        r"read entries \w{4} \+18 \(19 entries\)",
        r"(blast|hhsearch|partition) \w+( \+\d+ \(\d+ sequences, [\d.]+( k)? residues\))?",
        r"load ecod_weekly_\d+ into PostgreSQL",
    )
    assert [name for name in told if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []
    (blast,) = [state for name, state in told.items() if name.startswith("blast")]
    assert blast[0] == "Completed with failures"
    assert re.fullmatch(r"19 of 20 sequences searched, \d+ partitioned, \d+ go on to hhsearch", blast[1])
    messages = [state[1] for name, state in told.items() if name.startswith("partition ")]
    partitioned = [re.fullmatch(r"(\d+) of \d+ sequences? partitioned", message) for message in messages]
    assert sum(int(found[1]) for found in partitioned if found) == bad_week[1].counters.sequences - 1
    assert all(not task.tags for task in tasks if not task.name.startswith("load"))


def test_the_log_of_a_task_names_each_failed_chain_with_its_reason(bad_week: tuple[Any, Any, Any], seen: Any) -> None:
    _, tasks, logs = seen
    (blast,) = [task for task in tasks if task.name.startswith("blast")]
    said = [log.message for log in logs if log.task_run_id == blast.id and log.level >= 30]
    for chain in failed_chains(bad_week[1]):
        assert any(str(chain.key) in words.split(": ")[0] and chain.failure_reason in words for words in said)


def test_the_jobs_of_the_database_tell_of_the_partition_too(bad_week: tuple[Any, Any, Any], seen: Any) -> None:
    with open_store(bad_week[2].absolute().database) as store:
        jobs = job_tree(store, batch_name=bad_week[1].name)
    of_partition = [job for job in jobs if re.match(r"partition \w", job["name"])]
    assert {job["name"] for job in of_partition} == {
        task.name for task in seen[1] if task.name.startswith("partition ")
    }
    ids = {str(task.id) for task in seen[1]}
    assert {job["task_run_id"] for job in of_partition} <= ids
    assert {job["status"] for job in of_partition} == {"FINISHED"}
