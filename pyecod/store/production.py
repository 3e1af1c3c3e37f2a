"""Import validated results into a production schema, without ever destroying what somebody else put there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.rows import class_row

from pyecod.errors import StoreError, UsageError
from pyecod.store.migrations import SCHEMA, sql_folder

if TYPE_CHECKING:
    from pyecod.store.connection import Connection, Store

QUALITIES: Mapping[str, tuple[str, ...]] = {
    "good": ("good",),
    "questionable": ("good", "low_coverage", "fragmentary"),
    "all": ("good", "low_coverage", "fragmentary", "no_domains"),
}
_LOCK = 0x7079_696D  # advisory lock "pyim": one import at a time


class Strategy(StrEnum):
    """What to do with a chain that the production schema has already, with another result.

    ``skip``: leave it. ``overwrite``: put the new result in its place, if it was made by the same process version or
    one that is named. ``version``: add the new result beside it. ``check``: if there is any such chain, import nothing.
    """

    SKIP = "skip"
    OVERWRITE = "overwrite"
    VERSION = "version"
    CHECK = "check"


class Action(StrEnum):
    """What becomes of one result."""

    NEW = "new"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    OVERWRITTEN = "overwritten"
    VERSIONED = "versioned"
    PROTECTED = "protected"
    REFUSED = "refused"


_WRITTEN = (Action.NEW, Action.OVERWRITTEN, Action.VERSIONED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A result to import, and the newest one the production schema has of the chain (``existing_…``, or None).

    ``is_known``: the newest one of the same process version is the same result.
    """

    run_id: int
    pdb_id: str
    chain_id: str
    process_version: str
    domain_count: int
    quality: str
    existing_id: int | None
    existing_version: int | None
    existing_process_version: str | None
    existing_domain_count: int | None
    existing_quality: str | None
    is_known: bool


