"""A bad week, repaired: what failed is done again, what came out worse does not count, what changed is read anew."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, ChainUpdate, DataType, RunHistory, Status, weekly_name
from pyecod.batch.repairs import Verdict
from pyecod.batch.scan import scan
from pyecod.cli.main import app
from pyecod.config import load_settings
from pyecod.errors import BrokenInputError, PyecodError, UsageError
from pyecod.files import sha256_of
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.pdb import find_entry
from pyecod.search.hit import EvidenceType
from pyecod.steps.repair import begin_repair, plan_repair
from pyecod.steps.repair_request import NamedChain, RepairRequest
from pyecod.store import open_store, verify
from pyecod.store.job_tree import job_details, job_tree

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


@pytest.fixture(scope="module")
def week(small_world: Any, prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first week, done well, without a database; tests copy it."""
    base_path = tmp_path_factory.mktemp("good")
    day = small_world.world.dates[0]
    update_weeks(start_date=day, end_date=day, overrides=small_world.overrides(base_path))
    return base_path


@pytest.fixture
def base_path(week: Path, tmp_path: Path) -> Path:
    """A copy of the good week that a test may spoil."""
    return Path(shutil.copytree(week, tmp_path / "batches"))


def first_week(small_world: Any, base_path: Path) -> Batch:
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
    monkeypatch.setenv("PATH", f"{folder}:{__import__('os').environ['PATH']}")
    return log


def started(log: Path) -> Counter[str]:
    return Counter(log.read_text().split()) if log.exists() else Counter()


def domains_of(batch: Batch, key: str) -> list[tuple[str, str]]:
    partition = read_partition(batch.path / batch.manifest.chains[key].files["partition"]).partition
    return [(str(domain.range), domain.t_group) for domain in partition.domains]


def pdb_ranges(batch: Batch, key: str) -> Any:
    return read_partition(batch.path / batch.manifest.chains[key].files["partition"]).pdb_ranges


def planned(small_world: Any, base_path: Path, **choices: Any) -> set[str]:
    settings = load_settings(overrides=small_world.overrides(base_path)).absolute()
    plan = plan_repair(RepairRequest("user_request", **choices), settings)
    return {str(chain.item.key) for chain in plan.chains}


