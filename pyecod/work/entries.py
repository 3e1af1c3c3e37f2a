"""Read entries of a release: mmCIF in, chains recorded, nothing dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from pyecod.batch import Batch
from pyecod.batch.record import NO_FAILURE, ChainChanges, ChainRecord, ChainUpdate, EntryRecord, Status, Verdict
from pyecod.errors import ConfigError, FailureKind, describe, is_disk_trouble
from pyecod.fasta import write_fasta
from pyecod.pdb import find_entry, read_entry, save_entry
from pyecod.pdb.chain import Chain, Entry
from pyecod.settings import Settings

T = TypeVar("T")
_REMOVED: ChainChanges = {
    **NO_FAILURE,
    "can_classify": False,
    "cannot_classify_reason": str(Verdict.REMOVED),
    "blast_status": Status.NOT_NEEDED,
    "hhsearch_status": Status.NOT_NEEDED,
    "partition_status": Status.NOT_NEEDED,
}
FindEntry = Callable[[str], Path]
"""Path of an entry's mmCIF file by its id; raises :class:`PyecodError` where it cannot be had."""


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """What became of one entry: its record, and a record for each of its chains (none when it failed). ``source`` is
    the file that was read, ``source_sha256`` its checksum; ``slurm_job`` is the id of the job that read it, if any."""

    entry: EntryRecord
    chains: tuple[ChainRecord, ...] = ()
    source: Path | None = None
    source_sha256: str | None = None
    slurm_job: str | None = None


def read_entries(
    pdb_ids: Sequence[str], batch_path: Path, settings: Settings, week: str | None = None
) -> list[EntryOutcome]:
    """Read each entry and keep it under ``entries/`` and ``fastas/`` of the batch.

    Entries come from where :func:`each_entry` finds them. A missing or broken entry becomes a failed record with the
    reason; the others go on.

    Raises:
        ConfigError: there is neither a mirror nor a server to ask.
        FetchError: the server cannot be reached.
        OSError: the disk is full or not writable, which is no entry's fault.
    """
    return each_entry(pdb_ids, settings, lambda pdb_id, find: _read(pdb_id, find, batch_path, settings, week))


def each_entry(pdb_ids: Sequence[str], settings: Settings, use: Callable[[str, FindEntry], T]) -> list[T]:
    """What ``use`` makes of each entry; it is given the id and the function that finds the entry's file.

    The file is the mirror's. Where no mirror is kept and ``fetch.enabled`` is set, it comes from the server, so many at
    a time as ``fetch.staged_entries`` says, and is deleted after use.

    Raises:
        ConfigError, FetchError, OSError: as :func:`read_entries`.
    """
    if not pdb_ids:
        return []
    check_entry_source(settings)
    if settings.mirror is not None:
        find = partial(find_entry, settings.mirror)
        return [use(pdb_id, find) for pdb_id in pdb_ids]
    from pyecod.fetch import staged_entries

    results: list[T] = []
    for start in range(0, len(pdb_ids), settings.fetch.staged_entries):
        some = pdb_ids[start : start + settings.fetch.staged_entries]
        with staged_entries(some, settings) as stage:
            results += [use(pdb_id, stage.find) for pdb_id in some]
    return results


def read_or_reason(pdb_id: str, find: FindEntry, settings: Settings) -> Entry | str:
    """An entry, or why it cannot be read.

    Raises:
        OSError: the disk is full or not writable, which is no entry's fault.
    """
    try:
        return read_entry(find(pdb_id), pdb_id, settings.chains)
    except Exception as error:  # one entry's fault is that entry's reason
        if is_disk_trouble(error):
            raise
        return describe(error)


def check_entry_source(settings: Settings) -> None:
    """Make sure that entries can come from somewhere.

    Raises:
        ConfigError: there is no mirror, and fetching is not switched on.
    """
    if settings.mirror is None:
        if not settings.fetch.enabled:
            raise ConfigError(
                "no mmCIF mirror is configured",
                hint="--mirror PATH, or `mirror:` in the settings file; without a mirror, fetch.enabled: true",
            )
    elif not settings.mirror.is_dir():
        raise ConfigError(
            "the mirror is not a folder", where=settings.mirror, hint="mount it, or correct mirror (--mirror)"
        )


def _read(pdb_id: str, find: FindEntry, batch_path: Path, settings: Settings, week: str | None) -> EntryOutcome:
    try:
        source = find(pdb_id)
        entry = read_entry(source, pdb_id, settings.chains)
        save_entry(entry, batch_path / "entries")
        write_fastas(entry.chains, batch_path)
    except Exception as error:  # one entry's fault is that entry's reason, the week goes on
        if is_disk_trouble(error):
            raise
        return EntryOutcome(EntryRecord(pdb_id, Status.FAILED, failure_reason=describe(error)))
    records = tuple(chain_record(chain, week) for chain in entry.chains)
    return EntryOutcome(entry_record(entry), records, source, entry.source_sha256 or None)


def write_fastas(chains: Iterable[Chain], batch_path: Path) -> None:
    """One FASTA file per protein chain that can be classified."""
    for chain in chains:
        if chain.is_searchable:
            write_fasta(batch_path / "fastas" / f"{chain.key.file_stem}.fa", [(str(chain.key), chain.sequence)])


def chain_record(chain: Chain, week: str | None = None) -> ChainRecord:
    """First record of a chain: nothing done yet, not classifiable and why, or failed where its file contradicts
    itself."""
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
    elif chain.failure is not None:
        record.sequence_md5 = ""
        record.blast_status, record.attempts = Status.FAILED, 1
        record.failure_kind, record.failure_reason = FailureKind.UNUSABLE, chain.failure
    return record


def read_again(batch: Batch, outcome: EntryOutcome) -> tuple[list[ChainRecord], list[ChainUpdate]]:
    """What an entry's chains are in a batch after it was read: the new ones, those that could not be used so far, and
    the end of those the file no longer names. What the batch has of the others stays: that a file was modified is
    for a repair."""
    known = batch.manifest.chains
    new = [chain for chain in outcome.chains if str(chain.key) not in known or known[str(chain.key)].is_unusable]
    if outcome.entry.status is not Status.COMPLETE:
        return new, []
    named = {chain.key for chain in outcome.chains}
    gone = [
        record.key
        for record in known.values()
        if record.key.entry_id == outcome.entry.pdb_id and record.is_unusable and record.key not in named
    ]
    return new, [ChainUpdate(key, _REMOVED) for key in gone]


def entry_record(entry: Entry) -> EntryRecord:
    """Record of an entry that was read."""
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
