"""Load batches into PostgreSQL: COPY, then upsert, in one transaction; again at any time, and only what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from pyecod.batch import Batch, BatchType
from pyecod.batch.header import read_time, week_of
from pyecod.errors import BatchError, BatchLockedError, StoreError, StoreUnavailableError
from pyecod.store.migrations import require_schema
from pyecod.store.rows import BatchRows, ChainRow, Rejection, collect_batch, folder_stamp
from pyecod.store.statements import (
    CLEAR_RUNS,
    CREATE_INCOMING,
    MARK_CURRENT,
    NEW_RUNS,
    NOTE_CONTENT,
    NOTE_STAMP,
    REFUSE_STRANGERS,
    REPLACE_RUNS,
    UNMARK_CURRENT,
    UPDATE_RUNS,
    UPSERT_BATCH,
    UPSERT_CHAINS,
    UPSERT_RECORDS,
    UPSERT_RELEASE,
    UPSERT_REPAIR,
    UPSERT_REPAIR_CHAINS,
    UPSERT_SEQUENCES,
)
from pyecod.store.values import DOMAIN, EVIDENCE, FLAG, INCOMING, PartitionValues, chain_values
from pyecod.watch.conservation import check_conservation, conservation

if TYPE_CHECKING:
    from pyecod.store.connection import Connection, Store

_LOCK = 0x7079_7379  # advisory lock "pysy": one load at a time, so that two never wait for each other's rows
_CHUNK = 5000  # chains per COPY: bounds the memory
_MOST_REFUSALS = 1000  # more than that is not bad rows but a bad load

# what a value PostgreSQL does not take raises: in the client, by type, by constraint, or because a key came twice
_BAD_ROW = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.CardinalityViolation, UnicodeEncodeError)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a load did. ``unchanged``: the batch was loaded before as it is, nothing was looked at.

    ``inserted`` and ``updated`` count chains; ``runs`` are new partition results, or rewritten ones, with their
    ``domains`` and ``evidence`` rows. ``problem`` says why a batch was not loaded at all.
    """

    batch_name: str
    unchanged: bool = False
    chains: int = 0
    inserted: int = 0
    updated: int = 0
    runs: int = 0
    domains: int = 0
    evidence: int = 0
    sequences: int = 0
    rejected: tuple[Rejection, ...] = ()
    seconds: float = 0.0
    problem: str | None = None

    def __str__(self) -> str:
        """The report in one line."""
        if self.problem is not None:
            return f"{self.batch_name}: not loaded: {self.problem}"
        if self.unchanged:
            return f"{self.batch_name}: unchanged since it was loaded"
        rejected = f", {len(self.rejected):,} rejected" if self.rejected else ""
        return (
            f"{self.batch_name}: {self.chains:,} chains loaded ({self.inserted:,} new, {self.updated:,} changed, "
            f"{self.runs:,} partitions written{rejected}) in {self.seconds:.1f} s"
        )

    @property
    def rows(self) -> int:
        """Rows that were written."""
        return self.inserted + self.updated + self.runs + self.domains + self.evidence + self.sequences


@dataclass(slots=True)
class _Counts:
    chains: int = 0
    inserted: int = 0
    updated: int = 0
    runs: int = 0
    domains: int = 0
    evidence: int = 0
    sequences: int = 0


def sync_batches(
    store: Store,
    paths: Iterable[Path],
    *,
    overwrite: bool = False,
    force: bool = False,
    progress: Callable[[Path, int], None] | None = None,
) -> list[SyncReport]:
    """Load batch folders one after the other; one that cannot be loaded is a report with its ``problem``.

    ``progress`` is told the folder and the number of chains done.

    Raises:
        StoreUnavailableError: the server cannot be reached or went away.
        StoreError: the schema is missing or older than this program.
    """
    require_schema(store)
    reports = []
    for path in paths:
        told = None if progress is None else partial(progress, path)
        try:
            reports.append(sync_folder(store, path, overwrite=overwrite, force=force, progress=told))
        except StoreUnavailableError:
            raise
        except (StoreError, BatchError) as error:
            reports.append(SyncReport(path.name, problem=str(error)))
    return reports


