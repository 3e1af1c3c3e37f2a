"""The head of a manifest: what the batch is, where it came from, and what its results depend on."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypedDict, Unpack

import orjson

from pyecod.batch.names import BatchType, Reason, week_of_name
from pyecod.batch.record import ChainRecord, EntryRecord
from pyecod.errors import BatchError
from pyecod.settings import Settings

_OF_REPAIRS = frozenset(
    {"reason", "source_weeks", "rerun_blast", "rerun_hhsearch", "rerun_partition", "accept_worse", "request"}
)
_IF_ANY = frozenset({"fasta_path", "completed", "changes", "list_problems", "acknowledged"})
UNKNOWN_TIME = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_ENUMERATIONS: Mapping[str, tuple[type[StrEnum], str]] = {
    "BatchType": (BatchType, "batch type"),
    "Reason": (Reason, "reason"),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_EARLIER_DEFAULTS = {"partition.max_tail": 15, "partition.max_linker": 15}  # of 0.1, which wrote them into each header
# where and how fast a batch runs, not what comes out
_RUNNING = {
    "search": frozenset(
        {
            "cache_dir",
            "require_chains",  # whether it is searched is the reference's, whose id counts
            "program_cores",
            "parallel_programs",
            "blast_timeout",
            "hhsuite_timeout",
            "memory_gib",
        }
    ),
    "partition": frozenset[str](),
    "mask": frozenset[str](),
    "quality": frozenset[str](),
    "chains": frozenset[str](),
}


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What the manifest says about the batch as a whole.

    ``created``, ``completed`` and the times in ``changes`` are UTC, ISO 8601; ``release_date`` is ``2025-09-05``.
    ``settings`` is the whole settings tree but the database's; ``settings_digest`` covers the part results depend
    on, the reference included. ``skipped``, ``modified`` and ``obsolete`` are entry ids of the release.
    ``list_problems`` are the wrong lines of its lists, ``acknowledged`` those that someone has acknowledged, without
    their numbers. ``reason``,
    ``source_weeks``, ``rerun_…``, ``accept_worse`` and ``request`` (what was asked for) belong to a repair.
    """

    batch_name: str
    batch_type: BatchType
    created: str
    release_date: str | None = None
    pdb_status_path: str | None = None
    fasta_path: str | None = None
    reference_version: str | None = None
    reference_id: str | None = None
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_digest: str | None = None
    reason: Reason | None = None
    source_weeks: tuple[str, ...] = ()
    rerun_blast: bool | None = None
    rerun_hhsearch: bool | None = None
    rerun_partition: bool | None = None
    accept_worse: bool | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    obsolete: tuple[str, ...] = ()
    completed: str | None = None
    changes: tuple[Mapping[str, Any], ...] = ()
    list_problems: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()

    @property
    def open_problems(self) -> tuple[str, ...]:
        """Wrong lines of the release's lists that are neither mended nor acknowledged."""
        return tuple(problem for problem in self.list_problems if without_line(problem) not in self.acknowledged)

    @classmethod
    def new(
        cls,
        batch_name: str,
        batch_type: BatchType,
        settings: Settings,
        **more: Unpack[HeaderFields],
    ) -> BatchHeader:
        """Header of a batch that starts now under ``settings``; ``more`` are further fields."""
        header = cls(
            batch_name=batch_name,
            batch_type=batch_type,
            created=utc_now(),
            settings=plain_settings(settings),
            settings_digest=settings_digest(settings, more.get("reference_id")),
            **more,
        )
        return header_from_plain(header_to_plain(header), batch_name)


class HeaderFields(TypedDict, total=False):
    """Fields of a :class:`BatchHeader` that may be given when a batch begins."""

    release_date: str | None
    pdb_status_path: str | None
    fasta_path: str | None
    reference_version: str | None
    reference_id: str | None
    tool_versions: Mapping[str, str]
    reason: Reason | None
    source_weeks: tuple[str, ...]
    rerun_blast: bool | None
    rerun_hhsearch: bool | None
    rerun_partition: bool | None
    accept_worse: bool | None
    request: Mapping[str, Any]
    skipped: tuple[str, ...]
    modified: tuple[str, ...]
    obsolete: tuple[str, ...]
    completed: str | None
    changes: tuple[Mapping[str, Any], ...]
    list_problems: tuple[str, ...]
    acknowledged: tuple[str, ...]


class HeaderChanges(HeaderFields, total=False):
    """Fields of a :class:`BatchHeader` that may get a new value later: all but those that identify the batch."""

    settings: Mapping[str, Any]
    settings_digest: str | None


def without_line(problem: str) -> str:
    """A wrong line of a list without its number, which changes when the list grows."""
    place, _, what = problem.partition(": ")
    return f"{place.partition(':')[0]}: {what}"


def utc_now() -> str:
    """The time for records: UTC, to the millisecond, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def read_time(text: str) -> datetime.datetime:
    """A time of a record or header, to be compared: ISO 8601, in UTC where it names no zone, because the older tools
    wrote none. What is no time (``unknown``) counts as :data:`UNKNOWN_TIME`, before all others."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN_TIME
    return time.replace(tzinfo=datetime.UTC) if time.tzinfo is None else time


def plain_settings(settings: Settings) -> dict[str, Any]:
    """The settings tree for the record: everything but the database's section."""
    return settings.model_dump(mode="json", exclude={"database"})


