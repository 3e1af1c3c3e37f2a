"""Reference domains that count for nothing: hits to them stay in the evidence, and support no domain.

What is masked is the domain, whichever search meets it: a hit of its own, or a chain hit that is cut at its borders.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyecod.errors import BrokenInputError, IdError, UsageError
from pyecod.files import atomic_write
from pyecod.ids import parse_pdb_id
from pyecod.ranges import ResidueRange
from pyecod.reference.groups import parse_group
from pyecod.reference.reference import Reference
from pyecod.search.hit import EvidenceType, SearchResult
from pyecod.settings.sections import MaskSettings

if TYPE_CHECKING:
    Bools = NDArray[np.bool_]

BLACKLIST = "blacklist.tsv"
"""Of a reference: domain or chain, reason, date, who; tab-separated, with a line of these names."""


class Mask:
    """What the settings and the reference's blacklist leave out.

    Raises:
        BrokenInputError: a list cannot be read or has a line that is no id; the line is named.
    """

    def __init__(self, reference: Reference, settings: MaskSettings) -> None:
        self._reference = reference
        self._exclude_self = settings.exclude_self
        self._rows = np.zeros(len(reference), dtype=bool)
        self.unknown: list[str] = []
        """What the lists name and the reference does not have."""
        blacklist = reference.path / BLACKLIST
        if blacklist.exists():
            self._rows |= _of_ids(reference, blacklist, self.unknown)
        if settings.exclude_domains is not None:
            self._rows |= _of_ids(reference, settings.exclude_domains, self.unknown)
        if settings.exclude_groups is not None:
            self._rows |= _of_groups(reference, settings.exclude_groups, self.unknown)

    @property
    def parameters(self) -> dict[str, Any]:
        """What is kept with each result that was made under it; empty where nothing is left out."""
        left_out = {"mask_exclude_self": True} if self._exclude_self else {}
        return left_out | ({"mask_domains": self.hides} if self.hides else {})

    @property
    def hides(self) -> int:
        """Domains left out for every query."""
        return int(np.count_nonzero(self._rows))

    def over(self, entries: Iterable[str]) -> Reference | MaskedReference:
        """The reference as queries of these entries see it; names that are no PDB ids have nothing of their own."""
        own = [self._reference.entry_rows(entry) for entry in entries if is_pdb_id(entry)] if self._exclude_self else []
        rows = np.concatenate(own) if own else np.zeros(0, np.int32)
        if not len(rows) and not self.hides:
            return self._reference
        masked = self._rows.copy()
        masked[rows] = True
        return MaskedReference(self._reference, masked)


class MaskedReference:
    """A reference whose ``masked`` domains are in no group; everything else is that of the reference."""

    def __init__(self, reference: Reference, masked: Bools) -> None:
        self.reference = reference
        self.masked = masked
        self.t = np.where(masked, np.int32(-1), reference.t)
        self.h = np.where(masked, np.int32(-1), reference.h)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reference, name)

    def coverage(self, result: SearchResult) -> float:
        """Share of the query that the hits of domains cover, those left out aside; 0 to 1."""
        assert result.type is not EvidenceType.CHAIN_BLAST
        rows = self.reference.rows([hit.target for hit in result.hits])
        kept = [hit for hit, row in zip(result.hits, rows.tolist(), strict=True) if row < 0 or not self.masked[row]]
        segments = ((s.query_start, s.query_end) for hit in kept for p in hit.hsps for s in p.segments)
        return ResidueRange.of(segments).coverage(result.query.length)


@dataclass(frozen=True, slots=True)
class Blacklisted:
    """One line of a blacklist: a domain or chain, why, since when, and who said so."""

    id: str
    reason: str = ""
    date: str = ""
    who: str = ""


def read_blacklist(reference: Reference) -> list[Blacklisted]:
    """What the reference's blacklist names, in its order; nothing where it has none.

    Raises:
        BrokenInputError: it cannot be read.
    """
    path = reference.path / BLACKLIST
    if not path.exists():
        return []
    rows = dict(enumerate(_lines(path), 1))
    return [Blacklisted(*(f.strip() for f in rows[number].split("\t")[:4])) for number, _ in _fields(path)]


def add_to_blacklist(reference: Reference, ids: Sequence[str], reason: str) -> None:
    """Add domains or chains, with today's date and the name of the user.

    Raises:
        UsageError: the reference has no such domain or chain.
    """
    rows, chains = reference.rows(ids).tolist(), reference.chains(ids).tolist()
    unknown = [id_ for id_, row, chain in zip(ids, rows, chains, strict=True) if row < 0 and chain < 0]
    if unknown:
        raise UsageError(f"there is no domain or chain {unknown[0]!r}", where=reference.path)
    known = read_blacklist(reference)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    plain = " ".join(reason.split())
    known += [Blacklisted(id_, plain, today, getuser()) for id_ in ids if id_ not in {entry.id for entry in known}]
    lines = ["id\treason\tdate\twho", *("\t".join(astuple(entry)) for entry in known)]
    atomic_write(reference.path / BLACKLIST, ("\n".join(lines) + "\n").encode())


def is_pdb_id(text: str) -> bool:
    """Whether it is the id of a PDB entry."""
    try:
        parse_pdb_id(text)
    except IdError:
        return False
    return True


def _fields(path: Path) -> Iterator[tuple[int, str]]:
    """Number and first field of each line; empty ones, comments and a line of column names are left out."""
    for number, line in enumerate(_lines(path), 1):
        field = line.split("\t")[0].strip()
        if field and not field.startswith("#") and not (number == 1 and field in ("id", "domain", "group")):
            yield number, field


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenInputError(f"cannot be read: {error}", where=path) from None


def _of_ids(reference: Reference, path: Path, unknown: list[str]) -> Bools:
    """Mask of the domains that a file names by their own id or by their chain."""
    rows = np.zeros(len(reference), dtype=bool)
    lines = list(_fields(path))
    names = [field for _, field in lines]
    found = zip(lines, reference.rows(names).tolist(), reference.chains(names).tolist(), strict=True)
    for (number, field), domain, chain in found:
        if len(field.split()) != 1 or not field.isprintable():
            raise BrokenInputError(f"{field[:40]!r} is no id of a domain or chain", where=f"{path}:{number}")
        on_chain = reference.chain_at(chain) if chain >= 0 else None
        if domain >= 0:
            rows[domain] = True
        elif on_chain is not None:
            rows[on_chain.rows] = True
        else:
            unknown.append(field)
    return rows


def _of_groups(reference: Reference, path: Path, unknown: list[str]) -> Bools:
    """Mask of the domains of the groups that a file names, of any level."""
    rows = np.zeros(len(reference), dtype=bool)
    for number, field in _fields(path):
        try:
            group = parse_group(field)
        except BrokenInputError as error:
            hint = "one group a line: 1, 1.1, 1.1.3 or 1.1.3.2"
            raise BrokenInputError(error.what, where=f"{path}:{number}", hint=hint) from None
        if group is not None and group in reference.groups.codes:
            rows[reference.group_rows(group)] = True
        else:
            unknown.append(field)
    return rows
