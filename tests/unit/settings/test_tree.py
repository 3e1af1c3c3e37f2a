"""Settings: one tree, four sources, and errors that name key, source and what is allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pyecod.batch.header import settings_digest
from pyecod.errors import ConfigError, FailureKind
from pyecod.settings import PartitionSettings, Settings, describe_settings, load_settings, settings_sources
from pyecod.settings.layers import PROFILES, Section, find_profile
from pyecod.watch.estimate import Costs


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("PYECOD_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings_file(tmp_path):
    def write(content: str | bytes, name: str = "settings.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refused(*args, **options) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(*args, **options)
    assert caught.value.exit_code == 2
    return caught.value


def test_the_fields_thresholds_are_the_defaults():
    settings = load_settings()
    assert (settings.search.evalue, settings.search.max_hits, settings.search.hhsearch_below) == (0.002, 5000, 0.9)
    assert settings.search.probability == 50
    assert (settings.quality.good, settings.quality.low_coverage) == (0.8, 0.5)
    assert settings.chains.min_length == 20
    assert (settings.partition.min_domain_length, settings.partition.min_reference_coverage) == (25, 0.5)
    assert settings.partition.consensus == 0.7


def test_each_source_wins_over_the_one_before(settings_file, monkeypatch):
    profile = settings_file("workers: {count: 1}\nrun: {chunk_size: 1, retries: 1, chunk_cost: 1}", "profile.yaml")
    file = settings_file("run: {chunk_size: 2, retries: 2}\nmirror: /from/file")
    monkeypatch.setenv("PYECOD_RUN__CHUNK_SIZE", "3")
    overrides = {"mirror": "/from/command"}
    settings = load_settings(file, str(profile), overrides)
    assert (settings.workers.count, settings.run.chunk_cost) == (1, 1)
    assert settings.run.retries == 2
    assert settings.run.chunk_size == 3
    assert settings.mirror == Path("/from/command")
    sources = settings_sources(file, str(profile), overrides)
    assert sources["workers.count"] == str(profile)
    assert sources["run.retries"] == str(file)
    assert sources["run.chunk_size"] == "environment"
    assert sources["mirror"] == "command line"
    assert sources["search.evalue"] == "default"


def test_file_and_profile_may_be_named_by_the_environment(settings_file, monkeypatch):
    monkeypatch.setenv("PYECOD_SETTINGS_FILE", str(settings_file("run: {retries: 7}")))
    monkeypatch.setenv("PYECOD_PROFILE", "slurm")
    settings = load_settings()
    assert settings.run.retries == 7
    assert settings.workers.kind == "slurm"


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_every_profile_of_the_project_is_right(profile):
    assert find_profile(profile).is_file()
    load_settings(profile=profile)


def test_there_are_the_two_profiles():
    assert {"local", "slurm"} <= {path.stem for path in PROFILES.glob("*.yaml")}


def test_an_unknown_profile_lists_those_there_are():
    assert "local" in refused(profile="nowhere").hint
    assert "nowhere.yaml" in str(refused(profile="nowhere.yaml"))


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("serch: {}", "serch", "did you mean 'search'? known: "),
        ("search: {evalu: 1}", "search.evalu", "did you mean 'evalue'? known: blast_timeout"),
        ("search: {zzz: {a: 1}}", "search.zzz", "known: blast_timeout"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_known_ones(settings_file, text, key, hint):
    file = settings_file(text)
    error = refused(file)
    assert error.where == str(file)
    assert error.what == f"unknown setting {key!r}"
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("search: {evalue: -1}", "search.evalue", "number > 0"),
        ("search: {evalue: much}", "search.evalue", "number > 0"),
        ("search: {evalue: .nan}", "search.evalue", "number > 0"),
        ("search: {evalue: .inf}", "search.evalue", "number > 0"),
        ("search: {max_hits: 1.5}", "search.max_hits", "whole number ≥ 1"),
        ("search: {hhsearch_below: 1.01}", "search.hhsearch_below", "number ≥ 0 and ≤ 1"),
        ("search: {hhblits_iterations: 9}", "search.hhblits_iterations", "whole number ≥ 1 and ≤ 8"),
        ("workers: {kind: lsf}", "workers.kind", "threads, dask or slurm"),
        ("run: {evidence_loss: ignore}", "run.evidence_loss", "fail or warn"),
        ("mirror: [a]", "mirror", "path or null"),
        ("database: {url: 5}", "database.url", "text or null"),
    ],
)
def test_an_impossible_value_is_named_with_its_file_and_what_is_allowed(settings_file, text, key, allowed):
    file = settings_file(text)
    error = refused(file)
    assert error.where == str(file)
    assert error.what.startswith(f"{key}: ")
    assert error.hint.endswith(f"allowed: {allowed}")


def test_all_findings_come_in_one_message_each_with_its_source(settings_file, monkeypatch):
    monkeypatch.setenv("PYECOD_RUN__RETRIES", "-1")
    file = settings_file("search: {evalue: 0, max_hits: 0}")
    lines = str(refused(file, overrides={"quality": {"good": 2}})).splitlines()
    assert lines[0] == "4 settings are wrong:"
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        [f"  {file}", "search.evalue"],
        [f"  {file}", "search.max_hits"],
        ["  command line", "quality.good"],
        ["  environment", "run.retries"],
    ]


def test_labels_that_contradict_each_other_are_refused():
    error = refused(overrides={"quality": {"good": 0.4}})
    assert error.what == "quality: quality.low_coverage (0.5) is above quality.good (0.4)"


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@host/db", "host=h password=secret", "postgresql://host/db?password=secret"]
)
def test_a_password_is_refused_and_not_repeated(url):
    error = refused(overrides={"database": {"url": url}})
    assert ".pgpass" in str(error)
    assert "secret" not in str(error)
    assert "secret" not in str(refused(overrides={"database": url}))


def test_an_unknown_variable_is_refused(monkeypatch):
    monkeypatch.setenv("PYECOD_SERCH__EVALUE", "1")
    error = refused()
    assert (error.what, error.where) == ("unknown setting PYECOD_SERCH__EVALUE", "environment")
    assert "did you mean 'search'" in error.hint


def test_an_unknown_nested_variable_is_refused(monkeypatch):
    monkeypatch.setenv("PYECOD_SEARCH__EVALU", "1")
    error = refused()
    assert (error.what, error.where) == ("unknown setting 'search.evalu'", "environment")


def test_a_section_in_one_variable_must_be_json(monkeypatch):
    monkeypatch.setenv("PYECOD_RUN", '{"retries": 5}')
    assert load_settings().run.retries == 5
    monkeypatch.setenv("PYECOD_RUN", "retries=5")
    error = refused()
    assert error.where == "environment"
    assert "PYECOD_SEARCH__EVALUE" in error.hint


def test_an_empty_variable_sets_nothing(monkeypatch):
    monkeypatch.setenv("PYECOD_MIRROR", "")
    assert load_settings().mirror is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "search:\n", "search:\n  # evalue: 1\nrun:\n"])
def test_empty_files_and_sections_set_nothing(settings_file, text):
    assert load_settings(settings_file(text)) == load_settings()


def bomb_of_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n- b", "not a mapping"),
        ("just text", "not a mapping"),
        ("1: 2", "not a mapping"),
        ("search: [", "not valid YAML"),
        ("\tsearch: 1", "not valid YAML"),
        ("run: {retries: 1}\nsearch: {}\nrun: {}", "'run' stands there twice"),
        ("search: {evalue: 1, evalue: 2}", "'evalue' stands there twice"),
        ("mirror: !!python/object/apply:os.system ['true']", "the YAML tag"),
        ("a: 2020-99-99", "not valid YAML"),
        ("[" * 5000, "nested too deeply"),
        (bomb_of_aliases(), "too many values: aliases of aliases"),
        ("a: &a [*a]", "stands for what it is in"),
        ("search: {evalue: " + "1" * 400 + "}", "is too large"),
        (b"\xff\xfe\x00", "not valid YAML"),
    ],
)
def test_files_that_are_no_settings_are_refused(settings_file, content, message):
    file = settings_file(content)
    error = refused(file)
    assert message in error.what
    assert (error.where or "").partition(".yaml:")[0].removesuffix(".yaml") == str(file).removesuffix(".yaml")


def test_an_absent_file_is_refused(tmp_path):
    assert refused(tmp_path / "absent.yaml").where == str(tmp_path / "absent.yaml")


def test_settings_do_not_change_after_loading():
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.search.evalue = 1
    with pytest.raises(ValueError, match="frozen"):
        settings.mirror = Path("/x")


def test_absolute_paths_stand_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(
        overrides={"mirror": "mirror", "reference": "~/ref", "search": {"cache_dir": "c"}}
    ).absolute()
    assert settings.mirror == tmp_path / "mirror"
    assert settings.reference == tmp_path / "ref"
    assert settings.cache_dir == tmp_path / "c"
    assert settings.base_path == tmp_path / "batches"
    assert settings.absolute() == settings


def test_every_setting_is_described_and_its_default_is_allowed():
    settings = list(describe_settings())
    assert len({setting.key for setting in settings}) == len(settings) > 30
    for setting in settings:
        assert setting.description, setting.key
        assert setting.allowed, setting.key
        assert "typing" not in setting.allowed, setting.key
        assert "class" not in setting.allowed, setting.key
    assert set(settings_sources()) == {setting.key for setting in settings}


def test_the_tree_as_yaml_loads_to_itself(settings_file):
    settings = load_settings(overrides={"base_path": "/b", "mirror": "/m"})
    file = settings_file(yaml.safe_dump(settings.model_dump(mode="json")))
    assert load_settings(file) == settings


def test_every_branch_is_a_section():
    for name, field in Settings.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        for kind in kinds:
            if hasattr(kind, "model_fields"):
                assert issubclass(kind, Section), name
    assert issubclass(PartitionSettings, Section)


def test_loading_reads_nothing_but_its_sources(tmp_path):
    """No .env file, no secrets folder, no working directory."""
    (tmp_path / ".env").write_text("PYECOD_RUN__RETRIES=9\n")
    code = "from pyecod.settings.tree import load_settings; print(load_settings().run.retries)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_a_second_try_has_more_of_what_was_lacking_and_the_same_results():
    settings = load_settings(overrides={"workers": {"kind": "slurm", "second_try": 3}})
    larger = settings.second_try(["worker_killed"])
    assert larger.workers.memory_gib == 3 * settings.workers.memory_gib
    assert larger.workers.slurm.walltime_hours == 3 * settings.workers.slurm.walltime_hours
    assert larger.search.hhsuite_timeout == 3 * settings.search.hhsuite_timeout
    assert larger.search.blast_timeout == 3 * settings.search.blast_timeout
    assert larger.search.memory_gib == settings.search.memory_gib  # the larger job's memory is not given away again
    assert settings_digest(larger, "reference") == settings_digest(settings, "reference")


@pytest.mark.parametrize(
    ("workers", "kinds", "is_tried"),
    [
        ({"kind": "slurm"}, [], False),
        ({"kind": "slurm", "second_try": 1}, FailureKind, False),
        *(({"kind": "slurm"}, [kind], kind is not FailureKind.UNUSABLE) for kind in FailureKind),
        ({"kind": "threads"}, ["out_of_memory", "worker_killed"], False),
        ({"kind": "threads"}, FailureKind, True),
        ({"kind": "dask"}, ["out_of_time"], True),
    ],
)
def test_a_second_try_is_made_where_it_helps(workers, kinds, is_tried):
    assert (load_settings(overrides={"workers": workers}).second_try(kinds) is not None) == is_tried


def test_programs_may_take_what_the_planner_expects_of_a_long_chain_and_less_than_a_job_lasts():
    settings = load_settings()
    assert settings.search.hhsuite_timeout >= 3000 * Costs().profile
    assert settings.search.hhsuite_timeout < 0.75 * 3600 * settings.workers.slurm.walltime_hours