@dataclass(frozen=True, slots=True)
class Collision:
    """A chain the production schema has with another result, and what was (or would be) done."""

    candidate: Candidate
    action: Action


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or with ``dry_run`` would do: results per action, and every collision."""

    schema: str
    dry_run: bool
    actions: Mapping[Action, int] = field(default_factory=dict)
    collisions: tuple[Collision, ...] = ()

    @property
    def imported(self) -> int:
        """Results that were written."""
        return sum(self.actions.get(action, 0) for action in _WRITTEN)


def import_results(
    store: Store,
    schema: str,
    *,
    strategy: Strategy = Strategy.SKIP,
    quality: str = "good",
    batches: Sequence[str] = (),
    replace_versions: Sequence[str] = (),
    create: bool = False,
    dry_run: bool = False,
    chunk_size: int = 1000,
) -> ImportReport:
    """Import the current results into ``schema``, a transaction per ``chunk_size`` chains; again at any time.

    ``quality`` is ``good``, ``questionable`` (whatever has domains) or ``all``. ``batches`` limits it to results of
    these batches; FASTA batches only come when they are named. Results of another process version are only
    overwritten when it is in ``replace_versions``. ``create`` makes the schema's tables where they are missing.

    Raises:
        UsageError: an impossible schema name or quality.
        StoreError: the tables are missing or lack columns, or the database refuses.
    """
    _check_arguments(schema, quality, chunk_size)
    plan = _Plan(schema, strategy, frozenset(replace_versions))
    with store.connect(autocommit=True) as connection:
        if create and not dry_run:
            with connection.transaction():
                text = (sql_folder() / "production_tables.sql").read_text(encoding="utf-8")
                connection.execute(sql.SQL(text).format(schema=sql.Identifier(schema)))
        exists = plan.check_tables(connection, may_be_missing=create and dry_run)
        runs = [
            run_id
            for (run_id,) in connection.execute(
                _RUNS, {"qualities": list(QUALITIES[quality]), "batches": list(batches)}
            )
        ]
        chunks = [runs[i : i + chunk_size] for i in range(0, len(runs), chunk_size)]
        if not exists:
            return ImportReport(schema, dry_run, {Action.NEW: len(runs)} if runs else {})
        if dry_run or strategy is Strategy.CHECK:
            decisions = [d for chunk in chunks for d in plan.decide(connection, chunk)]
            refused = any(action is Action.REFUSED for _, action in decisions)
            if dry_run or refused:
                return _report(schema, decisions, dry_run=dry_run, refused=refused)
        decisions = []
        for chunk in chunks:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                decided = plan.decide(connection, chunk)
                plan.apply(connection, decided)
            decisions += decided
    return _report(schema, decisions)


_Decision = tuple[Candidate, Action]


@dataclass(frozen=True, slots=True)
class _Plan:
    schema: str
    strategy: Strategy
    replace_versions: frozenset[str]

    def check_tables(self, connection: Connection, *, may_be_missing: bool) -> bool:
        """Whether the tables are there.

        Raises:
            StoreError: they are missing, or lack columns.
        """
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s", (self.schema,)
        )
        found: dict[str, set[str]] = {}
        for table, column in rows:
            found.setdefault(table, set()).add(column)
        if may_be_missing and not any(table in found for table in _TABLES):
            return False
        for table, columns in _TABLES.items():
            missing = set(columns) - found.get(table, set())
            if table not in found:
                raise StoreError(f"there is no table {self.schema}.{table} you may see", hint="--create makes it")
            if missing:
                raise StoreError(f"table {self.schema}.{table} lacks the columns {', '.join(sorted(missing))}")
        return True

    def decide(self, connection: Connection, runs: Sequence[int]) -> list[_Decision]:
        """What becomes of each run."""
        with connection.cursor(row_factory=class_row(Candidate)) as cursor:
            candidates = cursor.execute(self._sql(_CANDIDATES), {"runs": list(runs)}).fetchall()
        return [(candidate, self.action(candidate)) for candidate in candidates]

    def action(self, candidate: Candidate) -> Action:
        """The strategy, for one result."""
        if candidate.existing_id is None:
            return Action.NEW
        if candidate.is_known:
            return Action.UNCHANGED
        if self.strategy is Strategy.OVERWRITE:
            replaceable = self.replace_versions | {candidate.process_version}
            return Action.OVERWRITTEN if candidate.existing_process_version in replaceable else Action.PROTECTED
        return {
            Strategy.SKIP: Action.SKIPPED,
            Strategy.VERSION: Action.VERSIONED,
            Strategy.CHECK: Action.REFUSED,
        }[self.strategy]

    def apply(self, connection: Connection, decisions: Sequence[_Decision]) -> None:
        """Write what was decided."""
        if any(action is Action.REFUSED for _, action in decisions):
            raise StoreError(
                f"somebody put results into schema {self.schema} meanwhile", hint="nothing of this chunk was imported"
            )
        gone = [c.existing_id for c, action in decisions if action is Action.OVERWRITTEN]
        connection.execute(
            self._sql("DELETE FROM {schema}.partition_proteins WHERE id = ANY(%(gone)s)"), {"gone": gone}
        )
        written = [(c, action) for c, action in decisions if action in _WRITTEN]
        chosen = {
            "runs": [c.run_id for c, _ in written],
            "versions": [(c.existing_version or 0) + (action is not Action.OVERWRITTEN) for c, action in written],
        }
        made = connection.execute(self._sql(_INSERT_PROTEINS), chosen).fetchall()
        proteins = {"proteins": [protein for (protein,) in made]}
        connection.execute(self._sql(_INSERT_DOMAINS), proteins)
        connection.execute(self._sql(_INSERT_EVIDENCE), proteins)

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(schema=sql.Identifier(self.schema))


def _check_arguments(schema: str, quality: str, chunk_size: int) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]{0,62}", schema) or schema.lower().startswith(
        ("pg_", "information_schema")
    ):
        raise UsageError(f"{schema!r} is not a schema name", hint="letters, digits and '_', at most 63 characters")
    if schema == SCHEMA:
        raise UsageError(f"schema {SCHEMA} holds the pipeline's own records", hint="name the production schema")
    if quality not in QUALITIES:
        raise UsageError(f"{quality!r} is not a quality filter", hint="known: " + ", ".join(QUALITIES))
    if chunk_size < 1:
        raise UsageError(f"chunk_size is {chunk_size}", hint="1 or more")


def _report(
    schema: str, decisions: Sequence[_Decision], *, dry_run: bool = False, refused: bool = False
) -> ImportReport:
    actions = Counter(action for _, action in decisions)
    if refused:
        del actions[Action.NEW]  # nothing is imported when one is refused
    collisions = [Collision(c, action) for c, action in decisions if action not in (Action.NEW, Action.UNCHANGED)]
    return ImportReport(schema, dry_run, dict(actions), tuple(collisions))


# a chain that several weeks have (it was modified, or came again) is imported as the newest of them has it
_RUNS = """
SELECT run_id FROM (
    SELECT DISTINCT ON (r.pdb_id, r.chain_id) r.run_id, r.quality
    FROM pdb_update.partition_run r JOIN pdb_update.batch b USING (batch_name)
    JOIN pdb_update.chain_status c
      ON (c.pdb_id, c.chain_id, c.release_date) = (r.pdb_id, r.chain_id, r.release_date)
    WHERE r.is_current AND c.can_classify
      AND NOT EXISTS (  -- obsolete or removed in a later week, which is the chain as it is now
          SELECT FROM pdb_update.chain_status later
          JOIN pdb_update.chain_record mark USING (pdb_id, chain_id, release_date, batch_name)
          WHERE (pdb_id, chain_id) = (r.pdb_id, r.chain_id) AND release_date > r.release_date AND mark.is_mark)
      AND CASE WHEN cardinality(%(batches)s::text[]) > 0 THEN r.batch_name = ANY(%(batches)s)
               ELSE b.batch_type <> 'fasta' END
    ORDER BY r.pdb_id, r.chain_id, r.release_date DESC, r.created_at DESC, r.run_id DESC) newest
