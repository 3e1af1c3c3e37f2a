"""A clustering in the database: who represents whom, and what became of each member."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyecod.batch import Batch, ChainRecord, Status
from pyecod.clusters.model import Clustering
from pyecod.errors import BatchError, BrokenInputError
from pyecod.partition.xml import read_partition

if TYPE_CHECKING:
    from pyecod.store import Store

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


def member_states(clustering: Clustering, base_path: Path) -> Iterator[tuple[Any, ...]]:
    """Each chain once: ids, cluster number, representative or not, identity and coverage of its alignment (None where
    it was not aligned), and its state, ``searched``, ``inherited``, ``mapped``, ``queued``, ``failed`` or ``pending``.
    """
    batches: dict[str, Batch | None] = {}
    seen = set()
    for cluster in clustering.clusters:
        for sequence in cluster.sequences:
            is_lead = sequence is cluster.representative
            for key, batch_name in sequence.chains:
                if key in seen:
                    continue
                seen.add(key)
                if batch_name not in batches:
                    batches[batch_name] = _open(base_path / batch_name)
                batch = batches[batch_name]
                record = batch.manifest.chains.get(str(key)) if batch is not None else None
                first = is_lead and key == sequence.key
                state, identity, coverage = _state(batch, record, first=first, is_lead=is_lead)
                yield (key.entry_id, key.chain_id, cluster.number, first, identity, coverage, state)


def _open(path: Path) -> Batch | None:
    try:
        return Batch.open(path)
    except BatchError:
        return None  # its chains are pending until it is there again


def _state(
    batch: Batch | None, record: ChainRecord | None, *, first: bool, is_lead: bool
) -> tuple[str, float | None, float | None]:
    same = 1.0 if is_lead else None
    if batch is None or record is None:
        return "pending", same, same
    if record.is_failed:
        return "failed", same, same
    if record.partition_status is not Status.COMPLETE:
        return "pending", same, same
    if "mapped_from" in record.files:
        try:
            parameters = read_partition(batch.path / record.files["partition"]).partition.parameters
        except BrokenInputError:
            return "mapped", None, None
        return "mapped", parameters.get("identity"), parameters.get("coverage")
    if is_lead:
        return ("searched" if first else "inherited"), same, same
    return "queued", None, None


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
