"""What a repair is asked to do, checked before anything else happens."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyecod.batch.header import REASONS, parse_week
from pyecod.errors import BrokenInputError, IdError, UsageError, together
from pyecod.ids import ChainKey
from pyecod.standing.scan import read_tasks


@dataclass(frozen=True, slots=True)
class NamedChain:
    """A chain somebody named, and the release it belongs to; without one, its newest."""

    key: ChainKey
    week: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """Which chains, why, and what is done again.

    ``chains``, ``low_quality`` (coverage below ``below``), ``failed`` and ``stale`` (another reference or algorithm
    than the current one) choose chains; ``modified`` and ``obsolete`` entries come from the lists of the releases. What
    is chosen by several is taken once. ``weeks`` alone means everything in these releases; with others it limits them.
    """

    reason: str
    weeks: tuple[datetime.date, ...] = ()
    chains: tuple[NamedChain, ...] = ()
    low_quality: bool = False
    below: float | None = None
    failed: bool = False
    modified: bool = False
    obsolete: bool = False
    stale: bool = False
    rerun_blast: bool = False
    rerun_hhsearch: bool = False
    rerun_partition: bool = True
    accept_worse: bool = False

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise UsageError(f"{self.reason!r} is not a reason for a repair", hint="known: " + ", ".join(REASONS))
        if not (self.weeks or self.has_conditions):
            raise UsageError(
                "say what to repair",
                hint="--weeks, --chains-file, --low-quality, --failed, --modified, --obsolete or --stale",
            )
        if self.below is not None and not (self.low_quality and 0 <= self.below <= 1):
            raise UsageError("--below is a coverage from 0 to 1 and belongs to --low-quality")
        again = [name for name in ("blast", "hhsearch") if getattr(self, f"rerun_{name}")]
        if not self.rerun_partition and again:
            raise UsageError(
                f"new results of {' and '.join(again)} make a new partition necessary",
                hint="leave --rerun-partition on",
            )
        if not self.rerun_partition and not self.obsolete:
            raise UsageError("without --rerun-partition nothing would be done", hint="only --obsolete just marks")

    @property
    def has_conditions(self) -> bool:
        """Something beside the weeks chooses chains."""
        named = bool(self.chains)
        return named or self.low_quality or self.failed or self.modified or self.obsolete or self.stale

    def to_plain(self) -> dict[str, Any]:
        """The request as header and plan file have it."""
        plain = asdict(self)
        plain["weeks"] = [week.isoformat() for week in self.weeks]
        plain["chains"] = [f"{c.key} {c.week}" if c.week else str(c.key) for c in self.chains]
        return plain


def read_chains_file(path: Path) -> tuple[NamedChain, ...]:
    """Chains from a file: ``8s72 A`` or ``8s72_A`` in each line, a release behind it where wanted (``2025-09-05``,
    ``20250905`` or ``ecod_weekly_20250905``), ``#`` begins a comment; or a task list of ``pyecod scan``.

    Raises:
        BrokenInputError: unreadable, or with lines that name no chain: all of them in one message.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenInputError(f"cannot read the list of chains: {error}", where=path) from None
    if text.lstrip().startswith("{"):
        named: Iterable[NamedChain] = (
            NamedChain(task.key, parse_week(task.source_week) if task.source_week else None)
            for task in read_tasks(path)
        )
        return tuple(dict.fromkeys(named))
    return parse_chains(text.splitlines(), str(path))


def names_nothing(file: Path | None, chains: Sequence[NamedChain], *others: bool) -> bool:
    """A list of chains was given and is empty, and nothing else (``others``) chooses any: there is nothing to repair.
    Weeks beside it would limit the list; alone they would mean everything in them, which nobody asked for."""
    return file is not None and not chains and not any(others)


def parse_chains(lines: Sequence[str], where: str) -> tuple[NamedChain, ...]:
    """Chains from lines as :func:`read_chains_file` describes them, each once.

    Raises:
        BrokenInputError: lines that name no chain; all of them in one message, with their numbers.
    """
    chains: dict[NamedChain, None] = {}
    refused = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            chains[_named(words)] = None
        except IdError as error:
            refused.append(BrokenInputError(error.what, where=f"{where}:{number}", hint=error.hint))
    if refused:
        raise together(refused, f"{len(refused)} lines name no chain", where=where)
    return tuple(chains)


def _named(words: list[str]) -> NamedChain:
    week = parse_week(words[-1]) if len(words) > 1 else None
    ids = words[:-1] if week else words
    if len(ids) == 2:
        return NamedChain(ChainKey.of_pdb(*ids), week)
    if len(ids) == 1:
        return NamedChain(ChainKey.parse(ids[0]), week)
    raise IdError(f"{' '.join(words)[:60]!r} is not `pdb chain [week]`", hint="8s72 A 2025-09-05")
