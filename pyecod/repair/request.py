"""What a repair is asked to do: one model for the form of its flow, the options of its command, and the checks."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from pyecod.batch.header import parse_week
from pyecod.batch.names import BatchType, Reason
from pyecod.batch.record import Step
from pyecod.errors import BrokenInputError, IdError, UsageError, together
from pyecod.ids import ChainKey
from pyecod.pdb import parse_date
from pyecod.settings.asked import Asked, grouped
from pyecod.standing.scan import read_tasks

_WHY = "Why"
_WHICH = "Which chains (they add up)"
_AGAIN = "What is done again"
_BATCH = "The repair"
_NOT_STORED = {"chains_file", "batch_name", "dry_run"}


@dataclass(frozen=True, slots=True)
class NamedChain:
    """A chain somebody named, and the release it belongs to; without one, its newest."""

    key: ChainKey
    week: datetime.date | None = None

    def __str__(self) -> str:
        """``8s72_A 2025-09-05``."""
        return f"{self.key} {self.week}" if self.week else str(self.key)


def _reason(value: Any) -> Any:
    if value not in tuple(Reason):
        raise UsageError(f"{value!r} is not a reason for a repair", hint="known: " + ", ".join(Reason))
    return value


def _weeks(value: Any) -> Any:
    """Dates in order, each once; as text, several have commas between them."""
    words = value.split(",") if isinstance(value, str) else value or ()
    return tuple(sorted({parse_date(word) if isinstance(word, str) else word for word in words}))


def _chains(value: Any) -> Any:
    """Chains, each as a line of a list; as one text, several have commas between them."""
    words = value.split(",") if isinstance(value, str) else value or ()
    try:
        named = [parse_chains([word], "chains") if isinstance(word, str) else (word,) for word in words]
    except BrokenInputError as error:
        raise UsageError(error.what, hint=error.hint) from None
    return tuple(dict.fromkeys(chain for chains in named for chain in chains))


def _plain_chains(chains: tuple[NamedChain, ...]) -> list[str]:
    return [str(chain) for chain in chains]


_Reason = Annotated[Reason, BeforeValidator(_reason)]
_Weeks = Annotated[tuple[datetime.date, ...], BeforeValidator(_weeks)]
_Chains = Annotated[
    tuple[NamedChain, ...],
    BeforeValidator(_chains),
    PlainSerializer(_plain_chains),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
_Coverage = Annotated[float, Field(ge=0, le=1)]


class RepairRequest(BaseModel):
    """Which chains, why, and what is done again.

    ``chains``, ``chains_file``, ``low_quality``, ``failed`` and ``stale`` choose chains; ``modified`` and ``obsolete``
    entries come from the lists of the releases. What is chosen by several is taken once. ``weeks`` alone means
    everything in these releases; with others it limits them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[_Reason, Asked(_WHY, word="REASON")] = Field(
        title="Reason", description="Why; stored with every result"
    )
    weeks: Annotated[_Weeks, Asked(_WHICH, word="DATES")] = Field(
        default=(),
        title="Releases",
        description="Dates of releases. Alone: everything in them; with other choices: only what belongs to them",
    )
    failed: Annotated[bool, Asked(_WHICH)] = Field(
        default=False, title="Failed chains", description="Chains that failed, and entries that could not be read"
    )
    low_quality: Annotated[bool, Asked(_WHICH)] = Field(
        default=False, title="Poor coverage", description="Chains whose partition covers too little"
    )
    below: Annotated[_Coverage | None, Asked(_WHICH, seldom=True, word="SHARE")] = Field(
        default=None,
        title="Coverage that is too little",
        description="Poor coverage is below this, 0 to 1; default: the threshold of the label good, 0.80",
    )
    modified: Annotated[bool, Asked(_WHICH)] = Field(
        default=False,
        title="Modified entries",
        description="Entries the PDB modified: read again; changed sequences are processed anew",
    )
    obsolete: Annotated[bool, Asked(_WHICH)] = Field(
        default=False, title="Obsolete entries", description="Entries the PDB made obsolete: marked"
    )
    stale: Annotated[bool, Asked(_WHICH)] = Field(
        default=False,
        title="Out-of-date results",
        description="Results of another reference or algorithm version than the present ones",
    )
    chains: Annotated[_Chains, Asked(_WHICH, word="CHAINS")] = Field(
        default=(),
        title="Single chains",
        description="Each as `8s72_A` or `8s72 A`, with its release behind it where wanted: `8s72_A 2025-09-05`",
    )
    chains_file: Annotated[Path | None, Asked(_WHICH, seldom=True, word="FILE")] = Field(
        default=None,
        title="File of chains",
        description="One chain per line, or a task list of `pyecod scan --output`",
    )
    rerun_blast: Annotated[bool, Asked(_AGAIN, seldom=True, both_ways=True)] = Field(
        default=False, title="Search BLAST again", description="Run BLAST again; otherwise the earlier results are used"
    )
    rerun_hhsearch: Annotated[bool, Asked(_AGAIN, seldom=True, both_ways=True)] = Field(
        default=False,
        title="Search profiles again",
        description="Run hhblits and hhsearch again; otherwise the earlier results are used",
    )
    rerun_partition: Annotated[bool, Asked(_AGAIN, seldom=True, both_ways=True)] = Field(
        default=True,
        title="Partition again",
        description="Partition again; when off, obsolete entries are marked and nothing else is done",
    )
    accept_worse: Annotated[bool, Asked(_AGAIN, seldom=True)] = Field(
        default=False,
        title="Accept worse results",
        description="Let results become current that are worse than those they replace",
    )
    batch_name: Annotated[str | None, Asked(_BATCH, seldom=True, word="NAME")] = Field(
        default=None, title="Name of the batch", description="Default: ecod_repair_ and today"
    )
    dry_run: Annotated[bool, Asked(_BATCH)] = Field(
        default=False, title="Dry run", description="Only show what would be done"
    )

    @model_validator(mode="after")
    def _check(self) -> RepairRequest:
        if not (self.weeks or self.has_conditions):
            raise UsageError(
                "say what to repair",
                hint="--weeks, --chains, --chains-file, --low-quality, --failed, --modified, --obsolete or --stale",
            )
        if self.below is not None and not self.low_quality:
            raise UsageError("--below is a coverage from 0 to 1 and belongs to --low-quality")
        if self.batch_name is not None and self.batch_name.startswith(BatchType.WEEKLY.prefix):
            raise UsageError(
                f"{self.batch_name} is a name for the batch of a week", hint=f"{BatchType.REPAIR.prefix}…, or no name"
            )
        self._check_steps()
        return self

    def _check_steps(self) -> None:
        again = [s for s, wanted in ((Step.BLAST, self.rerun_blast), (Step.HHSEARCH, self.rerun_hhsearch)) if wanted]
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
        named = bool(self.chains or self.chains_file)
        return named or self.low_quality or self.failed or self.modified or self.obsolete or self.stale

    @property
    def names_nothing(self) -> bool:
        """A list of chains was given and is empty, and nothing else chooses any: there is nothing to repair. Weeks
        beside it would limit the list; alone they would mean everything in them, which nobody asked for."""
        others = self.low_quality or self.failed or self.modified or self.obsolete or self.stale
        return self.chains_file is not None and not self.named and not others

    @cached_property
    def named(self) -> tuple[NamedChain, ...]:
        """The chains that were named, here and in the file, each once.

        Raises:
            BrokenInputError: as :func:`read_chains_file`.
        """
        listed = read_chains_file(self.chains_file) if self.chains_file else ()
        return tuple(dict.fromkeys((*self.chains, *listed)))

    def to_plain(self) -> dict[str, Any]:
        """The request as header and plan file have it: with the chains themselves, whatever file they came from."""
        return self.model_dump(mode="json", exclude=_NOT_STORED) | {"chains": _plain_chains(self.named)}

    def parameters(self) -> Mapping[str, Any]:
        """What was asked for as parameters of the flow."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        if self.chains_file is not None:
            given["chains_file"] = str(self.chains_file.absolute())  # a worker stands elsewhere
        return grouped(type(self), given)


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