WHERE quality = ANY(%(qualities)s)
ORDER BY run_id
"""

_CANDIDATES = """
SELECT r.run_id, r.pdb_id, r.chain_id, r.algorithm || ' ' || r.algorithm_version AS process_version, r.domain_count,
       r.quality, old.id AS existing_id, old.version AS existing_version,
       old.process_version AS existing_process_version, old.domain_count AS existing_domain_count,
       old.quality AS existing_quality,
       coalesce(r.content_digest = (
           SELECT p.content_digest FROM {schema}.partition_proteins p
           WHERE p.pdb_id = r.pdb_id AND p.chain_id = r.chain_id
             AND p.process_version = r.algorithm || ' ' || r.algorithm_version
           ORDER BY p.version DESC LIMIT 1), false) AS is_known
FROM pdb_update.partition_run r
LEFT JOIN LATERAL (SELECT p.id, p.version, p.process_version, p.domain_count, p.quality
                   FROM {schema}.partition_proteins p
                   WHERE p.pdb_id = r.pdb_id AND p.chain_id = r.chain_id
                   ORDER BY p.version DESC LIMIT 1) old ON true
WHERE r.run_id = ANY(%(runs)s)
ORDER BY r.pdb_id, r.chain_id
"""

_INSERT_PROTEINS = """
INSERT INTO {schema}.partition_proteins
       (pdb_id, chain_id, version, process_version, batch_name, release_date, reference_version, sequence_length,
        sequence_md5, coverage, residues_assigned, domain_count, quality, outcome, is_classified, source_run_id,
        content_digest)
SELECT r.pdb_id, r.chain_id, chosen.version, r.algorithm || ' ' || r.algorithm_version, r.batch_name, r.release_date,
       r.reference_version, r.sequence_length, r.sequence_md5, r.coverage,
       (SELECT coalesce(sum(d.size), 0) FROM pdb_update.partition_domain d WHERE d.run_id = r.run_id),
       r.domain_count, r.quality, r.outcome, r.domain_count > 0, r.run_id, r.content_digest
FROM unnest(%(runs)s::bigint[], %(versions)s::integer[]) AS chosen (run_id, version)
JOIN pdb_update.partition_run r USING (run_id)
RETURNING id
"""

_INSERT_DOMAINS = """
INSERT INTO {schema}.partition_domains
       (protein_id, domain_number, domain_id, range, pdb_range, start_pos, end_pos, size, is_discontinuous, source,
        source_id, f_group, t_group, h_group, x_group)
SELECT p.id, d.domain_number, d.domain_id, d.range, d.pdb_range, d.start_residue, d.end_residue, d.size,
       d.is_discontinuous, d.source, d.ecod_domain, d.f_group, d.t_group, d.h_group, d.x_group
FROM {schema}.partition_proteins p JOIN pdb_update.partition_domain d ON d.run_id = p.source_run_id
WHERE p.id = ANY(%(proteins)s)
"""

_INSERT_EVIDENCE = """
INSERT INTO {schema}.partition_evidence
       (domain_id, evidence_type, source_id, evalue, probability, reference_coverage, support, h_agreement)
SELECT own.id, d.source, d.ecod_domain, d.evalue, d.probability, d.reference_coverage, d.support, d.h_agreement
FROM {schema}.partition_proteins p
JOIN {schema}.partition_domains own ON own.protein_id = p.id
JOIN pdb_update.partition_domain d ON d.run_id = p.source_run_id AND d.domain_number = own.domain_number
WHERE p.id = ANY(%(proteins)s)
"""


def _columns(statement: str) -> tuple[str, ...]:
    names = re.search(r"\(([^)]*)\)", statement)
    assert names is not None
    return tuple(name.strip() for name in names[1].split(","))


_TABLES: dict[str, tuple[str, ...]] = {
    "partition_proteins": ("id", *_columns(_INSERT_PROTEINS)),
    "partition_domains": ("id", *_columns(_INSERT_DOMAINS)),
    "partition_evidence": _columns(_INSERT_EVIDENCE),
}
