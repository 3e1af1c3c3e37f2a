"""``pyecod reference`` as a person and a script meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def run(*arguments: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pyecod.cli.main import main; main()", "reference", *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYECOD_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**clean, **environment})
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def run_json(*arguments: object, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout)


def build_options(sources, out: Path) -> list[object]:
    return [
        *("build", "--version", "small1", "--out", out, "--domains", sources.domains),
        *("--domain-fasta", sources.domain_fasta, "--chain-fasta", sources.chain_fasta),
    ]


@pytest.fixture
def reference(sources, tmp_path: Path) -> Path:
    return Path(sources.build(tmp_path / "ref").path)


def test_a_build_tells_what_it_made(sources, tmp_path: Path) -> None:
    with sources.domains.open("a") as lines:
        lines.write("9\te1abcA4\tFALSE\t1.1.1\t1abc\tA\t\tA:-3-90\n")
    out = run(*build_options(sources, tmp_path / "ref")).stdout
    assert "small1-" in out
    assert "domain sequences" in out
    assert "bad range" in out
    assert f"first: {sources.domains}:6" in out
    report = run_json(*build_options(sources, tmp_path / "ref"), "--force")
    assert report["counts"]["domains"] == 4
    assert report["rejected"] == {"bad_range": 1}


def test_an_option_takes_several_files_at_once_or_is_repeated(sources, tmp_path: Path) -> None:
    text = sources.domains.read_text().splitlines(keepends=True)
    halves = [tmp_path / "a.txt", tmp_path / "b.txt"]
    halves[0].write_text("".join(text[:3]))
    halves[1].write_text("".join(text[:1] + text[3:]))
    common = ["build", "--version", "v", "--domain-fasta", sources.domain_fasta]
    at_once = run_json(*common, "--domains", *halves, "--out", tmp_path / "one")
    repeated = run_json(*common, "--out", tmp_path / "two", "--domains", halves[0], "--domains", halves[1])
    assert at_once["counts"] == repeated["counts"]
    assert at_once["id"] == repeated["id"]
    assert at_once["counts"]["domains"] == 4


def test_an_existing_reference_is_not_overwritten(sources, reference: Path) -> None:
    refused = run(*build_options(sources, reference), code=3)
    assert "already here" in refused.stderr
    assert "--force" in refused.stderr
    run(*build_options(sources, reference), "--force")


def test_errors_say_what_where_and_what_to_do(sources, tmp_path: Path) -> None:
    no_list = build_options(sources, tmp_path / "ref")
    no_list[no_list.index(sources.domains)] = sources.chain_fasta
    message = run(*no_list, code=3).stderr
    assert f"pyecod: error: {sources.chain_fasta}:1: unknown layout" in message
    assert "develop294" in message
    with sources.domains.open("a") as lines:
        lines.write("9\te1abcA4\tFALSE\t1.1.1\t1abc\tA\t\tA:-3-90\n")
    assert f"{sources.domains}:6" in run(*build_options(sources, tmp_path / "ref"), "--strict", code=3).stderr
    assert not (tmp_path / "ref").exists()


def test_a_check_says_what_is_good_and_what_is_not(reference: Path) -> None:
    assert "0 problems in 6 checks" in run("check", reference).stdout
    (reference / "lookup" / "domains.t.npy").write_bytes(b"")
    bad = run("check", reference, code=1).stdout
    assert "domains.t.npy" in bad
    assert "build the reference again" in bad
    assert run_json("check", reference, code=1)["problems"] >= 1
    assert "no ECOD reference" in run("check", reference / "nowhere", code=1).stdout


def test_a_reference_its_domains_chains_and_groups_are_shown(reference: Path) -> None:
    assert "small1" in run("show", reference).stdout
    assert run_json("show", reference)["counts"]["domains"] == 4
    domain = run_json("show", reference, "--domain", "e1abca2")
    assert (domain["range"], domain["chain_key"], domain["t_group"]) == ("81-120,141-200", "1abc_a", "2.1.1")
    chain = run_json("show", reference, "--chain", "1abc_A")
    assert [d["id"] for d in chain["domains"]] == ["e1abcA1", "e1abcA2"]
    assert chain["length"] == 200
    group = run_json("show", reference, "--group", "2.1")
    assert (group["domains"], group["names"]) == (2, {"x": "X", "h": "H"})
    for option, value in (("--domain", "e1abca2"), ("--chain", "1abc_A"), ("--group", "2.1")):
        assert value in run("show", reference, option, value).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--domain", "e1abcA9"], "e1abcA1, e1abcA2"),
        (["--chain", "9zzz_A"], "9zzz_A"),
        (["--group", "77"], "no group '77'"),
        (["--group", "1", "--chain", "1abc_A"], "one at a time"),
    ],
)
def test_what_the_reference_does_not_have_is_a_usage_error(reference: Path, options: list[str], says: str) -> None:
    assert says in run("show", reference, *options, code=2).stderr


def test_the_reference_of_the_settings_is_shown_without_naming_it(reference: Path, tmp_path: Path) -> None:
    assert "small1" in run("show", PYECOD_REFERENCE=str(reference)).stdout
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"reference: {reference}\n")
    assert "small1" in run("show", "--settings", settings).stdout
    assert "no reference named" in run("show", code=2).stderr
