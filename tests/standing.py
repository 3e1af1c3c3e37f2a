"""The table of cases that every reader of the rule "which result stands" is tested against, as batches on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.store.conftest import ChainPlan, make_batch

KEY = "8s72_A"
WEEK = "2025-09-05"
FRI, MON, TUE, WED = (f"2025-09-{day}T08:00:00+00:00" for day in ("05", "08", "09", "10"))
_RANGES = {"week": ("1-90", "95-200"), "anew": ("1-100", "101-200"), "one": ("1-200",), "two": ("5-205",)}
_FAILED = {"partition_status": "failed", "failed_step": "partition", "failure_reason": "killed", "attempts": 3}
_MARKED = {"blast_status": "not_needed", "hhsearch_status": "not_needed", "partition_status": "not_needed"}


def _unclassifiable(reason: str) -> dict[str, Any]:
    return {"can_classify": False, "cannot_classify_reason": reason, **_MARKED}


STATES: Mapping[str, tuple[bool, dict[str, Any]]] = {
    "done": (True, {}),
    "failed": (False, _FAILED),
    "failed late": (True, {"hhsearch_status": "failed", "failed_step": "hhsearch", "failure_reason": "killed"}),
    "pending": (False, {}),
    "running": (False, {"partition_status": "running"}),
    "peptide": (False, _unclassifiable("peptide")),
}
"""What a record of a week or a FASTA batch may say: whether it has a partition, and further fields."""

REPAIRED: Mapping[str, tuple[bool, dict[str, Any]]] = {
    "better": (True, {"repair_status": "better"}),
    "of older tools": (True, {}),
    "worse accepted": (True, {"repair_status": "worse_accepted"}),
    "worse": (True, {"repair_status": "worse"}),
    "not judged": (True, {"repair_status": "pending"}),
    "not judged again": (True, {"repair_status": "failed"}),
    "failed": (False, {**_FAILED, "repair_status": "failed"}),
    "failed late": (True, {**STATES["failed late"][1], "repair_status": "better"}),
    "pending": (False, {"repair_status": "pending"}),
    "obsolete": (False, {**_unclassifiable("obsolete"), "repair_status": "obsolete"}),
    "removed": (False, {**_unclassifiable("removed"), "repair_status": "removed"}),
    "peptide": (False, {**_unclassifiable("peptide"), "repair_status": "not_classifiable"}),
}
"""The same of a repair's."""


@dataclass(frozen=True)
class Record:
    """What one batch says of the chain. ``changed`` is the time of its record, None: when the batch was begun; ``name``
    the batch's, after the case's. ``week`` None: a repair of a chain that came with no release."""

    name: str
    begun: str
    state: str
    changed: str | None = None
    kind: str = "repair"
    week: str | None = WEEK


def week(state: str, begun: str = FRI, *, changed: str | None = None, name: str = "week") -> Record:
    """The week's own record."""
    return Record(name, begun, state, changed, "weekly")


def first(state: str, begun: str = MON, *, changed: str | None = None, name: str = "one", **more: Any) -> Record:
    """The first repair's record."""
    return Record(name, begun, state, changed, **more)


def second(state: str, begun: str = TUE, *, changed: str | None = None, name: str = "two", **more: Any) -> Record:
    """The second repair's record."""
    return Record(name, begun, state, changed, **more)


@dataclass(frozen=True)
class Case:
    """Records of one chain and week, and the batch whose record speaks for it; ``stands``: it has a right to."""

    name: str
    records: tuple[Record, ...]
    expected: str
    stands: bool = True

    @property
    def speaker(self) -> Record:
        """The record that speaks."""
        return next(record for record in self.records if record.name == self.expected)

    @property
    def is_failed(self) -> bool:
        """The chain counts as failed."""
        return self.speaker.state.startswith("failed")

    @property
    def has_partition(self) -> bool:
        """A partition of the chain is current."""
        states = REPAIRED if self.speaker.kind == "repair" else STATES
        return self.stands and states[self.speaker.state][0]


def _case(name: str, *records: Record, stands: str, counts: bool = True) -> Case:
    return Case(name, records, stands, counts)


HALF_PAST = "2025-09-05T09:30:00"

