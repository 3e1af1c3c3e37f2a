"""Begin a batch, or go on with it: header, versions, and the check that nothing decisive changed meanwhile."""

from __future__ import annotations

from pathlib import Path

from pyecod.batch import Batch, BatchHeader, EntryRecord, is_batch, weekly_name
from pyecod.config import Settings
from pyecod.errors import BatchError, ConfigError, ReferenceDataError
from pyecod.pdb import Release, read_fasta_chains
from pyecod.reference import Reference
from pyecod.search import program_versions
from pyecod.search.databases import profile_database
from pyecod.steps.entries import chain_record, write_fastas


def open_reference(settings: Settings) -> Reference:
    """The reference the settings name, ready for every search they ask for.

    Raises:
        ConfigError: none is named. ReferenceDataError: it cannot be opened, or has no chain sequences, or no profiles
            although chains with little BLAST coverage would need them, and the settings do not say to do without.
    """
    if settings.reference is None:
        raise ConfigError("no ECOD reference is named", hint="--reference DIR, or `reference:` in the settings file")
    reference = Reference.open(settings.reference)
    if reference.chain_db is None and settings.search.require_chains:
        raise ReferenceDataError(
            "the reference has no chain sequences, so that chain BLAST would find nothing",
            where=settings.reference,
            hint="build it with --chain-fasta FILE, or set search.require_chains to false to do without chain BLAST",
        )
    if reference.hh_db is None and settings.search.hhsearch_below > 0:
        raise ReferenceDataError(
            "the reference has no HH-suite profiles, but chains with little BLAST coverage need them",
            where=settings.reference,
            hint="build it with --hh-db PREFIX, or set search.hhsearch_below to 0 to do without the profile search",
        )
    return reference


def begin_week(release: Release, settings: Settings) -> Batch:
    """The release's batch, made where there is none yet.

    Raises:
        BatchError: the batch was begun with other settings or another reference, or the disk is full.
    """
    name = weekly_name(release.date)
    if is_batch(settings.base_path / name):
        return go_on(settings.base_path / name, settings)
    header = new_header(
        name,
        "weekly",
        settings,
        release_date=release.date.isoformat(),
        pdb_status_path=str(release.path),
        modified=release.modified,
        obsolete=release.obsolete,
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
        header = new_header(path.name, "fasta", settings, fasta_path=str(fasta.absolute()))
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
    stem = fasta.name.split(".")[0] or "sequences"
    return "ecod_fasta_" + "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in stem)[:80]


def new_header(name: str, kind: str, settings: Settings, **more: object) -> BatchHeader:
    """Header of a batch that starts now, with the versions of the reference, the programs and the profile database."""
    reference = open_reference(settings)
    return BatchHeader.new(
        name,
        kind,
        settings,
        reference_version=reference.version,
        reference_id=reference.id,
        tool_versions={**program_versions(), **_profile_version(reference, settings)},
        **more,
    )


def _profile_version(reference: Reference, settings: Settings) -> dict[str, str]:
    """Name and beginning of the id of the database that query profiles are built from; nothing where none are built."""
    if reference.hh_db is None or not settings.search.hhsearch_below:
        return {}
    prefix, identity = profile_database(reference, settings.search)
    return {"profile_db": f"{prefix.name} {identity[:12]}"}


def go_on(path: Path, settings: Settings) -> Batch:
    """Open a batch that was begun.

    Raises:
        BatchError: it was begun with other settings or another reference; every difference is named.
    """
    batch = Batch.open(path)
    batch.check_settings(settings, open_reference(settings).id)
    return batch
