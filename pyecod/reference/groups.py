"""The hierarchy: ids and names of architectures and of X-, H-, T- and F-groups."""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

import orjson

from pyecod.errors import BrokenInputError, ReferenceDataError
from pyecod.files import atomic_write, open_text

Level = Literal["x", "h", "t", "f"]
LEVELS: tuple[Level, ...] = ("x", "h", "t", "f")

_GROUP = re.compile(r"[1-9][0-9]*(?:\.[0-9]+){0,3}")
_LONGEST_LINE = 100_000
_NO_GROUP = frozenset({"", "NA", "N/A", "NULL", "F_UNCLASSIFIED", "UNCLASSIFIED"})
_NO_NAME = _NO_GROUP | {"UNKNOWN", "NO_A_NAME", "NO_X_NAME", "NO_H_NAME", "NO_T_NAME", "NO_F_NAME"}
_HIERARCHY_COLUMNS = ("hierarchy", "architecture", "fold_desc", "h_desc", "t_desc", "f_desc")


def parse_group(text: str) -> str | None:
    """Id of the deepest group a list or an entry name gives; None where it gives none.

    ``1.1.1.3`` is an F-group, ``106.1.1`` a T-group. ECOD writes ``11.1.1.0`` for a domain that is in T-group
    ``11.1.1`` and in no F-group: trailing zeros are dropped.

    Raises:
        BrokenInputError: the text is no group id.
    """
    text = text.strip().strip('"')
    if text in _NO_GROUP:
        return None
    if not _GROUP.fullmatch(text):
        raise BrokenInputError(
            f"{text[:80]!r} is not an ECOD group id", hint="expected X.H.T.F, for example 2003.1.1.44"
        )
    parts = text.split(".")
    while len(parts) > 1 and int(parts[-1]) == 0:
        parts.pop()
    if any(int(part) == 0 for part in parts):
        raise BrokenInputError(f"{text!r} has a zero above its last level: not an ECOD group id")
    return ".".join(parts)


def level_of(group: str) -> Level:
    """Level of a group id: ``1.1.1.3`` is ``f``."""
    return LEVELS[group.count(".")]


def lineage(group: str) -> tuple[str, ...]:
    """The group's X-, H-, T- and F-group ids as deep as it goes: ``1.2.3`` gives ``1``, ``1.2``, ``1.2.3``."""
    parts = group.split(".")
    return tuple(".".join(parts[: depth + 1]) for depth in range(len(parts)))


