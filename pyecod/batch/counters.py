"""What a batch has done so far, counted from its records and stored nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyecod.batch.record import ChainRecord, EntryRecord, Status, Step

MOST_NAMES = 20
"""Chains or entries that are named for each reason of a failure."""


@dataclass(frozen=True, slots=True)
class BatchCounters:
    """Counts of a batch. Chains that cannot be classified are in ``chains`` and ``not_classifiable`` only.

    ``steps`` has, per step, how many classifiable chains have each status. ``failures`` maps (step, reason) to the
    number of chains or entries (step ``entry``), the most frequent first; the reasons are without names, so that equal
    faults count together, and ``failed_names`` has the first of the names (:data:`MOST_NAMES`). ``failure_kinds``
    counts the failed chains of each :class:`~pyecod.errors.FailureKind`. ``done + failed + left == classifiable``.
    """

    entries: Mapping[str, int] = field(default_factory=dict)
    chains: int = 0
    classifiable: int = 0
    sequences: int = 0
    not_classifiable: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[Step, Mapping[str, int]] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    left: int = 0
    domains: int = 0
    quality: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    failed_names: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    failure_kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def progress(self) -> float:
        """Share of the classifiable chains that are done, 0 to 1; 1 where there are none."""
        return self.done / self.classifiable if self.classifiable else 1.0

    @property
    def entries_failed(self) -> int:
        """Entries that could not be read."""
        return self.entries.get(Status.FAILED, 0)

    @property
    def entries_not_needed(self) -> int:
        """Entries that were not read because the PDB made them obsolete meanwhile."""
        return self.entries.get(Status.NOT_NEEDED, 0)

    @property
    def is_finished(self) -> bool:
        """Nothing is pending or running: every chain is done or failed, every entry read, failed or not needed."""
        settled = self.entries.get(Status.COMPLETE, 0) + self.entries_failed + self.entries_not_needed
        return self.left == 0 and settled == sum(self.entries.values())

    def told(self, fault: tuple[str, str], most: int = 5) -> str:
        """A reason with ``most`` of the names of those that failed for it: ``no mmCIF file of … (1abc, 2abc and 7
        more)``."""
        names = self.failed_names.get(fault, ())[:most]
        more = self.failures.get(fault, 0) - len(names)
        return f"{fault[1]} ({', '.join(names)}{f' and {more:,} more' if more else ''})" if names else fault[1]

    def to_plain(self) -> dict[str, object]:
        """The counts as JSON has them; ``failures`` is a list of objects."""
        return {
            "entries": dict(self.entries),
            "chains": self.chains,
            "classifiable": self.classifiable,
            "sequences": self.sequences,
            "not_classifiable": dict(self.not_classifiable),
            "steps": {str(step): dict(statuses) for step, statuses in self.steps.items()},
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "progress": self.progress,
            "domains": self.domains,
            "quality": dict(self.quality),
            "outcomes": dict(self.outcomes),
            "failures": [
                {
                    "step": step,
                    "reason": reason,
                    "count": count,
                    "names": list(self.failed_names.get((step, reason), ())),
                }
                for (step, reason), count in self.failures.items()
            ],
            "failure_kinds": dict(self.failure_kinds),
        }


def count_batch(entries: Iterable[EntryRecord], chains: Iterable[ChainRecord]) -> BatchCounters:
    """Count records."""
    entries, chains = list(entries), list(chains)
    classifiable = [chain for chain in chains if chain.can_classify]
    failed = [chain for chain in classifiable if chain.is_failed]
    done = [chain for chain in classifiable if chain.is_done and not chain.is_failed]
    names: dict[tuple[str, str], list[str]] = {}
    for e in entries:
        if e.status is Status.FAILED:
            names.setdefault(("entry", _general(e.failure_reason, e.pdb_id)), []).append(e.pdb_id)
    for c in failed:
        names.setdefault((str(c.failed_at), _general(c.failure_reason, c.key.entry_id)), []).append(str(c.key))
    names = dict(sorted(names.items(), key=lambda item: (-len(item[1]), item[0])))
    return BatchCounters(
        entries=_counted(str(entry.status) for entry in entries),
        chains=len(chains),
        classifiable=len(classifiable),
        sequences=len({chain.sequence_md5 or str(chain.key) for chain in classifiable}),
        not_classifiable=_counted(c.cannot_classify_reason or "unknown" for c in chains if not c.can_classify),
        steps={step: _statuses(chain.status(step) for chain in classifiable) for step in Step},
        done=len(done),
        failed=len(failed),
        left=len(classifiable) - len(done) - len(failed),
        domains=sum(chain.domain_count or 0 for chain in done),
        quality=_counted(chain.partition_quality for chain in done if chain.partition_quality),
        outcomes=_counted(chain.partition_outcome for chain in done if chain.partition_outcome),
        failure_kinds=_counted(chain.failure_kind for chain in failed if chain.failure_kind),
        failures={fault: len(found) for fault, found in names.items()},
        failed_names={fault: tuple(sorted(found)[:MOST_NAMES]) for fault, found in names.items()},
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _statuses(values: Iterable[Status]) -> dict[str, int]:
    counts = Counter(values)
    return {str(status): counts[status] for status in Status}


def _general(reason: str | None, entry_id: str) -> str:
    """The reason without the chain's own names and paths, so that equal faults count together: ``…`` for each, and for
    a list of them."""
    if not reason:
        return "no reason recorded"
    if entry_id not in reason:
        return reason
    general: list[str] = []
    for word in reason.split(" "):
        if entry_id not in word:
            general.append(word)
            continue
        if general and general[-1] in ("…", "…,"):
            general.pop()
        general.append("…" + (word[-1] if word[-1] in ",:;" else ""))
    return " ".join(general)
