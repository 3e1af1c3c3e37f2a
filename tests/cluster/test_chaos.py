"""``make chaos``: one week, and twenty random moments at which something of it is killed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import Any

import pytest

KILLS = int(os.environ.get("CHAOS_KILLS", "0"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not KILLS, reason="long: `make chaos` (CHAOS_KILLS=20)"),
]


def test_a_week_is_the_same_whatever_is_killed_and_when(
    site: Any, slurm: Any, wait_until: Any, cluster_world: Any, undisturbed: Any
) -> None:
    rng = random.Random(SEED)
    day = cluster_world.world.dates[0]
    done: Counter[str] = Counter()
    run = site.update_weeks(day)
    while done.total() < KILLS:
        time.sleep(rng.uniform(1, 12))
        if run.process.poll() is not None:
            if run.process.returncode in (0, 1) and done["flow"]:  # it got through: once more from the beginning
                site.forget()
            run = site.update_weeks(day)
            continue
        victim = rng.choice(("job", "job", "node", "flow"))
        jobs = [job for job, _, state, _ in slurm.queue() if state == "RUNNING"]
        if victim == "job" and jobs:
            slurm.run("scancel", rng.choice(jobs))
        elif victim == "node" and jobs:
            node = rng.choice(slurm.nodes)
            slurm.kill_node(node)
            time.sleep(rng.uniform(0, 15))
            slurm.start_node(node)
        elif victim == "flow":
            run.kill()
            run.wait()
        else:
            continue
        done[victim] += 1
    print(f"seed {SEED}: killed {dict(done)} in {len(site.runs)} runs")
    if run.process.poll() is not None:
        run = site.update_weeks(day)
    assert run.wait(900) in (0, 1), run.say()
    final = site.update_weeks(day)  # a failed chain of a killed run has its further chance
    assert final.wait(900) in (0, 1), final.say()
    assert site.outputs() == undisturbed
    wait_until(lambda: not slurm.queue(), 60, "the queue to be empty")
