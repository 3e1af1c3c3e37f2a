import errno
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pyecod.errors import FailureKind, MissingProgramError, MissingResultError, NodeDiskError, ReferenceDataError
from pyecod.node.scratch import this_node
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference
from pyecod.search import (
    EvidenceType,
    Query,
    SearchCache,
    load_evidence,
    query_coverage,
    read_blast_xml,
    search_blast,
    search_key,
)
from pyecod.settings import Settings

from .conftest import Stand

pytestmark = pytest.mark.integration
DOMAIN, CHAIN = EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST


@dataclass(frozen=True)
class Databases:
    """A reference with one thing changed."""

    domain_db: Path
    domain_db_id: str
    chain_db: Path | None = None
    chain_db_id: str | None = None
    hh_db: Path | None = None
    hh_db_id: str | None = None


@pytest.fixture
def domains_only(reference: Reference) -> Databases:
    return Databases(reference.domain_db, reference.domain_db_id)


@pytest.fixture
def some(chains: dict[str, Query]) -> list[Query]:
    """Twelve real chains of all lengths."""
    return sorted(chains.values(), key=lambda query: query.length)[::8][:12]


def blastp_alone(query: Query, database: Path, kind: EvidenceType, folder: Path) -> tuple[object, ...]:
    """Hits of one blastp process for one chain, as the systems before this one ran it."""
    fasta, output = folder / "one.fa", folder / "one.xml"
    fasta.write_text(f">{query.md5}\n{query.sequence}\n")
    options = ["-outfmt", "5", "-evalue", "0.002", "-max_target_seqs", "5000", "-num_threads", "1"]
    subprocess.run(["blastp", "-query", fasta, "-db", f'"{database}"', "-out", output, *options], check=True)
    return read_blast_xml(output, kind)[0].hits


def test_many_at_once_find_what_one_process_per_chain_finds(
    reference: Reference, some: list[Query], cache: SearchCache, settings: Settings, tmp_path: Path
) -> None:
    outcomes = search_blast(some, reference, cache, settings)
    assert [outcome.error for outcome in outcomes] == [None] * len(some)
    assert sum(outcome.found[DOMAIN] for outcome in outcomes) > 20
    for query, outcome in zip(some, outcomes, strict=True):
        evidence = load_evidence(query, reference, cache, settings, with_hhsearch=False)
        assert evidence[DOMAIN].hits == blastp_alone(query, reference.domain_db, DOMAIN, tmp_path)
        assert evidence[CHAIN].hits == blastp_alone(query, reference.chain_db, CHAIN, tmp_path)  # type: ignore[arg-type]
        assert outcome.kept == {kind: len(result.hits) for kind, result in evidence.items()}
        assert outcome.coverage == query_coverage(evidence[DOMAIN].hits, query.length)
        assert outcome.needs_hhsearch is (outcome.coverage < 0.9)


def test_threads_change_no_hit(
    domains_only: Databases, some: list[Query], tmp_path: Path, settings_with: Callable[..., Settings]
) -> None:
    results = []
    for cores in (1, 2):
        cache, settings = SearchCache(tmp_path / f"cache{cores}"), settings_with(program_cores=cores)
        search_blast(some, domains_only, cache, settings)
        results.append(
            [load_evidence(q, domains_only, cache, settings, with_hhsearch=False)[DOMAIN].hits for q in some]
        )
    assert results[0] == results[1]


def test_the_second_time_no_program_is_started(
    reference: Reference, some: list[Query], cache: SearchCache, settings: Settings, stand: Stand
) -> None:
    stand.put("blastp")
    first = search_blast(some, reference, cache, settings)
    assert stand.starts("blastp") == 2
    second = search_blast(some, reference, cache, settings)
    assert stand.starts("blastp") == 2
    assert all(outcome.cached == (DOMAIN, CHAIN) and outcome.seconds == 0 for outcome in second)
    assert [replace(o, cached=(), seconds=0.0) for o in second] == [replace(o, seconds=0.0) for o in first]


def test_only_what_is_missing_is_searched_and_equal_sequences_once(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings: Settings, stand: Stand
) -> None:
    stand.put("blastp", 'grep -c ">" "$QUERY" >> "$0.counts"; exec "$REAL" "$@"')
    search_blast(some[:3], domains_only, cache, settings)
    outcomes = search_blast([*some[:5], some[4], some[0]], domains_only, cache, settings)
    assert (stand.folder / "blastp.counts").read_text().split() == ["3", "2"]
    assert [outcome.md5 for outcome in outcomes] == [query.md5 for query in (*some[:5], some[4], some[0])]
    assert [bool(outcome.cached) for outcome in outcomes] == [True, True, True, False, False, False, True]


