import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def pyecod(tmp_path):
    """Run ``pyecod db …`` with an embedded database of the test's own."""

    def run(*arguments, group=("db",), **environment):
        command = [Path(sys.executable).with_name("pyecod"), *group, *arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYECOD_", "PG"))}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            env={**clean, "PYECOD_DATABASE__DATA_DIR": str(tmp_path / "postgres"), **environment},
        )

    yield run
    run("stop")


def test_a_database_is_started_migrated_shown_and_stopped(pyecod):
    assert json.loads(pyecod("status", "--json").stdout)["state"] == "not made yet"
    started = pyecod("start")
    assert started.returncode == 0
    url = started.stdout.strip()
    assert url.startswith("postgresql://pyecod@/pyecod?host=")
    assert pyecod("url").stdout.strip() == url
    assert "0001_batches_and_chains  would be applied" in pyecod("migrate", "--dry-run").stdout
    assert "0001_batches_and_chains" in json.loads(pyecod("migrate", "--json").stdout)["applied"]
    assert "up to date" in pyecod("migrate").stdout
    assert "in order" in pyecod("roles").stdout
    status = json.loads(pyecod("status", "--json").stdout)
    assert (status["state"], status["pending_migrations"], status["chain_status"]) == ("running", [], 0)
    assert pyecod("stop").returncode == 0
    assert json.loads(pyecod("status", "--json").stdout)["state"].startswith("stopped")


def test_every_command_takes_psqls_connection_options(pyecod, tmp_path):
    url = pyecod("start").stdout.strip()
    asked = parse_qs(urlsplit(url).query)
    elsewhere = {"PYECOD_DATABASE__DATA_DIR": str(tmp_path / "none"), "PYECOD_DATABASE__MODE": "none"}
    options = ("-h", asked["host"][0], "-p", asked["port"][0], "-U", "pyecod", "-d", "pyecod")
    assert "0001_batches_and_chains  would be applied" in pyecod("migrate", "--dry-run", *options, **elsewhere).stdout
    assert pyecod("migrate", "-d", url, **elsewhere).returncode == 0
    assert "up to date" in pyecod("migrate", *options, **elsewhere).stdout
    status = json.loads(pyecod("status", "--json", *options, **elsewhere).stdout)
    assert (status["mode"], status["pending_migrations"]) == ("server", [])
    assert pyecod("url", *options, **elsewhere).stdout.strip()
    assert pyecod("roles", *options, **elsewhere).returncode == 0
    for command in (("verify",), ("import", "public", "--create", "--dry-run"), ("sync", "--status")):
        done = pyecod(*command, *options, group=(), PYECOD_BASE_PATH=str(tmp_path), **elsewhere)
        assert done.returncode == 0, (command, done.stderr)


def test_commands_that_need_the_database_start_it_and_leave_it_as_it_was(pyecod, tmp_path):
    assert pyecod("migrate").returncode == 0
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def test_the_url_of_a_stopped_database_says_how_to_start_it(pyecod):
    stopped = pyecod("url")
    assert stopped.returncode == 3
    assert "pyecod db start" in stopped.stderr


def test_an_unreachable_server_is_shown_with_what_to_check(pyecod):
    server = {"PYECOD_DATABASE__MODE": "server", "PGHOST": "127.0.0.1", "PGPORT": "1"}
    status = pyecod("status", **server)
    assert status.returncode == 3
    assert "unreachable" in status.stdout
    assert "PGHOST" in status.stdout


def test_no_database_and_no_embedded_one_are_usage_errors(pyecod):
    assert pyecod("migrate", PYECOD_DATABASE__MODE="none").returncode == 2
    assert pyecod("start", PYECOD_DATABASE__MODE="server").returncode == 2
    assert pyecod("status", PYECOD_DATABASE__MODE="none").returncode == 0
