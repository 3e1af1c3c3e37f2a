"""Hold the database against the files: random chains are read again and compared, value by value.

A batch that is in work, was changed since its load or has no folder any more differs by its nature. Who asks hears it;
the check nobody asked for, of maintenance, passes it over.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from psycopg import sql
from psycopg.rows import dict_row

from pyecod.batch import Batch, BatchPaths, is_batch
from pyecod.batch.header import read_time
from pyecod.batch.lock import read_holder
from pyecod.batch.record import ChainRecord
from pyecod.errors import BatchError, BrokenInputError
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.store.entries import ChainFiles
from pyecod.store.rows import ChainRow
from pyecod.store.values import CHAIN_STATUS, DOMAIN, EVIDENCE, FLAG, RUN_COLUMNS, PartitionValues, chain_values

if TYPE_CHECKING:
    from pyecod.store.connection import Connection, Store


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A difference: what the database says of ``chain`` in ``table``, and what the files of its batch say."""

    batch_name: str
    chain: str
    table: str
    what: str
    database: str
    files: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """``checked`` chains were compared; no findings means that all agree. ``seed`` picks the same chains again.

    ``passed_over`` names the batches that were left out, each with the reason.
    """

    checked: int
    seed: int
    findings: tuple[Disagreement, ...]
    passed_over: tuple[str, ...] = ()


_PICK = """
SELECT c.*, b.batch_path, b.created_at AS batch_created
FROM pdb_update.chain_status c JOIN pdb_update.batch b USING (batch_name)
WHERE (%(batch_name)s::text IS NULL OR c.batch_name = %(batch_name)s) AND c.batch_name <> ALL(%(left_out)s::text[])
ORDER BY md5(concat_ws('_', c.pdb_id, c.chain_id, c.release_date, %(seed)s::text)), c.pdb_id, c.chain_id, c.release_date
LIMIT %(count)s
"""
_RUN = """
SELECT r.*, s.sequence
FROM pdb_update.partition_run r LEFT JOIN pdb_update.sequence s USING (sequence_md5)
WHERE (r.pdb_id, r.chain_id, r.release_date) = (%(pdb_id)s, %(chain_id)s, %(release_date)s)
  AND r.batch_name = %(batch_name)s
ORDER BY r.run_number DESC LIMIT 1
"""


def verify(
    store: Store, count: int = 100, *, seed: int | None = None, batch_name: str | None = None, settled: bool = False
) -> VerifyReport:
    """Compare ``count`` random chains with their batch's manifest and their partition files.

    With ``settled`` only chains the pipeline has left alone since their load: batches that are being driven or have no
    folder are not picked from, and picked chains that were changed since are not compared.

    Raises:
        StoreError: the database cannot be reached or has no schema.
    """
    seed = random.randrange(2**32) if seed is None else seed
    batches = _Batches()
    findings: list[Disagreement] = []
    with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        left_out = _unsettled_batches(connection) if settled else {}
        asked = {"count": count, "seed": str(seed), "batch_name": batch_name, "left_out": list(left_out)}
        chains = cursor.execute(_PICK, asked).fetchall()
        moving: Counter[str] = Counter()
        for chain in chains:
            run = cursor.execute(_RUN, chain).fetchone()
            comparison = _Comparison(connection, batches, chain, run)
            if settled and comparison.is_outdated():
                moving[chain["batch_name"]] += 1
                continue
            found = list(comparison.findings())
            if found and settled and (reason := _unsettled(Path(chain["batch_path"]))):  # only since it was picked
                left_out[chain["batch_name"]] = reason
                moving[chain["batch_name"]] += 1
                continue
            findings += found
    reasons = {name: f"changed since its load ({changed} of the chains picked)" for name, changed in moving.items()}
    passed_over = tuple(f"{name}: {reason}" for name, reason in sorted((reasons | left_out).items()))
    return VerifyReport(len(chains) - moving.total(), seed, tuple(findings), passed_over)


def _unsettled_batches(connection: Connection) -> dict[str, str]:
    """The loaded batches whose files cannot be expected to agree, each with the reason."""
    rows = connection.execute("SELECT batch_name, batch_path FROM pdb_update.batch").fetchall()
    return {name: reason for name, path in rows if (reason := _unsettled(Path(path)))}


def _unsettled(path: Path) -> str:
    """Why the files of a batch cannot be held against its load; empty where they can."""
    if not is_batch(path):
        return f"there is no batch any more at {path}"
    holder = read_holder(BatchPaths(path).lock)
    return f"is running ({holder})" if holder else ""


class _Batches:
    """The batches chains come from, each opened once; a broken one is its error."""

    def __init__(self) -> None:
        self._opened: dict[str, Batch | BatchError] = {}

    def find(self, path: str) -> Batch | BatchError:
        if path not in self._opened:
            try:
                self._opened[path] = Batch.open(Path(path))
            except BatchError as error:
                self._opened[path] = error
        return self._opened[path]