def test_a_near_identical_hit_of_a_long_chain_keeps_its_evalue_of_zero(
    reference: Reference, ecoli: dict[str, Query], cache: SearchCache, settings: Settings
) -> None:
    query = max(ecoli.values(), key=lambda query: query.length)
    (outcome,) = search_blast([query], reference, cache, settings)
    best = load_evidence(query, reference, cache, settings, with_hhsearch=False)[CHAIN].hits[0]
    assert best.evalue == 0.0
    assert best.hsps[0].identity == 1.0
    assert (best.query_range.start, best.query_range.end) == (1, query.length)
    assert outcome.error is None


def test_sequences_blast_finds_nothing_for_are_not_errors(
    reference: Reference, cache: SearchCache, settings: Settings
) -> None:
    odd = ["X" * 40, "A" * 60, "MUOJBZKLVINGKTLKGETTTEAVDAATAEK", "W"]
    queries = [Query(sequence_md5(sequence), sequence) for sequence in odd]
    for outcome in search_blast(queries, reference, cache, settings):
        assert (outcome.error, outcome.found, outcome.coverage) == (None, {DOMAIN: 0, CHAIN: 0}, 0.0)
        assert outcome.needs_hhsearch is True


POISON = "WWWWWWWWWWCCCCCCCCCCWWWWWWWWWWMMMMMMMMMM"


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [
        ("kill -SEGV $$", "SIGSEGV"),
        ("kill -KILL $$", "memory"),
        ("echo 'Error: bad query' >&2; exit 1", "bad query"),
        ("exit 0", "empty"),
        ('"$REAL" "$@" | head -c 700; exit 0', "truncated"),
        ('"$REAL" "$@" | sed s/BlastOutput/Blast/g; exit 0', "not BLAST XML"),
    ],
)
def test_one_bad_sequence_fails_alone_with_its_reason(
    domains_only: Databases,
    some: list[Query],
    cache: SearchCache,
    settings: Settings,
    stand: Stand,
    misbehaviour: str,
    reason: str,
) -> None:
    stand.put("blastp", f'if grep -q {POISON} "$QUERY"; then {misbehaviour}; fi; exec "$REAL" "$@"')
    poison = Query(sequence_md5(POISON), POISON)
    outcomes = search_blast([*some[:6], poison, *some[6:]], domains_only, cache, settings)
    assert [outcome.error is None for outcome in outcomes] == [True] * 6 + [False] + [True] * 6
    assert reason in str(outcomes[6].error)
    assert str(outcomes[6].error).startswith("domain_blast: ")
    assert stand.starts("blastp") <= 10
    assert cache.usage()["results"].files == 12
    assert search_blast([poison], domains_only, cache, settings)[0].error is not None


def test_a_sequence_that_takes_for_ever_is_given_up_and_the_others_are_not(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings_with: Callable[..., Settings], stand: Stand
) -> None:
    stand.put("blastp", f'if grep -q {POISON} "$QUERY"; then sleep 60; fi; exec "$REAL" "$@"')
    settings = settings_with(blast_timeout=6)
    started = time.monotonic()
    poison = Query(sequence_md5(POISON), POISON)
    outcomes = search_blast([*some[:3], poison], domains_only, cache, settings)
    assert [outcome.error is None for outcome in outcomes] == [True, True, True, False]
    assert "time limit" in str(outcomes[3].error)
    assert outcomes[3].error_kind is FailureKind.OUT_OF_TIME
    assert time.monotonic() - started < 20


def test_when_everything_hangs_the_search_ends_within_twice_its_limit(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings_with: Callable[..., Settings], stand: Stand
) -> None:
    stand.put("blastp", "sleep 60")
    started = time.monotonic()
    outcomes = search_blast(some, domains_only, cache, settings_with(blast_timeout=1))
    assert time.monotonic() - started < 6
    assert all("time" in str(outcome.error) for outcome in outcomes)


def test_results_that_came_out_whole_before_a_crash_are_kept(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings: Settings, stand: Stand
) -> None:
    """Output is cut once, in the middle of the last query: only this one is searched again."""
    cut_once = 'if [ ! -e "$0.once" ]; then touch "$0.once"; "$REAL" "$@" | head -n -60; exit 3; fi'
    stand.put("blastp", f'{cut_once}; grep -c ">" "$QUERY" > "$0.again"; exec "$REAL" "$@"')
    outcomes = search_blast(some, domains_only, cache, settings)
    assert [outcome.error for outcome in outcomes] == [None] * len(some)
    assert 1 <= int((stand.folder / "blastp.again").read_text()) < len(some)


