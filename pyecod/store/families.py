"""A clustering in the database: who represents whom, and what became of each member."""

from __future__ import annotations

from pathlib import Path

from pyecod.families.model import Clustering
from pyecod.families.states import member_states
from pyecod.store.connection import Store

_RUN = """
INSERT INTO pdb_update.clustering_run
       (name, method, method_version, min_identity, min_coverage, batch_names, source_path, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET method = excluded.method, method_version = excluded.method_version,
    min_identity = excluded.min_identity, min_coverage = excluded.min_coverage, batch_names = excluded.batch_names,
    source_path = excluded.source_path, created_at = excluded.created_at
RETURNING clustering_id
"""
_COPY = """
COPY pdb_update.cluster_member
     (clustering_id, pdb_id, chain_id, cluster_number, is_representative, identity, coverage, propagation) FROM STDIN
"""


def record_clustering(store: Store, clustering: Clustering, base_path: Path) -> dict[str, int]:
    """Write a clustering and the present state of its members, in place of what was recorded under its name.

    Returns:
        Number of chains in each state.

    Raises:
        StoreError: the database cannot be reached or has no schema.
    """
    rows = list(member_states(clustering, base_path))
    values = (
        clustering.name,
        clustering.method,
        clustering.method_version,
        clustering.min_identity,
        clustering.min_coverage,
        list(clustering.batches),
        clustering.source,
        clustering.created,
    )
    with store.connect() as connection:
        row = connection.execute(_RUN, values).fetchone()
        assert row is not None
        connection.execute("DELETE FROM pdb_update.cluster_member WHERE clustering_id = %s", row)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for member in rows:
                copy.write_row((row[0], *member))
    counts: dict[str, int] = {}
    for *_, state in rows:
        counts[state] = counts.get(state, 0) + 1
    return counts
