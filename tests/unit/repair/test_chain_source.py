"""Where a repair has its chains from, and what it says of those it cannot have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord
from pyecod.errors import BrokenInputError, ConfigError
from pyecod.fasta import write_fasta
from pyecod.ids import ChainKey
from pyecod.pdb import save_entry
from pyecod.pdb.chain import Chain, Entry
from pyecod.repair.chain_source import ChainSource
from pyecod.repair.selection import Choice
from pyecod.settings import Settings
from pyecod.standing.current import CurrentChain

KEY = ChainKey("8s72", "A")
CHAIN = Chain(KEY, "MKTAYIAKQRQISFVKSHFSRQ")


def choice(tmp_path: Path, sequence: Chain = CHAIN) -> tuple[Batch, Choice]:
    """A chain of a batch that has neither saved its entry nor its FASTA file."""
    record = ChainRecord(KEY, sequence.length, sequence.sequence_md5)
    header = BatchHeader.new("ecod_weekly_20250905", "weekly", Settings(), release_date="2025-09-05")
    batch = Batch.create(tmp_path / "batches", header, chains=[record])
    return batch, Choice(KEY, None, "named", CurrentChain.of(record, batch))


def test_a_damaged_entry_is_named_with_its_fault(tmp_path: Path) -> None:
    _, lost = choice(tmp_path)
    mirror = tmp_path / "mirror"
    (mirror / "s7").mkdir(parents=True)
    (mirror / "s7" / "8s72.cif.gz").write_bytes(b"no gzip")
    with pytest.raises(BrokenInputError, match=r"in its batch: .*not been read yet; read now: .*8s72\.cif\.gz: .*gzip"):
        ChainSource([lost], Settings(mirror=mirror)).chain(lost)
    (mirror / "s7" / "8s72.cif.gz").unlink()
    with pytest.raises(BrokenInputError, match=r"read now: .*mirror: no mmCIF file of 8s72"):
        ChainSource([lost], Settings(mirror=mirror)).chain(lost)


def test_another_sequence_is_no_sequence(tmp_path: Path) -> None:
    batch, lost = choice(tmp_path)
    save_entry(Entry("8s72", (Chain(KEY, "MKT"),)), batch.paths.entries)
    (tmp_path / "mirror").mkdir()
    with pytest.raises(BrokenInputError, match="in its batch: the entry has no such chain of this sequence; read now"):
        ChainSource([lost], Settings(mirror=tmp_path / "mirror")).chain(lost)


def test_an_absent_mirror_is_no_fault_of_the_chain(tmp_path: Path) -> None:
    batch, lost = choice(tmp_path)
    away = Settings(mirror=tmp_path / "away")
    with pytest.raises(ConfigError, match="away: the mirror is not a folder"):
        ChainSource([lost], away)
    with pytest.raises(ConfigError, match="no mmCIF mirror is configured"):
        ChainSource([lost], Settings())
    save_entry(Entry("8s72", (CHAIN,)), batch.paths.entries)
    assert ChainSource([lost], away).chain(lost) == CHAIN  # nothing is to be read


def test_without_any_source_the_fasta_file_is_enough_and_said(tmp_path: Path) -> None:
    batch, lost = choice(tmp_path)
    write_fasta(batch.paths.fasta_path(KEY), [(str(KEY), CHAIN.sequence)])
    source = ChainSource([lost], Settings())
    assert source.chain(lost).sequence == CHAIN.sequence
    assert set(source.entries) == {"8s72"}
    assert source.notes[0].startswith("8s72_A: without author numbers")
