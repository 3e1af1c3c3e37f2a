"""Repairs as data: which chains are done again and why, how they stood before, and what the repair made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pyecod.batch.record import ChainRecord, Verdict
from pyecod.errors import BrokenInputError, IdError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey

if TYPE_CHECKING:
    from pyecod.batch.batch import Batch

PLAN_NAME = "repair_plan.json"
_FORMAT = "pyecod repair plan 1"


_ORDER = (Verdict.FAILED, Verdict.WORSE, Verdict.WORSE_ACCEPTED, Verdict.PENDING, Verdict.CHANGED, Verdict.BETTER)


@dataclass(frozen=True, slots=True)
class Standing:
    """A chain's result in numbers. ``partition`` is its file, relative to the folder of the batches."""

    batch: str
    status: str
    quality: str | None = None
    coverage: float | None = None
    domains: int | None = None
    outcome: str | None = None
    reference_version: str | None = None
    algorithm_version: str | None = None
    sequence_md5: str = ""
    failure_reason: str | None = None
    partition: str | None = None

    @classmethod
    def of(cls, record: ChainRecord, batch_path: Path) -> Standing:
        """How a chain stands in a batch."""
        if not record.can_classify:
            status = "not_classifiable"
        elif record.is_failed:
            status = "failed"
        else:
            status = "done" if record.is_done else "pending"
        file = record.files.get("partition")
        return cls(
            batch=batch_path.name,
            status=status,
            quality=record.partition_quality,
            coverage=record.partition_coverage,
            domains=record.domain_count,
            outcome=record.partition_outcome,
            reference_version=record.reference_version,
            algorithm_version=record.algorithm_version,
            sequence_md5=record.sequence_md5,
            failure_reason=record.failure_reason or record.cannot_classify_reason,
            partition=f"{batch_path.name}/{file}" if file else None,
        )

    def __str__(self) -> str:
        """In a few words: ``2 domains, 0.93, good``; ``failed`` and why."""
        return self.words + (f": {self.failure_reason}" if self.status != "done" and self.failure_reason else "")

    @property
    def words(self) -> str:
        """The same without a reason."""
        if self.status != "done":
            return self.status.replace("_", " ")
        number = "?" if self.domains is None else self.domains
        coverage = "?" if self.coverage is None else f"{self.coverage:.2f}"
        return f"{number} domain{'s' if self.domains != 1 else ''}, {coverage}, {self.quality or 'no label'}"


@dataclass(frozen=True, slots=True)
class RepairItem:
    """One chain of a repair. ``week`` is its original release (ISO date), ``source`` the batch its current record is
    in, each None where there is none. ``why`` says in words why it is repaired, ``steps`` what is done again or for
    the first time; a chain that is only marked (obsolete, removed) has none. ``evidence`` says where its earlier
    evidence comes from: ``summary``, ``files`` of the older tools, or ``none``."""

    key: ChainKey
    week: str | None
    source: str | None
    why: str
    steps: tuple[str, ...]
    evidence: str = "none"
    mark: Verdict = Verdict.PENDING
    before: Standing | None = None

    def to_plain(self) -> dict[str, Any]:
        """The item as the plan file has it."""
        plain = asdict(self)
        return plain | {"key": str(self.key), "steps": list(self.steps), "mark": str(self.mark)}


@dataclass(frozen=True, slots=True)
class RepairRecord:
    """The plan file of a repair batch: what was asked for, and every chain by its key."""

    request: Mapping[str, Any] = field(default_factory=dict)
    items: Mapping[str, RepairItem] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """One chain of a repair, before (None where there was nothing) and after. ``verdict`` is its repair status."""

    item: RepairItem
    after: Standing
    verdict: Verdict

    def to_plain(self) -> dict[str, Any]:
        """The outcome as JSON has it: before and after of domains, coverage and quality in columns of their own."""
        before = self.item.before
        return {
            "chain": str(self.item.key),
            "week": self.item.week,
            "why": self.item.why,
            "verdict": str(self.verdict),
            "domains_before": before.domains if before else None,
            "domains_after": self.after.domains,
            "coverage_before": before.coverage if before else None,
            "coverage_after": self.after.coverage,
            "quality_before": (before.quality or before.status) if before else None,
            "quality_after": self.after.quality or self.after.status,
            "reason": self.after.failure_reason,
        }


def write_repair_record(batch_path: Path, request: Mapping[str, Any], items: Iterable[RepairItem]) -> None:
    """Write the plan of a repair into its batch folder."""
    document = {"format": _FORMAT, "request": request, "items": [item.to_plain() for item in items]}
    atomic_write(batch_path / PLAN_NAME, orjson.dumps(document, default=str) + b"\n")


def read_repair_record(batch_path: Path) -> RepairRecord:
    """The plan of a repair batch; empty for other batches and for repairs of the older tools.

    Raises:
        BrokenInputError: the file is damaged.
    """
    path = batch_path / PLAN_NAME
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return RepairRecord()
    except (OSError, orjson.JSONDecodeError) as error:
        raise BrokenInputError(f"cannot read the repair's plan: {error}", where=path) from None
    try:
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        items = [_item(raw) for raw in document["items"]]
        return RepairRecord(document["request"], {str(item.key): item for item in items})
    except (KeyError, TypeError, ValueError, AttributeError, IdError) as error:
        raise BrokenInputError(f"the repair's plan is damaged: {error!r}", where=path) from None


def _item(raw: dict[str, Any]) -> RepairItem:
    before = raw["before"]
    return RepairItem(
        **{
            **raw,
            "key": ChainKey.parse(raw["key"]),
            "steps": tuple(raw["steps"]),
            "mark": Verdict(raw["mark"]),
            "before": None if before is None else Standing(**{f.name: before[f.name] for f in fields(Standing)}),
        }
    )


def repair_outcomes(batch: Batch) -> list[RepairOutcome]:
    """Every chain of a repair before and after: what failed or is worse first, what is the same last.

    Raises:
        BrokenInputError: the plan in the batch folder is damaged.
    """
    plan = read_repair_record(batch.path)
    outcomes = []
    for name, record in batch.manifest.chains.items():
        item = plan.items.get(name) or RepairItem(record.key, record.source_week, None, "", ())
        status = record.repair_status or Verdict.PENDING
        verdict = Verdict(status) if status in list(Verdict) else Verdict.PENDING  # the older tools had other words
        outcomes.append(RepairOutcome(item, Standing.of(record, batch.path), verdict))
    order = list(dict.fromkeys((*_ORDER, *Verdict)))
    return sorted(outcomes, key=lambda outcome: (order.index(outcome.verdict), outcome.item.key))


def count_verdicts(outcomes: Iterable[RepairOutcome]) -> dict[str, int]:
    """How many chains have each verdict, in the order of :class:`Verdict`."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    return {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]}
