"""Damage that keeps a file's size is seen, and the age of the last whole check is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pyecod.checks import Finding
from pyecod.errors import ReferenceDataError
from pyecod.reference import Reference
from pyecod.reference.checked import CHECKED_NAME, ReferenceCheck, last_check, record_check


@pytest.fixture
def folder(line: Callable[..., Any], make_reference: Callable[..., Path]) -> Path:
    return make_reference([line("e1abcA1"), line("e1abcA2", seqid_range="A:31-60")])


def test_a_flipped_byte_of_any_file_of_the_lookup_is_seen(folder: Path) -> None:
    Reference.open(folder).check_lookup()
    for path in sorted((folder / "lookup").iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(ReferenceDataError, match="content has changed") as caught:
            Reference.open(folder).check_lookup()
        assert caught.value.where == str(path)
        path.write_bytes(data)
    Reference.open(folder).check_lookup()


FINDINGS = [Finding("files", "ok", "fine"), Finding("domain database", "problem", "other ids")]


def test_the_last_check_is_known_by_the_references_id(folder: Path, tmp_path: Path) -> None:
    assert last_check(folder, "a", None) is None
    record_check(folder, "a", FINDINGS[:1], None)
    check = last_check(folder, "a", None)
    assert check is not None
    assert (check.problems, check.is_old) == ((), False)
    assert last_check(folder, "another", None) is None
    record_check(folder, "a", FINDINGS, None)
    check = last_check(folder, "a", None)
    assert check is not None
    assert check.problems == ("domain database: other ids",)
    assert "other ids" in str(check)


def test_a_reference_of_others_is_kept_in_mind_under_base_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyecod.reference import checked

    write = checked.atomic_write

    def refuse(path: Path, data: bytes) -> None:
        if path.parent == folder:
            raise PermissionError(13, "Permission denied")
        write(path, data)

    monkeypatch.setattr(checked, "atomic_write", refuse)
    record_check(folder, "a", FINDINGS, tmp_path)
    assert not (folder / CHECKED_NAME).exists()
    check = last_check(folder, "a", tmp_path)
    assert check is not None
    assert check.problems


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"at": 1}', b'{"reference_id": "a", "at": "x", "problems": []}']
)
def test_a_damaged_record_is_no_check(folder: Path, content: bytes) -> None:
    (folder / CHECKED_NAME).write_bytes(content)
    assert last_check(folder, "a", None) is None


def test_a_check_grows_old() -> None:
    assert ReferenceCheck("a", datetime.now(UTC) - timedelta(days=36), ()).is_old
