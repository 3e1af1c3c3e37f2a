"""``pyecod config`` as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pyecod.settings import describe_settings


@pytest.fixture
def pyecod(tmp_path):
    def run(*args, **variables):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYECOD_")}
        program = [sys.executable, "-c", "from pyecod.cli.main import main; main()", "config", *args]
        environment = clean | {"COLUMNS": "200"} | variables
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)

    return run


def test_show_tells_each_value_and_its_source(pyecod, tmp_path):
    (tmp_path / "s.yaml").write_text("mirror: /a/[mirror]\nrun: {retries: 4}\n")
    done = pyecod("show", "--settings", "s.yaml", "--profile", "local", "--json", PYECOD_SEARCH__EVALUE="0.1")
    shown = json.loads(done.stdout)
    assert set(shown) == {setting.key for setting in describe_settings()}
    assert shown["mirror"] == {"value": "/a/[mirror]", "source": "s.yaml"}
    assert shown["search.evalue"] == {"value": 0.1, "source": "environment"}
    assert shown["workers.kind"]["source"].endswith("local.yaml")
    assert shown["quality.good"] == {"value": 0.8, "source": "default"}
    table = pyecod("show", "--settings", "s.yaml")
    assert table.returncode == 0
    assert ["mirror", "/a/[mirror]", "s.yaml"] in [line.split() for line in table.stdout.splitlines()]


def test_check_is_silent_about_defaults(pyecod):
    done = pyecod("check", PYECOD_RUN__RETRIES="5")
    assert done.returncode == 0
    assert "settings are right: 1 of" in done.stdout
    assert "run.retries: from environment" in done.stdout
    assert json.loads(pyecod("check", "--json", PYECOD_RUN__RETRIES="5").stdout)["changed"] == {
        "run.retries": "environment"
    }


def test_check_ends_with_code_two_and_one_clear_message(pyecod, tmp_path):
    (tmp_path / "s.yaml").write_text("search: {evalue: -1, evalu: 3}\n")
    done = pyecod("check", "--settings", "s.yaml")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "s.yaml: search.evalue: " in done.stderr
    assert "allowed: number > 0" in done.stderr
    assert "unknown setting 'search.evalu'" in done.stderr


def test_keys_lists_every_setting(pyecod):
    listed = json.loads(pyecod("keys", "--json").stdout)
    assert [setting["key"] for setting in listed] == [setting.key for setting in describe_settings()]
    assert set(listed[0]) == {"key", "default", "description", "allowed"}
    text = pyecod("keys").stdout
    assert all(setting["key"] in text for setting in listed)
