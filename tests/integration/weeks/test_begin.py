"""A batch is begun and gone on with: nothing of it changes before it is known to be the same work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch
from pyecod.doctor import Server, examine
from pyecod.errors import BatchError, BatchLockedError, ReferenceDataError
from pyecod.reference import build_reference
from pyecod.reference.ready import open_reference
from pyecod.settings import Settings, load_settings
from pyecod.weeks.begin import begin_fasta

pytestmark = pytest.mark.integration

ONE, OTHER = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEV", "MGSSHHHHHHSSGLVPRGSHMRGPNPTAASLE"


@pytest.fixture
def settings(small_world: Any, tmp_path: Path) -> Settings:
    return load_settings(overrides=small_world.overrides(tmp_path / "batches")).absolute()


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "mine.fasta"
    path.write_text(f">q1\n{ONE}\n>q2\n{OTHER}\n>q3\nMKT\n")
    return path


def fastas(batch: Batch) -> list[Path]:
    return sorted((batch.path / "fastas").iterdir())


def files(batch: Batch) -> dict[str, tuple[bytes, int]]:
    """Content and time of every FASTA file and of the manifest."""
    found = [*fastas(batch), batch.paths.manifest]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


@pytest.mark.parametrize(
    "changed",
    [f">q1\n{OTHER}\n>q2\n{ONE}\n>q3\nMKT\n", f">q1\n{ONE}\n", f">q1\n{ONE}\n>q2\n{OTHER}\n>q4\nMKT\n"],
    ids=["other sequences", "fewer", "another name"],
)
def test_other_sequences_are_refused_and_the_batch_stays_as_it_is(
    settings: Settings, fasta: Path, changed: str
) -> None:
    batch = begin_fasta(fasta, settings)
    before = files(batch)
    fasta.write_text(changed)
    with pytest.raises(BatchError, match=r"made from other sequences .*--batch-name"):
        begin_fasta(fasta, settings)
    assert files(batch) == before
    assert len([name for name in before if name.endswith(".fa")]) == 2  # q3 is too short to be searched


def test_nothing_is_written_while_another_drives_the_batch(settings: Settings, fasta: Path) -> None:
    batch = begin_fasta(fasta, settings)
    for path in fastas(batch):
        path.unlink()
    with batch.lock(), pytest.raises(BatchLockedError):
        begin_fasta(fasta, settings)
    assert not fastas(batch)


def test_a_crash_between_manifest_and_sequences_heals_when_it_is_begun_again(
    settings: Settings, fasta: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pyecod.weeks.begin.write_fastas", die)
        with pytest.raises(KeyboardInterrupt):
            begin_fasta(fasta, settings)
    batch = begin_fasta(fasta, settings)
    assert [path.read_text().split() for path in fastas(batch)] == [
        [f">{key}", sequence] for key, sequence in zip(sorted(batch.manifest.chains), (ONE, OTHER), strict=False)
    ]


@pytest.mark.parametrize(
    ("lacks", "message", "do_without", "note"),
    [
        ("chain_fasta", "no chain sequences", {"require_chains": False}, "no chain BLAST"),
        ("hh_db", "no HH-suite profiles", {"hhsearch_below": 0}, "no profile search"),
    ],
)
def test_a_reference_that_lacks_evidence_is_refused_unless_the_settings_do_without(
    small_world: Any, tmp_path: Path, lacks: str, message: str, do_without: dict[str, Any], note: str
) -> None:
    world = small_world.world
    sources = {
        "domains": [world.domain_list],
        "domain_fasta": [world.domain_fasta],
        "chain_fasta": [world.chain_fasta],
        "hh_db": world.hh_db,
    }
    del sources[lacks]
    build_reference(tmp_path / "lacking", "lacking", **sources)

    def settings(**search: Any) -> Settings:
        overrides = small_world.overrides(tmp_path, reference=str(tmp_path / "lacking"), search=search)
        return load_settings(overrides=overrides).absolute()

    def found(chosen: Settings) -> tuple[str, str]:
        (finding,) = (f for f in examine(chosen, Server("")) if f.check == "reference")
        return finding.state, finding.detail

    (option,) = do_without
    with pytest.raises(ReferenceDataError, match=f"{message}.*{option}"):
        open_reference(settings())
    assert found(settings())[0] == "problem"
    assert open_reference(settings(**do_without)).version == "lacking"
    state, words = found(settings(**do_without))
    assert state == "note"
    assert note in words
