"""A reference folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import ReferenceDataError
from pyecod.reference.record import RECORD_NAME
from pyecod.reference.workspace import new_reference_folder


def build(out: Path, content: str, *, force: bool = False) -> None:
    with new_reference_folder(out, force=force) as folder:
        (folder / "lookup").mkdir()
        (folder / RECORD_NAME).write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_appears_when_the_work_is_done(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "ref"
    with new_reference_folder(out, force=False) as folder:
        (folder / RECORD_NAME).write_text("x")
        assert not out.exists()
    assert names(out) == [RECORD_NAME]
    assert names(out.parent) == ["ref"]


def test_an_error_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "ref"
    with pytest.raises(TypeError):
        build(out, 7)  # type: ignore[arg-type]
    assert names(tmp_path) == []
    build(out, "old")
    with pytest.raises(TypeError):
        build(out, 7, force=True)  # type: ignore[arg-type]
    assert (out / RECORD_NAME).read_text() == "old"
    assert names(tmp_path) == ["ref"]


def test_a_reference_is_replaced_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "ref"
    build(out, "old")
    with pytest.raises(ReferenceDataError, match="already here") as caught:
        build(out, "new")
    assert "--force" in caught.value.hint
    build(out, "new", force=True)
    assert (out / RECORD_NAME).read_text() == "new"
    assert names(tmp_path) == ["ref"]


def test_what_is_no_reference_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("thesis", "file", "link"):
        with pytest.raises(ReferenceDataError, match="something else"):
            build(tmp_path / name, "new", force=True)
    assert names(tmp_path / "thesis") == ["chapter1.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "ref").mkdir()
    build(tmp_path / "ref", "new")
    assert (tmp_path / "ref" / RECORD_NAME).read_text() == "new"


def test_two_builds_of_one_reference_exclude_each_other(tmp_path: Path) -> None:
    out = tmp_path / "ref"
    with new_reference_folder(out, force=False) as folder:
        with pytest.raises(ReferenceDataError, match="another build"):
            build(out, "second")
        (folder / RECORD_NAME).write_text("first")
    assert (out / RECORD_NAME).read_text() == "first"


def test_leavings_of_a_killed_build_are_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".ref.building"
    (left / "blast").mkdir(parents=True)
    (left / "blast" / "domains.fasta").write_text("x")
    (left / "rejected.tsv").write_text("x")
    build(tmp_path / "ref", "new")
    assert names(tmp_path / "ref") == ["lookup", RECORD_NAME]
    assert names(tmp_path) == ["ref"]


def test_the_name_of_a_new_reference_is_forced_to_disk(tmp_path: Path, disk: list[str]) -> None:
    build(tmp_path / "ref", "x")
    assert disk == ["rename ref", f"fsync {tmp_path.name}"]
