"""Entries for a while: fetched, read, and deleted, where no mirror is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import BrokenInputError, FetchError
from pyecod.fetch.download import Fate
from pyecod.fetch.many import fetch_files
from pyecod.fetch.release import entry_download
from pyecod.node.scratch import scratch_folder
from pyecod.settings import Settings


@dataclass(frozen=True, slots=True)
class Stage:
    """A mirror of a few entries that is gone after use; ``problems`` says by id why an entry is not in it."""

    mirror: Path
    paths: Mapping[str, Path]
    problems: Mapping[str, BrokenInputError | FetchError]

    def find(self, pdb_id: str) -> Path:
        """Path of an entry's file.

        Raises:
            BrokenInputError: the server does not have it. FetchError: it could not be fetched.
        """
        if pdb_id in self.problems:
            raise self.problems[pdb_id]
        return self.paths[pdb_id]


@contextmanager
def staged_entries(pdb_ids: Sequence[str], settings: Settings) -> Iterator[Stage]:
    """Fetch entries into a scratch folder and delete them afterwards; at most so many are on disk as are named.

    Raises:
        FetchError: the server cannot be reached or fails for several entries in a row: no entry is to blame.
        OSError: the scratch disk is full or not writable.
    """
    limit = settings.chains.max_file_mib << 20
    with scratch_folder(settings.scratch) as folder:
        downloads = [entry_download(pdb_id, folder, settings.fetch, max_bytes=limit) for pdb_id in pdb_ids]
        ends = dict(zip(pdb_ids, fetch_files(downloads, settings.fetch, keep_going=True), strict=True))
        problems: dict[str, BrokenInputError | FetchError] = {
            pdb_id: BrokenInputError(f"no mmCIF file of {pdb_id} on the server", where=end.download.url)
            for pdb_id, end in ends.items()
            if end.fate is Fate.ABSENT
        }
        problems |= {pdb_id: end.error for pdb_id, end in ends.items() if end.error is not None}
        yield Stage(folder, {pdb_id: end.download.path for pdb_id, end in ends.items()}, problems)
