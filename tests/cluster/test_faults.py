"""Everything a cluster does to a batch, on a real SLURM with real workers: nothing is lost, nothing is left behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, Status
from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]


def running_on(slurm: Any) -> list[str]:
    return [node for _, _, state, node in slurm.queue() if state == "RUNNING"]


def searched(batch: Path) -> int:
    return sum(1 for _ in batch.parents[1].glob("cache/results/??/??/*"))


def test_workers_and_nodes_die_and_the_week_is_the_same(
    site: Any, slurm: Any, wait_until: Any, slowly: str, cluster_world: Any, undisturbed: Any
) -> None:
    run = site.update_weeks(cluster_world.world.dates[0], PATH=slowly)
    wait_until(lambda: len(running_on(slurm)) == 3, 120, "workers")
    batch = site.batch()
    assert {name.partition(".")[0] for _, name, _, _ in slurm.queue()} == {slurm.queue()[0][1]}
    assert batch.name in slurm.queue()[0][1]
    secrets = list((batch / ".workers-tls").iterdir())
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert (batch / ".workers-tls").stat().st_mode & 0o777 == 0o700
    wait_until(lambda: searched(batch) >= 3, 120, "the first searches")
    slurm.run("scancel", slurm.queue()[0][0])
    wait_until(lambda: searched(batch) >= 8, 120, "more searches")
    node = running_on(slurm)[-1]
    slurm.kill_node(node)
    try:
        assert run.wait() in (0, 1), run.say()
    finally:
        slurm.start_node(node)
    assert site.outputs() == undisturbed
    assert slurm.queue() == []
    assert not (batch / ".workers-tls").exists()
    assert "tls://" in next((batch / "logs" / "workers").glob("*.err")).read_text()


def test_a_killed_flow_leaves_jobs_that_the_next_run_cancels_and_two_flows_exclude_each_other(
    site: Any, slurm: Any, wait_until: Any, slowly: str, cluster_world: Any, undisturbed: Any
) -> None:
    day = cluster_world.world.dates[0]
    run = site.update_weeks(day, PATH=slowly)
    wait_until(lambda: running_on(slurm), 120, "workers")
    batch = site.batch()
    wait_until(lambda: searched(batch) >= 3, 120, "the first searches")
    run.process.send_signal(signal.SIGSTOP)  # so that it cannot be done before the second is refused
    second = site.update_weeks(day)
    assert second.wait() == 3
    assert f"pid {run.process.pid}" in second.say() + second.out.read_text()
    assert running_on(slurm), "the refused run cancelled the other's jobs"
    run.kill()
    run.wait()
    orphans = {job for job, *_ in slurm.queue()}
    assert orphans
    again = site.update_weeks(day)
    wait_until(lambda: not orphans & {job for job, *_ in slurm.queue()}, 60, "the orphans to be cancelled")
    assert again.wait() in (0, 1), again.say()
    assert site.outputs() == undisturbed
    assert slurm.queue() == []


def test_a_terminated_flow_takes_its_jobs_along(
    site: Any, slurm: Any, wait_until: Any, slowly: str, cluster_world: Any
) -> None:
    run = site.update_weeks(cluster_world.world.dates[0], PATH=slowly)
    wait_until(lambda: running_on(slurm), 120, "workers")
    batch = site.batch()
    wait_until(lambda: searched(batch) >= 2, 120, "the first searches")
    run.kill(signal.SIGTERM)
    assert run.wait(90) != 0
    assert slurm.queue() == []
    assert not (batch / ".workers-tls").exists()


def test_a_poisonous_chain_fails_alone_with_the_reason_and_a_hungry_one_gets_more_memory(
    site: Any, slurm: Any, cluster_world: Any, poisoned: Any
) -> None:
    fasta = site.folder / "chains.fasta"
    records = [r for r in read_fasta(cluster_world.world.chain_fasta) if len(r.sequence) >= 60][:4]
    fasta.write_text("".join(f">{record.id}\n{record.sequence}\n" for record in records))
    poison, hungry = (sequence_md5(record.sequence) for record in records[:2])
    path = poisoned({poison: 1_000_000, hungry: 1500})
    run = site.start("classify", str(fasta), "--json", changes={"run": {"chunk_size": 4}}, PATH=path)
    assert run.wait() == 1, run.say()
    chains = {r.sequence_md5: r for r in Batch.open(site.batch()).manifest.chains.values()}
    failed = chains.pop(poison)
    assert failed.blast_status is Status.FAILED
    assert failed.failed_step == "blast"
    assert "killed its worker 4 times" in failed.failure_reason
    assert "SLURM job" in failed.failure_reason
    assert "signal 9" in failed.failure_reason
    assert {record.partition_status for record in chains.values()} == {Status.COMPLETE}
    assert "second try" in run.say()
    assert slurm.queue() == []


def test_the_prefect_server_is_away_for_a_while(
    site: Any, slurm: Any, wait_until: Any, slowly: str, cluster_world: Any, undisturbed: Any, prefect_server: Any
) -> None:
    run = site.update_weeks(cluster_world.world.dates[0], PATH=slowly)
    wait_until(lambda: running_on(slurm), 120, "workers")
    batch = site.batch()
    wait_until(lambda: searched(batch) >= 3, 120, "the first searches")
    prefect_server.stop()
    time.sleep(20)  # starting takes as long again
    prefect_server.start()
    assert run.wait() in (0, 1), run.say()
    assert site.outputs() == undisturbed
    assert slurm.queue() == []


def test_jobs_that_slurm_refuses_are_said_at_once(site: Any, slurm: Any, cluster_world: Any) -> None:
    slurm_settings = {"interface": "lo", "partition": "nonesuch"}
    workers = {**site.settings["workers"], "slurm": slurm_settings}
    run = site.update_weeks(cluster_world.world.dates[0], changes={"workers": workers})
    assert run.wait(120) == 3
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
    assert run.wait(120) == 3, run.say()
    assert "module: command not found" in run.out.read_text()
    batch = Batch.open(site.batch())
    assert not batch.counters().failed
    assert slurm.queue() == []
    workers["slurm"] = {"interface": "lo"}


def test_without_a_server_the_workers_could_report_to_nothing_starts(site: Any, slurm: Any, cluster_world: Any) -> None:
    day = cluster_world.world.dates[0]
    unset = site.update_weeks(day, PREFECT_API_URL="")
    nobody = site.update_weeks(day, PREFECT_API_URL="http://127.0.0.1:1/api")
    elsewhere = site.update_weeks(
        day, changes={"workers": {**site.settings["workers"], "slurm": {"interface": None, "host": "192.0.2.1"}}}
    )
    for run, words in ((unset, "is not set"), (nobody, "does not answer"), (elsewhere, "take for themselves")):
        assert run.wait(120) != 0
        assert words in run.out.read_text() + run.say()
    assert slurm.queue() == []