def test_a_missing_database_is_the_references_fault_and_not_a_chains(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings: Settings
) -> None:
    with pytest.raises(ReferenceDataError, match="BLAST Database error") as caught:
        search_blast(some, replace(domains_only, domain_db=Path("/nowhere/domains")), cache, settings)
    assert "/nowhere/domains" in str(caught.value)


def test_a_missing_program_is_no_chains_fault(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgramError, match="blastp"):
        search_blast(some, domains_only, cache, settings)


def test_a_full_cache_disk_is_named_and_loses_no_result(
    domains_only: Databases, some: list[Query], small_disk: Callable[[str], Path], settings: Settings
) -> None:
    disk = small_disk("32k")
    cache = SearchCache(disk / "cache")
    with pytest.raises(OSError, match="No space left") as caught:
        search_blast(some, domains_only, cache, settings)
    assert caught.value.errno == errno.ENOSPC
    assert cache.verify().damaged == ()
    assert not list(disk.rglob("*.part"))


def test_a_full_scratch_disk_is_named(
    domains_only: Databases,
    some: list[Query],
    small_disk: Callable[[str], Path],
    cache: SearchCache,
    settings_with: Callable[..., Settings],
) -> None:
    disk = small_disk("16k")
    with pytest.raises(NodeDiskError, match="no space left") as caught:
        search_blast([*some, Query(sequence_md5("A" * 20_000), "A" * 20_000)], domains_only, cache, settings_with(disk))
    assert caught.value.where == this_node()
    assert list(disk.iterdir()) == []


SEARCH = """
import sys
from pathlib import Path
from pyecod.settings.tree import load_settings
from pyecod.reference import Reference
from pyecod.search import Query, SearchCache, search_blast
from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5
settings = load_settings(overrides={"search": {"cache_dir": sys.argv[2]}, "scratch": {"dir": sys.argv[3]}})
queries = [Query(sequence_md5(r.sequence), r.sequence) for r in read_fasta(Path(sys.argv[4]))]
search_blast(queries, Reference.open(sys.argv[1]), SearchCache(settings.cache_dir), settings)
"""


def test_a_killed_worker_leaves_no_program_and_its_finished_results(
    reference: Reference, real: Path, chains: dict[str, Query], settings: Settings, cache: SearchCache, stand: Stand
) -> None:
    stand.put("blastp")
    scratch = settings.scratch.dir
    command = [sys.executable, "-c", SEARCH, reference.path, cache.folder, scratch, real / "dev" / "dev_inferred.fasta"]
    worker = subprocess.Popen(list(map(str, command)))
    deadline = time.monotonic() + 60
    while cache.usage()["results"].files < 5 and time.monotonic() < deadline and worker.poll() is None:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    program = int((stand.folder / "blastp.starts").read_text().split()[-1])
    deadline = time.monotonic() + 10
    while Path(f"/proc/{program}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{program}").exists()
    done = cache.usage()["results"].files
    assert done >= 5
    assert cache.verify().damaged == ()
    outcomes = search_blast(list(chains.values()), reference, cache, settings)
    assert all(outcome.error is None for outcome in outcomes)
    assert sum(len(outcome.cached) for outcome in outcomes) >= done


def test_two_workers_on_the_same_sequences_agree(
    reference: Reference, real: Path, chains: dict[str, Query], settings: Settings, cache: SearchCache
) -> None:
    command = [
        *(sys.executable, "-c", SEARCH, reference.path, cache.folder, settings.scratch.dir),
        real / "dev" / "dev_inferred.fasta",
    ]
    workers = [subprocess.Popen(list(map(str, command))) for _ in range(2)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    assert cache.verify().damaged == ()
    assert all(o.cached == (DOMAIN, CHAIN) for o in search_blast(list(chains.values()), reference, cache, settings))


def test_evidence_that_is_not_in_the_cache_is_a_clear_error(
    domains_only: Databases, some: list[Query], cache: SearchCache, settings: Settings
) -> None:
    with pytest.raises(MissingResultError, match="domain_blast"):
        load_evidence(some[0], domains_only, cache, settings, with_hhsearch=False)
    search_blast(some[:1], domains_only, cache, settings)
    assert set(load_evidence(some[0], domains_only, cache, settings, with_hhsearch=False)) == {DOMAIN}
    path = cache.path("results", search_key(DOMAIN, some[0], domains_only, settings))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(MissingResultError, match="damaged"):
        load_evidence(some[0], domains_only, cache, settings, with_hhsearch=False)
    assert search_blast(some[:1], domains_only, cache, settings)[0].error is None
    assert load_evidence(some[0], domains_only, cache, settings, with_hhsearch=False)