def sync_folder(
    store: Store,
    path: Path,
    *,
    overwrite: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SyncReport:
    """Load the batch in a folder; one that was loaded as it is is not even opened.

    Raises:
        BatchError: there is no batch, or it is damaged.
        EvidenceLostError: a type of evidence contributed nothing, and ``force`` is not given.
        BatchLockedError, StoreUnavailableError, StoreError: as :func:`sync_batch`.
    """
    start = time.monotonic()
    stamp = folder_stamp(path)
    if stamp is not None and not overwrite:
        with store.connect() as connection:
            row = connection.execute(
                "SELECT batch_name FROM pdb_update.batch WHERE folder_stamp = %s AND status <> 'running'", (stamp,)
            ).fetchone()
        if row is not None:
            return SyncReport(row[0], unchanged=True, seconds=time.monotonic() - start)
    batch = Batch.open(path)
    if not batch.header.completed and not force:
        check_conservation(conservation(batch.manifest.chains.values()), where=path)
    report = sync_batch(store, collect_batch(batch, stamp=stamp), overwrite=overwrite, force=force, progress=progress)
    return replace(report, seconds=time.monotonic() - start)


def sync_batch(
    store: Store,
    source: BatchRows,
    *,
    overwrite: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SyncReport:
    """Load one batch, all of it or, after an error, nothing. Loading the same twice changes nothing.

    A chain that PostgreSQL or the reader refuses is reported in ``rejected`` and the others are loaded. A changed
    partition is a new run; what stands is decided anew. With ``overwrite`` every partition is written again, in the
    place of the batch's last run, which mends the database. ``progress`` is told the number of chains done.

    Raises:
        BatchLockedError: another process drives the batch, and ``force`` is not given.
        StoreUnavailableError: the server cannot be reached or went away; nothing was loaded.
        StoreError: the schema is missing, or PostgreSQL refused more than 1,000 chains.
    """
    if source.driven_by is not None and not force:
        raise BatchLockedError(
            f"the batch is still being worked on: {source.driven_by}",
            where=source.path,
            hint="wait until it is done, or load what there is with --force",
        )
    start = time.monotonic()
    with store.connect() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if not overwrite and _is_loaded(connection, source):
            connection.execute(NOTE_STAMP, {"stamp": source.stamp, "batch_name": source.header.batch_name})
            return SyncReport(source.header.batch_name, unchanged=True, seconds=time.monotonic() - start)
        loader = _Loader(connection, source, overwrite)
        loader.load_header()
        for rows in _chunks(loader.readable(source.rows()), _CHUNK):
            loader.load(rows)
            if progress is not None:
                progress(loader.counts.chains)
        loader.finish()
    counts = {name: getattr(loader.counts, name) for name in _Counts.__slots__}
    return SyncReport(
        source.header.batch_name,
        **counts,
        rejected=tuple(loader.rejected),
        seconds=time.monotonic() - start,
    )


def _is_loaded(connection: Connection, source: BatchRows) -> bool:
    row = connection.execute(
        "SELECT content_digest, status FROM pdb_update.batch WHERE batch_name = %s", (source.header.batch_name,)
    ).fetchone()
    return row == (source.digest, str(source.status))


def _chunks(rows: Iterable[ChainRow], size: int) -> Iterator[list[ChainRow]]:
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk


@dataclass(slots=True)
class _Loader:
    """One load in one transaction."""

    connection: Connection
    source: BatchRows
    overwrite: bool
    counts: _Counts = field(default_factory=_Counts)
    rejected: list[Rejection] = field(default_factory=list)
    refusals: int = 0
    values: PartitionValues = field(default_factory=PartitionValues)

    def load_header(self) -> None:
        header, source, week = self.source.header, self.source, week_of(self.source.header)
        common = {
            "batch_name": header.batch_name,
            "batch_path": str(source.path),
            "status": str(source.status),
            "created_at": read_time(header.created),
            "completed_at": read_time(header.completed) if header.completed else None,
            "reference_version": header.reference_version,
        }
        self.connection.execute(
            UPSERT_BATCH,
            {
                **common,
                "batch_type": str(header.batch_type),
                "release_date": week,
                "chain_count": source.chain_count,
                "reference_id": header.reference_id,
                "tool_versions": Jsonb(dict(header.tool_versions)),
                "settings": Jsonb(dict(header.settings)),
                "settings_digest": header.settings_digest,
            },
        )
        if header.batch_type is BatchType.WEEKLY:
            self.connection.execute(
                UPSERT_RELEASE,
                {
                    **common,
                    "release_date": week,
                    "pdb_status_path": header.pdb_status_path,
                    "total_structures": source.total_structures,
                    "classifiable_chains": source.classifiable_chains,
                    "processed_structures": source.processed_structures,
                    "modified_entries": list(header.modified),
                    "obsolete_entries": list(header.obsolete),
                },
            )
        elif header.batch_type is BatchType.REPAIR:
            self.connection.execute(
                UPSERT_REPAIR,
                {
                    **common,
                    "reason": header.reason,
                    "source_weeks": list(header.source_weeks),
                    "rerun_blast": header.rerun_blast,
                    "rerun_hhsearch": header.rerun_hhsearch,
                    "rerun_partition": header.rerun_partition,
                },
            )
        self.source.load_entries(self.connection)
        self.connection.execute(CREATE_INCOMING)

    def readable(self, rows: Iterable[ChainRow | Rejection]) -> Iterator[ChainRow]:
        """The chains; what could not be read is noted."""
        for row in rows:
            if isinstance(row, Rejection):
                self.rejected.append(row)
            else:
                yield row

    def refuse(self, refusal: Rejection) -> None:
        """Note what PostgreSQL did not take; so many that the load itself must be wrong end it."""
        self.rejected.append(refusal)
        self.refusals += 1
        if self.refusals > _MOST_REFUSALS:
            raise StoreError(
                f"PostgreSQL refused more than {_MOST_REFUSALS:,} chains, so nothing was loaded; the last: {refusal}",
                where=self.source.path,
            )

    def load(self, rows: Sequence[ChainRow]) -> None:
        """Load rows; when one is refused, find it by halving and load the others."""
        refusal = self._try(rows)
        if refusal is None:
            return
        if len(rows) > 1:
            middle = len(rows) // 2
            self.load(rows[:middle])
            self.load(rows[middle:])
            return
        bare = replace(rows[0], partition=None, pdb_ranges=(), sequence=None)
        if rows[0].partition is not None:  # the record may be good where its partition is not
            refusal = self._try([bare]) or refusal
        self.refuse(refusal)

    def _try(self, rows: Sequence[ChainRow]) -> Rejection | None:
        """Load rows, all or none; why none, said of the first."""
        before, rejections = replace(self.counts), len(self.rejected)
        try:
            with self.connection.transaction():
                self._load(rows)
        except _BAD_ROW as error:
            self.counts = before
            del self.rejected[rejections:]
            diagnosis = error.diag if isinstance(error, psycopg.Error) else None
            table = ((diagnosis.table_name if diagnosis else None) or "").replace("chain_record", "chain_status")
            reason = (diagnosis.message_primary if diagnosis else None) or str(error)
            return Rejection(table or "chain_status", str(rows[0].record.key), reason)
        return None

    def finish(self) -> None:
        """Note what was loaded; after a rejection the next load looks at everything again."""
        digest, stamp = (None, None) if self.rejected else (self.source.digest, self.source.stamp)
        name = self.source.header.batch_name
        self.connection.execute(NOTE_CONTENT, {"digest": digest, "stamp": stamp, "batch_name": name})

    def _load(self, rows: Sequence[ChainRow]) -> None:
        name = {"batch_name": self.source.header.batch_name}
        self.connection.execute("TRUNCATE incoming_chain, new_run")
        self._copy("incoming_chain", INCOMING, self._incoming(rows))
        self.connection.execute("ANALYZE incoming_chain")
        for key, owner in self.connection.execute(REFUSE_STRANGERS, name).fetchall():
            reason = f"the same id and day belong to batch {owner}, which is of another kind: rename the record"
            self.rejected.append(Rejection("chain_status", key, reason))
        self.counts.sequences += self.connection.execute(UPSERT_SEQUENCES).rowcount
        self.connection.execute(UPSERT_RECORDS)
        written = self.connection.execute(UPSERT_CHAINS).fetchall()
        self.counts.inserted += sum(inserted for (inserted,) in written)
        self.counts.updated += sum(not inserted for (inserted,) in written)
        if self.source.header.batch_type is BatchType.REPAIR:
            self.connection.execute(UPSERT_REPAIR_CHAINS, name)
        self._load_runs(rows)
        self.counts.chains += len(rows)

    def _load_runs(self, rows: Sequence[ChainRow]) -> None:
        if self.overwrite:
            self.connection.execute(REPLACE_RUNS)
            for statement in CLEAR_RUNS:
                self.connection.execute(statement)
        self.connection.execute(NEW_RUNS)
        self.connection.execute(UPDATE_RUNS)
        new = self.connection.execute("SELECT row_number, run_id FROM new_run ORDER BY row_number").fetchall()
        runs = [(rows[number], run_id) for number, run_id in new]
        self.counts.runs += len(runs)
        domains = (values for row, run_id in runs for values in self.values.domains(row, run_id))
        evidence = (values for row, run_id in runs for values in self.values.evidence(row, run_id))
        flags = (values for row, run_id in runs for values in self.values.flags(row, run_id))
        self.counts.domains += self._copy("pdb_update.partition_domain", DOMAIN, domains)
        self.counts.evidence += self._copy("pdb_update.partition_evidence", EVIDENCE, evidence)
        self._copy("pdb_update.quality_flag", FLAG, flags)
        self.connection.execute(UNMARK_CURRENT)
        self.connection.execute(MARK_CURRENT)

    def _incoming(self, rows: Sequence[ChainRow]) -> Iterator[tuple[Any, ...]]:
        batch_name, created = self.source.header.batch_name, read_time(self.source.header.created).isoformat()
        for number, row in enumerate(rows):
            chain = chain_values(row.record, row.release_date, batch_name, created, row.files)
            standing = (row.accepted, row.has_result, row.is_mark)  # the columns of STANDING
            yield (number, *standing, row.record.source_week, row.sequence, *chain, *self.values.run(row))

    def _copy(self, table: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> int:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self.connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount
