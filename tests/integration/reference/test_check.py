"""A check finds whatever has happened to a reference."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from pyecod.files import sha256_of
from pyecod.reference import check_reference
from pyecod.reference.blast import make_database
from pyecod.reference.record import RECORD_NAME

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def good(make_sources: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return make_sources(folder / "sources").build(folder / "ref").path  # type: ignore[attr-defined]


@pytest.fixture
def reference(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "ref"))


def problems(path: Path) -> dict[str, str]:
    findings = check_reference(path)
    assert all(finding.remedy for finding in findings if finding.state == "problem")
    return {finding.check: finding.detail for finding in findings if finding.state == "problem"}


def stamp_anew(path: Path) -> None:
    """Make the record agree with the files, so that only the meaning of their content is wrong."""
    record = yaml.safe_load((path / RECORD_NAME).read_text())
    for name in record["files"]:
        file = path / name
        record["files"][name] = {"size": file.stat().st_size, "sha256": sha256_of(file)}
    (path / RECORD_NAME).write_text(yaml.safe_dump(record))


def test_a_good_reference_has_no_problem(reference: Path) -> None:
    assert problems(reference) == {}


def test_every_changed_byte_is_found(reference: Path) -> None:
    for file in [*(reference / "lookup").iterdir(), *(reference / "blast").iterdir()]:
        content = file.read_bytes()
        if not content:
            continue
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        assert str(file) in problems(reference)["files"]
        file.write_bytes(content)
    assert problems(reference) == {}


@pytest.mark.parametrize("name", ["blast/domains.psq", "blast/chains.pin", "lookup/groups.json", RECORD_NAME])
def test_a_missing_file_is_found(reference: Path, name: str) -> None:
    (reference / name).unlink()
    assert problems(reference)


def test_no_reference_is_one_problem(tmp_path: Path) -> None:
    assert list(problems(tmp_path)) == ["reference"]


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("domains.t", lambda a: a + 99, "unknown T-groups"),
        ("domains.length", lambda a: a * 0, "lengths other than"),
        ("domains.length", lambda a: a[:-1], "other lengths"),
        ("domains.chain", lambda a: a + 7, "unknown chains"),
        ("domains.chain", lambda a: a[::-1].copy(), "chains with domains of others"),
        ("domains.segments", lambda a: a[:, ::-1].copy(), "run backwards"),
        ("domains.segment_ends", lambda a: a + 1, "not one after the other"),
        ("domains.ids", lambda a: a[::-1].copy(), "out of order"),
        ("domains.order", lambda a: a[::-1].copy(), "not found where they are"),
        ("chains.length", lambda a: a * 0 + 100, "beyond the end"),
        ("chains.rows", lambda a: a * 0, "chains that lack domains"),
        ("domains.text", lambda a: a * 0 + 255, "UnicodeDecodeError"),
    ],
)
def test_a_lookup_that_contradicts_itself_is_found(
    reference: Path, name: str, change: Callable[[np.ndarray], np.ndarray], says: str
) -> None:
    file = reference / "lookup" / f"{name}.npy"
    np.save(file, change(np.load(file)))
    stamp_anew(reference)
    assert says in problems(reference)["lookup"]


@pytest.mark.parametrize("kind", ["domain", "chain"])
def test_a_blast_database_of_something_else_is_found(reference: Path, kind: str) -> None:
    fasta = reference / "blast" / f"{kind}s.fasta"
    fasta.write_text(">e1abcA1\nACDEFGHIKL\n" * 1)
    make_database(fasta, "other")
    fasta.unlink()
    stamp_anew(reference)
    assert "has 1 sequences" in problems(reference)[f"{kind} database"]


def test_a_blast_database_with_another_sequence_is_found(reference: Path) -> None:
    fasta = reference / "blast" / "chains.fasta"
    fasta.write_text(">1abc_A\nACDEFGHIKL\n>1abc_a\nACDEFGHIKL\n")
    make_database(fasta, "other")
    fasta.unlink()
    stamp_anew(reference)
    assert "other ids or sequences" in problems(reference)["chain database"]


def test_a_blast_database_that_cannot_be_read_is_found(reference: Path) -> None:
    (reference / "blast" / "domains.pin").write_bytes(b"")
    stamp_anew(reference)
    assert "blastdbcmd" in problems(reference)["domain database"]
