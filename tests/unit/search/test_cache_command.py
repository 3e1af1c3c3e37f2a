import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pyecod.cli.setup.cache import app
from pyecod.errors import UsageError
from pyecod.search import SearchCache

from .test_cache import KEY, OTHER, age, result


@pytest.fixture
def cache(tmp_path: Path) -> SearchCache:
    cache = SearchCache(tmp_path)
    cache.put(KEY, result())
    cache.put_profile(OTHER, b">q\nACD\n")
    return cache


def run(cache: SearchCache, *arguments: str, code: int = 0) -> str:
    outcome = CliRunner().invoke(app, [*arguments, "--dir", str(cache.folder)])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_show_counts_entries(cache: SearchCache) -> None:
    assert "results" in run(cache, "show")
    shown = json.loads(run(cache, "show", "--json"))
    assert (shown["results"]["files"], shown["profiles"]["files"]) == (1, 1)


def test_verify_ends_with_code_1_as_long_as_damage_is_left(cache: SearchCache) -> None:
    assert "2 entries" in run(cache, "verify")
    path = cache.path("results", KEY)
    path.write_bytes(b"")
    assert str(path) in run(cache, "verify", code=1)
    assert json.loads(run(cache, "verify", "--json", code=1))["damaged"] == [{"path": str(path), "reason": "empty"}]
    run(cache, "verify", "--remove")
    assert not path.exists()
    run(cache, "verify")


def test_prune_removes_nothing_without_really(cache: SearchCache) -> None:
    age(cache.path("results", KEY), 100)
    assert "1 entries" in run(cache, "prune", "--older-than", "90d")
    assert cache.path("results", KEY).exists()
    report = json.loads(run(cache, "prune", "--older-than", "90d", "--really", "--json"))
    assert (report["removed"]["files"], report["kept"]["files"], report["dry_run"]) == (1, 1, False)
    assert not cache.path("results", KEY).exists()
    run(cache, "prune", "--max-gib", "0", "--really")
    assert cache.usage()["profiles"].files == 0


def test_prune_without_a_limit_and_a_folder_that_is_not_there_are_usage_errors(tmp_path: Path) -> None:
    runner = CliRunner()
    assert isinstance(runner.invoke(app, ["prune", "--dir", str(tmp_path)]).exception, UsageError)
    assert isinstance(runner.invoke(app, ["show", "--dir", str(tmp_path / "none")]).exception, UsageError)
