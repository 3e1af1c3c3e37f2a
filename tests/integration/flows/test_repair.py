"""A bad week, repaired: what failed is done again, and what came out worse does not count."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bad_weeks import domains_of, first_week, pdb_ranges, planned, programs, readable, spoil, started

from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, ChainUpdate, DataType, RunHistory, Status
from pyecod.batch.record import Verdict
from pyecod.errors import BrokenInputError, ConfigError, UsageError
from pyecod.ids import ChainKey
from pyecod.pdb import find_entry
from pyecod.reference import Reference, build_reference
from pyecod.repair.plan import begin_repair, plan_repair
from pyecod.repair.request import NamedChain, RepairRequest
from pyecod.search.hit import EvidenceType
from pyecod.settings import load_settings
from pyecod.standing.scan import scan

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


def test_failed_chains_are_repaired_from_the_cache_and_equal_an_undisturbed_week(
    small_world: Any, good_week: Path, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = spoil(first_week(small_world, base_path))
    log = programs(tmp_path, monkeypatch)
    result = repair(reason="error_fix", failed=True, overrides=small_world.overrides(base_path))
    assert sorted(str(outcome.item.key) for outcome in result.outcomes) == victims
    assert result.verdicts == {"better": len(victims)}
    assert result.batch.counters.failed == 0
    assert started(log) == {}
    repaired, good = Batch.open(result.plan.batch_path), first_week(small_world, good_week)
    assert repaired.header.reason == "error_fix"
    assert repaired.header.source_weeks == (small_world.world.dates[0].isoformat(),)
    assert (repaired.header.rerun_blast, repaired.header.rerun_partition) == (False, True)
    for key in victims:
        assert domains_of(repaired, key) == domains_of(good, key)
        ranges = pdb_ranges(repaired, key)
        assert ranges == pdb_ranges(good, key)
        assert ranges or not repaired.manifest.chains[key].domain_count
        assert all(outcome.item.why.startswith("failed at blast: blastp: killed") for outcome in result.outcomes)
    left = scan(base_path, strong_coverage=0.9)
    assert not {str(task.key) for task in left.tasks} & set(victims)
    again = repair(reason="error_fix", failed=True, overrides=small_world.overrides(base_path))
    assert again.batch is None
    assert again.plan.chains == ()


def test_blast_that_is_run_again_is_run_and_only_then(
    small_world: Any, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = shutil.copytree(small_world.reference.parent / "search_cache", tmp_path / "cache")
    overrides = small_world.overrides(base_path, search={"cache_dir": str(cache)})
    chains = [str(r.key) for r in first_week(small_world, base_path).manifest.chains.values() if r.can_classify][:3]
    log = programs(tmp_path, monkeypatch)
    partition_only = repair(reason="algorithm_update", chains=chains, overrides=overrides)
    assert started(log) == {}
    assert partition_only.verdicts == {"same": 3}
    assert partition_only.plan.searches.to_plain() == dict.fromkeys(partition_only.plan.searches.to_plain(), 0)
    blast = repair(reason="error_fix", chains=chains, rerun_blast=True, overrides=overrides)
    assert blast.verdicts == {"same": 3}
    assert blast.plan.searches.blast == blast.plan.sequences
    assert set(started(log)) == {"blastp"}
    both = repair(reason="error_fix", chains=chains, rerun_blast=True, rerun_hhsearch=True, overrides=overrides)
    needing = {r.sequence_md5 for r in Batch.open(both.plan.batch_path).manifest.chains.values() if r.needs_hhsearch}
    assert started(log)["hhsearch"] == started(log)["hhblits"] == len(needing)


def test_a_dry_run_says_exactly_what_is_then_done(small_world: Any, base_path: Path) -> None:
    victims = spoil(first_week(small_world, base_path))
    before = {p: p.stat().st_mtime_ns for p in base_path.rglob("*")}
    plan = repair(reason="error_fix", failed=True, dry_run=True, overrides=small_world.overrides(base_path)).plan
    assert {p: p.stat().st_mtime_ns for p in base_path.rglob("*")} == before
    assert sorted(str(chain.item.key) for chain in plan.chains) == victims
    assert (plan.searches.blast, plan.searches.blast_cached) == (0, 4)
    result = repair(reason="error_fix", failed=True, overrides=small_world.overrides(base_path))
    assert [chain.item for chain in result.plan.chains] == [chain.item for chain in plan.chains]


def test_an_interrupted_repair_counts_for_nothing_and_goes_on_by_the_same_command(
    small_world: Any, base_path: Path
) -> None:
    victims = spoil(first_week(small_world, base_path))
    settings = load_settings(overrides=small_world.overrides(base_path)).absolute()
    begun = begin_repair(plan_repair(RepairRequest(reason="error_fix", failed=True), settings), settings)
    done = {"partition_status": Status.COMPLETE, "partition_quality": "fragmentary", "partition_coverage": 0.1}
    with begun.lock():
        begun.mark([ChainUpdate(ChainKey.parse(victims[0]), done)], repair=True)
    assert victims[0] in planned(small_world, base_path, failed=True)  # nobody has judged that result yet
    with begun.lock():
        begun.mark([ChainUpdate(ChainKey.parse(victims[0]), {"partition_status": Status.PENDING})], repair=True)
    result = repair(reason="error_fix", failed=True, overrides=small_world.overrides(base_path))
    assert (result.plan.resumes, result.plan.batch_path) == (True, begun.path)
    assert result.verdicts == {"better": len(victims)}
    assert not planned(small_world, base_path, failed=True) & set(victims)


def test_a_worse_result_is_kept_as_a_run_and_counts_only_when_accepted(small_world: Any, base_path: Path) -> None:
    batch = first_week(small_world, base_path)
    good = [k for k, r in batch.manifest.chains.items() if r.partition_quality == "good" and r.representative == k]
    strict = {"partition": {"min_confidence": 1.0, "min_reference_coverage": 1.0, "max_evalue": 1e-300}}
    options = {"chains": good[:2], "reason": "user_request"}
    worse = repair(**options, overrides=small_world.overrides(base_path, **strict))
    assert worse.verdicts == {"worse": 2}
    repaired, history = Batch.open(worse.plan.batch_path), RunHistory(worse.plan.batch_path)
    for name in good[:2]:
        key = ChainKey.parse(name)
        assert history.numbers(DataType.PARTITION, key) == [1]
        assert history.current(DataType.PARTITION, key) is None
        assert repaired.manifest.chains[name].repair_status == Verdict.WORSE
    assert not planned(small_world, base_path, low_quality=True) & set(good[:2])  # the good results still stand
    accepted = repair(**options, accept_worse=True, overrides=small_world.overrides(base_path, **strict))
    assert accepted.verdicts == {"worse_accepted": 2}
    assert RunHistory(accepted.plan.batch_path).current(DataType.PARTITION, ChainKey.parse(good[0])).number == 1
    assert planned(small_world, base_path, low_quality=True) >= set(good[:2])


def test_entries_that_could_not_be_read_are_read_by_a_repair(small_world: Any, tmp_path: Path) -> None:
    mirror = Path(shutil.copytree(small_world.world.mirror, tmp_path / "mirror"))
    day = small_world.world.dates[0]
    added = (small_world.world.status_dir / f"{day:%Y%m%d}" / "added.pdb").read_text().split()
    added = [pdb_id for pdb_id in added if readable(mirror, pdb_id)]
    mended, lost = (find_entry(mirror, pdb_id) for pdb_id in added[:2])
    whole = mended.read_bytes()
    mended.write_bytes(whole[:100])
    lost.unlink()
    overrides = small_world.overrides(tmp_path / "b", mirror=str(mirror))
    update_weeks(start_date=day, end_date=day, overrides=overrides)
    mended.write_bytes(whole)
    result = repair(reason="error_fix", failed=True, overrides=overrides)
    batch = Batch.open(result.plan.batch_path)
    assert {key.split("_")[0] for key in batch.manifest.chains} == {added[0].lower()}
    assert {record.source_week for record in batch.manifest.chains.values()} == {day.isoformat()}
    assert set(result.verdicts) <= {"new", "not_classifiable"}
    assert batch.manifest.entries[added[1].lower()].status is Status.FAILED
    assert batch.manifest.entries[added[1].lower()].source_week == day.isoformat()
    assert result.batch.failures == result.batch.counters.entries_failed >= 1


def test_what_cannot_be_asked_is_refused(small_world: Any, base_path: Path, tmp_path: Path) -> None:
    overrides = small_world.overrides(base_path)
    with pytest.raises(UsageError, match="say what to repair"):
        repair(reason="error_fix", overrides=overrides)
    with pytest.raises(UsageError, match="new partition necessary"):
        repair(reason="error_fix", failed=True, rerun_blast=True, rerun_partition=False, overrides=overrides)
    names = tmp_path / "chains.txt"
    names.write_text("# mine\n8s72 A 2025-09-05\n8s72/x\n\n8s72 B C D\n8abc_Aa  # fine\n")
    with pytest.raises(BrokenInputError, match=r"(?s)2 lines.*chains\.txt:3.*chains\.txt:5"):
        repair(reason="error_fix", chains_file=names, overrides=overrides)


def test_a_chain_nobody_knows_is_read_from_the_mirror_or_named(small_world: Any, base_path: Path) -> None:
    second = (small_world.world.status_dir / f"{small_world.world.dates[1]:%Y%m%d}" / "added.pdb").read_text().split()
    settings = load_settings(overrides=small_world.overrides(base_path)).absolute()
    entry = next(pdb_id.lower() for pdb_id in second if readable(small_world.world.mirror, pdb_id))
    plan = plan_repair(
        RepairRequest(
            reason="user_request", chains=(NamedChain(ChainKey(entry, "A")), NamedChain(ChainKey("9zzz", "A")))
        ),
        settings,
    )
    found, lost = plan.chains
    assert [str(found.item.key), str(lost.item.key)] == [f"{entry}_A", "9zzz_A"]
    assert found.item.source is None
    assert lost.record.repair_status == Verdict.FAILED
    assert lost.item.steps == ()


def test_chains_that_are_nowhere_are_recorded_as_asked_for_with_where_they_were_looked_for(
    small_world: Any, base_path: Path
) -> None:
    asked = ["9zzz_A", "9zzz_B 2025-09-05"]
    result = repair(reason="user_request", chains=asked, overrides=small_world.overrides(base_path))
    batch = Batch.open(result.plan.batch_path)
    assert result.verdicts == {"failed": 2}
    assert result.batch.failures == 2
    assert batch.header.request["chains"] == asked
    assert [str(outcome.item.key) for outcome in result.outcomes] == ["9zzz_A", "9zzz_B"]
    for record in batch.manifest.chains.values():
        assert (record.blast_status, record.sequence_length) == (Status.FAILED, 0)
        assert record.failure_reason.startswith(f"nothing to read: no batch under {base_path} has it, and ")
        assert "zz/9zzz.cif.gz" in record.failure_reason
    without = small_world.overrides(base_path, mirror=None)
    plan = repair(reason="user_request", chains=["9yyy_A"], dry_run=True, overrides=without).plan
    assert "neither a mirror" in plan.chains[0].record.failure_reason


def test_an_empty_list_repairs_nothing_and_not_the_whole_week(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "none.txt").write_text("\n# all were mended\n")
    before = sorted(base_path.iterdir())
    asked = {"reason": "error_fix", "weeks": [small_world.world.dates[0]], "chains_file": tmp_path / "none.txt"}
    assert repair(**asked, overrides=small_world.overrides(base_path)).batch is None
    assert sorted(base_path.iterdir()) == before


def test_a_sequence_that_cannot_be_had_is_recorded_with_the_reason_and_an_absent_mirror_is_not(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    batch, mirror = first_week(small_world, base_path), tmp_path / "mirror"
    chain = next(r.key for r in batch.manifest.chains.values() if r.can_classify)
    shutil.rmtree(batch.paths.entries)
    batch.paths.fasta_path(chain).unlink()
    asked = {"reason": "user_request", "chains": [str(chain)]}
    overrides = small_world.overrides(base_path, mirror=str(mirror))
    before = sorted(base_path.iterdir())
    with pytest.raises(ConfigError, match="the mirror is not a folder"):
        repair(**asked, overrides=overrides)
    assert sorted(base_path.iterdir()) == before
    mirror.mkdir()
    (mirror / f"{chain.entry_id}.cif.gz").write_bytes(b"no gzip")
    result = repair(**asked, overrides=overrides)
    record = Batch.open(result.plan.batch_path).manifest.chains[str(chain)]
    assert (record.repair_status, result.verdicts) == (Verdict.FAILED, {"failed": 1})
    assert f"{chain.entry_id}.cif.gz" in record.failure_reason


def test_results_of_a_reference_rebuilt_under_its_name_are_stale(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    assert planned(small_world, base_path, stale=True) == set()
    world, rebuilt = small_world.world, tmp_path / "reference"
    build_reference(rebuilt, "small", domains=[world.domain_list], domain_fasta=[world.domain_fasta], hh_db=world.hh_db)
    without_chains = small_world.overrides(base_path, reference=str(rebuilt), search={"require_chains": False})
    settings = load_settings(overrides=without_chains).absolute()
    plan = plan_repair(RepairRequest(reason="hierarchy_update", stale=True), settings)
    records = first_week(small_world, base_path).manifest.chains.values()
    done = {str(r.key) for r in records if r.can_classify and r.partition_status is Status.COMPLETE}
    assert {str(chain.item.key) for chain in plan.chains} == done != set()
    before, now = Reference.open(small_world.reference).id, Reference.open(rebuilt).id
    assert {chain.item.why for chain in plan.chains} == {f"reference {before}, now {now}"}
    assert any(f"searched against {before} and is read with {now}" in note for note in plan.notes)


def test_earlier_hits_are_all_there_in_the_repair(small_world: Any, base_path: Path) -> None:
    source = first_week(small_world, base_path)
    chains = [k for k, r in source.manifest.chains.items() if r.needs_hhsearch][:2]
    result = repair(reason="user_request", chains=chains, overrides=small_world.overrides(base_path))
    repaired = Batch.open(result.plan.batch_path)
    for name in chains:
        assert repaired.manifest.chains[name].evidence == source.manifest.chains[name].evidence
        assert EvidenceType.HHSEARCH in repaired.manifest.chains[name].evidence
