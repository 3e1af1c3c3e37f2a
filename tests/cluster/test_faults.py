"""Everything a cluster does to a batch, on a real SLURM with real workers: nothing is lost, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, Status
from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5
from pyecod.settings import load_settings
from pyecod.store import open_store

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]

PATIENCE = 300  # seconds for what takes a few on a quiet machine


def running_on(slurm: Any) -> dict[str, str]:
    """Running jobs and the node of each."""
    return {job: node for job, _, state, node in slurm.queue() if state == "RUNNING"}


@pytest.fixture
def week(site: Any, gate: Any, slurm: Any, wait_until: Any, cluster_world: Any) -> Any:
    """Starts the week, and waits until so many jobs are in the middle of a profile search."""

    def start(jobs: int = 1, **more: Any) -> Any:
        run = site.update_weeks(cluster_world.world.dates[0], PATH=gate.path, **more)
        wait_until(lambda: len(gate.jobs()) >= jobs or run.process.poll() is not None, PATIENCE, "jobs that search")
        assert run.process.poll() is None, run.say()
        return run

    return start


def test_jobs_workers_and_nodes_die_and_the_week_is_the_same(
    site: Any, week: Any, gate: Any, slurm: Any, wait_until: Any, undisturbed: Any
) -> None:
    run = week(jobs=3)
    batch = site.batch()
    names = {name for _, name, _, _ in slurm.queue()}
    assert len(names) == 1
    assert batch.name in names.pop()
    secrets = list((batch / ".workers-tls").iterdir())
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert (batch / ".workers-tls").stat().st_mode & 0o777 == 0o700
    on_nodes = running_on(slurm)
    cancelled = sorted(gate.jobs())[0]
    slurm.run("scancel", cancelled)
    wait_until(lambda: slurm.state_of(cancelled) == "CANCELLED", PATIENCE, "the job to be cancelled")
    os.kill(slurm.workers()[0], signal.SIGKILL)
    node = next(node for job, node in on_nodes.items() if job != cancelled)
    slurm.kill_node(node)
    gate.open()
    try:
        run.finish()
    finally:
        slurm.start_node(node)
    assert site.outputs() == undisturbed
    assert slurm.queue() == []
    assert not (batch / ".workers-tls").exists()
    assert "tls://" in next((batch / "logs" / "workers").glob("*.err")).read_text()


def test_jobs_over_their_time_limit_are_replaced(
    site: Any, week: Any, gate: Any, slurm: Any, wait_until: Any, undisturbed: Any
) -> None:
    slurm_settings = {**site.settings["workers"]["slurm"], "directives": ["--time=1"]}
    run = week(changes={"workers": {**site.settings["workers"], "slurm": slurm_settings}})
    (first, *_) = sorted(gate.jobs())
    wait_until(lambda: slurm.state_of(first) == "TIMEOUT", PATIENCE, "the time limit")
    gate.open()
    run.finish()
    assert site.outputs() == undisturbed
    assert slurm.queue() == []


def test_a_killed_flow_leaves_jobs_that_the_next_run_cancels_and_two_flows_exclude_each_other(
    site: Any, week: Any, gate: Any, slurm: Any, wait_until: Any, cluster_world: Any, undisturbed: Any
) -> None:
    day = cluster_world.world.dates[0]
    run = week()
    second = site.update_weeks(day)
    assert second.wait() == 3
    assert f"pid {run.process.pid}" in second.say() + second.out.read_text()
    assert running_on(slurm), "the refused run cancelled the other's jobs"
    run.kill()
    run.wait()
    orphans = {job for job, *_ in slurm.queue()}
    assert orphans
    again = site.update_weeks(day, PATH=gate.path)
    wait_until(lambda: not orphans & {job for job, *_ in slurm.queue()}, PATIENCE, "the orphans to be cancelled")
    gate.open()
    again.finish()
    assert {slurm.state_of(job) for job in orphans} == {"CANCELLED"}
    assert site.outputs() == undisturbed
    assert slurm.queue() == []


def test_jobs_end_by_themselves_when_their_flow_is_killed_and_nobody_resumes_it(
    week: Any, slurm: Any, wait_until: Any
) -> None:
    run = week()
    run.kill()
    run.wait()
    assert slurm.queue()
    wait_until(lambda: not slurm.queue(), PATIENCE, "the jobs to end")
    wait_until(lambda: not slurm.workers(), PATIENCE, "their processes to end")


def test_a_terminated_flow_takes_its_jobs_along(site: Any, week: Any, slurm: Any) -> None:
    run = week()
    run.kill(signal.SIGTERM)
    assert run.wait() != 0
    assert slurm.queue() == []
    assert not (site.batch() / ".workers-tls").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "scratch-n1"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "pyecod-test", folder], capture_output=True)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_node_without_disk_space_gets_no_more_jobs_and_no_copy_of_a_database_stays_anywhere(
    site: Any, week: Any, gate: Any, slurm: Any, wait_until: Any, small_disk: Path, undisturbed: Any
) -> None:
    scratch = small_disk.with_name("scratch-")
    for node in slurm.nodes[1:]:
        Path(f"{scratch}{node}").mkdir()
    own = {"prologue": [f"export TMPDIR={scratch}$SLURMD_NODENAME"], "interface": "lo", "check_seconds": 2.0}
    changes = {
        "workers": {**site.settings["workers"], "slurm": own},
        "scratch": {"stage_gib": 1.0, "max_gib": 0.05},
    }
    run = week(jobs=2, changes=changes)
    assert "n1: 0.0 GiB are free" in run.say()
    assert "no more jobs there" in run.say()
    assert set(running_on(slurm).values()) <= {"n2", "n3"}
    assert list(scratch.parent.glob("scratch-n[23]/pyecod-databases-*/*/complete.json"))
    gate.open()
    assert run.finish()
    assert site.outputs() == undisturbed
    assert slurm.queue() == []
    left = list(scratch.parent.glob("scratch-n*/pyecod-*/*"))
    assert left == []


def test_a_disk_too_small_on_every_node_stops_the_batch_and_blames_no_chain(
    site: Any, slurm: Any, cluster_world: Any
) -> None:
    run = site.update_weeks(
        cluster_world.world.dates[0], changes={"scratch": {"stage_gib": 1.0, "max_gib": 1e9}, "workers": {"count": 1}}
    )
    assert run.wait() == 3, run.say()
    assert "lower scratch.stage_gib" in run.out.read_text()
    assert not Batch.open(site.batch()).counters().failed
    assert slurm.queue() == []


def test_a_poisonous_chain_fails_alone_with_the_reason_and_a_hungry_one_gets_more_memory(
    site: Any, slurm: Any, cluster_world: Any, poisoned: Any
) -> None:
    fasta = site.folder / "chains.fasta"
    records = [r for r in read_fasta(cluster_world.world.chain_fasta) if len(r.sequence) >= 60][:4]
    fasta.write_text("".join(f">{record.id}\n{record.sequence}\n" for record in records))
    poison, hungry = (sequence_md5(record.sequence) for record in records[:2])
    path = poisoned({poison: 1_000_000, hungry: 1500})
    database = {"mode": "embedded", "data_dir": str(site.folder / "db")}
    changes = {"run": {"chunk_size": 4}, "database": database}
    run = site.start("classify", str(fasta), "--json", changes=changes, PATH=path)
    assert run.wait() == 1, run.say()
    chains = {r.sequence_md5: r for r in Batch.open(site.batch()).manifest.chains.values()}
    failed = chains.pop(poison)
    assert failed.blast_status is Status.FAILED
    assert (failed.failed_step, failed.failure_kind) == ("blast", "worker_killed")
    assert "killed its worker 4 times" in failed.failure_reason
    assert "SLURM job" in failed.failure_reason
    assert "signal 9" in failed.failure_reason
    assert {record.partition_status for record in chains.values()} == {Status.COMPLETE}
    assert {record.failure_kind for record in chains.values()} == {None}
    assert "second try" in run.say()
    assert slurm.queue() == []
    with open_store(load_settings(overrides={"database": database}).database) as store, store.connect() as connection:
        told = connection.execute(
            "SELECT j.status, j.message, v.name, v.value FROM pdb_update.job j "
            "LEFT JOIN pdb_update.job_char_value v USING (number) WHERE j.name LIKE 'blast %'"
        ).fetchall()
        steps = connection.execute("SELECT status, message FROM pdb_update.job WHERE name = 'blast'").fetchall()
    killed = {(name, value) for status, _, name, value in told if status == "FAILED"}
    assert any(name == "slurm_job" and value.isdecimal() for name, value in killed)
    assert any(name == "worker_log" and Path(value).is_file() for name, value in killed)
    assert any("killed its worker" in message for status, message, _, _ in told if status == "FAILED")
    # the first try, and the second with more memory, which helps the hungry one
    assert set(steps) == {("FINISHED", "2 of 4 sequences failed"), ("FINISHED", "1 of 2 sequences failed")}


def test_the_prefect_server_is_away_for_a_while(
    site: Any, week: Any, gate: Any, slurm: Any, undisturbed: Any, prefect_server: Any
) -> None:
    run = week()
    prefect_server.stop()
    gate.open()  # what is done now cannot be reported
    time.sleep(20)  # and starting takes as long again
    prefect_server.start()
    run.finish()
    assert site.outputs() == undisturbed
    assert slurm.queue() == []


def test_jobs_that_slurm_refuses_are_said_at_once(site: Any, slurm: Any, cluster_world: Any) -> None:
    slurm_settings = {"interface": "lo", "partition": "nonesuch"}
    workers = {**site.settings["workers"], "slurm": slurm_settings}
    run = site.update_weeks(cluster_world.world.dates[0], changes={"workers": workers})
    assert run.wait() == 3
    assert "invalid partition" in run.out.read_text()
    assert "workers.slurm.partition" in run.out.read_text()
    assert slurm.queue() == []


def test_jobs_that_never_become_workers_stop_the_batch_and_their_last_words_are_told(
    site: Any, slurm: Any, cluster_world: Any
) -> None:
    slurm_settings = {
        "interface": "lo",
        "check_seconds": 1.0,
        "prologue": ["echo module: command not found >&2; exit 1"],
    }
    workers = {**site.settings["workers"], "slurm": slurm_settings}
    run = site.update_weeks(cluster_world.world.dates[0], changes={"workers": workers})
    assert run.wait() == 3, run.say()
    assert "module: command not found" in run.out.read_text()
    assert not Batch.open(site.batch()).counters().failed
    assert slurm.queue() == []


def test_without_a_server_the_workers_could_report_to_nothing_starts(site: Any, slurm: Any, cluster_world: Any) -> None:
    day = cluster_world.world.dates[0]
    unset = site.update_weeks(day, PREFECT_API_URL="")
    nobody = site.update_weeks(day, PREFECT_API_URL="http://127.0.0.1:1/api")
    elsewhere = site.update_weeks(
        day, changes={"workers": {**site.settings["workers"], "slurm": {"interface": None, "host": "192.0.2.1"}}}
    )
    for run, words in ((unset, "is not set"), (nobody, "does not answer"), (elsewhere, "take for themselves")):
        assert run.wait() != 0
        assert words in run.out.read_text() + run.say()
    assert slurm.queue() == []