def settings_digest(settings: Settings, reference_id: str | None) -> str:
    """SHA-256, hexadecimal, of the settings that decide results and of the reference."""
    content = {"reference_id": reference_id, **_deciding(plain_settings(settings))}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def settings_differences(header: BatchHeader, settings: Settings, reference_id: str | None) -> list[str]:
    """How the settings that decide results, and the reference, differ from those the batch was started with.

    One line each: ``search.evalue: 0.002 -> 0.01``. A batch of the older tools knows no settings and differs in none.
    What has its default is no difference where that is new: a batch that an earlier version began goes on.
    """
    if header.settings_digest is None or header.settings_digest == settings_digest(settings, reference_id):
        return []
    before, now, default = (
        _deciding(t) for t in (header.settings, plain_settings(settings), plain_settings(Settings()))
    )
    differences = [
        f"{key}: {_shown(before, key)} -> {_shown(now, key)}"
        for key in sorted(before.keys() | now.keys())
        if _shown(before, key) != _shown(now, key) and not _is_new_default(key, before, now, default)
    ]
    if header.reference_id != reference_id:
        differences.insert(0, f"reference: {header.reference_id} -> {reference_id}")
    return differences


def _is_new_default(key: str, before: Mapping[str, Any], now: Mapping[str, Any], default: Mapping[str, Any]) -> bool:
    had_default = key not in before or (key in _EARLIER_DEFAULTS and before[key] == _EARLIER_DEFAULTS[key])
    return had_default and key in now and now[key] == default[key]


def _shown(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "(unknown)"


def _deciding(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, running in _RUNNING.items()
        for key, value in sorted((tree.get(section) or {}).items())
        if key not in running
    }


def header_to_plain(header: BatchHeader) -> dict[str, Any]:
    """The header as the manifest holds it; what only repairs have is left out of the others."""
    plain = {
        name: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value
        for name, value in asdict(header).items()
        if name not in _OF_REPAIRS or header.batch_type == BatchType.REPAIR
    }
    return {name: value for name, value in plain.items() if value or name not in _IF_ANY}


def header_from_plain(raw: Mapping[str, Any], where: str) -> BatchHeader:
    """Read and check a header.

    Raises:
        BatchError: a field is missing, unknown or not of its type; ``where`` is named.
    """
    known = {f.name: str(f.type) for f in fields(BatchHeader)}
    unknown = raw.keys() - known.keys()
    if unknown:
        raise BatchError(
            f"unknown header field {sorted(map(str, unknown))[0]!r}", where=where, hint="known: " + ", ".join(known)
        )
    for name in ("batch_name", "batch_type", "created"):
        if raw.get(name) is None:
            raise BatchError(f"the header lacks {name!r}", where=where)
    header = BatchHeader(**{name: _header_value(name, known[name], value, where) for name, value in raw.items()})
    _check_words(header, where)
    return header


def _header_value(name: str, declared: str, value: Any, where: str) -> Any:
    if isinstance(value, datetime.date):  # a datetime too: what YAML makes of an unquoted date
        value = value.isoformat()
    kind = declared.removesuffix(" | None")
    if value is None:
        if kind != declared:
            return None
    elif kind in _ENUMERATIONS:
        words, what = _ENUMERATIONS[kind]
        try:
            return words(value)
        except ValueError:
            raise BatchError(f"{value!r:.80} is not a {what}", where=where, hint="known: " + ", ".join(words)) from None
    elif kind in ("str", "bool"):
        if isinstance(value, {"str": str, "bool": bool}[kind]):
            return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    elif kind.startswith("Mapping"):
        if isinstance(value, dict):
            return value
    elif isinstance(value, (list, tuple)):
        items = tuple(item.isoformat() if isinstance(item, datetime.date) else item for item in value)
        if all(isinstance(item, str if kind.startswith("tuple[str") else dict) for item in items):
            return items
    raise BatchError(f"header field {name}: {value!r:.80} is not {kind}", where=where)


def _check_words(header: BatchHeader, where: str) -> None:
    if not _NAME.fullmatch(header.batch_name):
        raise BatchError(
            f"{header.batch_name!r} is not a batch name", where=where, hint="letters, digits, '.', '_' and '-'"
        )


def week_of(header: BatchHeader, record: ChainRecord | EntryRecord | None = None) -> datetime.date | None:
    """The release a record belongs to: a week's own, a repaired chain's original one; None where none is known."""
    if header.batch_type is BatchType.WEEKLY:
        return parse_week(header.release_date) if header.release_date else week_of_name(header.batch_name)
    return parse_week(record.source_week) if record is not None and record.source_week else None


def filing_date(header: BatchHeader, record: ChainRecord | EntryRecord | None = None) -> datetime.date:
    """The date a chain's records of all batches are brought together under, on disk and in the database: its release
    (:func:`week_of`), or, for one that came with none, the day its batch was begun.

    Raises:
        BatchError: the header or record has a date that is none.
    """
    week = week_of(header, record)
    stated = header.release_date if header.batch_type is BatchType.WEEKLY else record.source_week if record else None
    if week is None and header.batch_type is not BatchType.WEEKLY and not stated:
        stated = header.created[:10]
        week = parse_week(stated)
    if week is None:
        key = record.key if isinstance(record, ChainRecord) else record.pdb_id if record else None
        where = f"{header.batch_name}: {key}" if key else header.batch_name
        raise BatchError(f"{stated or ''!r} is not a release date", where=where)
    return week


def parse_week(text: str) -> datetime.date | None:
    """``2025-09-05``, ``20250905`` or ``ecod_weekly_20250905``; None where it is none of these."""
    digits = text[-8:]
    try:
        return datetime.date.fromisoformat(digits if digits.isdigit() and len(digits) == 8 else text)
    except ValueError:
        return None
