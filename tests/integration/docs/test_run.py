"""The manual's commands, run in their order on a simulated world: they end and print as the manual says."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[3]
NEEDED = ("blastp", "makeblastdb", "hhblits", "hhsearch", "psql")


@pytest.fixture(scope="module")
def write() -> Any:
    """docs/write.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_write", ROOT / "docs" / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_write"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the examples live; the database started there is stopped."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (run `make setup`)")
    folder = tmp_path_factory.mktemp("manual")
    yield folder
    stop = [Path(sys.executable).with_name("pyecod"), "db", "stop", "--settings", "pyecod.yaml"]
    subprocess.run(stop, cwd=folder, check=False)


def words(text: str) -> list[str]:
    """The words of the first line: what does not change with numbers and names."""
    return re.findall(r"[A-Za-z]{3,}", text.strip().partition("\n")[0].replace("_", " "))


def test_every_command_ends_and_prints_as_the_manual_says(write: Any, folder: Path) -> None:
    wrong, count = [], 0
    for page in write.PAGES:
        for ran in write.run_page((ROOT / "docs" / page).read_text(encoding="utf-8"), folder):
            count += 1
            expected = int(ran.block.option("exit") or 0)
            if ran.code != expected:
                wrong.append(f"{page}: exit code {ran.code}, not {expected}: {ran.block.content}{ran.output}")
            elif ran.shown is not None and words(ran.shown.content) != words(ran.output):
                wrong.append(f"{page}: {ran.block.content}prints {ran.output[:500]}")
    assert wrong == []
    assert count >= 20
