"""What is loaded: the chains of a batch as rows, made from its manifest and its partition files."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from pyecod.batch import Batch, BatchType
from pyecod.batch.changes import chain_to_plain, entry_to_plain
from pyecod.batch.header import BatchHeader, filing_date, header_to_plain
from pyecod.batch.journal import JOURNAL_NAME
from pyecod.batch.manifest import MANIFEST_NAME
from pyecod.batch.record import ChainRecord, Status
from pyecod.errors import BatchError, BrokenInputError
from pyecod.ids import ChainKey
from pyecod.partition.model import Partition
from pyecod.partition.xml import PartitionFile, read_partition
from pyecod.standing.mended import find_replaced
from pyecod.standing.rule import has_result, is_accepted, is_mark
from pyecod.store.entries import FILE_FOLDERS, ChainFiles, load_entries

if TYPE_CHECKING:
    from pyecod.store.connection import Connection

_FORMAT = b"3"  # change it when the tables hold more of a batch than before: loaded batches are then loaded again
_COARSEST_CLOCK = 3.0  # seconds: file times of old network file systems have a step of 2
_OWN = re.compile(rb' (pdb_id|chain_id|id|pdb_range)="([^"]*)"')  # what identical chains do not share in a file


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One chain to load: its record and what its partition file holds.

    ``release_date`` is its ``filing_date``. Identical chains share the :class:`Partition` object.
    ``pdb_ranges`` are the domains' author ranges in order, None where a chain has no author numbering. ``created``
    is when the partition was made (UTC, ISO 8601). ``accepted``,
    ``has_result`` and ``is_mark`` are what the rule for which result stands sees in the record. ``files`` are
    what the batch holds of the chain.
    """

    record: ChainRecord
    release_date: datetime.date
    partition: Partition | None = None
    pdb_ranges: tuple[str | None, ...] = ()
    sequence: str | None = None
    created: str | None = None
    accepted: bool = True
    has_result: bool = True
    is_mark: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejection:
    """What could not be loaded: ``key`` is the chain, ``reason`` says why."""

    table: str
    key: str
    reason: str

    def __str__(self) -> str:
        """The rejection in one line."""
        return f"{self.key} ({self.table}): {self.reason}"


@dataclass(frozen=True, slots=True)
class BatchRows:
    """One batch to load. ``rows()`` streams its chains, anew at every call, and what cannot be read of them.

    ``digest`` changes whenever something that is loaded changed. ``stamp`` is :func:`folder_stamp` of before the batch
    was opened, None where it is not known. ``driven_by`` names the live process that works on the batch, None where
    there is none or it is this one.
    """

    header: BatchHeader
    path: Path
    chain_count: int
    classifiable_chains: int
    total_structures: int
    processed_structures: int
    digest: str
    rows: Callable[[], Iterator[ChainRow | Rejection]]
    load_entries: Callable[[Connection], None]
    driven_by: str | None = None
    stamp: str | None = None

    @property
    def status(self) -> Status:
        """``complete``, ``running`` (another process drives it) or ``pending`` (work is left)."""
        if self.driven_by is not None:
            return Status.RUNNING
        return Status.COMPLETE if self.header.completed else Status.PENDING


def folder_stamp(path: Path) -> str | None:
    """Size and time of a batch's manifest, journal and partition folder, which every change of the batch changes.

    None where one changed within the last seconds: a further change might not show.
    """
    parts = [str(path.absolute()), _FORMAT.decode()]
    for name in (MANIFEST_NAME, JOURNAL_NAME, "partitions", *FILE_FOLDERS):
        try:
            found = (path / name).stat()
        except FileNotFoundError:
            parts.append("-")
            continue
        except OSError:
            return None
        if time.time() - found.st_mtime < _COARSEST_CLOCK:
            return None
        parts.append(f"{found.st_size}:{found.st_mtime_ns}")
    return " ".join(parts)


def collect_batch(batch: Batch, *, stamp: str | None = None) -> BatchRows:
    """What a batch holds for the database; ``stamp`` is its :func:`folder_stamp` of before it was opened.

    Raises:
        BatchError: a week whose release is no date.
    """
    if batch.header.batch_type is BatchType.WEEKLY:
        filing_date(batch.header)
    chains = batch.manifest.chains.values()
    entries = batch.manifest.entries.values()
    return BatchRows(
        header=batch.header,
        path=batch.path.absolute(),
        chain_count=len(chains),
        classifiable_chains=sum(chain.can_classify for chain in chains),
        total_structures=len(entries),
        processed_structures=sum(entry.status is Status.COMPLETE for entry in entries),
        digest=_digest(batch),
        rows=lambda: batch_rows(batch),
        load_entries=lambda connection: load_entries(connection, batch),
        driven_by=_driver(batch),
        stamp=stamp,
    )