CASES: tuple[Case, ...] = (
    # a week alone
    *(_case(f"a week that is {state}", week(state), stands="week") for state in STATES),
    # a repair that is accepted stands, whatever the week had
    *(
        _case(f"{state} in the week, {repaired} in a repair", week(state), first(repaired), stands="one")
        for state in STATES
        for repaired in ("better", "of older tools", "worse accepted", "obsolete", "removed", "peptide")
    ),
    # one that is not changes nothing
    *(
        _case(f"{state} in the week, {repaired} in a repair", week(state), first(repaired), stands="week")
        for state in ("done", "failed", "pending")
        for repaired in ("worse", "not judged", "not judged again", "failed", "failed late", "pending")
    ),
    # later changes of the week's record
    _case("the week fails again later", week("failed", changed=WED), first("better"), stands="one"),
    _case("the week is tried again and done later", week("done", changed=WED), first("better"), stands="one"),
    _case("the week is tried again, and it is obsolete", week("done", changed=WED), first("obsolete"), stands="one"),
    _case("the week is tried again, of a former sequence", week("done", changed=WED), first("peptide"), stands="one"),
    # the week begun anew after the repair
    _case("the week begun anew and done", week("done", WED), first("better"), stands="week"),
    _case("the week begun anew and failed", week("failed", WED), first("better"), stands="one"),
    _case("the week begun anew and pending", week("pending", WED), first("better"), stands="one"),
    _case("the week begun anew without the chain's protein", week("peptide", WED), first("better"), stands="week"),
    _case("the week begun anew, and the chain obsolete", week("done", WED), first("obsolete"), stands="one"),
    _case("the week begun anew, and the chain removed", week("done", WED), first("removed"), stands="one"),
    _case("the week begun anew, and it was a peptide", week("done", WED), first("peptide"), stands="week"),
    # two repairs
    *(
        _case(f"two repairs, the second {state}", week("failed"), first("better"), second(state), stands="two")
        for state in ("better", "of older tools", "worse accepted", "obsolete", "removed", "peptide")
    ),
    *(
        _case(f"two repairs, the second {state}", week("failed"), first("better"), second(state), stands="one")
        for state in ("worse", "not judged", "not judged again", "failed", "failed late", "pending")
    ),
    _case("the first repair resumed after the second", week("done"), first("better", changed=WED), second("better"),
          stands="two"),
    _case("a mark taken back", week("done"), first("obsolete"), second("better"), stands="two"),
    _case("a mark not taken back by a failure", week("done"), first("obsolete"), second("failed"), stands="one"),
    _case("a mark taken back before the week began anew", week("done", WED), first("obsolete"), second("better"),
          stands="week"),
    _case("a mark after a repair before the week began anew", week("done", WED), first("better"), second("removed"),
          stands="two"),
    # equal times
    _case("a week and a repair of one second", week("done", FRI), first("better", FRI), stands="one"),
    _case("a failed week and a repair of one second", week("failed", FRI), first("better", FRI), stands="one"),
    _case("a week changed later than a repair of its second", week("done", FRI, changed=WED), first("better", FRI),
          stands="one"),
    _case("two repairs of one second, one changed later", first("better", MON, changed=WED), second("better", MON),
          stands="one"),
    _case("two repairs of one second and name order", first("better", MON), second("better", MON), stands="two"),
    _case("two repairs of one second and byte order", first("better", MON, name="a"), second("better", MON, name="B"),
          stands="a"),
    _case("milliseconds decide", week("done", "2025-09-08T08:00:00.124+00:00"),
          first("better", "2025-09-08T08:00:00.123+00:00"), stands="week"),
    _case("a whole second is its beginning", week("done", "2025-09-08T08:00:00.124+00:00"),
          first("better", "2025-09-08T08:00:00+00:00"), stands="week"),
    # times as times: zones, none (UTC), none at all
    _case("later as text, earlier as time", week("done", "2025-09-05T10:00:00+02:00"),
          first("better", "2025-09-05T09:00:00+00:00"), stands="one"),
    _case("a time without a zone is UTC, earlier", week("done", "2025-09-05T09:29:00"), first("better", HALF_PAST),
          stands="one"),
    _case("a time without a zone is UTC, later", week("done", "2025-09-05T09:31:00"),
          first("better", HALF_PAST + "+00:00"), stands="week"),
    _case("a time without a zone is UTC, against another zone", week("done", HALF_PAST),
          first("better", "2025-09-05T04:31:00-05:00"), stands="one"),
    _case("a week of the older tools without a time", week("done", "unknown"), first("better"), stands="one"),
    _case("nobody knows a time", week("done", "unknown"), first("better", "unknown"), stands="one"),
    # nothing is accepted
    *(
        _case(f"only a repair that is {state}", first(state), stands="one", counts=False)
        for state in ("failed", "failed late", "pending", "worse", "not judged")
    ),
    _case("only repairs that failed", first("failed"), second("failed"), stands="two", counts=False),
    _case("only a failed repair and an unfinished one", first("failed"), second("pending"), stands="two", counts=False),
    _case("only a worse repair and a failed one", first("worse"), second("failed"), stands="two", counts=False),
    # no release
    _case("a repair without a release", first("better", week=None), stands="one"),
    _case("a failed repair without a release", first("failed", week=None), stands="one", counts=False),
    _case("a repair of one without a release", first("failed", week=None), second("better", week="2025-09-08"),
          stands="two"),
)  # fmt: skip


