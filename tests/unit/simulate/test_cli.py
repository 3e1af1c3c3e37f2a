import json

import pytest
from typer.testing import CliRunner

from pyecod.cli.main import COMMANDS
from pyecod.cli.setup.simulate import app
from pyecod.errors import UsageError
from pyecod.simulate import World, read_truth


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_command_is_registered():
    assert COMMANDS["simulate"][0] == "setup.simulate:app"


def test_a_world_is_made_and_named(tmp_path):
    options = ("--entries", 5, "--families", 10, "--no-profiles", "--start-date", "20240105")
    found = json.loads(_run("world", tmp_path / "w", *options, "--json").stdout)
    world = World.open(tmp_path / "w")
    assert found["chains"] == world.chains
    assert found["releases"] == ["2024-01-05"]
    assert found["paths"]["true_domains"] == str(world.truth)
    assert found["paths"]["hh_suite_database"] is None
    shown = _run("world", tmp_path / "w", *options)
    assert str(world.mirror) in shown.stdout
    with pytest.raises(UsageError):
        _run("world", tmp_path / "w", "--layout", "7")


def test_evidence_is_made(tmp_path):
    result = _run("evidence", tmp_path / "e", "--chains", 3, "--reference-domains", 600, "--noise", "clean")
    assert "3 domain summaries" in result.stdout
    assert len(list((tmp_path / "e" / "summaries").iterdir())) == 3
    assert read_truth(tmp_path / "e" / "truth.tsv")
