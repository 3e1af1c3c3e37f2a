"""The SQL of a load. Every statement works on the chains in the temporary table ``incoming_chain``."""

from __future__ import annotations

from psycopg import sql

from pyecod.store.values import CHAIN_STATUS, INCOMING, STANDING

_KEY = ("pdb_id", "chain_id", "release_date")


def _names(columns: list[str], prefix: str = "") -> sql.Composed:
    parts = [sql.Identifier(prefix, c) if prefix else sql.Identifier(c) for c in columns]
    return sql.SQL(", ").join(parts)


def _sets(columns: tuple[str, ...], key: tuple[str, ...]) -> sql.Composed:
    changing = [sql.Identifier(c) for c in columns if c not in key]
    return sql.SQL(", ").join(sql.SQL("{c} = excluded.{c}").format(c=c) for c in changing)


def _upsert(table: str, key: str, columns: tuple[str, ...]) -> sql.Composed:
    """INSERT … ON CONFLICT DO UPDATE of one row of named parameters."""
    return sql.SQL(
        "INSERT INTO pdb_update.{table} ({names}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {sets}"
    ).format(
        table=sql.Identifier(table),
        names=_names(list(columns)),
        values=sql.SQL(", ").join(map(sql.Placeholder, columns)),
        key=sql.Identifier(key),
        sets=_sets(columns, (key,)),
    )


UPSERT_BATCH = _upsert(
    "batch",
    "batch_name",
    (
        "batch_name",
        "batch_type",
        "batch_path",
        "status",
        "release_date",
        "created_at",
        "completed_at",
        "chain_count",
        "reference_version",
        "reference_id",
        "tool_versions",
        "settings",
        "settings_digest",
    ),
)
UPSERT_RELEASE = _upsert(
    "weekly_release",
    "release_date",
    (
        "release_date",
        "pdb_status_path",
        "batch_name",
        "batch_path",
        "total_structures",
        "classifiable_chains",
        "processed_structures",
        "status",
        "reference_version",
        "modified_entries",
        "obsolete_entries",
        "created_at",
        "completed_at",
    ),
)
UPSERT_REPAIR = _upsert(
    "repair_batch",
    "batch_name",
    (
        "batch_name",
        "reason",
        "source_weeks",
        "rerun_blast",
        "rerun_hhsearch",
        "rerun_partition",
        "created_at",
        "completed_at",
    ),
)

NOTE_CONTENT = """
UPDATE pdb_update.batch SET content_digest = %(digest)s, folder_stamp = %(stamp)s, synced_at = now()
WHERE batch_name = %(batch_name)s
"""
NOTE_STAMP = "UPDATE pdb_update.batch SET folder_stamp = %(stamp)s WHERE batch_name = %(batch_name)s"

CREATE_INCOMING = sql.SQL(
    "CREATE TEMPORARY TABLE incoming_chain ({columns}) ON COMMIT DROP;"
    "CREATE TEMPORARY TABLE new_run (row_number integer NOT NULL, run_id bigint NOT NULL) ON COMMIT DROP"
).format(
    columns=sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in INCOMING.items()
    )
)

# a FASTA record that is named like a PDB chain of the same day must not take that chain's row
REFUSE_STRANGERS = """
DELETE FROM incoming_chain i
USING pdb_update.chain_status c, pdb_update.batch owner, pdb_update.batch mine
WHERE (c.pdb_id, c.chain_id, c.release_date) = (i.pdb_id, i.chain_id, i.release_date)
  AND owner.batch_name = c.batch_name AND mine.batch_name = %(batch_name)s
  AND mine.batch_type = 'fasta' AND owner.batch_type <> 'fasta'
RETURNING concat_ws('_', i.pdb_id, nullif(i.chain_id, '')), owner.batch_name
"""

UPSERT_SEQUENCES = """
INSERT INTO pdb_update.sequence (sequence_md5, sequence)
SELECT DISTINCT ON (sequence_md5) sequence_md5, sequence FROM incoming_chain
WHERE sequence IS NOT NULL AND sequence_md5 IS NOT NULL
  AND NOT EXISTS (SELECT FROM pdb_update.sequence s WHERE s.sequence_md5 = incoming_chain.sequence_md5)
ON CONFLICT DO NOTHING
"""

