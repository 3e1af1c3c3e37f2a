import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pyecod.errors import FailureKind, MissingProgramError, NodeDiskError, ReferenceDataError
from pyecod.node.scratch import this_node
from pyecod.node.staging import release_copies
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference
from pyecod.search import EvidenceType, Query, SearchCache, load_evidence, query_coverage, search_blast, search_profiles
from pyecod.settings import Settings

from .conftest import Stand

pytestmark = pytest.mark.integration
HHSEARCH = EvidenceType.HHSEARCH
SH2 = "EPEPWFFKNLSRKDAERQLLAPGNTHGSFLIRESESTAGSFSLSVRDFDQNQGEVVKHYKIRNLDNGGFYISPRITFPGLHELVRHYTNASDGLCTRLSRPCQT"


def query_of(sequence: str) -> Query:
    return Query(sequence_md5(sequence), sequence)


@pytest.fixture
def syk(chains: dict[str, Query]) -> Query:
    """1a81_A: two SH2 domains."""
    return chains["1a81_A"]


@dataclass(frozen=True)
class Databases:
    """The parts of a reference a profile search needs, to be changed one by one."""

    domain_db: Path
    domain_db_id: str
    chain_db: None
    chain_db_id: None
    hh_db: Path
    hh_db_id: str


@pytest.fixture
def profiles_only(reference: Reference) -> Databases:
    assert reference.hh_db is not None
    assert reference.hh_db_id is not None
    return Databases(reference.domain_db, reference.domain_db_id, None, None, reference.hh_db, reference.hh_db_id)


def test_relatives_are_found_with_their_ranges_and_the_second_time_no_program_is_started(
    reference: Reference, syk: Query, cache: SearchCache, settings: Settings, stand: Stand
) -> None:
    stand.put("hhblits")
    stand.put("hhsearch")
    (outcome,) = search_profiles([syk], reference, cache, settings)
    assert outcome.error is None
    assert outcome.profile_depth is not None
    assert outcome.profile_depth > 50
    search_blast([syk], reference, cache, settings)
    result = load_evidence(syk, reference, cache, settings, with_hhsearch=True)[HHSEARCH]
    assert outcome.coverage == query_coverage(result.hits, syk.length) > 0.7
    assert (outcome.found, outcome.kept) == ({HHSEARCH: result.found}, {HHSEARCH: len(result.hits)})
    groups = {reference.domain(hit.target).t_group for hit in result.hits if hit.hsps[0].probability > 90}
    assert groups == {"214.1.1"}
    for hit in result.hits:
        assert hit.target_length == reference.domain(hit.target).length
        assert hit.hsps[0].probability >= settings.search.probability
    left = [h for h in result.hits if h.query_range.end < 130]
    right = [h for h in result.hits if h.query_range.start > 130]
    assert left
    assert right
    (again,) = search_profiles([syk], reference, cache, settings)
    assert (again.cached, again.coverage, again.profile_depth) == ((HHSEARCH,), outcome.coverage, outcome.profile_depth)
    assert (stand.starts("hhblits"), stand.starts("hhsearch")) == (1, 1)


def test_every_copy_of_a_tandem_repeat_is_found(reference: Reference, cache: SearchCache, settings: Settings) -> None:
    repeat = query_of("GSGSGSGS".join([SH2] * 6))
    (outcome,) = search_profiles([repeat], reference, cache, settings)
    assert outcome.error is None
    search_blast([repeat], reference, cache, settings)
    hits = load_evidence(repeat, reference, cache, settings, with_hhsearch=True)[HHSEARCH].hits
    copies = {
        round(h.query_range.start / (len(SH2) + 8)) for h in hits if h.target == "e1lkkA1" and len(h.query_range) > 80
    }
    assert copies == set(range(6))


def test_a_sequence_without_relatives_is_marked_and_no_error(
    reference: Reference, cache: SearchCache, settings: Settings
) -> None:
    (lonely, unknown) = search_profiles([query_of("MKPQNGSGSG" * 5), query_of("X" * 40)], reference, cache, settings)
    for outcome in (lonely, unknown):
        assert outcome.error is None
        assert (outcome.profile_depth, outcome.profile_neff) == (1, 1.0)
        assert outcome.found[HHSEARCH] >= outcome.kept[HHSEARCH]


def test_side_by_side_finds_what_one_after_the_other_finds(
    reference: Reference, chains: dict[str, Query], settings_with: Callable[..., Settings], tmp_path: Path
) -> None:
    some = sorted(chains.values(), key=lambda query: query.length)[:4]
    found = []
    for programs in (1, 3):
        cache, settings = SearchCache(tmp_path / f"cache{programs}"), settings_with(parallel_programs=programs)
        outcomes = search_profiles(some, reference, cache, settings)
        assert [outcome.md5 for outcome in outcomes] == [query.md5 for query in some]
        found.append([cache.get(outcome.keys[HHSEARCH]).hits for outcome in outcomes])  # type: ignore[union-attr]
    assert found[0] == found[1]


def test_a_new_reference_needs_hhsearch_only_when_profiles_come_from_elsewhere(
    profiles_only: Databases, syk: Query, cache: SearchCache, settings_with: Callable[..., Settings], stand: Stand
) -> None:
    stand.put("hhblits")
    stand.put("hhsearch")
    settings = settings_with(profile_db=profiles_only.hh_db)
    search_profiles([syk], profiles_only, cache, settings)
    newer = replace(profiles_only, hh_db_id="9" * 64)
    (outcome,) = search_profiles([syk], newer, cache, settings)
    assert (outcome.error, outcome.cached) == (None, ())
    assert (stand.starts("hhblits"), stand.starts("hhsearch")) == (1, 2)


