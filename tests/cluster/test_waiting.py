"""Jobs that wait, that SLURM refuses, and what a stranger on the network gets to hear from the workers."""

from __future__ import annotations

import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]

# as a cluster whose QOS allows one submitted job a user
_ONE_JOB = """#!/bin/bash
case "$*" in *--test-only*) exec {sbatch} "$@" ;; esac
exec 9> {lock}
flock 9
if [ -n "$(squeue -h)" ]; then
  echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)" >&2
  exit 1
fi
exec {sbatch} "$@"
"""


def test_where_fewer_jobs_may_be_submitted_than_wanted_those_do_the_work(
    site: Any, cluster_world: Any, undisturbed: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "limited"
    folder.mkdir()
    (folder / "sbatch").write_text(_ONE_JOB.format(sbatch=shutil.which("sbatch"), lock=folder / "lock"))
    (folder / "sbatch").chmod(0o755)
    run = site.update_weeks(cluster_world.world.dates[0], PATH=f"{folder}:{os.environ['PATH']}")
    assert run.wait() == 0, run.say()
    assert site.outputs() == undisturbed
    assert "Traceback" not in run.say()
    said = "".join(path.read_text() for path in (site.batch() / "logs").glob("*.log"))
    assert said.count("SLURM takes no more jobs at the moment: QOSMaxSubmitJobPerUserLimit") == 1


def test_a_wait_that_cannot_end_is_ended_with_the_remedy(site: Any, slurm: Any, cluster_world: Any) -> None:
    changes = {"workers": {"slurm": {"interface": "lo", "check_seconds": 2.0, "partition": "short"}}}
    run = site.update_weeks(cluster_world.world.dates[0], changes=changes)
    assert run.wait() == 3, run.say()
    assert re.search(r"jobs? waits?: Partition(TimeLimit|Config)", run.out.read_text())
    assert "workers.slurm.walltime_hours" in run.out.read_text()
    assert slurm.queue() == []
    doctor = site.start("doctor", "--json", changes=changes)
    assert doctor.wait() == 1, doctor.say()
    (found,) = [f for f in doctor.results()["findings"] if f["check"] == "probe job"]
    assert found["state"] == "problem"
    assert "will never start such a job: Partition" in found["detail"]
    assert "workers.slurm.walltime_hours" in found["remedy"]


def test_nobody_gets_an_answer_from_the_scheduler_or_the_workers(
    site: Any, gate: Any, slurm: Any, wait_until: Any, cluster_world: Any
) -> None:
    run = site.update_weeks(cluster_world.world.dates[0], PATH=gate.path)
    wait_until(lambda: gate.jobs() or run.process.poll() is not None, 300, "a job that searches")
    assert run.process.poll() is None, run.say()
    ours = [psutil.Process(run.process.pid), *map(psutil.Process, slurm.workers())]
    ports = {c.laddr.port for one in ours for c in one.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN}
    assert ports
    answers = {f"{port}{path}": _ask(port, path) for port in ports for path in ("/health", "/metrics", "/status")}
    gate.open()
    run.finish()
    assert {where: code for where, code in answers.items() if code == 200} == {}


def _ask(port: int, path: str) -> int:
    """The code of an answer over plain HTTP, 0 without one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return 0
    except Exception:  # noqa: BLE001 - encrypted ports answer in no language of HTTP
        return 0