_RECORD = (*CHAIN_STATUS, *STANDING)
_RECORD_KEY = (*_KEY, "batch_name")

UPSERT_RECORDS = sql.SQL("""
INSERT INTO pdb_update.chain_record AS r ({names})
SELECT {names} FROM incoming_chain
ON CONFLICT (pdb_id, chain_id, release_date, batch_name) DO UPDATE SET {sets}
WHERE ({old}) IS DISTINCT FROM ({new})
""").format(
    names=_names(list(_RECORD)),
    sets=_sets(_RECORD, _RECORD_KEY),
    old=_names([c for c in _RECORD if c not in _RECORD_KEY], "r"),
    new=_names([c for c in _RECORD if c not in _RECORD_KEY], "excluded"),
)

# pyecod.standing.rule, over the records that all batches have of the chains that came
UPSERT_CHAINS = sql.SQL("""
WITH contender AS (
    SELECT r.*, b.created_at AS begun, b.batch_type,
           row_number() OVER (PARTITION BY r.pdb_id, r.chain_id, r.release_date, b.batch_type = 'repair' AND r.accepted
                              ORDER BY b.created_at DESC, r.updated_at DESC, r.batch_name COLLATE "C" DESC) AS place
    FROM incoming_chain i
    JOIN pdb_update.chain_record r USING (pdb_id, chain_id, release_date)
    JOIN pdb_update.batch b ON b.batch_name = r.batch_name)
INSERT INTO pdb_update.chain_status AS c ({names})
SELECT DISTINCT ON (pdb_id, chain_id, release_date) {names}
FROM contender
ORDER BY pdb_id, chain_id, release_date,
         is_mark AND accepted AND place = 1 DESC,
         batch_type <> 'fasta' DESC,
         accepted DESC,
         accepted AND has_result DESC,
         begun DESC,
         batch_type = 'repair' DESC,
         updated_at DESC,
         batch_name COLLATE "C" DESC
ON CONFLICT (pdb_id, chain_id, release_date) DO UPDATE SET {sets}
WHERE ({old}) IS DISTINCT FROM ({new})
RETURNING c.xmax = 0
""").format(
    names=_names(list(CHAIN_STATUS)),
    sets=_sets(tuple(CHAIN_STATUS), _KEY),
    old=_names([c for c in CHAIN_STATUS if c not in _KEY], "c"),
    new=_names([c for c in CHAIN_STATUS if c not in _KEY], "excluded"),
)

UPSERT_REPAIR_CHAINS = """
INSERT INTO pdb_update.repair_chain AS r
       (batch_name, pdb_id, chain_id, release_date, source_week, repair_status, accepted, updated_at)
SELECT %(batch_name)s, pdb_id, chain_id, release_date, source_week, repair_status, accepted, updated_at
FROM incoming_chain
ON CONFLICT (batch_name, pdb_id, chain_id) DO UPDATE
SET source_week = excluded.source_week, repair_status = excluded.repair_status, accepted = excluded.accepted,
    updated_at = excluded.updated_at
WHERE (r.source_week, r.repair_status, r.accepted, r.updated_at)
      IS DISTINCT FROM (excluded.source_week, excluded.repair_status, excluded.accepted, excluded.updated_at)
"""

_LAST_RUN = """
LEFT JOIN LATERAL (
    SELECT run_id, run_number, content_digest FROM pdb_update.partition_run r
    WHERE r.pdb_id = i.pdb_id AND r.chain_id = i.chain_id AND r.batch_name = i.batch_name
    ORDER BY r.run_number DESC LIMIT 1) last ON true
"""
_RUN_VALUES = """
i.representative, i.run_reference_version, i.algorithm, i.run_algorithm_version, i.outcome, i.quality, i.coverage,
i.run_domain_count, i.run_sequence_length, i.sequence_md5, i.parameters, i.unassigned, i.partition_path,
i.content_digest, i.run_created_at, i.accepted
"""
_RUN_NAMES = """
representative, reference_version, algorithm, algorithm_version, outcome, quality, coverage,
domain_count, sequence_length, sequence_md5, parameters, unassigned, partition_path, content_digest,
created_at, accepted
"""

