"""The one rule for which result of a chain stands."""

from __future__ import annotations

from pyecod.batch.header import BatchHeader
from pyecod.batch.names import BatchType
from pyecod.batch.record import ChainRecord, Status, Verdict


def is_accepted(header: BatchHeader, record: ChainRecord) -> bool:
    """Whether a record may stand for its chain: a repair that failed, came out worse or has not been judged yet leaves
    the state as it is."""
    if header.batch_type is not BatchType.REPAIR or not record.can_classify:
        return True
    unaccepted = (Verdict.WORSE, Verdict.PENDING)
    return record.partition_status is Status.COMPLETE and record.repair_status not in unaccepted
