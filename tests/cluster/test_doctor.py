"""What ``pyecod doctor`` finds of a real SLURM: a probe job looks from where the workers would be."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]


def findings(run: Any) -> dict[str, list[dict[str, str]]]:
    """By check."""
    by_check: dict[str, list[dict[str, str]]] = {}
    for finding in run.results()["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return by_check


def test_a_site_that_works_is_found_to_work(site: Any, slurm: Any) -> None:
    run = site.start("doctor", "--json", changes={"scratch": {"max_gib": 0.001}, "search": {"memory_gib": 0.5}})
    assert run.wait() == 0, run.say() + run.out.read_text()
    found = findings(run)
    assert "main is up, 3 nodes" in found["partition"][0]["detail"]
    assert "ran on" in found["probe job"][0]["detail"]
    assert {one["detail"] for one in found["workers' programs"]} >= {"blastp", "hhblits", "hhsearch"}
    assert len(found["seen by workers"]) == 6
    for check in ("partition", "probe job", "workers' scratch", "seen by workers", "scheduler", "workers' prefect"):
        assert {one["state"] for one in found[check]} == {"ok"}, check
    assert slurm.queue() == []
    assert not list((site.folder / "batches").glob(".doctor*"))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/api"])
def test_each_problem_of_a_site_has_its_remedy(site: Any, slurm: Any, url: str) -> None:
    own = {"interface": None, "host": "127.0.0.2", "prologue": ["export PATH=/nowhere"]}
    run = site.start(
        *("doctor", "--json"),
        changes={
            "workers": {"slurm": own, "memory_gib": 1.0},
            "search": {"profile_db": "/nowhere/uniref"},
            "scratch": {"stage_gib": 1.0, "max_gib": 1e6},
        },
        PREFECT_API_URL=url,
    )
    assert run.wait() == 1, run.say()
    remedies = {
        "worker memory": "raise workers.memory_gib",
        "workers' programs": "workers.slurm.prologue",
        "seen by workers": "file system that all nodes share",
        "workers' scratch": "scratch.stage_gib",
        "workers' prefect": "--host ADDRESS",
    }
    found = findings(run)
    for check, remedy in remedies.items():
        problems = [one for one in found[check] if one["state"] == "problem"]
        assert problems, check
        assert all(remedy in one["remedy"] for one in problems), check
    assert slurm.queue() == []


@pytest.mark.parametrize(
    ("own", "check", "problem", "remedy"),
    [
        ({"partition": "nonesuch"}, "partition", "no partition nonesuch", "one of: main"),
        ({"directives": ["--gres=gpu:9"]}, "slurm", "sbatch failed", "directives"),
        ({"python": "/nowhere/python"}, "probe job", "/nowhere/python", "python"),
    ],
)
def test_a_job_that_cannot_be_is_explained(
    site: Any, slurm: Any, own: dict[str, Any], check: str, problem: str, remedy: str
) -> None:
    run = site.start("doctor", "--json", changes={"workers": {"slurm": {"interface": "lo", **own}}})
    assert run.wait() == 1, run.say()
    (finding,) = findings(run)[check][-1:]
    assert finding["state"] == "problem"
    assert problem in finding["detail"]
    assert remedy in finding["remedy"]
    assert slurm.queue() == []
