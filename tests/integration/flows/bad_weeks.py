"""A good week to spoil, and looks at what a repair made of it; for the tests of repairs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pyecod.batch import Batch, ChainUpdate, Status, weekly_name
from pyecod.cli.main import app
from pyecod.errors import PyecodError
from pyecod.partition.xml import read_partition
from pyecod.pdb import find_entry, read_entry
from pyecod.repair.plan import plan_repair
from pyecod.repair.request import RepairRequest
from pyecod.settings import load_settings


def first_week(small_world: Any, base_path: Path) -> Batch:
    """The batch of the first week."""
    return Batch.open(base_path / weekly_name(small_world.world.dates[0]))


def spoil(batch: Batch, reason: str = "blastp: killed by signal 9", count: int = 4) -> list[str]:
    """Mark the first ``count`` finished sequences' chains as failed, as a bad night would."""
    leads = [r for r in batch.manifest.chains.values() if r.can_classify and r.representative == str(r.key)]
    chosen = {str(lead.key) for lead in leads[:count]}
    victims = [r.key for r in batch.manifest.chains.values() if r.representative in chosen]
    failed = {"blast_status": Status.FAILED, "blast_coverage": None, "needs_hhsearch": None,
              "hhsearch_status": Status.PENDING, "hhsearch_coverage": None, "partition_status": Status.PENDING,
              "failed_step": "blast", "failure_reason": reason, "attempts": 3, "partition_coverage": None,
              "partition_quality": None, "domain_count": None, "partition_outcome": None}  # fmt: skip
    with batch.lock():
        batch.mark([ChainUpdate(key, failed) for key in victims], repair=True)
    return sorted(map(str, victims))


def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real search programs that write down that they were started; the file they write to."""
    folder, log = tmp_path / "bin", tmp_path / "started"
    folder.mkdir()
    for name in ("blastp", "hhblits", "hhsearch"):
        real = shutil.which(name)
        wrapper = folder / name
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *-version*) ;; *-h) ;; *) echo {name} >> {log};; esac\nexec {real} "$@"\n'
        )
        wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


def started(log: Path) -> Counter[str]:
    """How often each program was started."""
    return Counter(log.read_text().split()) if log.exists() else Counter()


def domains_of(batch: Batch, key: str) -> list[tuple[str, str]]:
    """Ranges and groups of a chain's domains."""
    partition = read_partition(batch.path / batch.manifest.chains[key].files["partition"]).partition
    return [(str(domain.range), domain.t_group) for domain in partition.domains]


def pdb_ranges(batch: Batch, key: str) -> Any:
    """Author ranges of a chain's domains."""
    return read_partition(batch.path / batch.manifest.chains[key].files["partition"]).pdb_ranges


def planned(small_world: Any, base_path: Path, **choices: Any) -> set[str]:
    """Chains that a repair of this choice would take."""
    settings = load_settings(overrides=small_world.overrides(base_path)).absolute()
    plan = plan_repair(RepairRequest(reason="user_request", **choices), settings)
    return {str(chain.item.key) for chain in plan.chains}


def command(small_world: Any, base_path: Path, *arguments: str) -> Any:
    """The command as a person gives it, with the settings of the other tests in a file."""
    file = base_path.parent / "settings.yaml"
    file.write_text(yaml.safe_dump(small_world.overrides(base_path)))
    return CliRunner().invoke(app, [*arguments, "--settings", str(file)])


def readable(mirror: Path, pdb_id: str) -> bool:
    """Whether an entry can be read and has a chain A."""
    try:
        entry = read_entry(find_entry(mirror, pdb_id), pdb_id, load_settings().chains)
    except PyecodError:
        return False
    return any(chain.key.chain_id == "A" for chain in entry.chains)
