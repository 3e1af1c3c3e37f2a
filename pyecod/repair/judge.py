"""What a repair made of its chains: each before and after, and whether the new result may stand."""

from __future__ import annotations

from pathlib import Path

from pyecod.batch import Batch, ChainRecord, ChainUpdate, DataType, RunHistory, Status
from pyecod.batch.record import Verdict
from pyecod.batch.repair_plan import Standing, read_repair_record
from pyecod.errors import BrokenInputError
from pyecod.partition.model import Partition, Quality
from pyecod.partition.xml import read_partition
from pyecod.settings import RepairSettings

_RANKS = {
    str(Quality.GOOD): 4,
    str(Quality.LOW_COVERAGE): 3,
    str(Quality.FRAGMENTARY): 2,
    str(Quality.NO_DOMAINS): 1,
    str(Quality.FAILED): 0,
}
_MARKED = (Verdict.OBSOLETE, Verdict.REMOVED, Verdict.NOT_CLASSIFIABLE)


def judge_repair(batch: Batch, settings: RepairSettings) -> list[ChainUpdate]:
    """The ``repair_status`` of every chain of a repair; a worse result's run does not count, unless that is accepted.

    Worse is a lower quality label, or an equal one with more coverage lost than ``settings.tolerance``. What had no
    result before, or another sequence, cannot become worse.
    """
    plan = read_repair_record(batch.path)
    reader = _PartitionReader(batch.path.parent)
    history = RunHistory(batch.path)
    updates = []
    for name, record in batch.manifest.chains.items():
        item = plan.items.get(name)
        verdict = _judge(record, item.before if item else None, batch.path, reader, settings)
        if verdict is Verdict.WORSE and batch.header.accept_worse:
            verdict = Verdict.WORSE_ACCEPTED
        if verdict is Verdict.WORSE:
            current = history.current(DataType.PARTITION, record.key)
            if current is not None and current.number == max(history.numbers(DataType.PARTITION, record.key)):
                history.withdraw(DataType.PARTITION, record.key)
        updates.append(ChainUpdate(record.key, {"repair_status": str(verdict)}))
    return updates


def _judge(
    record: ChainRecord, before: Standing | None, batch_path: Path, reader: _PartitionReader, settings: RepairSettings
) -> Verdict:
    if not record.can_classify:
        marks = [mark for mark in _MARKED if mark == record.cannot_classify_reason]
        return marks[0] if marks else Verdict.NOT_CLASSIFIABLE
    if record.is_failed:
        return Verdict.FAILED
    if record.partition_status is not Status.COMPLETE:
        return Verdict.PENDING
    if before is None or before.sequence_md5 != record.sequence_md5:
        return Verdict.NEW
    if before.status != "done":
        return Verdict.BETTER
    after = Standing.of(record, batch_path)
    old_rank, new_rank = _rank(before), _rank(after)
    gained = (after.coverage or 0.0) - (before.coverage or 0.0)
    if new_rank != old_rank:
        return Verdict.BETTER if new_rank > old_rank else Verdict.WORSE
    if abs(gained) > settings.tolerance + 1e-9:  # coverages are shares of whole residues
        return Verdict.BETTER if gained > 0 else Verdict.WORSE
    return Verdict.SAME if reader.same(before, after, record.sequence_length) else Verdict.CHANGED


def _rank(standing: Standing) -> int:
    return _RANKS.get(standing.quality or "", 0)


class _PartitionReader:
    """Compares partition files."""

    def __init__(self, base_path: Path) -> None:
        self.base_path = base_path

    def same(self, before: Standing, after: Standing, length: int) -> bool:
        """The same domains with the same groups. Files of other dialects are compared by their numbers."""
        if (before.domains, before.outcome) != (after.domains, after.outcome):
            return False
        old, new = self._read(before, length), self._read(after, length)
        if old is None or new is None:
            return before.coverage == after.coverage
        return _domains(old) == _domains(new)

    def _read(self, standing: Standing, length: int) -> Partition | None:
        if standing.partition is None:
            return None
        try:
            return read_partition(self.base_path / standing.partition, length=length).partition
        except BrokenInputError:
            return None


def _domains(partition: Partition) -> list[tuple[str, str, str | None]]:
    return [(str(domain.range), domain.t_group, domain.f_group) for domain in partition.domains]
