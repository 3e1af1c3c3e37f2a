"""Records as plain values for files, and back, with every field checked against its declared type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from operator import attrgetter, index
from typing import Any, cast

from pyecod.batch.record import ChainChanges, ChainRecord, EntryRecord, Status, Step
from pyecod.errors import BatchError, FailureKind, IdError
from pyecod.ids import ChainKey, parse_pdb_id

Check = Callable[[Any], Any]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"(?:[0-9a-f]{32})?")
# inside the batch folder, or inside a batch beside it (a repair points at the files of its source)
_RELATIVE = re.compile(r"(?:\.\./(?!\.)[^/\0]+/)?(?!/)[^\0]+")
# changed only by a repair that replaces the whole record
_MERGED = ("files", "checksums", "evidence")
_IDENTITY = frozenset({"key", "sequence_length", "sequence_md5"})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text")
    if value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()  # half a surrogate pair, from a program's strange output


def _flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise ValueError("is neither true nor false")


def _count(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("is not a number")
    try:
        number = index(value)
    except TypeError:
        raise ValueError("is not a whole number") from None
    if number < 0:
        raise ValueError("is below 0")
    return number


def _number(value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not a number") from None
    if not math.isfinite(number) or number < 0:
        raise ValueError("is not a number from 0 up")
    return number


def _share(value: Any) -> float:
    number = _number(value)
    if number > 1:
        raise ValueError("is not between 0 and 1")
    return number


def _word(words: type[StrEnum], what: str) -> Check:
    """The check of a field that holds one of a few words."""
    known = {str(word): word for word in words}

    def check(value: Any) -> StrEnum:
        try:
            return known[value]
        except (KeyError, TypeError):
            raise ValueError(f"is not a {what} ({', '.join(known)})") from None

    return check


def _md5(value: Any) -> str:
    if not _MD5.fullmatch(_text(value)):
        raise ValueError("is not an MD5")
    return _text(value)


def _chain_key(value: Any) -> str:
    try:
        return str(ChainKey.parse(_text(value)))
    except IdError as error:
        raise ValueError(error.what) from None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError("is not a list")
    return tuple(_text(item) for item in value)


def _evidence(value: Any) -> dict[str, dict[str, int]]:
    if not isinstance(value, Mapping) or not all(isinstance(counts, Mapping) for counts in value.values()):
        raise ValueError("is not a mapping of evidence types to counts")
    return {_text(kind): {_text(name): _count(n) for name, n in counts.items()} for kind, counts in value.items()}


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("is not a mapping of kinds to paths")
    return {_text(kind): _relative(path) for kind, path in value.items()}


def _checksums(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(_SHA256.fullmatch(_text(sum_)) for sum_ in value.values()):
        raise ValueError("is not a mapping of kinds to SHA-256 checksums")
    return {_text(kind): checksum for kind, checksum in value.items()}


def _relative(value: Any) -> str:
    path = _text(value)
    if not _RELATIVE.fullmatch(path) or ".." in path.removeprefix("../").split("/"):
        raise ValueError(f"names {path!r}, which is not a path relative to the batch")
    return path


_BY_TYPE: dict[str, Check] = {
    "str": _text,
    "bool": _flag,
    "int": _count,
    "float": _number,
    "Status": _word(Status, "status"),
    "Step": _word(Step, "step"),
    "FailureKind": _word(FailureKind, "kind of failure"),
    "tuple[str, ...]": _texts,
}
_BY_NAME: dict[str, Check] = {
    "blast_coverage": _share,
    "hhsearch_coverage": _share,
    "partition_coverage": _share,
    "sequence_md5": _md5,
    "representative": _chain_key,
    "evidence": _evidence,
    "files": _files,
    "checksums": _checksums,
}


def _checks(record: type, *without: str) -> tuple[dict[str, Check], frozenset[str]]:
    """The check of each field of a record class, and which fields may be None."""
    checks, optional = {}, set()
    for field in fields(record):
        if field.name in without:
            continue
        declared = str(field.type)
        if declared.endswith(" | None"):
            optional.add(field.name)
        checks[field.name] = _BY_NAME.get(field.name) or _BY_TYPE[declared.removesuffix(" | None")]
    return checks, frozenset(optional)


_CHAIN_CHECKS, _CHAIN_OPTIONAL = _checks(ChainRecord, "key")
_ENTRY_CHECKS, _ENTRY_OPTIONAL = _checks(EntryRecord)
_CHAIN_FIELDS = tuple(_CHAIN_CHECKS)
_ENTRY_FIELDS = tuple(_ENTRY_CHECKS)
_chain_values = attrgetter(*_CHAIN_FIELDS)
_entry_values = attrgetter(*_ENTRY_FIELDS)


def _checked(
    raw: Mapping[str, Any], checks: Mapping[str, Check], optional: frozenset[str], where: str
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in raw.items():
        check = checks.get(name)
        if check is None:
            raise BatchError(f"unknown field {name!r}", where=where, hint="known: " + ", ".join(checks))
        if value is None and name in optional:
            checked[name] = None
            continue
        try:
            checked[name] = check(value)
        except ValueError as error:
            raise BatchError(f"{name}: {value!r:.80} {error}", where=where) from None
    return checked


def chain_to_plain(record: ChainRecord) -> dict[str, Any]:
    """The record as the manifest holds it: ``pdb_id`` and ``chain_id`` first, then every field."""
    plain = {"pdb_id": record.key.entry_id, "chain_id": record.key.chain_id}
    plain.update(zip(_CHAIN_FIELDS, _chain_values(record), strict=True))
    if not record.checksums:  # as before there were any: what has none is written as it was
        del plain["checksums"]
    return plain


def entry_to_plain(record: EntryRecord) -> dict[str, Any]:
    """The record as the manifest holds it."""
    return dict(zip(_ENTRY_FIELDS, _entry_values(record), strict=True))


def chain_from_plain(name: str, raw: Any, where: str) -> ChainRecord:
    """Record of the chain called ``name`` in the manifest.

    Raises:
        BatchError: a field is unknown, missing, or not of its type; ``where`` and the chain are named.
    """
    place = f"{where}: chain {name!r:.100}"
    if not isinstance(raw, dict):
        raise BatchError("the record is not a mapping", where=place)
    values = dict(raw)
    try:
        key = ChainKey.parse(_text(name))
        written = ChainKey(_text(values.pop("pdb_id")), _text(values.pop("chain_id")))
    except KeyError as error:
        raise BatchError(f"the record lacks {error.args[0]!r}", where=place) from None
    except (ValueError, IdError) as error:
        raise BatchError(f"the chain's name cannot be read: {error}", where=place) from None
    if str(key) != name or written != key:
        raise BatchError(f"the record says it is {written}", where=place)
    values = _checked(values, _CHAIN_CHECKS, _CHAIN_OPTIONAL, place)
    try:
        return ChainRecord(key=key, **values)
    except TypeError:
        raise BatchError("the record lacks 'sequence_length' or 'sequence_md5'", where=place) from None


def entry_from_plain(name: str, raw: Any, where: str) -> EntryRecord:
    """Record of the entry called ``name`` in the manifest.

    Raises:
        BatchError: a field is unknown or not of its type; ``where`` and the entry are named.
    """
    place = f"{where}: entry {name!r:.100}"
    if not isinstance(raw, dict):
        raise BatchError("the record is not a mapping", where=place)
    values = _checked(raw, _ENTRY_CHECKS, _ENTRY_OPTIONAL, place)
    try:
        valid = values.get("pdb_id") == name == parse_pdb_id(name)
    except IdError:
        valid = False
    if not valid:
        raise BatchError(f"the record says it is {values.get('pdb_id')!r}", where=place)
    return EntryRecord(**values)


def check_changes(changes: Mapping[str, Any], where: str) -> ChainChanges:
    """The new values of a :class:`~pyecod.batch.record.ChainUpdate`, checked and in their plain types.

    Raises:
        BatchError: a field is unknown, not of its type, or part of the chain's identity.
    """
    fixed = _IDENTITY & changes.keys()
    if fixed:
        raise BatchError(f"{sorted(fixed)[0]} of a recorded chain does not change", where=where)
    return cast(ChainChanges, _checked(changes, _CHAIN_CHECKS, _CHAIN_OPTIONAL, where))


def apply_changes(record: ChainRecord, changes: ChainChanges) -> None:
    """Set checked values; ``files``, ``checksums`` and ``evidence`` are merged by key, so that steps add to them."""
    for name, value in changes.items():
        if name not in _MERGED:
            setattr(record, name, value)
    if "files" in changes:
        record.files = {**record.files, **changes["files"]}
    if "checksums" in changes:
        record.checksums = {**record.checksums, **changes["checksums"]}
    if "evidence" in changes:
        record.evidence = {**record.evidence, **changes["evidence"]}


def differences(before: ChainRecord, after: ChainRecord) -> dict[str, Any]:
    """Fields of ``after`` that say something else than ``before``; the time of the change alone is no difference."""
    different = {}
    for name, old, new in zip(_CHAIN_FIELDS, _chain_values(before), _chain_values(after), strict=True):
        if old != new:
            if name in _MERGED:
                new = {kind: item for kind, item in new.items() if old.get(kind) != item}
            different[name] = new
    return different if different.keys() - {"updated_at"} else {}