# a result that differs from the batch's last one for this chain is a new run; where it stands, the only one is current
NEW_RUNS = f"""
WITH made AS (
    INSERT INTO pdb_update.partition_run
           (pdb_id, chain_id, release_date, batch_name, run_number, is_current, {_RUN_NAMES})
    SELECT i.pdb_id, i.chain_id, i.release_date, i.batch_name, coalesce(last.run_number, 0) + 1,
           i.accepted AND c.batch_name = i.batch_name AND NOT EXISTS (
               SELECT FROM pdb_update.partition_run other
               WHERE (other.pdb_id, other.chain_id, other.release_date) = (i.pdb_id, i.chain_id, i.release_date)),
           {_RUN_VALUES}
    FROM incoming_chain i JOIN pdb_update.chain_status c USING (pdb_id, chain_id, release_date) {_LAST_RUN}
    WHERE i.content_digest IS NOT NULL AND last.content_digest IS DISTINCT FROM i.content_digest
    RETURNING run_id, pdb_id, chain_id)
INSERT INTO new_run SELECT i.row_number, made.run_id FROM made JOIN incoming_chain i USING (pdb_id, chain_id)
"""

# with --overwrite every result takes the place of the batch's last run, also where only the database was changed
REPLACE_RUNS = f"""
WITH replaced AS (
    UPDATE pdb_update.partition_run run
    SET ({_RUN_NAMES}, synced_at, is_current) = ROW ({_RUN_VALUES}, now(), run.is_current AND i.accepted)
    FROM incoming_chain i {_LAST_RUN}
    WHERE run.run_id = last.run_id AND i.content_digest IS NOT NULL
    RETURNING run.run_id, i.row_number)
INSERT INTO new_run SELECT row_number, run_id FROM replaced
"""
CLEAR_RUNS = tuple(
    sql.SQL("DELETE FROM pdb_update.{table} t USING new_run n WHERE n.run_id = t.run_id").format(
        table=sql.Identifier(table)
    )
    for table in ("partition_domain", "partition_evidence", "quality_flag")
)

# the same result, but made at another time, kept elsewhere, or accepted meanwhile
UPDATE_RUNS = f"""
UPDATE pdb_update.partition_run run
SET partition_path = i.partition_path, created_at = i.run_created_at, accepted = i.accepted,
    is_current = run.is_current AND i.accepted
FROM incoming_chain i {_LAST_RUN}
WHERE run.run_id = last.run_id AND last.content_digest = i.content_digest
  AND (run.partition_path, run.created_at, run.accepted)
      IS DISTINCT FROM (i.partition_path, i.run_created_at, i.accepted)
"""

# the last result of the batch whose record stands; where that failed, or cannot be classified, there is none
_STANDING = """
WITH last AS (
    SELECT DISTINCT ON (r.pdb_id, r.chain_id, r.release_date) r.run_id, r.accepted
    FROM incoming_chain i
    JOIN pdb_update.chain_status c USING (pdb_id, chain_id, release_date)
    JOIN pdb_update.partition_run r
      ON (r.pdb_id, r.chain_id, r.release_date, r.batch_name) = (c.pdb_id, c.chain_id, c.release_date, c.batch_name)
    WHERE c.can_classify AND c.partition_status = 'complete'
    ORDER BY r.pdb_id, r.chain_id, r.release_date, r.run_number DESC
), standing AS (SELECT run_id FROM last WHERE accepted)
"""
# two statements: the unique index allows one current run at every moment
UNMARK_CURRENT = f"""{_STANDING}
UPDATE pdb_update.partition_run run SET is_current = false
FROM incoming_chain i
WHERE (run.pdb_id, run.chain_id, run.release_date) = (i.pdb_id, i.chain_id, i.release_date)
  AND run.is_current AND run.run_id NOT IN (SELECT run_id FROM standing)
"""
MARK_CURRENT = f"""{_STANDING}
UPDATE pdb_update.partition_run run SET is_current = true
FROM standing
WHERE run.run_id = standing.run_id AND NOT run.is_current
"""
