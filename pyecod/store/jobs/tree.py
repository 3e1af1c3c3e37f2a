"""Read recorded jobs: a tree of runs, or one job with its files and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from pyecod.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyecod.ids import ChainKey
    from pyecod.store.connection import Store

_COLUMNS = """
j.number, j.parent, j.name, j.batch_name, j.status, j.message, j.flow_run_id, j.task_run_id, j.host, j.pid,
j.created_at, j.started_at, j.finished_at,
extract(epoch FROM coalesce(j.finished_at, now()) - j.started_at)::double precision AS seconds
"""
_TREE = f"""
WITH roots AS (
    SELECT number FROM pdb_update.job
    WHERE parent IS NULL AND (%(batch)s::text IS NULL OR batch_name = %(batch)s)
      AND (%(root)s::text IS NULL OR number = %(root)s)
    ORDER BY sort_key DESC LIMIT %(limit)s)
SELECT {_COLUMNS}
FROM pdb_update.job j JOIN roots ON split_part(j.number, '.', 1) = roots.number
WHERE cardinality(j.sort_key) <= %(depth)s
ORDER BY j.sort_key
"""
_VALUES = """
SELECT name, value::text AS text, value FROM pdb_update.job_float_value WHERE number = %s
UNION ALL SELECT name, value, NULL FROM pdb_update.job_char_value WHERE number = %s ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class JobDetails:
    """One job as it stands, its measured values by name, its files, and its parts."""

    job: dict[str, Any]
    values: dict[str, float | str] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)


def job_tree(
    store: Store, *, root: str | None = None, batch_name: str | None = None, limit: int = 10, depth: int = 3
) -> list[dict[str, Any]]:
    """Jobs of the newest ``limit`` runs, or of one, down to ``depth`` levels, in the order of their numbers.

    Raises:
        StoreError: the database cannot be reached or has no schema.
    """
    with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        values = {"root": root, "batch": batch_name, "limit": limit, "depth": depth}
        return cursor.execute(_TREE, values).fetchall()


def job_details(store: Store, number: str) -> JobDetails:
    """One job with all that was noted.

    Raises:
        UsageError: there is no such job. StoreError: as :func:`job_tree`.
    """
    with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        job = cursor.execute(f"SELECT {_COLUMNS} FROM pdb_update.job j WHERE number = %s", (number,)).fetchone()
        if job is None:
            raise UsageError(f"there is no job {number!r}", where=store.target, hint="`pyecod jobs tree` lists them")
        values = cursor.execute(_VALUES, (number, number)).fetchall()
        files = cursor.execute(
            "SELECT role, path, size, sha256, import_source, recorded_at FROM pdb_update.job_file "
            "WHERE number = %s ORDER BY role, path",
            (number,),
        ).fetchall()
        parts = cursor.execute(
            f"SELECT {_COLUMNS} FROM pdb_update.job j WHERE parent = %s ORDER BY sort_key", (number,)
        ).fetchall()
    return JobDetails(
        job, {row["name"]: row["text"] if row["value"] is None else row["value"] for row in values}, files, parts
    )


def chain_facts(store: Store, key: ChainKey, stems: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """What the database knows of one chain: its states, runs, repairs, clusters, and jobs with files of it or of the
    chains whose ``stems`` (:attr:`~pyecod.ids.ChainKey.file_stem`) are given: those it shares its searches with.

    Raises:
        StoreError: as :func:`job_tree`.
    """
    ids = (key.entry_id, key.chain_id)
    with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return {
            "states": cursor.execute(
                "SELECT release_date, batch_name, can_classify, cannot_classify_reason, blast_status, hhsearch_status, "
                "partition_status, partition_quality, partition_coverage, domain_count, failure_reason, repair_status, "
                "updated_at FROM pdb_update.chain_status WHERE (pdb_id, chain_id) = (%s, %s) ORDER BY release_date",
                ids,
            ).fetchall(),
            "runs": cursor.execute(
                "SELECT r.run_id, r.release_date, r.batch_name, r.run_number, r.is_current, r.accepted, r.outcome, "
                "r.quality, r.coverage, r.domain_count, r.reference_version, r.algorithm_version, r.created_at, "
                "(SELECT string_agg(d.range || ' ' || d.t_group, '; ' ORDER BY d.domain_number) "
                "FROM pdb_update.partition_domain d WHERE d.run_id = r.run_id) AS domains "
                "FROM pdb_update.partition_run r WHERE (pdb_id, chain_id) = (%s, %s) ORDER BY r.created_at, r.run_id",
                ids,
            ).fetchall(),
            "repairs": cursor.execute(
                "SELECT batch_name, reason, release_date, accepted, domains_before, domains_after, coverage_before, "
                "coverage_after, quality_before, quality_after FROM pdb_update.repair_outcome "
                "WHERE (pdb_id, chain_id) = (%s, %s) ORDER BY batch_name",
                ids,
            ).fetchall(),
            "clusters": cursor.execute(
                "SELECT c.name, m.cluster_number, m.is_representative, m.identity, m.coverage, m.propagation "
                "FROM pdb_update.cluster_member m JOIN pdb_update.clustering_run c USING (clustering_id) "
                "WHERE (m.pdb_id, m.chain_id) = (%s, %s) ORDER BY c.created_at",
                ids,
            ).fetchall(),
            "jobs": cursor.execute(
                "SELECT f.number, j.name, j.batch_name, f.role, f.path, f.sha256 FROM pdb_update.job_file f "
                "JOIN pdb_update.job j USING (number) "
                "WHERE split_part(regexp_replace(f.path, '^.*/', ''), '.', 1) = ANY(%s) ORDER BY j.sort_key, f.path",
                ([key.entry_id, key.file_stem, *stems],),
            ).fetchall(),
        }
