"""Begin a batch, or go on with it: header, versions, and the check that nothing decisive changed meanwhile."""

from __future__ import annotations

from pathlib import Path

from pyecod.batch import Batch, BatchType, EntryRecord, is_batch, weekly_name
from pyecod.batch.names import fasta_name
from pyecod.errors import BatchError
from pyecod.pdb import Release, read_fasta_chains
from pyecod.settings import Settings
from pyecod.weeks.lists import list_problems, take_in
from pyecod.work.entries import chain_record, write_fastas
from pyecod.work.start import go_on, new_header


def begin_week(release: Release, settings: Settings) -> Batch:
    """The release's batch, made where there is none yet; what its lists have become since is taken in.

    Raises:
        BatchError: the batch was begun with other settings or another reference, or the disk is full.
    """
    name = weekly_name(release.date)
    if is_batch(settings.base_path / name):
        batch = go_on(settings.base_path / name, settings)
        take_in(batch, release)
        return batch
    header = new_header(
        name,
        BatchType.WEEKLY,
        settings,
        release_date=release.date.isoformat(),
        pdb_status_path=str(release.path),
        modified=release.modified,
        obsolete=release.obsolete,
        list_problems=list_problems(release),
    )
    entries = [EntryRecord(pdb_id) for pdb_id in release.added]
    return Batch.create(settings.base_path, header, entries=entries, pdb_entries="\n".join(release.added) + "\n")


def begin_fasta(fasta: Path, settings: Settings, name: str | None = None) -> Batch:
    """The batch of a FASTA file, made where there is none yet; its records are its chains.

    Raises:
        BrokenInputError: the file is not protein FASTA; file and line are named.
        BatchError: the batch exists and was made from other sequences, settings or another reference.
    """
    chains = read_fasta_chains(fasta, settings.chains)
    records = [chain_record(chain) for chain in chains]
    path = settings.base_path / (name or fasta_batch_name(fasta))
    if is_batch(path):
        batch = go_on(path, settings)
    else:
        header = new_header(path.name, BatchType.FASTA, settings, fasta_path=str(fasta.absolute()))
        batch = Batch.create(settings.base_path, header, chains=records)
    with batch.lock():
        known = {key: record.sequence_md5 for key, record in batch.manifest.chains.items()}
        if known != {str(record.key): record.sequence_md5 for record in records}:
            raise BatchError(
                f"the batch was made from other sequences than those of {fasta}",
                where=path,
                hint="give this one another name with --batch-name",
            )
        write_fastas(chains, batch.path)  # last, so that nothing is touched before it is known to be the batch's own
    return batch


def fasta_batch_name(fasta: Path) -> str:
    """Name of the batch of a FASTA file: ``ecod_fasta_`` and the file's name without its suffixes."""
    return fasta_name(fasta.name.split(".")[0] or "sequences")
