"""Begin work on a batch, or go on with it: versions, and the check that nothing decisive changed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from pyecod.batch import Batch, BatchHeader, BatchPaths, BatchType, is_batch
from pyecod.batch.header import HeaderFields
from pyecod.errors import BatchError
from pyecod.node.program import program_versions
from pyecod.reference import Reference
from pyecod.reference.ready import open_reference
from pyecod.search.databases import profile_database
from pyecod.settings import Settings


def new_header(name: str, kind: BatchType, settings: Settings, **more: Unpack[HeaderFields]) -> BatchHeader:
    """Header of a batch that starts now, with the versions of the reference, the programs and the profile database.

    Raises:
        BatchError: the batch's folder holds results that would be lost in a new one.
    """
    refuse_orphan(settings.base_path / name)
    reference = open_reference(settings)
    made_with: HeaderFields = {
        "reference_version": reference.version,
        "reference_id": reference.id,
        "tool_versions": {**program_versions(), **_profile_version(reference, settings)},
    }
    return BatchHeader.new(name, kind, settings, **(more | made_with))


def refuse_orphan(folder: Path) -> None:
    """Refuse a folder that holds results and no manifest.

    Raises:
        BatchError: its results would be lost in a new batch.
    """
    if not is_batch(folder) and BatchPaths(folder).holds_results():
        hint = "put batch_manifest.yaml back, or move the folder away: then all of it is done anew"
        raise BatchError("the folder holds results, but its manifest is gone", where=folder, hint=hint)


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
