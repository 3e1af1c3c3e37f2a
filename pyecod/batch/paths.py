"""Where things are in a batch folder; all that workers need to know of a batch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pyecod.batch.journal import JOURNAL_NAME
from pyecod.batch.lock import LOCK_NAME
from pyecod.batch.manifest import MANIFEST_NAME
from pyecod.batch.record import ChainRecord
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

FOLDERS = ("entries", "fastas", "blast", "hhsearch", "summaries", "partitions", "runs", "logs", "report")


@dataclass(frozen=True, slots=True)
class BatchPaths:
    """Names of a batch's files. Chains are told apart even where the file system ignores case."""

    root: Path

    @property
    def manifest(self) -> Path:
        """``batch_manifest.yaml``."""
        return self.root / MANIFEST_NAME

    @property
    def journal(self) -> Path:
        """``journal.jsonl``."""
        return self.root / JOURNAL_NAME

    @property
    def lock(self) -> Path:
        """The file whose lock makes a process the batch's driver."""
        return self.root / LOCK_NAME

    @property
    def pdb_entries(self) -> Path:
        """Copy of the release's ``added.pdb``."""
        return self.root / "pdb_entries.txt"

    @property
    def entries(self) -> Path:
        """What was read from mmCIF, one file per entry."""
        return self.root / "entries"

    @property
    def runs(self) -> Path:
        """The run history."""
        return self.root / "runs"

    @property
    def logs(self) -> Path:
        """Logs of the programs."""
        return self.root / "logs"

    @property
    def report(self) -> Path:
        """The batch's page."""
        return self.root / "report"

    def fasta_path(self, key: ChainKey) -> Path:
        """``fastas/8s72_A.fa``."""
        return self.root / f"fastas/{key.file_stem}.fa"

    def summary_path(self, key: ChainKey) -> Path:
        """``summaries/8s72_A.summary.xml``; ``key`` is the representative of its identical chains."""
        return self.root / f"summaries/{key.file_stem}.summary.xml"

    def partition_path(self, key: ChainKey) -> Path:
        """``partitions/8s72_A.partition.xml``."""
        return self.root / f"partitions/{key.file_stem}.partition.xml"

    def file(self, record: ChainRecord, kind: str) -> Path | None:
        """A file its record names (``summary``, ``partition``…), None where it names none."""
        name = record.files.get(kind)
        return self.root / name if name else None

    def has_partition(self, record: ChainRecord) -> bool:
        """Whether the partition file of a chain is there, and not empty."""
        path = self.file(record, "partition") or self.partition_path(record.key)
        try:
            return path.stat().st_size > 0
        except OSError:
            return False

    def holds_results(self) -> bool:
        """Whether there is a summary, a partition or a run, whatever the manifest says."""
        folders = (self.root / name for name in ("summaries", "partitions", "runs"))
        return any(path.is_file() for folder in folders for path in folder.rglob("*"))

    def relative(self, path: Path) -> str:
        """A path as a record's ``files`` hold it: relative to the batch folder.

        Raises:
            BatchError: it is neither inside the batch nor inside a batch beside it.
        """
        path = Path(os.path.normpath(path.absolute()))
        root = Path(os.path.normpath(self.root.absolute()))
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
        if path.is_relative_to(root.parent) and len(path.relative_to(root.parent).parts) > 1:
            return "../" + path.relative_to(root.parent).as_posix()
        raise BatchError(f"{path} is not inside the batch", where=self.root)

    def make(self) -> None:
        """Make the batch folder and its subfolders; those that are there stay."""
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk, all and per subfolder (``.`` for the files beside them), number of files, bytes free."""

    total: int
    files: int
    free: int
    folders: dict[str, int]


def disk_use(root: Path) -> DiskUse:
    """Space a batch takes; files that vanish meanwhile are not counted. About 1 s per 100,000 files."""
    folders: dict[str, int] = {}
    files = 0
    for folder, entry in _walk(root, "."):
        try:
            size = entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
        folders[folder] = folders.get(folder, 0) + size
        files += 1
    return DiskUse(sum(folders.values()), files, free_space(root), folders)


def _walk(root: Path, top: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = list(os.scandir(root))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), entry.name if top == "." else top)
        else:
            yield top, entry


def free_space(folder: Path) -> int:
    """Bytes an ordinary user can still write beside ``folder``."""
    return shutil.disk_usage(folder).free


def is_batch(path: Path) -> bool:
    """Whether a folder holds a manifest."""
    return (path / MANIFEST_NAME).is_file()


def find_batches(base_path: Path, pattern: str = "*") -> list[Path]:
    """Batch folders directly under ``base_path`` whose name matches a shell pattern, by name.

    Raises:
        BatchError: there is no such folder.
    """
    try:
        names = [entry.name for entry in os.scandir(base_path) if entry.is_dir()]
    except OSError as error:
        raise BatchError(f"cannot list the batches: {error.strerror}", where=base_path, hint="--base-path") from None
    return [base_path / name for name in sorted(names) if fnmatchcase(name, pattern) and is_batch(base_path / name)]


def locate_batch(name: str, base_path: Path) -> Path:
    """Folder of a batch given by its path, or by its name under ``base_path``.

    Raises:
        BatchError: neither holds a batch.
    """
    for path in (Path(name), base_path / name):
        if is_batch(path):
            return path
    raise BatchError(
        f"there is no batch {name!r}", where=base_path, hint="`pyecod status` lists the batches; --base-path"
    )
