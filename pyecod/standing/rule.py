"""The one rule for which result of a chain stands.

A chain of a week may have records in several batches: in the week's own, and in every repair it was part of. One of
them speaks for the chain, on disk and in the database:

1. A repair's record is *accepted* once it has a finished partition that was judged and not found worse (or whose being
   worse was allowed), or where it says that the chain cannot be classified. One that failed, is not finished, not
   judged yet or worse leaves everything as it is. A week's record is always accepted.
2. A record with a *result* (a finished partition, or that the chain cannot be classified) goes before one that failed
   or is not finished: a failure never undoes a result, whenever it came.
3. Of results, that of the batch *begun* last stands. A batch keeps the settings, the reference and the sequences it was
   begun with, so a week's chain that is tried again after a repair brings older knowledge than the repair, however late
   its record was changed; neither does a repair that was interrupted and resumed undo one that was begun after it.
   A week that was removed and begun anew after the repair takes its place as soon as it has a result.
4. A chain that the newest accepted repair has marked *obsolete* or *removed* stays so, whatever becomes of its week:
   the mark says something of the PDB, not of a run. Only a later accepted repair takes it back.
5. Where no record is accepted (the only batch that has the chain is a repair that failed), the repair begun last tells
   how the chain is; but no result of it stands.

Of batches begun at the same time (older batches know whole seconds) a repair goes before a week, because it was made
to take its place; then the record changed last goes first, then the later batch name in the order of its bytes. Times
are compared as times (:func:`~pyecod.batch.header.read_time`).

A FASTA batch is a matter of its own on disk. The database has one row for an id and a date, and there a chain of the
PDB goes before a FASTA record of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pyecod.batch.header import BatchHeader, read_time
from pyecod.batch.names import BatchType
from pyecod.batch.record import ChainRecord, Status, Verdict

T = TypeVar("T")

_NOT_ACCEPTED = (Verdict.FAILED, Verdict.PENDING, Verdict.WORSE)
_MARKS = (Verdict.OBSOLETE, Verdict.REMOVED)


@dataclass(frozen=True, slots=True)
class Contender:
    """What the rule looks at in one batch's record of a chain.

    ``begun`` is when the batch was begun, ``changed`` when the record was made or last changed. ``accepted``
    and ``has_result`` are those of the rule's first two sentences, ``is_mark`` that of the fourth.
    """

    batch_type: BatchType
    batch_name: str
    begun: datetime
    changed: datetime
    accepted: bool = True
    has_result: bool = True
    is_mark: bool = False

    @classmethod
    def of(cls, header: BatchHeader, record: ChainRecord) -> Contender:
        """A record of a batch."""
        begun = read_time(header.created)
        return cls(
            batch_type=header.batch_type,
            batch_name=header.batch_name,
            begun=begun,
            changed=read_time(record.updated_at) if record.updated_at else begun,
            accepted=is_accepted(header, record),
            has_result=has_result(record),
            is_mark=is_mark(header, record),
        )


def is_accepted(header: BatchHeader, record: ChainRecord) -> bool:
    """Whether a record may stand for its chain: the rule's first sentence."""
    if header.batch_type is not BatchType.REPAIR or not record.can_classify:
        return True
    return has_result(record) and record.repair_status not in _NOT_ACCEPTED


def has_result(record: ChainRecord) -> bool:
    """The chain has a finished partition and nothing failed since, or it cannot be classified."""
    return not record.can_classify or (record.partition_status is Status.COMPLETE and not record.is_failed)


def is_mark(header: BatchHeader, record: ChainRecord) -> bool:
    """A repair found the chain's entry obsolete, or the chain gone from it."""
    return header.batch_type is BatchType.REPAIR and not record.can_classify and record.cannot_classify_reason in _MARKS


def find_standing(items: Iterable[T], contender_of: Callable[[T], Contender]) -> T:
    """Of one chain's records for one week, that which speaks for it; in whatever order they come, the same. It
    stands if it is accepted.

    Raises:
        ValueError: there is no record.
    """
    contenders = [(contender_of(item), item) for item in items]
    ranked = sorted(contenders, key=lambda pair: _rank(pair[0]))
    repairs = [pair for pair in ranked if pair[0].batch_type is BatchType.REPAIR and pair[0].accepted]
    if repairs and repairs[-1][0].is_mark:
        return repairs[-1][1]
    if not ranked:
        raise ValueError("no record to choose from")
    return ranked[-1][1]


def _rank(one: Contender) -> tuple[object, ...]:
    return (
        one.batch_type is not BatchType.FASTA,
        one.accepted,
        one.accepted and one.has_result,
        one.begun,
        one.batch_type is BatchType.REPAIR,
        one.changed,
        one.batch_name.encode(),
    )
