"""Where relative paths begin: in a file at its folder; nowhere for workers and services."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from pyecod.errors import ConfigError
from pyecod.settings import load_settings, places
from pyecod.settings.places import place_in_file
from pyecod.settings.tree import Settings


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder that is not the settings file's, and no variable of pyECOD's."""
    for name in os.environ:
        if name.startswith(("PYECOD_", "PREFECT__")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(places, "_SAID", set())
    folder = tmp_path / "shell"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


ALL = """
base_path: batches
mirror: ../mirror
reference: ~/ref
search: {cache_dir: cache, profile_db: db/uniref}
scratch: {dir: scratch}
database: {data_dir: db}
clusters: {file: c.tsv}
workers: {slurm: {python: bin/python}}
"""


def test_every_path_in_a_file_begins_at_its_folder(site: Path, shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    (site / "settings.yaml").write_text(ALL)
    for named in (site / "settings.yaml", Path("../site/settings.yaml")):
        settings = load_settings(named).absolute()
        assert settings.base_path == site / "batches"
        assert settings.mirror == site.parent / "mirror"
        assert settings.reference == Path("/home/someone/ref")
        assert (settings.search.cache_dir, settings.search.profile_db) == (site / "cache", site / "db/uniref")
        assert (settings.scratch.dir, settings.database.data_dir) == (site / "scratch", site / "db")
        assert (settings.clusters.file, settings.workers.slurm.python) == (site / "c.tsv", site / "bin/python")


def test_a_profile_that_is_a_file_is_one_too(site: Path) -> None:
    (site / "profile.yaml").write_text("mirror: m\n")
    assert load_settings(profile=str(site / "profile.yaml")).mirror == site / "m"


def test_options_and_variables_begin_at_the_shells_folder(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYECOD_MIRROR", "m")
    settings = load_settings(overrides={"reference": "r"}).absolute()
    assert (settings.mirror, settings.reference) == (shell / "m", shell / "r")


def test_a_file_of_version_0_1_that_meant_another_folder_says_what_to_write(site: Path, shell: Path) -> None:
    (site / "settings.yaml").write_text("mirror: m\n")
    (shell / "m").mkdir()
    with pytest.raises(ConfigError, match=r"mirror: m would be .*/site/m, which is not there.*0\.1 took") as caught:
        load_settings(site / "settings.yaml")
    assert caught.value.hint == f"write {shell / 'm'} there"


def test_where_both_are_there_it_is_said_once(site: Path, shell: Path, caplog: pytest.LogCaptureFixture) -> None:
    (site / "settings.yaml").write_text("mirror: m\n")
    for folder in (site, shell):
        (folder / "m").mkdir()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert load_settings(site / "settings.yaml").mirror == site / "m"
    assert len(caplog.records) == 1
    assert f"version 0.1 began them where the command runs, at {shell / 'm'}" in caplog.text


def test_a_file_in_the_working_folder_means_what_it_meant(shell: Path, caplog: pytest.LogCaptureFixture) -> None:
    (shell / "m").mkdir()
    (shell / "settings.yaml").write_text("mirror: m\n")
    assert load_settings(Path("settings.yaml")).mirror == shell / "m"
    assert not caplog.records


SERVICES = ["PREFECT__FLOW_RUN_ID", "SYSTEMD_EXEC_PID"]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(request.param, str(os.getpid()))


@pytest.mark.usefixtures("service")
def test_a_service_refuses_relative_paths_of_environment_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYECOD_DATABASE__DATA_DIR", "db")
    with pytest.raises(ConfigError) as caught:
        load_settings(overrides={"base_path": "batches"})
    told = str(caught.value)
    assert "environment: database.data_dir: db is relative" in told
    assert "command line: base_path: batches is relative" in told
    assert "write the absolute path, or set it in the settings file" in told


@pytest.mark.usefixtures("service")
def test_a_service_refuses_a_settings_file_named_by_a_relative_path(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "settings.yaml").write_text("base_path: batches\n")
    monkeypatch.setenv("PYECOD_SETTINGS_FILE", "../site/settings.yaml")
    with pytest.raises(ConfigError, match=r"PYECOD_SETTINGS_FILE: the settings file .* relative"):
        load_settings()
    monkeypatch.setenv("PYECOD_SETTINGS_FILE", str(site / "settings.yaml"))
    assert load_settings().base_path == site / "batches"  # in the file a relative path is welcome


@pytest.mark.usefixtures("service")
def test_a_service_needs_a_folder_of_batches() -> None:
    with pytest.raises(ConfigError, match="base_path is not set"):
        load_settings()


def test_another_process_of_a_unit_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_EXEC_PID", "1")  # a shell that a service started
    assert load_settings(overrides={"mirror": "m"}).mirror == Path("m")


def test_what_was_read_is_left_as_it_is(site: Path) -> None:
    (site / "f").touch()
    layer = {"search": {"cache_dir": "c"}}
    assert place_in_file(Settings, layer, site / "f") == {"search": {"cache_dir": str(site / "c")}}
    assert layer == {"search": {"cache_dir": "c"}}
