"""``make chaos``: one week through SLURM workers, and random moments at which something of it is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from pyecod.batch import Batch
from tasks.ends import WITH_FAILURES

KILLS = int(os.environ.get("CHAOS_KILLS", "0"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
VICTIMS = ("job", "worker", "worker", "node", "flow")

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(4 * 3600),
    pytest.mark.skipif(not KILLS, reason="long: `make chaos` (CHAOS_ENTRIES=300 CHAOS_KILLS=20)"),
]


def test_a_week_is_the_same_whatever_is_killed_and_when(
    site: Any, slurm: Any, wait_until: Any, cluster_world: Any, undisturbed: Any, prefect_server: Any
) -> None:
    rng = random.Random(SEED)
    day = cluster_world.world.dates[0]
    done: Counter[str] = Counter()
    started = time.monotonic()
    run = site.update_weeks(day)
    while done.total() < KILLS:
        time.sleep(rng.uniform(1, 12))
        if run.process.poll() is not None:
            if run.process.returncode in (0, 1) and run.out.stat().st_size:  # it got through: again from the beginning
                site.forget()
            run = site.update_weeks(day)
            continue
        victim = rng.choice(VICTIMS)
        if kill(victim, rng, slurm, run):
            done[victim] += 1
            print(f"{time.monotonic() - started:6.0f} s: killed a {victim}", flush=True)
    if run.process.poll() is not None:
        run = site.update_weeks(day)
    run.finish(3600)
    site.update_weeks(day).finish(3600)  # a failed chain of a killed run has its further chance
    chains = len(Batch.open(site.batch()).manifest.chains)
    minutes = (time.monotonic() - started) / 60
    results = site.outputs()
    different = [name for name in results.keys() | undisturbed.keys() if results.get(name) != undisturbed.get(name)]
    wait_until(lambda: not slurm.queue(), 300, "the queue to be empty")
    print(f"seed {SEED}: {chains} chains, killed {dict(done)} in {len(site.runs)} runs, {minutes:.1f} minutes, "
          f"{len(different)} of {len(results)} files and records different")  # fmt: skip
    print(f"the Prefect server has: {told(prefect_server.environment['PREFECT_API_URL'])}")
    assert different == []


def kill(victim: str, rng: random.Random, slurm: Any, run: Any) -> bool:
    """Kill one of them; False where there is none."""
    jobs = [job for job, _, state, _ in slurm.queue() if state == "RUNNING"]
    workers = slurm.workers()
    if victim == "job" and jobs:
        slurm.run("scancel", rng.choice(jobs))
    elif victim == "worker" and workers:
        with suppress(ProcessLookupError):
            os.kill(rng.choice(workers), signal.SIGKILL)
    elif victim == "node" and jobs:
        node = rng.choice(slurm.nodes)
        slurm.kill_node(node)
        time.sleep(rng.uniform(0, 15))
        slurm.start_node(node)
    elif victim == "flow":
        run.kill()
        run.wait()
    else:
        return False
    return True


def told(api: str) -> dict[str, dict[str, int]]:
    """How many flow and task runs of each state the server knows."""
    counts = {}
    states = ("Completed", WITH_FAILURES, "Failed", "Crashed", "Running", "Pending")
    for kind in ("flow_runs", "task_runs"):
        counts[kind] = {state: count(f"{api}/{kind}/count", {kind: {"state": {"name": {"any_": [state]}}}})
                        for state in states}  # fmt: skip
    return counts


def count(url: str, question: dict[str, Any]) -> int:
    """The server's answer."""
    ask = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(ask, timeout=60) as answer:
        return int(answer.read())
