"""What became of each member of a clustering."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyecod.batch import Batch, ChainRecord, Status
from pyecod.errors import BatchError, BrokenInputError
from pyecod.families.model import Clustering
from pyecod.partition.xml import read_partition

MemberState = tuple[str, str, int, bool, float | None, float | None, str]


def member_states(clustering: Clustering, base_path: Path) -> Iterator[MemberState]:
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
