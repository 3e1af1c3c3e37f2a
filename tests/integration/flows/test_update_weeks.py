"""Weeks through the real flow: simulated mmCIF in, partitions, records and rows out, nothing lost on the way."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from run_weeks import run

from flows.batch.result import WeeksFailedError
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, Status
from pyecod.batch.lock import BatchLock
from pyecod.errors import BrokenInputError
from pyecod.evidence import read_summary
from pyecod.ids import ChainKey, parse_pdb_id
from pyecod.partition.xml import read_partition
from pyecod.pdb import find_entry, load_entry
from pyecod.reference import Reference
from pyecod.search import SearchCache, load_evidence
from pyecod.search.hit import Query
from pyecod.settings import load_settings
from pyecod.simulate import read_truth, read_truth_chains
from pyecod.simulate.scoring import score
from pyecod.store import open_store

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


def _is_in(mirror: Path, pdb_id: str) -> bool:
    try:
        return find_entry(mirror, pdb_id).is_file()
    except BrokenInputError:
        return False


def batches(done: tuple[Path, list[Any]]) -> list[Batch]:
    return [Batch.open(result.path) for result in done[1]]


def test_every_chain_of_the_release_is_recorded_and_eligibility_is_right(small_world: Any, done: Any) -> None:
    recorded = {key: r.can_classify for batch in batches(done) for key, r in batch.manifest.chains.items()}
    expected = {str(c.chain): c.can_classify for c in read_truth_chains(small_world.world.truth_chains)}
    # what the second week made obsolete is gone from truth and mirror, and is not needed for that reason
    assert {key: recorded[key] for key in expected} == expected
    for batch in batches(done):
        added = batch.paths.pdb_entries.read_text().split()
        assert set(batch.manifest.entries) == set(added)
        for entry in batch.manifest.entries.values():
            is_obsolete = entry.failure_reason == f"obsolete since {small_world.world.dates[1]}"
            assert entry.status is (Status.NOT_NEEDED if is_obsolete else Status.COMPLETE)
    first = batches(done)[0]
    assert first.counters().entries_not_needed >= 1
    assert first.header.completed  # nothing is left of the week
    name, identity = first.header.tool_versions["profile_db"].split()  # what profiles were built from
    assert (name, len(identity)) == (Reference.open(small_world.reference).hh_db.name, 12)


def test_partitions_agree_with_the_truth(small_world: Any, done: Any) -> None:
    assigned = {}
    for batch in batches(done):
        for key, record in batch.manifest.chains.items():
            if record.can_classify:
                assert record.partition_status is Status.COMPLETE, record
                assigned[ChainKey.parse(key)] = read_partition(batch.path / record.files["partition"]).partition.domains
    scores = score(assigned, read_truth(small_world.world.truth), findable=True)
    assert scores.overlaps == 0
    assert scores.exact_counts >= 0.9
    assert scores.iou >= 0.9
    assert scores.t_wrong == 0


def test_counts_agree_at_every_boundary(small_world: Any, done: Any) -> None:
    base_path, _ = done
    settings = load_settings(overrides=small_world.overrides(base_path)).absolute()
    reference, cache = Reference.open(small_world.reference), SearchCache(settings.cache_dir)
    checked: Counter[str] = Counter()
    for batch in batches(done):
        for record in batch.manifest.chains.values():
            if not record.can_classify:
                continue
            summary = read_summary(batch.path / record.files["summary"])
            partition = read_partition(batch.path / record.files["partition"]).partition
            query = Query(record.sequence_md5, summary.sequence)
            results = load_evidence(query, reference, cache, settings, with_hhsearch=bool(record.needs_hhsearch))
            assert set(map(str, results)) == set(record.evidence)
            for kind, result in results.items():
                counts = record.evidence[str(kind)]
                assert result.found == summary.found[kind] == partition.counts[kind].found == counts["found"]
                assert len(result.hits) == len(summary.of_type(kind)) == partition.counts[kind].kept == counts["kept"]
                assert partition.counts[kind].accepted == counts["accepted"]
                checked[str(kind)] += counts["kept"]
    assert set(checked) == {"chain_blast", "domain_blast", "hhsearch"}
    assert min(checked.values()) > 0


def test_the_database_has_what_the_batches_have(small_world: Any, done: Any) -> None:
    base_path, results = done
    for result in results:
        assert "loaded" in result.database
        assert "rejected" not in result.database
    domains = sum(r.domain_count or 0 for batch in batches(done) for r in batch.manifest.chains.values())
    chains = sum(len(batch.manifest.chains) for batch in batches(done))
    data_dir = next(base_path.parent.glob("db*"))
    settings = load_settings(overrides={"database": {"data_dir": str(data_dir)}})
    with open_store(settings.database) as store, store.connect() as connection:
        (stored,) = connection.execute("SELECT count(*) FROM pdb_update.chain_status").fetchone()
        (stored_domains,) = connection.execute("SELECT count(*) FROM pdb_update.partition_domain").fetchone()
    assert (stored, stored_domains) == (chains, domains)


def test_the_page_of_the_weeks_and_the_slowest_chains_are_there(done: Any) -> None:
    weeks = (done[0] / "report" / "weeks.html").read_text()
    for batch in batches(done):
        assert f'href="../{batch.name}/report/index.html"' in weeks
        timed = {key: record for key, record in batch.manifest.chains.items() if record.seconds}
        assert timed.keys() == {r.representative for r in batch.manifest.chains.values() if r.can_classify}
        slowest = max(timed.values(), key=lambda record: record.seconds)
        page = (batch.paths.report / "index.html").read_text()
        assert f"{slowest.seconds:,.1f} s</td>" in page.partition("Slowest chains")[2]


def test_identical_chains_share_the_search_and_have_their_own_author_numbering(done: Any) -> None:
    shared = 0
    for batch in batches(done):
        for key, record in batch.manifest.chains.items():
            if not record.can_classify or not record.domain_count:
                continue
            shared += record.representative != key
            assert record.files["summary"].endswith(f"{ChainKey.parse(record.representative).file_stem}.summary.xml")
            tree = etree.parse(batch.path / record.files["partition"])
            entry = load_entry(batch.paths.entries, record.key.entry_id)
            numbering = next(chain.numbering for chain in entry.chains if chain.key == record.key)
            partition = read_partition(batch.path / record.files["partition"]).partition
            for domain, element in zip(partition.domains, tree.iter("domain"), strict=True):
                assert element.get("pdb_range") == numbering.pdb_range(record.key.chain_id, domain.range)
    assert shared > 0


def test_the_summary_says_which_residues_of_its_chain_are_observed(done: Any) -> None:
    gaps = 0
    for batch in batches(done):
        for record in batch.manifest.chains.values():
            if not record.can_classify:
                continue
            summary = read_summary(batch.path / record.files["summary"])
            entry = load_entry(batch.paths.entries, summary.key.entry_id)
            assert summary.observed == next(c for c in entry.chains if c.key == summary.key).observed
            gaps += summary.observed is not None and len(summary.observed) < summary.length
    assert gaps


def test_a_second_run_does_nothing(small_world: Any, done: Any) -> None:
    base_path, _ = done
    before = {path: path.stat().st_mtime_ns for path in base_path.rglob("*.xml")}
    assert run(small_world, base_path) == []
    assert {path: path.stat().st_mtime_ns for path in base_path.rglob("*.xml")} == before


def test_a_broken_entry_fails_alone_and_is_read_once_it_is_mended(small_world: Any, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(small_world.world.mirror, mirror)
    added = (small_world.world.status_dir / f"{small_world.world.dates[1]:%Y%m%d}" / "added.pdb").read_text().split()
    victim = find_entry(mirror, added[0])
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])

    def second_week() -> Batch:
        (result,) = update_weeks(
            start_date=small_world.world.dates[1],
            overrides=small_world.overrides(tmp_path / "b", mirror=str(mirror)),
        )
        return Batch.open(result.path)

    batch = second_week()
    entry = batch.manifest.entries[parse_pdb_id(added[0])]
    assert entry.status is Status.FAILED
    assert victim.name in entry.failure_reason
    assert batch.counters().done == batch.counters().classifiable > 0
    victim.write_bytes(whole)
    mended = second_week()
    assert mended.manifest.entries[parse_pdb_id(added[0])].status is Status.COMPLETE
    assert len(mended.manifest.chains) > len(batch.manifest.chains)
    assert mended.counters().done == mended.counters().classifiable


def test_a_truncated_search_output_is_a_failure_with_its_reason_and_never_novelty(
    small_world: Any, done: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    real = shutil.which("blastp")
    wrapper = programs / "blastp"
    # the real program, its output cut off in the middle as by a full disk or a killed node
    wrapper.write_text(
        "#!/usr/bin/env python3\nimport subprocess, sys\n"
        f"done = subprocess.run([{real!r}, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
        "whole = done.stdout if '-version' in sys.argv else done.stdout[: len(done.stdout) // 2]\n"
        "sys.stdout.buffer.write(whole)\nsys.exit(done.returncode)\n"
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{__import__('os').environ['PATH']}")
    (result,) = update_weeks(
        start_date=small_world.world.dates[0],
        end_date=small_world.world.dates[0],
        overrides=small_world.overrides(tmp_path / "b", run={"retries": 0}, search={"cache_dir": str(tmp_path / "c")}),
    )
    whole, cut = batches(done)[0].manifest.chains, Batch.open(result.path).manifest.chains
    failed = [record for record in cut.values() if record.blast_status is Status.FAILED]
    assert failed
    for record in failed:
        assert "truncated" in record.failure_reason or "complete" in record.failure_reason
        assert record.partition_status is not Status.COMPLETE
    for key, record in cut.items():
        if record.can_classify and record not in failed:  # its part of the output was whole
            assert record.evidence["domain_blast"]["found"] == whole[key].evidence["domain_blast"]["found"]


def test_a_week_that_cannot_run_does_not_stop_the_next(small_world: Any, tmp_path: Path) -> None:
    first, second = (f"ecod_weekly_{day:%Y%m%d}" for day in small_world.world.dates)
    (tmp_path / first).mkdir()
    (tmp_path / first / "journal.jsonl").write_text("marks of a batch whose manifest is gone\n")
    with pytest.raises(WeeksFailedError) as failure:
        run(small_world, tmp_path)
    by_name = {result.name: result for result in failure.value.results}
    assert "manifest is gone" in by_name[first].problem
    assert by_name[second].problem is None
    assert Batch.open(tmp_path / second).counters().left == 0


def test_two_runs_on_one_batch_are_refused_naming_the_holder(small_world: Any, tmp_path: Path) -> None:
    day = small_world.world.dates[0]
    folder = tmp_path / f"ecod_weekly_{day:%Y%m%d}"
    folder.mkdir()
    lock = BatchLock(folder / "batch.lock")
    lock.acquire()
    try:
        with pytest.raises(WeeksFailedError, match=r"pid \d+"):
            update_weeks(start_date=day, end_date=day, overrides=small_world.overrides(tmp_path))
    finally:
        lock.release()


def test_a_changed_reference_under_a_begun_batch_is_refused(small_world: Any, done: Any, tmp_path: Path) -> None:
    from pyecod.reference import build_reference

    world = small_world.world
    other = tmp_path / "other"
    names = tmp_path / "domains.txt"
    with world.domain_list.open() as lines:
        names.write_text("".join(line for number, line in enumerate(lines) if number != 8))
    build_reference(
        other,
        "other",
        domains=[names],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        hh_db=world.hh_db,
    )
    base_path = tmp_path / "b"
    shutil.copytree(done[0], base_path)
    manifest = base_path / f"ecod_weekly_{world.dates[0]:%Y%m%d}" / "batch_manifest.yaml"
    text = manifest.read_text().replace('"partition_status":"complete"', '"partition_status":"pending"', 1)
    manifest.write_text(text)
    with pytest.raises(WeeksFailedError, match=r"reference.*changed|changed.*reference"):
        update_weeks(
            start_date=world.dates[0],
            end_date=world.dates[0],
            overrides=small_world.overrides(base_path, reference=str(other)),
        )


def test_a_database_that_is_away_does_not_stop_the_run(small_world: Any, tmp_path: Path) -> None:
    day = small_world.world.dates[0]
    away = {"mode": "server", "url": f"host={tmp_path} dbname=ecod", "connect_timeout": 1, "retry_delay": 0}
    (result,) = update_weeks(
        start_date=day, end_date=day, overrides=small_world.overrides(tmp_path / "b", database=away)
    )
    assert result.database.startswith("not loaded")
    assert "pyecod sync" in result.database
    assert Batch.open(result.path).counters().left == 0


def test_a_corrupt_summary_or_cache_file_is_searched_or_made_again(small_world: Any, done: Any, tmp_path: Path) -> None:
    base_path = tmp_path / "b"
    shutil.copytree(done[0], base_path)
    cache = tmp_path / "cache"
    shutil.copytree(small_world.reference.parent / "search_cache", cache)
    damaged = 0
    for path in (cache / "results").rglob("*"):
        if path.is_file() and damaged < 3:
            path.write_bytes(path.read_bytes()[:-7])
            damaged += 1
    assert damaged == 3
    manifest = base_path / f"ecod_weekly_{small_world.world.dates[0]:%Y%m%d}" / "batch_manifest.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace('"partition_status":"complete"', '"partition_status":"pending"'))
    (result, *_) = update_weeks(
        start_date=small_world.world.dates[0],
        end_date=small_world.world.dates[0],
        overrides=small_world.overrides(base_path, search={"cache_dir": str(cache)}),
    )
    before, after = Batch.open(done[1][0].path), Batch.open(result.path)
    assert after.counters().done == after.counters().classifiable
    for key, record in before.manifest.chains.items():
        assert after.manifest.chains[key].evidence == record.evidence


def test_gzipped_garbage_in_the_mirror_is_named(small_world: Any, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(small_world.world.mirror, mirror)
    day = small_world.world.dates[0]
    added = (small_world.world.status_dir / f"{day:%Y%m%d}" / "added.pdb").read_text().split()
    added = [pdb_id for pdb_id in added if _is_in(mirror, pdb_id)]
    victims = [find_entry(mirror, pdb_id) for pdb_id in added[:2]]
    victims[0].write_bytes(b"\x00" * 1000)
    victims[1].write_bytes(gzip.compress(b"not a CIF file at all"))
    (result,) = update_weeks(
        start_date=day, end_date=day, overrides=small_world.overrides(tmp_path / "b", mirror=str(mirror))
    )
    failed = {e.pdb_id: e.failure_reason for e in Batch.open(result.path).manifest.entries.values() if e.failure_reason}
    for pdb_id, victim in zip(added[:2], victims, strict=True):
        assert str(victim) in failed[parse_pdb_id(pdb_id)]
