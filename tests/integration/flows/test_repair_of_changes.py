"""What the PDB changed is read anew, what it withdrew is left, and what the older tools left is used."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from bad_weeks import domains_of, first_week, programs, started

from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, Status
from pyecod.batch.record import Verdict
from pyecod.partition.xml import read_partition
from pyecod.pdb import find_entry

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


def test_an_entry_made_obsolete_later_keeps_neither_week_nor_repair_open(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    days = small_world.world.dates
    gone = next(e.pdb_id for e in first_week(small_world, base_path).manifest.entries.values() if not e.chain_count)
    status = Path(shutil.copytree(small_world.world.status_dir, tmp_path / "status"))
    lists = status / f"{days[1]:%Y%m%d}" / "obsolete.pdb"
    told = lists.read_text()
    lists.write_text("")
    overrides = small_world.overrides(tmp_path / "b", status_dir=str(status), run={"until": "entries"})
    update_weeks(start_date=days[0], end_date=days[0], overrides=overrides)
    assert first_week(small_world, tmp_path / "b").manifest.entries[gone].status is Status.FAILED  # nobody knew
    lists.write_text(told)
    plan = repair(reason="error_fix", failed=True, dry_run=True, overrides=overrides).plan
    assert "settles it" in plan.left[gone]
    assert plan.unreadable == ()
    update_weeks(start_date=days[0], end_date=days[0], overrides=overrides)
    entry = first_week(small_world, tmp_path / "b").manifest.entries[gone]
    assert (entry.status, entry.failure_reason) == (Status.NOT_NEEDED, f"obsolete since {days[1]}")
    assert gone not in repair(reason="error_fix", failed=True, dry_run=True, overrides=overrides).plan.left


def test_modified_entries_are_read_again_and_only_changed_sequences_are_done(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    day = small_world.world.dates[0]
    batch = first_week(small_world, base_path)
    mirror = Path(shutil.copytree(small_world.world.mirror, tmp_path / "mirror"))
    status = tmp_path / "status" / f"{day:%Y%m%d}"
    status.mkdir(parents=True)
    by_entry: dict[str, list[str]] = {}
    for name, record in batch.manifest.chains.items():
        if record.can_classify and record.sequence_length > 60:
            by_entry.setdefault(record.key.entry_id, []).append(name)
    changed, touched, gone = list(by_entry)[:3]
    donor = list(by_entry)[3]
    # another entry's coordinates under this id: other sequences, chains that come and go
    text = gzip.decompress(find_entry(mirror, donor).read_bytes()).decode()
    for name in (donor, donor.upper()):
        text = text.replace(name, changed)
    find_entry(mirror, changed).write_bytes(gzip.compress(text.encode()))
    find_entry(mirror, touched).write_bytes(
        gzip.compress(gzip.decompress(find_entry(mirror, touched).read_bytes()) + b"# \n")
    )
    (status / "added.pdb").write_text("")
    (status / "modified.pdb").write_text(f"{changed}\n{touched}\n9zzz\n")
    (status / "obsolete.pdb").write_text(f"{gone}\n")
    overrides = small_world.overrides(base_path, mirror=str(mirror), status_dir=str(status.parent))
    result = repair(reason="pdb_modifications", modified=True, obsolete=True, overrides=overrides)
    done = Batch.open(result.plan.batch_path)
    assert touched in result.plan.left
    assert {key.split("_")[0] for key in done.manifest.chains} == {changed, gone}
    for name, record in done.manifest.chains.items():
        if record.key.entry_id == gone:
            assert (record.can_classify, record.cannot_classify_reason) == (False, "obsolete")
        elif record.can_classify:
            old = batch.manifest.chains.get(name)
            assert old is None or old.sequence_md5 != record.sequence_md5
            assert record.repair_status == Verdict.NEW
            assert record.partition_status is Status.COMPLETE
    again = repair(reason="pdb_modifications", modified=True, obsolete=True, overrides=overrides)
    assert again.batch is None


def test_batches_of_the_older_tools_are_partitioned_again_from_their_search_outputs(
    small_world: Any, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch as those tools leave it: nested manifest, BLAST XML and HHR files, no entries, no cache."""
    import subprocess

    from pyecod.fasta import read_fasta
    from pyecod.reference import Reference

    source = first_week(small_world, base_path)
    reference = Reference.open(small_world.reference)
    names = [k for k, r in source.manifest.chains.items() if r.can_classify and r.representative == k][:3]
    old = tmp_path / "old" / source.path.name
    for folder in ("blast", "hhsearch", "fastas", "partitions"):
        (old / folder).mkdir(parents=True)
    chains = {}
    for name in names:
        record = source.manifest.chains[name]
        fasta = old / "fastas" / f"{name}.fa"
        shutil.copy(source.paths.fasta_path(record.key), fasta)
        for kind, db in (("domain_blast", reference.domain_db), ("chain_blast", reference.chain_db)):
            subprocess.run(
                ["blastp", "-query", fasta, "-db", db, "-outfmt", "5", "-evalue", "0.002", "-out",
                 old / "blast" / f"{name}.{kind}.xml"], check=True,
            )  # fmt: skip
        if record.needs_hhsearch:
            a3m = tmp_path / "q.a3m"
            subprocess.run(
                ["hhblits", "-i", fasta, "-d", reference.hh_db, "-oa3m", a3m, "-o", "/dev/null", "-n", "2"],
                check=True,
                capture_output=True,
            )
            subprocess.run(
                ["hhsearch", "-i", a3m, "-d", reference.hh_db, "-o", old / "hhsearch" / f"{name}.hhr"],
                check=True,
                capture_output=True,
            )
        chains[name] = {
            "pdb_id": record.key.entry_id, "chain_id": record.key.chain_id,
            "sequence": next(read_fasta(fasta)).sequence, "can_classify": True,
            "blast_status": "complete", "blast_coverage": record.blast_coverage,
            "needs_hhsearch": record.needs_hhsearch,
            "hhsearch_status": "complete" if record.needs_hhsearch else "not_needed",
            "partition_status": "complete", "partition_coverage": 0.1, "domain_count": 1,
            "partition_quality": "fragmentary",
        }  # fmt: skip
    info = {
        "batch_name": old.name,
        "batch_type": "weekly",
        "created": "2025-01-03T10:00:00",
        "release_date": source.header.release_date,
        "reference_version": "small",
    }
    (old / "batch_manifest.yaml").write_text(
        yaml.safe_dump({"batch_info": info, "processing_status": {}, "chains": chains})
    )
    log = programs(tmp_path, monkeypatch)
    overrides = small_world.overrides(old.parent, search={"cache_dir": str(tmp_path / "empty")})
    result = repair(reason="algorithm_update", low_quality=True, rerun_partition=True, overrides=overrides)
    assert started(log) == {}
    assert result.verdicts == {"better": len(names)}
    repaired = Batch.open(result.plan.batch_path)
    for name in names:
        assert domains_of(repaired, name) == domains_of(source, name)
        assert repaired.manifest.chains[name].files["domain_blast"].startswith("../ecod_weekly_")
        assert read_partition(repaired.path / repaired.manifest.chains[name].files["partition"]).pdb_ranges  # mirror
    truncated = old / "blast" / f"{names[0]}.domain_blast.xml"
    truncated.write_bytes(truncated.read_bytes()[:-200])
    failed = repair(reason="error_fix", chains=names[:1], weeks=None, batch_name="ecod_repair_x", overrides=overrides)
    assert failed.verdicts  # the accepted repair is what stands now; its own summary is the evidence
