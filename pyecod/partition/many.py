"""Many domain summaries at once: each file read, partitioned and written on its own, in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from pyecod.errors import BrokenInputError
from pyecod.evidence import DomainSummary, read_summary
from pyecod.files import sha256_of
from pyecod.ids import ChainKey
from pyecod.partition.engine import partition_chain
from pyecod.partition.model import Partition
from pyecod.partition.xml import write_partition
from pyecod.pdb.chain import Chain
from pyecod.reference import Reference
from pyecod.reference.mask import Mask
from pyecod.settings import Settings


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one summary file: its chain's partition, or why it could not be read."""

    path: Path
    key: ChainKey | None = None
    partition: Partition | None = None
    written: Path | None = None
    error: str | None = None


def partition_files(
    paths: Sequence[Path],
    reference: Path,
    settings: Settings,
    *,
    out: Path | None = None,
    jobs: int = 1,
) -> Iterator[FileResult]:
    """Partition summary files of both dialects, in their order; a broken file fails alone, with its reason.

    ``out`` is the folder for ``<chain>.partition.xml``; it must exist. ``jobs`` processes work side by side.

    Raises:
        ReferenceDataError: the reference cannot be opened.
        BrokenInputError: a list of what is left out cannot be read.
    """
    Mask(Reference.open(reference), settings.mask)
    Reference.open(reference).check_lookup()  # once here, so that a wrong path is one clear error and not one per file
    work = partial(_partition_file, reference=reference, settings=settings, out=out)
    if jobs == 1 or len(paths) < 2:
        yield from map(work, paths)
        return
    with ProcessPoolExecutor(min(jobs, len(paths)), mp_context=get_context("forkserver")) as pool:
        yield from pool.map(work, paths, chunksize=max(1, min(32, len(paths) // (4 * jobs))))


def _partition_file(path: Path, *, reference: Path, settings: Settings, out: Path | None) -> FileResult:
    try:
        summary = read_summary(path)
        mask = Mask(Reference.open(reference), settings.mask)
        partition = partition_chain(summary, mask.over([summary.key.entry_id]), settings)
        partition = replace(partition, parameters={**partition.parameters, **mask.parameters})
    except BrokenInputError as error:
        return FileResult(path, error=str(error))
    written = _write(out, path, summary, partition) if out else None
    return FileResult(path, summary.key, partition, written)


def _write(out: Path, path: Path, summary: DomainSummary, partition: Partition) -> Path:
    target = out / f"{summary.key.file_stem}.partition.xml"
    chain = Chain(summary.key, summary.sequence or "X" * summary.length)  # old summaries do not hold the sequence
    write_partition(target, partition, chain, batch_id=summary.batch_id, summary_sha256=sha256_of(path))
    return target