@dataclass(slots=True)
class _Comparison:
    """One chain: its row, its last run from the same batch, and what the files say."""

    connection: Connection
    batches: _Batches
    chain: dict[str, Any]
    run: dict[str, Any] | None

    def is_outdated(self) -> bool:
        """Whether the pipeline changed the chain, or began its batch anew, since the chain was loaded."""
        batch = self.batches.find(self.chain["batch_path"])
        if isinstance(batch, BatchError):
            return False
        record = batch.manifest.chains.get(str(ChainKey(self.chain["pdb_id"], self.chain["chain_id"])))
        begun = read_time(batch.header.created)
        changed = read_time(record.updated_at) if record is not None and record.updated_at else None
        return bool(begun != self.chain["batch_created"] or (changed and changed != self.chain["updated_at"]))

    def findings(self) -> Iterator[Disagreement]:
        key = ChainKey(self.chain["pdb_id"], self.chain["chain_id"])
        batch = self.batches.find(self.chain["batch_path"])
        if isinstance(batch, BatchError):
            yield self._finding("batch", "manifest", self.chain["batch_path"], batch)
            return
        record = batch.manifest.chains.get(str(key))
        if record is None:
            yield self._finding("chain_status", "chain", key, "not in the manifest")
            return
        created = self.chain["batch_created"].isoformat()
        files = ChainFiles(batch.path).of(record)
        values = chain_values(record, self.chain["release_date"], batch.name, created, files)
        yield from self._differences("chain_status", CHAIN_STATUS, self.chain, values)
        path = record.files.get("partition")
        if self.run is None:
            if path is not None and record.partition_coverage is not None:
                yield self._finding("partition_run", "run", "none", path)
        elif path is not None:
            yield from self._compare_run(record, batch.path / path)

    def _compare_run(self, record: ChainRecord, path: Path) -> Iterator[Disagreement]:
        assert self.run is not None
        run_id = self.run["run_id"]
        try:
            file = read_partition(path)
        except BrokenInputError as error:
            yield self._finding("partition_run", "partition file", f"run {run_id}", error)
            return
        if file.key != record.key:
            yield self._finding("partition_run", "chain of the partition file", record.key, file.key)
            return
        ranges = tuple(file.pdb_ranges.get(domain.number) for domain in file.partition.domains)
        row = ChainRow(record, self.chain["release_date"], file.partition, ranges, created=file.timestamp or None)
        values = PartitionValues()
        stated = dict(zip(RUN_COLUMNS, values.run(row), strict=True))
        if stated["created_at"] is None:
            del stated["created_at"]
        yield from self._differences("partition_run", stated, self.run, stated.values())
        if file.sequence and self.run["sequence"] != file.sequence:
            yield self._finding("sequence", "sequence", self.run["sequence"], file.sequence)
        yield from self._compare_rows("partition_domain", DOMAIN, values.domains(row, run_id))
        yield from self._compare_rows("partition_evidence", EVIDENCE, values.evidence(row, run_id))
        flags = [values[:-1] for values in values.flags(row, run_id)]  # rows of 0.1 have no detail
        yield from self._compare_rows("quality_flag", FLAG[:-1], flags)

    def _compare_rows(self, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> Iterator[Disagreement]:
        assert self.run is not None
        statement = sql.SQL("SELECT {} FROM pdb_update.{} WHERE run_id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
        )
        with self.connection.cursor(row_factory=dict_row) as cursor:
            stored = cursor.execute(statement, (self.run["run_id"],)).fetchall()
        stored.sort(key=lambda row: tuple(map(str, (row[c] for c in columns[1:3]))))
        rows = sorted(rows, key=lambda row: tuple(map(str, row[1:3])))
        if len(stored) != len(rows):
            yield self._finding(table, "rows", len(stored), len(rows))
            return
        for database, files in zip(stored, rows, strict=True):
            yield from self._differences(table, columns, database, files)

    def _differences(
        self, table: str, columns: Iterable[str], database: dict[str, Any], files: Iterable[Any]
    ) -> Iterator[Disagreement]:
        for column, stated in zip(columns, files, strict=True):
            stored = database[column]
            if stored != _AS_STORED.get(type(stored), _same)(stated):
                yield self._finding(table, column, stored, stated)

    def _finding(self, table: str, what: str, database: Any, files: Any) -> Disagreement:
        chain = str(ChainKey(self.chain["pdb_id"], self.chain["chain_id"]))
        return Disagreement(self.chain["batch_name"], chain, table, what, str(database), str(files))


def _same(value: Any) -> Any:
    return value


def _time(value: Any) -> Any:
    return read_time(value) if isinstance(value, str) else value


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


# how a value of the files looks once it is a PostgreSQL value of this Python type
_AS_STORED: dict[type, Callable[[Any], Any]] = {datetime: _time, dict: _parsed, list: _parsed}
