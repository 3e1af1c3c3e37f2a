"""Hits that are left out count for nothing at any stage, and are counted; the search cache keeps all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from pyecod.batch import Batch
from pyecod.fasta import read_fasta
from pyecod.partition import read_partition
from pyecod.reference import Reference

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


@pytest.fixture
def known(small_world: Any, tmp_path: Path) -> Path:
    """Chains of the reference itself, some of each entry."""
    fasta = tmp_path / "known.fasta"
    records = list(read_fasta(small_world.world.chain_fasta))[:8]
    fasta.write_text("".join(f">{record.id}\n{record.sequence}\n" for record in records))
    return fasta


def partitions(batch: Batch) -> dict[str, Any]:
    found = {}
    for key, record in batch.manifest.chains.items():
        found[str(key)] = read_partition(batch.path / record.files["partition"]).partition
    return found


def test_a_chain_of_the_reference_is_classified_without_its_own_entry(
    small_world: Any, known: Path, tmp_path: Path
) -> None:
    overrides = small_world.overrides(tmp_path / "batches", search={"cache_dir": str(tmp_path / "cache")})
    classify(fasta=known, batch_name="plain", overrides=overrides)
    classify(fasta=known, batch_name="masked", overrides=overrides | {"mask": {"exclude_self": True}})
    plain, masked = (Batch.open(tmp_path / "batches" / name) for name in ("plain", "masked"))
    reference = Reference.open(small_world.reference)
    seen = 0
    for key, partition in partitions(masked).items():
        own = set(reference.entry_rows(key.split("_")[0]).tolist())
        assert own, key
        assert not {int(reference.rows([d.ecod_domain])[0]) for d in partition.domains} & own
        assert partition.parameters["mask_exclude_self"] is True
        for kind, count in partition.counts.items():
            assert count.kept == count.accepted + sum(count.rejected.values()), kind
        seen += sum(count.rejected.get("masked", 0) for count in partition.counts.values())
    assert seen >= len(partitions(masked))  # at least itself, in chain or domain BLAST
    for key, partition in partitions(plain).items():
        own = set(reference.entry_rows(key.split("_")[0]).tolist())
        assert {int(reference.rows([d.ecod_domain])[0]) for d in partition.domains} & own, key
        assert "masked" not in str(partition.counts)
        assert not any(name.startswith("mask") for name in partition.parameters)
    covered = {str(k): r.blast_coverage for k, r in plain.manifest.chains.items()}
    assert all(r.blast_coverage <= covered[str(k)] for k, r in masked.manifest.chains.items())
    assert sum(r.needs_hhsearch for r in masked.manifest.chains.values()) >= sum(
        r.needs_hhsearch for r in plain.manifest.chains.values()
    )


def test_the_cache_answers_whatever_is_left_out(
    small_world: Any, known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = {"cache_dir": str(tmp_path / "cache"), "hhsearch_below": 0}
    overrides = small_world.overrides(tmp_path / "batches", search=search)
    classify(fasta=known, batch_name="plain", overrides=overrides)
    groups = tmp_path / "groups"
    reference = Reference.open(small_world.reference)
    groups.write_text("\n".join(reference.groups.ids["x"]))
    (tmp_path / "bin").mkdir()
    program = shutil.which("blastp")
    (tmp_path / "bin" / "blastp").write_text(f'#!/bin/sh\ntest "$1" = -version && exec {program} -version\nexit 1\n')
    (tmp_path / "bin" / "blastp").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    left_out = {"mask": {"exclude_groups": str(groups)}}
    classify(fasta=known, batch_name="nothing", overrides=overrides | left_out)
    nothing = Batch.open(tmp_path / "batches" / "nothing")
    assert nothing.counters().failed == 0
    assert all(partition.domains == () for partition in partitions(nothing).values())
    assert all(record.blast_coverage == 0 for record in nothing.manifest.chains.values())
