"""Hints that start a server start none that is open to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    path
    for folder in ("pyecod", "flows", "tasks", "docs", "deployments", "README.md", "prefect.yaml")
    for path in ([ROOT / folder] if (ROOT / folder).is_file() else sorted((ROOT / folder).rglob("*")))
    if path.suffix in (".py", ".md", ".yaml", ".env", ".service", ".sh")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_whoever_is_told_to_start_a_server_is_told_of_its_password(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "0.0.0.0" not in text
    if "server start" in text:
        assert "PREFECT_SERVER_API_AUTH_STRING" in text or "EnvironmentFile=/etc/pyecod/server.env" in text