@dataclass
class Shelf:
    """The batches to be written into one folder, by name; each may have chains of many cases."""

    chains: dict[str, dict[str, ChainPlan]] = field(default_factory=dict)
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, batch: str, record: Record, key: str) -> None:
        """Put a record into a batch."""
        header = {"kind": record.kind, "created": record.begun, "date": record.week or WEEK}
        assert self.headers.setdefault(batch, header) == header
        has_partition, fields = (REPAIRED if record.kind == "repair" else STATES)[record.state]
        source = {"source_week": record.week} if record.kind == "repair" and record.week else {}
        changed = {"updated_at": record.changed} if record.changed else {"updated_at": None}
        ranges = _RANGES.get(record.name, ("10-190",)) if has_partition else None
        self.chains.setdefault(batch, {})[key] = ChainPlan(ranges, fields={**changed, **fields, **source})

    def write(self, folder: Path) -> list[Path]:
        """Write the batches; their folders in the order of their names."""
        return [
            make_batch(folder, chains, name=name, **self.headers[name]) for name, chains in sorted(self.chains.items())
        ]


ARRANGEMENTS: Mapping[str, tuple[str, str | None, str, str]] = {
    "in order": (FRI, None, MON, TUE),
    "week changed last": (FRI, WED, MON, TUE),
    "week begun anew last": (WED, None, MON, TUE),
    "week begun anew between": ("2025-09-08T20:00:00+00:00", None, MON, TUE),
    "of one second": (MON, None, MON, MON),
}
"""When the week was begun and its records changed, and when the two repairs were begun."""


def write_combinations(folder: Path) -> int:
    """Write every combination of what a week and two repairs may say of a chain, in every arrangement, each for a chain
    of its own; every third is in a second week too. A FASTA batch has records of its own. Gives their number."""
    shelf, number = Shelf(), 0
    weeks = (None, "done", "failed", "failed late", "pending", "peptide")
    repairs = (None, "better", "failed", "failed late", "pending", "worse", "not judged", "obsolete", "peptide")
    for place, (begun, changed, one, two) in enumerate(ARRANGEMENTS.values()):
        for states in itertools.product(weeks, repairs, repairs):
            records = (week(states[0] or "", begun, changed=changed), first(states[1] or "", one))
            for record in (*records, second(states[2] or "", two)):
                if record.state:
                    shelf.add(f"{record.name}_{place}", record, case_key(number))
            if number % 3 == 0:
                other = Record("other", WED, weeks[1 + number // 3 % 4] or "", kind="weekly", week="2025-09-12")
                shelf.add("other_week", other, case_key(number))
            number += 1
    for state in STATES:
        shelf.add("fasta", Record("fasta", WED, state, kind="fasta", week=None), f"record{len(state)}{state[0]}")
    shelf.write(folder)
    return number


def case_key(number: int) -> str:
    """The chain of a case: each has its own, so that all cases fit into one folder."""
    return f"{1 + number // 36**2 % 9}{_digit(number // 36)}{_digit(number)}x_A"


def _digit(number: int) -> str:
    return "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]


def write_cases(folder: Path, cases: Iterable[Case] = CASES) -> dict[str, Case]:
    """Write every case's records into a folder, those of one batch begun at one time together (``one_3``, ``week_0`` …:
    :func:`record_name`); cases by their chain's key."""
    shelf, by_key = Shelf(), {}
    begun: dict[tuple[str, str | None], int] = {}
    for number, case in enumerate(cases):
        by_key[case_key(number)] = case
        for record in case.records:
            moment = begun.setdefault((record.begun, record.week), len(begun))
            shelf.add(f"{record.name}_{moment}", record, case_key(number))
    shelf.write(folder)
    return by_key


def record_name(batch: str) -> str:
    """The name of the record, in its case, that a batch holds."""
    return batch.rpartition("_")[0]