def batch_rows(batch: Batch) -> Iterator[ChainRow | Rejection]:
    """The chains of a batch with their partitions, identical chains one after the other.

    A partition file that cannot be read gives a rejection, and the chain's row without it; no rejection where a repair
    has replaced its result since.
    """
    reader, files = PartitionReader(), ChainFiles(batch.path)
    replaced: set[ChainKey] | None = None
    for record in sorted(batch.manifest.chains.values(), key=lambda r: (r.representative or str(r.key), str(r.key))):
        try:
            row = ChainRow(
                record,
                filing_date(batch.header, record),
                accepted=is_accepted(batch.header, record),
                has_result=has_result(record),
                is_mark=is_mark(batch.header, record),
                files=files.of(record),
            )
        except BatchError as error:
            yield Rejection("chain_status", str(record.key), str(error))
            continue
        if record.partition_status is Status.COMPLETE:
            try:
                row = _with_partition(row, batch, reader)
            except BrokenInputError as error:
                if replaced is None:
                    replaced = find_replaced(batch.path)
                if record.key not in replaced:
                    yield Rejection("partition_run", str(record.key), str(error))
        yield row


class PartitionReader:
    """Reads partition files; one that differs from the one before only in ids and author ranges is not parsed again."""

    def __init__(self) -> None:
        self._shared = b""
        self._file: PartitionFile | None = None

    def read(self, path: Path, key: ChainKey, length: int | None = None) -> PartitionFile:
        """The file's content; the partition object is shared by consecutive files of identical chains.

        Raises:
            BrokenInputError: unreadable, not a partition, or another chain's.
        """
        if path.suffix == ".gz":
            return _of_chain(read_partition(path, length=length), path, key)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BrokenInputError(f"cannot read the file: {error.strerror}", where=path) from None
        own: list[tuple[bytes, bytes]] = []

        def blank(match: re.Match[bytes]) -> bytes:
            own.append((match[1], match[2]))
            return b' %b=""' % match[1]

        shared = _OWN.sub(blank, data)
        if self._file is not None and shared == self._shared:
            renamed = _renamed(self._file, key, own)
            if renamed is not None:
                return renamed
        self._file, self._shared = _of_chain(read_partition(path, length=length), path, key), shared
        return self._file


def _renamed(file: PartitionFile, key: ChainKey, own: list[tuple[bytes, bytes]]) -> PartitionFile | None:
    """``file`` with another chain's ids and author ranges; None unless they stand exactly where they should."""
    expected: list[tuple[bytes, bytes]] = [
        (b"pdb_id", key.entry_id.encode()),
        (b"chain_id", key.chain_id.encode()),
    ]
    ranges: dict[int, str] = {}
    for domain in file.partition.domains:
        expected.append((b"id", domain.id(key).encode()))
        if domain.number in file.pdb_ranges:
            if len(own) <= len(expected) or own[len(expected)][0] != b"pdb_range" or b"&" in own[len(expected)][1]:
                return None
            expected.append(own[len(expected)])
            ranges[domain.number] = expected[-1][1].decode("utf-8", "replace")
    return replace(file, key=key, pdb_ranges=ranges) if own == expected else None


def _of_chain(file: PartitionFile, path: Path, key: ChainKey) -> PartitionFile:
    if file.key != key:
        raise BrokenInputError(f"the partition is of chain {file.key}, not {key}", where=path)
    return file


def _with_partition(row: ChainRow, batch: Batch, reader: PartitionReader) -> ChainRow:
    record = row.record
    if "partition" not in record.files:
        raise BrokenInputError("the record names no partition file", where=str(record.key))
    file = reader.read(batch.path / record.files["partition"], record.key, record.sequence_length)
    return replace(
        row,
        partition=file.partition,
        pdb_ranges=tuple(file.pdb_ranges.get(domain.number) for domain in file.partition.domains),
        sequence=file.sequence or None,
        created=file.timestamp or record.updated_at or batch.header.created,
    )


def _digest(batch: Batch) -> str:
    """SHA-256 over the header, every record, and size and time of every partition file: nothing is opened."""
    digest = hashlib.sha256(_FORMAT)
    digest.update(orjson.dumps([str(batch.path.absolute()), header_to_plain(batch.header)]))
    root = os.fspath(batch.path)
    for name, entry in batch.manifest.entries.items():
        digest.update(orjson.dumps([name, entry_to_plain(entry)]))
    files = ChainFiles(batch.path)
    for record in batch.manifest.chains.values():
        digest.update(orjson.dumps([chain_to_plain(record), files.of(record)]))
        if "partition" in record.files:
            try:
                found = os.stat(os.path.join(root, record.files["partition"]))  # noqa: PTH116, PTH118 - 100,000 times
                digest.update(b"%d %d" % (found.st_size, found.st_mtime_ns))
            except OSError:
                digest.update(b"absent")
    return digest.hexdigest()


def _driver(batch: Batch) -> str | None:
    holder = batch.holder
    if holder is None or (holder.host == socket.gethostname() and holder.pid == os.getpid()):
        return None
    return str(holder)
