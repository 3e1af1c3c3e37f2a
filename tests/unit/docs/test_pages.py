"""The manual says what is: every command parses, every link leads somewhere, every message and setting exists."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pyecod.settings import describe_settings

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def load_writer() -> Any:
    """docs/write.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_write", ROOT / "docs" / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_write"] = module
    spec.loader.exec_module(module)
    return module


WRITE = load_writer()


def commands() -> Iterator[Any]:
    """Every pyecod command of every page."""
    for page in PAGES:
        for block in WRITE.blocks(page.read_text(encoding="utf-8")):
            if block.info.split()[:1] != ["sh"]:
                continue
            for line in block.content.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words[:1] == ["pyecod"]:
                    end = next((n for n, word in enumerate(words) if word in ("|", "2>", "2>&1", ">", "&&")), None)
                    yield pytest.param(words[1:end], id=f"{page.name}: {' '.join(words[:end])[:70]}")


@pytest.mark.parametrize("words", list(commands()))
def test_every_command_is_one(words: list[str]) -> None:
    from pyecod.cli.main import app

    command: Any = typer.main.get_command(app)
    context = None
    try:
        while True:
            context = command.make_context(command.name, list(words), parent=context)
            if not hasattr(command, "resolve_command"):
                return
            words = [*context._protected_args, *context.args]
            _, command, words = command.resolve_command(context, words)
    except Exception as error:  # noqa: BLE001 - typer has a click of its own: by name, not by class
        if type(error).__name__ == "Exit":  # --version, --help
            return
        pytest.fail(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if target.startswith("http") or (page.parent / target).exists():
            continue
        pytest.fail(f"there is no {target}")


def test_the_settings_reference_is_that_of_the_code() -> None:
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert stored == WRITE.settings_page(), "settings.md is stale: run `python docs/write.py settings`"


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "settings.md"], ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {setting.key for setting in describe_settings()}
    sections = {key.rpartition(".")[0] for key in known} | {key.partition(".")[0] for key in known if "." in key}
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?::[^`]*)?`", page.read_text(encoding="utf-8")):
        if name.partition(".")[0] in sections and not name.endswith((".py", ".yaml", ".md", ".pdb", ".html", ".fasta")):
            assert name in known | sections, name


def spoken(path: Path) -> str:
    """The texts in a module that are not documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in silent)
    return "\n".join(node.value for node in texts if isinstance(node.value, str))


def test_every_message_of_troubleshooting_is_one_of_the_code() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    said = "\n".join(spoken(path) for room in ("pyecod", "flows") for path in (ROOT / room).rglob("*.py"))
    assert len(messages) > 20
    assert [message for message in messages if message not in said] == []


def test_every_test_that_a_page_names_exists() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)`", page.read_text()):
            assert f"def {name}(" in tests, f"{page.name}: {name}"


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if page.name != "index.md" and f"({page.name})" not in index] == []


def test_a_page_names_no_folder_of_the_machine_it_was_made_on() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/(?:tmp|work|root|home/\w+)/", text), page.name


OTHER_MIGRATION = re.compile(
    r"psql[^\n]*(?:-f|--file|<)[ =]*\S*\.sql|\balembic\b|python -m pyecod\S* \S*migrat|pyecod migrate\b"
)


def test_one_way_to_migrate_is_named() -> None:
    sources = [*PAGES, ROOT / "CHANGELOG.md", *sorted((ROOT / "pyecod").rglob("*.py"))]
    named = {path.name: OTHER_MIGRATION.findall(path.read_text(encoding="utf-8")) for path in sources}
    assert {name: found for name, found in named.items() if found} == {}
    assert OTHER_MIGRATION.search("psql -d ecod -f sql/0001_schema.sql")  # what it looks for
