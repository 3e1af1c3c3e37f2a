"""Read entries of a release: mmCIF in, chains recorded, nothing dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyecod.batch.record import ChainRecord, EntryRecord, Status
from pyecod.config import Settings
from pyecod.errors import ConfigError, describe, is_disk_trouble
from pyecod.fasta import write_fasta
from pyecod.pdb import find_entry, read_entry, save_entry
from pyecod.pdb.chain import Chain, Entry


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """What became of one entry: its record, and a record for each of its chains (none when it failed)."""

    entry: EntryRecord
    chains: tuple[ChainRecord, ...] = ()


def read_entries(
    pdb_ids: Sequence[str], batch_path: Path, settings: Settings, week: str | None = None
) -> list[EntryOutcome]:
    """Read each entry from the mirror and keep it under ``entries/`` and ``fastas/`` of the batch.

    A missing or broken entry becomes a failed record with the reason; the others go on.

    Raises:
        ConfigError: no mirror is configured.
        OSError: the batch's disk is full or not writable, which is no entry's fault.
    """
    if settings.mirror is None:
        raise ConfigError("no mmCIF mirror is configured", hint="--mirror PATH, or `mirror:` in the settings file")
    return [_read(pdb_id, settings.mirror, batch_path, settings, week) for pdb_id in pdb_ids]


def _read(pdb_id: str, mirror: Path, batch_path: Path, settings: Settings, week: str | None) -> EntryOutcome:
    try:
        entry = read_entry(find_entry(mirror, pdb_id), pdb_id, settings.chains)
        save_entry(entry, batch_path / "entries")
        write_fastas(entry.chains, batch_path)
    except Exception as error:  # one entry's fault is that entry's reason, the week goes on
        if is_disk_trouble(error):
            raise
        return EntryOutcome(EntryRecord(pdb_id, Status.FAILED, failure_reason=describe(error)))
    return EntryOutcome(_entry_record(entry), tuple(chain_record(chain, week) for chain in entry.chains))


def write_fastas(chains: Iterable[Chain], batch_path: Path) -> None:
    """One FASTA file per protein chain that can be classified."""
    for chain in chains:
        if chain.cannot_classify is None:
            write_fasta(batch_path / "fastas" / f"{chain.key.file_stem}.fa", [(str(chain.key), chain.sequence)])


def chain_record(chain: Chain, week: str | None = None) -> ChainRecord:
    """First record of a chain: nothing done yet, or not classifiable and why."""
    record = ChainRecord(
        key=chain.key,
        sequence_length=chain.length,
        sequence_md5=chain.sequence_md5,
        entity_id=chain.entity_id,
        source_week=week,
    )
    if chain.cannot_classify is not None:
        record.can_classify = False
        record.cannot_classify_reason = str(chain.cannot_classify)
        record.blast_status = record.hhsearch_status = record.partition_status = Status.NOT_NEEDED
    return record


def _entry_record(entry: Entry) -> EntryRecord:
    return EntryRecord(
        pdb_id=entry.pdb_id,
        status=Status.COMPLETE,
        chain_count=len(entry.chains),
        problems=entry.problems,
        title=entry.title,
        method=entry.method,
        resolution=entry.resolution,
        release_date=entry.release_date,
    )