def clean_name(text: str) -> str:
    """A group's name without enclosing quotes; empty where the list says that there is none."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', ""):
        text = text[1:-1].replace('""', '"').strip()
    return "" if text in _NO_NAME else text


def _natural(group: str) -> tuple[int, ...]:
    return tuple(map(int, group.split(".")))


@dataclass(frozen=True)
class GroupTable:
    """All groups of a reference. ``ids[level]`` is in natural order: a group's code is its place there.

    ``names`` maps a group id to its name (absent where it has none), ``architectures`` an X-group id to the name of
    its architecture.
    """

    ids: Mapping[Level, tuple[str, ...]]
    names: Mapping[str, str]
    architectures: Mapping[str, str]

    @cached_property
    def codes(self) -> Mapping[str, int]:
        """Code of each group id within its level."""
        return {group: code for level in LEVELS for code, group in enumerate(self.ids[level])}

    def names_of(self, group: str) -> dict[str, str]:
        """Names of the group and of those above it by level, empty where one has none.

        Raises:
            KeyError: the group is not in this reference.
        """
        if group not in self.codes:
            raise KeyError(group)
        return {level: self.names.get(above, "") for level, above in zip(LEVELS, lineage(group), strict=False)}

    def children(self, group: str) -> list[str]:
        """Ids of the groups one level below."""
        level = level_of(group)
        if level == "f":
            return []
        below = self.ids[LEVELS[LEVELS.index(level) + 1]]
        return [child for child in below if child.startswith(f"{group}.")]

    def write(self, path: Path) -> None:
        """Store as JSON."""
        atomic_write(path, orjson.dumps({"ids": self.ids, "names": self.names, "architectures": self.architectures}))

    @classmethod
    def read(cls, path: Path) -> GroupTable:
        """Load what :meth:`write` stored.

        Raises:
            ReferenceDataError: it is not that.
        """
        try:
            content = orjson.loads(path.read_bytes())
            ids = {level: tuple(content["ids"][level]) for level in LEVELS}
            return cls(ids, content["names"], content["architectures"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReferenceDataError(
                f"the table of groups cannot be read: {error}", where=path, hint="build the reference again"
            ) from error


class GroupVotes:
    """Collects the groups that lists and a hierarchy file mention, with their names.

    A hierarchy file's names go before those in the lists. Where one source gives a group several names, the most
    frequent wins; among equals the first in alphabetical order.
    """

    def __init__(self) -> None:
        self._groups: set[str] = set()
        self._list_names: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._file_names: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._list_architectures: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._file_architectures: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, group: str, names: Iterable[str], weight: int = 1) -> None:
        """A group of a list with the names of its architecture, X-, H-, T- and F-group as the list spells them."""
        self._vote(self._list_architectures, self._list_names, group, names, weight)

    def add_hierarchy(self, path: Path) -> None:
        """Every row of a hierarchy file.

        Raises:
            ReferenceDataError: not such a file.
        """
        for group, names in _read_hierarchy(path):
            self._vote(self._file_architectures, self._file_names, group, names, 1)

    def _vote(
        self,
        architectures: defaultdict[str, Counter[str]],
        votes: defaultdict[str, Counter[str]],
        group: str,
        names: Iterable[str],
        weight: int,
    ) -> None:
        architecture, *others = (clean_name(name) for name in names)
        groups = lineage(group)
        self._groups.update(groups)
        if architecture:
            architectures[groups[0]][architecture] += weight
        for above, name in zip(groups, others, strict=False):
            if name:
                votes[above][name] += weight

    def table(self) -> GroupTable:
        """The groups with the names that won."""
        ids = {
            level: tuple(sorted((g for g in self._groups if level_of(g) == level), key=_natural)) for level in LEVELS
        }
        return GroupTable(
            ids,
            _winners(self._list_names) | _winners(self._file_names),
            _winners(self._list_architectures) | _winners(self._file_architectures),
        )

    def differing(self) -> Iterator[tuple[str, list[str]]]:
        """Groups to which one source gives several names, with these, the most frequent first."""
        for votes in (self._list_names, self._file_names):
            for group, names in votes.items():
                if len(names) > 1:
                    yield group, sorted(names, key=lambda name: (-names[name], name))


def _winners(votes: Mapping[str, Counter[str]]) -> dict[str, str]:
    return {group: min(names, key=lambda name: (-names[name], name)) for group, names in votes.items()}


def _read_hierarchy(path: Path) -> Iterator[tuple[str, list[str]]]:
    hint = "expected comma-separated columns " + ", ".join(_HIERARCHY_COLUMNS)
    try:
        with open_text(path) as stream:
            rows = csv.DictReader(_short_lines(stream, path))
            missing = [column for column in _HIERARCHY_COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise ReferenceDataError(f"not a hierarchy file: no column {missing[0]!r}", where=path, hint=hint)
            for row in rows:
                where = f"{path}:{rows.line_num}"
                try:
                    group = parse_group(row["hierarchy"] or "")
                except BrokenInputError as error:
                    raise ReferenceDataError(error.what, where=where, hint=error.hint) from None
                names = [row[column] or "" for column in _HIERARCHY_COLUMNS[1:]]
                if not all(map(str.isprintable, names)):
                    raise ReferenceDataError("a name has a control character", where=where)
                if group is not None:
                    yield group, names
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ReferenceDataError(f"cannot read the hierarchy file: {error}", where=path, hint=hint) from error


def _short_lines(stream: IO[str], path: Path) -> Iterator[str]:
    """Lines, none of which may fill the memory."""
    for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE + 1), ""), 1):
        if len(line) > _LONGEST_LINE:
            raise ReferenceDataError("line too long for a hierarchy file", where=f"{path}:{number}")
        yield line
