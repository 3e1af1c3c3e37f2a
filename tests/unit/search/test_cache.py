import errno
import logging
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyecod.search import EvidenceType, Hit, Hsp, SearchCache, SearchResult, Segment

from .conftest import query_of

KEY, OTHER = "ab" * 32, "cd" * 32


def result(found: int = 1, hits: int = 1) -> SearchResult:
    hsp = Hsp((Segment(1, 5, 2, 6),), evalue=1e-9, bitscore=40.5, identity=0.25)
    return SearchResult(
        EvidenceType.DOMAIN_BLAST,
        query_of("ACDEFGHIKL"),
        tuple(Hit(EvidenceType.DOMAIN_BLAST, f"e1suaA{n}", 90, (hsp,)) for n in range(hits)),
        found,
        "blastp",
        "2.12.0+",
        "d" * 64,
    )


@pytest.fixture
def cache(tmp_path: Path) -> SearchCache:
    return SearchCache(tmp_path / "cache")


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


def test_what_is_put_is_got_by_its_key_only(cache: SearchCache) -> None:
    header = cache.put(KEY, result())
    assert cache.get(KEY) == result()
    assert cache.header(KEY) == header
    assert cache.get(OTHER) is None
    assert cache.header(OTHER) is None


def test_opening_a_cache_makes_no_folder(tmp_path: Path) -> None:
    cache = SearchCache(tmp_path / "cache")
    assert cache.get(KEY) is None
    assert cache.usage()["results"].files == 0
    assert not (tmp_path / "cache").exists()


def test_profiles_are_kept_beside_results(cache: SearchCache) -> None:
    cache.put_profile(KEY, b">q\nACD\n")
    assert cache.get_profile(KEY) == b">q\nACD\n"
    assert cache.get(KEY) is None


def test_folders_have_two_levels(cache: SearchCache) -> None:
    cache.put(KEY, result())
    assert [p.relative_to(cache.folder).parts[:-1] for p in cache.folder.rglob("*") if p.is_file()] == [
        ("results", "ab", "ab")
    ]


@pytest.mark.parametrize("damage", [b"", b"PYECOD1\n", b"something else entirely, longer than a header"])
def test_a_damaged_entry_counts_as_absent_is_removed_and_reported(
    cache: SearchCache, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put(KEY, result())
    path = cache.path("results", KEY)
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert cache.get(KEY) is None
    assert str(path) in caplog.text
    assert not path.exists()
    cache.put(KEY, result())
    assert cache.get(KEY) == result()


def test_a_file_moved_to_another_key_is_damaged(cache: SearchCache) -> None:
    cache.put(KEY, result())
    moved = cache.path("results", OTHER)
    moved.parent.mkdir(parents=True)
    cache.path("results", KEY).rename(moved)
    assert cache.get(OTHER) is None


def test_a_stale_nfs_handle_counts_as_absent(cache: SearchCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(KEY, result())

    def stale(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(Path, "open", stale)
    assert cache.get(KEY) is None


def test_an_unreadable_cache_is_an_error_and_not_an_empty_one(
    cache: SearchCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put(KEY, result())

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError):
        cache.get(KEY)


def write_and_read(folder: Path, number: int) -> bool:
    cache = SearchCache(folder)
    for turn in range(60):
        cache.put(KEY, result(found=number, hits=1 + (number + turn) % 40))
        got = cache.get(KEY)
        if got is None or got.query != result().query:
            return False
    return True


def test_several_writers_of_one_key_never_meet_a_broken_entry(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        assert all(pool.map(write_and_read, [tmp_path] * 3, range(3)))
    assert SearchCache(tmp_path).verify().damaged == ()
    assert not list(tmp_path.rglob(".*"))


def test_usage_counts_files_and_bytes_per_kind(cache: SearchCache) -> None:
    cache.put(KEY, result())
    cache.put(OTHER, result())
    cache.put_profile(KEY, b">q\nACD\n")
    usage = cache.usage()
    assert (usage["results"].files, usage["profiles"].files) == (2, 1)
    assert usage["results"].bytes == sum(cache.path("results", key).stat().st_size for key in (KEY, OTHER))


def test_verify_names_what_is_damaged_and_removes_it_only_when_told(cache: SearchCache) -> None:
    cache.put(KEY, result())
    cache.put(OTHER, result())
    cache.put_profile(KEY, b">q\nACD\n")
    path = cache.path("profiles", KEY)
    path.write_bytes(path.read_bytes()[:-1])
    check = cache.verify()
    assert (check.checked, [damaged.path for damaged in check.damaged]) == (3, [path])
    assert path.exists()
    cache.verify(remove=True)
    assert not path.exists()
    assert cache.verify().damaged == ()


def test_pruning_by_age_removes_what_was_not_used_and_only_when_really_asked(cache: SearchCache) -> None:
    cache.put(KEY, result())
    cache.put(OTHER, result())
    age(cache.path("results", KEY), 100)
    report = cache.prune(older_than=timedelta(days=90))
    assert (report.removed.files, report.kept.files, report.dry_run) == (1, 1, True)
    assert cache.path("results", KEY).exists()
    cache.prune(older_than=timedelta(days=90), dry_run=False)
    assert not cache.path("results", KEY).exists()
    assert cache.get(OTHER) == result()


def test_pruning_by_size_removes_the_longest_unused_first(cache: SearchCache) -> None:
    keys = [f"{n:02x}" * 32 for n in range(5)]
    for days, key in enumerate(keys):
        cache.put(key, result())
        age(cache.path("results", key), days)
    size = cache.path("results", keys[0]).stat().st_size
    report = cache.prune(max_bytes=2 * size + 1, dry_run=False)
    assert report.removed.files == 3
    assert [cache.path("results", key).exists() for key in keys] == [True, True, False, False, False]


def test_using_an_entry_makes_it_young_again(cache: SearchCache) -> None:
    cache.put(KEY, result())
    path = cache.path("results", KEY)
    age(path, 100)
    cache.header(KEY)
    assert time.time() - path.stat().st_mtime < 60


def test_pruning_clears_what_dead_writers_left_but_not_what_living_ones_write(cache: SearchCache) -> None:
    cache.put(KEY, result())
    folder = cache.path("results", KEY).parent
    dead, living = folder / ".dead.part", folder / ".living.part"
    for path in (dead, living):
        path.write_bytes(b"half")
    age(dead, 2)
    cache.prune(older_than=timedelta(days=90), max_bytes=0, dry_run=False)
    assert not dead.exists()
    assert living.exists()
    assert not cache.path("results", KEY).exists()


def test_a_result_is_replaced_whole(cache: SearchCache) -> None:
    cache.put(KEY, result(found=5, hits=5))
    cache.put(KEY, replace(result(), found=0, hits=()))
    got = cache.get(KEY)
    assert got is not None
    assert (got.found, got.hits) == (0, ())