def test_failed_chains_are_repaired_from_the_cache_and_equal_an_undisturbed_week(
    small_world: Any, week: Path, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = spoil(first_week(small_world, base_path))
    log = programs(tmp_path, monkeypatch)
    result = repair(reason="error_fix", failed=True, overrides=small_world.overrides(base_path))
    assert sorted(str(outcome.item.key) for outcome in result.outcomes) == victims
    assert result.verdicts == {"better": len(victims)}
    assert result.batch.counters.failed == 0
    assert started(log) == {}
    repaired, good = Batch.open(result.plan.batch_path), first_week(small_world, week)
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
    begun = begin_repair(plan_repair(RepairRequest("error_fix", failed=True), settings), settings)
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
    added = [pdb_id for pdb_id in added if _readable(mirror, pdb_id)]
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


def test_the_complete_routine_of_a_bad_week(small_world: Any, base_path: Path, tmp_path: Path) -> None:
    database = {"mode": "embedded", "data_dir": str(tmp_path / "db")}
    overrides = small_world.overrides(base_path, database=database)
    victims = spoil(first_week(small_world, base_path))
    from flows.sync import sync

    assert all(not report.problem for report in sync(overrides=overrides))
    settings = load_settings(overrides=overrides).absolute()

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with open_store(settings.database) as store, store.connect() as connection:
            return connection.execute(statement).fetchall()

    assert rows("SELECT count(*) FROM pdb_update.failed_chains") == [(len(victims),)]
    result = repair(reason="error_fix", failed=True, overrides=overrides)
    assert "loaded" in result.batch.database
    assert rows("SELECT count(*) FROM pdb_update.failed_chains") == [(0,)]
    assert rows("SELECT reason, rerun_blast FROM pdb_update.repair_batch") == [("error_fix", False)]
    outcome = rows("SELECT domains_before, domains_after, accepted, is_current FROM pdb_update.repair_outcome")
    assert len(outcome) == len(victims)
    assert {(before, accepted, current) for before, _, accepted, current in outcome} == {(None, True, True)}
    records = Batch.open(result.plan.batch_path).manifest.chains.values()
    assert sum(after for _, after, _, _ in outcome) == sum(record.domain_count for record in records)
    (summary,) = rows("SELECT failed_chains, partitioned_chains, classifiable_chains FROM pdb_update.release_summary")
    assert (summary[0], summary[1]) == (0, summary[2])
    with open_store(settings.database) as store:
        assert verify(store, 1000, seed=1).findings == ()
    _jobs_tell_what_was_done(settings, result)
    _the_trace_of_a_repaired_chain_tells_its_way(victims[0], overrides, tmp_path)


def _jobs_tell_what_was_done(settings: Any, result: Any) -> None:
    with open_store(settings.database) as store:
        (root, *parts) = job_tree(store, batch_name=result.batch.name)
        chunks = [job for job in parts if job["number"].count(".") == 2]
        with_files = (job_details(store, job["number"]) for job in chunks)
        details = next(details for details in with_files if any(file["role"] == "OUT" for file in details.files))
        whole = job_details(store, root["number"])
    assert {job["status"] for job in (root, *parts)} == {"FINISHED"}
    assert (root["name"], root["parent"]) == ("process-batch", None)
    assert root["flow_run_id"]
    assert all(job["task_run_id"] for job in chunks)
    assert {job["name"] for job in parts if job["number"].count(".") == 1} >= {"blast"}
    assert details.values["sequences"] >= 1
    assert details.values["peak_mib"] > 1
    assert {file["role"] for file in details.files} == {"OUT"}
    for file in details.files:
        assert file["sha256"] == sha256_of(Path(file["path"]))
        assert file["size"] == Path(file["path"]).stat().st_size
    assert whole.values["reason"] == "error_fix"
    assert whole.values["failed"] == 0


def _the_trace_of_a_repaired_chain_tells_its_way(chain: str, overrides: Any, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({name: overrides[name] for name in ("base_path", "database")}))
    told = CliRunner().invoke(app, ["trace", chain, "--settings", str(file)])
    assert told.exit_code == 0, told.output
    assert "Failed at blast after 3 attempts: blastp: killed by signal 9" in told.output
    assert "Repaired (error_fix): failed at blast" in told.output
    assert told.output.count("This result stands.") == 1
    plain = orjson.loads(CliRunner().invoke(app, ["trace", chain, "--json", "--settings", str(file)]).stdout)
    before, after = plain["batches"]
    assert (before["stands"], after["stands"]) == (False, True)
    assert after["repair"]["verdict"] == "better"
    assert after["steps"]["partition"]["status"] == "complete"
    assert after["source_file_sha256"]
    assert [run["run"] for run in after["runs"] if run["type"] == "partition"] == [1]
    assert plain["database"]["runs"][-1]["is_current"]
    assert any(job["role"] == "OUT" for job in plain["database"]["jobs"])
    without = CliRunner().invoke(app, ["trace", chain, "--json", "--no-database", "--settings", str(file)])
    assert orjson.loads(without.stdout)["batches"] == plain["batches"]
    checked = CliRunner().invoke(app, ["verify", "--count", "50", "--settings", str(file)])
    assert (checked.exit_code, "all agree" in checked.output) == (0, True), checked.output
    imported = CliRunner().invoke(app, ["import", "ecod_rep", "--create", "--quality", "all", "--settings", str(file)])
    assert imported.exit_code == 0, imported.output
    again = CliRunner().invoke(
        app, ["import", "ecod_rep", "--quality", "all", "--strategy", "check", "--json", "--settings", str(file)]
    )
    assert set(orjson.loads(again.stdout)["actions"]) == {"unchanged"}


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
    entry = next(pdb_id.lower() for pdb_id in second if _readable(small_world.world.mirror, pdb_id))
    plan = plan_repair(
        RepairRequest("user_request", chains=(NamedChain(ChainKey(entry, "A")), NamedChain(ChainKey("9zzz", "A")))),
        settings,
    )
    assert [str(chain.item.key) for chain in plan.chains] == [f"{entry}_A"]
    assert plan.chains[0].item.source is None
    assert [unread.pdb_id for unread in plan.unreadable] == ["9zzz"]


def _readable(mirror: Path, pdb_id: str) -> bool:
    from pyecod.pdb import read_entry

    try:
        entry = read_entry(find_entry(mirror, pdb_id), pdb_id, load_settings().chains)
    except PyecodError:
        return False
    return any(chain.key.chain_id == "A" for chain in entry.chains)


def test_earlier_hits_are_all_there_in_the_repair(small_world: Any, base_path: Path) -> None:
    source = first_week(small_world, base_path)
    chains = [k for k, r in source.manifest.chains.items() if r.needs_hhsearch][:2]
    result = repair(reason="user_request", chains=chains, overrides=small_world.overrides(base_path))
    repaired = Batch.open(result.plan.batch_path)
    for name in chains:
        assert repaired.manifest.chains[name].evidence == source.manifest.chains[name].evidence
        assert EvidenceType.HHSEARCH in repaired.manifest.chains[name].evidence


def command(small_world: Any, base_path: Path, *arguments: str) -> Any:
    """The command as a person gives it, with the settings of the other tests in a file."""
    file = base_path.parent / "settings.yaml"
    file.write_text(yaml.safe_dump(small_world.overrides(base_path)))
    return CliRunner().invoke(app, [*arguments, "--settings", str(file)])


def test_the_command_shows_the_plan_and_then_before_and_after(small_world: Any, base_path: Path) -> None:
    victims = spoil(first_week(small_world, base_path))
    asked = ("repair", "--failed", "--reason", "error_fix")
    plan = orjson.loads(command(small_world, base_path, *asked, "--dry-run", "--json").stdout)
    assert sorted(chain["key"] for chain in plan["chains"]) == victims
    assert plan["searches"]["blast"] == 0
    told = command(small_world, base_path, *asked, "--dry-run")
    assert told.exit_code == 0
    assert "dry run: nothing was changed" in told.stdout
    assert "done with failures" in command(small_world, base_path, "status").stdout
    done = command(small_world, base_path, *asked, "--yes", "--json")
    assert done.exit_code == 0, done.output
    result = orjson.loads(done.stdout)
    assert result["verdicts"] == {"better": len(victims)}
    assert {row["quality_before"] for row in result["outcomes"]} == {"failed"}
    page = (Path(result["batch"]["path"]) / "report" / "index.html").read_text()
    assert "Before and after" in page
    assert all(victim in page for victim in victims)
    assert "done, all failures mended by repairs" in command(small_world, base_path, "status").stdout
    nothing = command(small_world, base_path, "repair", "--weeks", "2020-01-03", "--reason", "user_request")
    assert (nothing.exit_code, "no batch has chains of 2020-01-03" in nothing.stderr) == (0, True)
    wrong = command(small_world, base_path, "repair", "--failed", "--reason", "boredom")
    assert wrong.exception.exit_code == 2


def test_retry_gives_exhausted_chains_new_attempts_in_their_own_batch(small_world: Any, base_path: Path) -> None:
    victims = spoil(first_week(small_world, base_path))
    tasks = base_path.parent / "tasks.json"
    update_weeks(start_date=small_world.world.dates[0], end_date=small_world.world.dates[0],
                 overrides=small_world.overrides(base_path))  # fmt: skip
    assert first_week(small_world, base_path).counters().failed == len(victims)  # tried too often
    assert command(small_world, base_path, "scan", "--only", "failed", "--output", str(tasks)).exit_code == 0
    retried = command(small_world, base_path, "retry", "--tasks", str(tasks), "--yes", "--json")
    assert retried.exit_code == 0, retried.output
    assert first_week(small_world, base_path).counters().failed == 0