def test_copies_on_the_nodes_disk_give_the_same_hits_under_the_same_keys(
    reference: Reference, syk: Query, cache: SearchCache, settings: Settings, tmp_path: Path
) -> None:
    scratch = settings.scratch.model_copy(update={"stage_gib": 1.0, "max_gib": 0.01})
    staging = settings.model_copy(update={"scratch": scratch})
    copied = SearchCache(tmp_path / "copied")
    for search in (search_blast, search_profiles):
        (there,), (here,) = search([syk], reference, cache, settings), search([syk], reference, copied, staging)
        assert (here.keys, here.error) == (there.keys, None)
        for key in here.keys.values():
            assert copied.get(key).hits == cache.get(key).hits  # type: ignore[union-attr]
    assert len(list(scratch.dir.glob("pyecod-databases-*/*/complete.json"))) == 3  # type: ignore[union-attr]
    release_copies()
    assert not list(scratch.dir.glob("pyecod-databases-*/*"))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("program", "misbehaviour", "reason"),
    [
        ("hhblits", "kill -SEGV $$", "hhblits crashed (SIGSEGV)"),
        ("hhblits", "kill -KILL $$", "memory"),
        ("hhblits", "exit 0", "hhblits ended without an error and without output"),
        ("hhblits", '"$REAL" "$@"; truncate -s -20 "$A3M"', "cut off"),
        ("hhsearch", "exit 0", "hhsearch ended without an error and without output"),
        ("hhsearch", '"$REAL" "$@"; truncate -s -700 "$OUT"', "hhsearch: "),
        ("hhsearch", '"$REAL" "$@"; head -n 11 "$OUT" > "$OUT.cut"; mv "$OUT.cut" "$OUT"', "cut off"),
        ("hhsearch", '"$REAL" "$@"; sed -i "s/^Query  .*/Query         other/" "$OUT"', "not"),
    ],
)
def test_one_bad_sequence_fails_alone_with_its_reason(
    reference: Reference,
    syk: Query,
    cache: SearchCache,
    settings: Settings,
    stand: Stand,
    program: str,
    misbehaviour: str,
    reason: str,
) -> None:
    good = query_of("MKPQNGSGSGMKPQNGSGSGMKPQNGSGSG")
    stand.put(program, f'if grep -q {syk.sequence[:60]} "$QUERY"; then {misbehaviour}; exit; fi; exec "$REAL" "$@"')
    bad, fine = search_profiles([syk, good], reference, cache, settings)
    assert fine.error is None
    assert str(bad.error).startswith("hhsearch: ")
    assert reason in str(bad.error)
    assert cache.usage()["results"].files == 1
    assert list(settings.scratch.dir.iterdir()) == []  # type: ignore[union-attr]


WORKER = """
import sys, threading, time
from pathlib import Path
from pyecod.settings.tree import load_settings
from pyecod.reference import Reference
from pyecod.search import Query, SearchCache, search_profiles
reference, cache, scratch, md5, sequence, started = sys.argv[1:]
settings = load_settings(overrides={"scratch": {"dir": scratch}})
search = (Query(md5, sequence),), Reference.open(Path(reference)), SearchCache(Path(cache)), settings
threading.Thread(target=search_profiles, args=search, daemon=True).start()
while not Path(started).exists():
    time.sleep(0.02)
"""


def test_a_worker_that_wants_to_end_does_not_wait_for_its_searches(
    reference: Reference, syk: Query, cache: SearchCache, settings: Settings, stand: Stand
) -> None:
    stand.put("hhblits", "sleep 600")
    subprocess.run(
        [sys.executable, "-c", WORKER, reference.path, cache.folder, str(settings.scratch.dir), syk.md5, syk.sequence,
         stand.folder / "hhblits.starts"],
        timeout=120, check=True,
    )  # fmt: skip
    assert stand.starts("hhblits") == 1


def test_the_time_limit_is_per_program(
    reference: Reference, syk: Query, cache: SearchCache, settings_with: Callable[..., Settings], stand: Stand
) -> None:
    stand.put("hhblits", "sleep 60")
    (outcome,) = search_profiles([syk], reference, cache, settings_with(hhsuite_timeout=0.5))
    assert "hhblits was killed after its time limit of 0.5 s" in str(outcome.error)
    assert outcome.error_kind is FailureKind.OUT_OF_TIME


def test_a_full_scratch_disk_is_named_and_left_clean(
    reference: Reference,
    syk: Query,
    cache: SearchCache,
    small_disk: Callable[[str], Path],
    settings_with: Callable[..., Settings],
) -> None:
    disk = small_disk("24k")
    with pytest.raises(NodeDiskError, match="no space left") as caught:
        search_profiles([syk], reference, cache, settings_with(disk))
    assert caught.value.where == this_node()
    assert list(disk.iterdir()) == []
    assert cache.usage()["results"].files == 0


def test_a_missing_program_or_database_is_no_chains_fault(
    profiles_only: Databases, syk: Query, cache: SearchCache, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReferenceDataError, match="neither"):
        search_profiles([syk], replace(profiles_only, hh_db=Path("/nowhere/hh")), cache, settings)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgramError, match=r"hh(blits|search)"):
        search_profiles([syk], profiles_only, cache, settings)
