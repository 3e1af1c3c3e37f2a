"""An opened reference: what is known of its domains, chains and groups, looked up without loading them."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pyecod.errors import ReferenceDataError
from pyecod.ranges import ResidueRange
from pyecod.reference.groups import LEVELS, GroupTable, Level, level_of
from pyecod.reference.lengths import GroupLengths, group_lengths
from pyecod.reference.lookup import Lookup
from pyecod.reference.model import ChainDomains, ReferenceDomain
from pyecod.reference.record import RECORD_NAME, ReferenceRecord, must_be_unchanged, must_be_whole

LOOKUP = "lookup"


class Reference:
    """One ECOD version: its databases, and its domains and chains by row.

    Opening takes milliseconds and no memory to speak of, whatever the number of domains: the tables are mapped, not
    read. Rows of domains are in byte order of their ids, rows of chains in that of their keys. Safe for threads; a
    pickle holds only the path and the id, and opens the same reference again where it is unpickled.

    >>> reference = Reference.open(Path("references/develop291"))      # doctest: +SKIP
    >>> reference.rows(["e1dlwA1", "unknown"])                         # doctest: +SKIP
    array([ 103, -1], dtype=int32)
    >>> reference.domain("e1dlwA1").t_group                            # doctest: +SKIP
    '106.1.1'
    """

    def __init__(self, path: Path, record: ReferenceRecord, lookup: Lookup) -> None:
        self.path = path
        self.record = record
        self._domain_ids, self._domains = lookup.domain_ids, lookup.domains
        self._chain_keys, self._chains = lookup.chain_keys, lookup.chains
        self._groups_path = lookup.groups_path

    @classmethod
    def open(cls, path: Path | str) -> Reference:
        """Open the reference in folder ``path``; within a process an unchanged one is opened once.

        Raises:
            ReferenceDataError: there is none, a file is missing or has another size, or its format is unknown.
        """
        folder = Path(os.path.realpath(Path(path).expanduser()))
        try:
            state = (folder / RECORD_NAME).stat()
        except OSError:
            raise ReferenceDataError(
                "there is no ECOD reference here", where=path, hint="build it with `pyecod reference build`"
            ) from None
        return _open(folder, (state.st_mtime_ns, state.st_ino, state.st_size))

    def check_lookup(self) -> None:
        """See that the lookup is what was built: a damaged byte would classify on in silence.

        Raises:
            ReferenceDataError: names the file that has changed.
        """
        lookup = self.path / LOOKUP
        must_be_unchanged((path, stamp) for path, stamp in self.record.stamps(self.path) if path.parent == lookup)

    def __reduce__(self) -> tuple[Callable[[str, str], Reference], tuple[str, str]]:
        return _reopen, (str(self.path), self.id)

    def __repr__(self) -> str:
        return f"<Reference {self.id}: {len(self):,} domains in {self.path}>"

    def __len__(self) -> int:
        """Number of domains."""
        return len(self._domain_ids)

    # what is searched

    @property
    def version(self) -> str:
        """Name of the ECOD version, for example ``develop291``."""
        return self.record.name

    @property
    def id(self) -> str:
        """Name and checksum: equal exactly where domains, chains, groups and databases are equal."""
        return self.record.id

    @property
    def domain_db(self) -> Path:
        """Prefix of the BLAST database of domain sequences; the first word of a title is the domain id."""
        return self.path / self.record.domain_db.prefix

    @property
    def domain_db_id(self) -> str:
        """SHA-256 of the domain database's ids and sequences."""
        return self.record.domain_db.id

    @property
    def chain_db(self) -> Path | None:
        """Prefix of the BLAST database of chain sequences; the first word of a title is the chain key."""
        return self.path / self.record.chain_db.prefix if self.record.chain_db else None

    @property
    def chain_db_id(self) -> str | None:
        """SHA-256 of the chain database's keys and sequences."""
        return self.record.chain_db.id if self.record.chain_db else None

    @property
    def hh_db(self) -> Path | None:
        """Prefix of the HH-suite database; an entry's domain id ends at the first ``;`` of its name."""
        return self.path / self.record.hh_db.prefix if self.record.hh_db else None

    @property
    def hh_db_id(self) -> str | None:
        """SHA-256 of the six files of the HH-suite database."""
        return self.record.hh_db.id if self.record.hh_db else None

    # domains

    def rows(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """Row of each domain id, -1 where the reference does not have it; array of shape ``(len(ids),)``."""
        return self._domain_ids.rows(ids)

    @property
    def length(self) -> NDArray[np.int32]:
        """Residues of each domain, by row."""
        return self._domains.length

    @property
    def x(self) -> NDArray[np.int32]:
        """Code of each domain's X-group, by row; -1 where it has none. See :meth:`group_id`."""
        return self._domains.x

    @property
    def h(self) -> NDArray[np.int32]:
        """Code of each domain's H-group, by row; -1 where it has none."""
        return self._domains.h

    @property
    def t(self) -> NDArray[np.int32]:
        """Code of each domain's T-group, by row; -1 where it has none."""
        return self._domains.t

    @property
    def f(self) -> NDArray[np.int32]:
        """Code of each domain's F-group, by row; -1 where it has none."""
        return self._domains.f

    @property
    def masked(self) -> None:
        """Nothing is left out; see :class:`~pyecod.reference.mask.MaskedReference`."""
        return None

    @property
    def representative(self) -> NDArray[np.bool_]:
        """Whether each domain is a manual representative of its group, by row."""
        return self._domains.representative

    def domain(self, id_: str) -> ReferenceDomain:
        """Everything about one domain.

        Raises:
            KeyError: it is not in this reference.
        """
        row = self._domain_ids.row(id_)
        if row < 0:
            raise KeyError(id_)
        return self.domain_at(row)

    def domain_at(self, row: int) -> ReferenceDomain:
        """The domain of a row.

        Raises:
            IndexError: there is no such row; -1 is none.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} domains")
        columns = self._domains
        groups = {level: self._group_of(level, int(getattr(columns, level)[row])) for level in LEVELS}
        deepest = next((groups[level] for level in reversed(LEVELS) if groups[level]), None)
        uid, _, pdb_range = (
            bytes(columns.text[columns.text_ends[row] : columns.text_ends[row + 1]]).decode().partition("\t")
        )
        chain = int(columns.chain[row])
        return ReferenceDomain(
            id=self._domain_ids.id_at(row),
            uid=uid,
            chain_key=self._chain_keys.id_at(chain) if chain >= 0 else "",
            range=self.range_at(row),
            pdb_range=pdb_range,
            length=int(columns.length[row]),
            f_group=groups["f"],
            t_group=groups["t"],
            h_group=groups["h"],
            x_group=groups["x"],
            names=self.group_names(deepest) if deepest else {},
            is_representative=bool(columns.representative[row]),
        )

    def families(self, ids: Sequence[str]) -> list[tuple[str, int] | None]:
        """Family and length in residues of each domain, None where the reference does not have it.

        The family is the F-group's name, where it has none its id, without an F-group the T-group's id.
        """
        rows = self._domain_ids.rows(ids)
        columns = (self._domains.f[rows], self._domains.t[rows], self._domains.length[rows], rows)
        return [
            (self._family(f, t), length) if row >= 0 else None
            for f, t, length, row in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def _family(self, f: int, t: int) -> str:
        group = self._group_of("f", f)
        if group is None:
            return self._group_of("t", t) or ""
        return self.groups.names.get(group) or group

    def id_at(self, row: int) -> str:
        """Id of the domain of a row, 0 or more."""
        return self._domain_ids.id_at(row)

    def ids_like(self, prefix: str, most: int = 10) -> list[str]:
        """Ids of domains that begin with ``prefix``, in byte order."""
        first = bisect_left(self._domain_ids.ids, prefix.encode("ascii", "replace"))
        ids = (self._domain_ids.id_at(row) for row in range(first, min(first + most, len(self))))
        return [id_ for id_ in ids if id_.startswith(prefix)]

    def range_at(self, row: int) -> ResidueRange:
        """SEQRES range of the domain of a row in its chain; empty where it has none."""
        start, end = self._domains.segment_ends[row : row + 2].tolist()
        return ResidueRange(tuple(map(tuple, self._domains.segments[start:end].tolist())))

    # chains

    def chains(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Row of each chain key, -1 where no domain of the reference is on it; for :meth:`chain_at`."""
        return self._chain_keys.rows(keys)

    def chain_domains(self, chain_key: str) -> ChainDomains | None:
        """Domains of a reference chain with their ranges, by first residue.

        None where the reference has no domain with a range on it: then a hit to the chain cannot be cut.
        """
        row = self._chain_keys.row(chain_key)
        return self.chain_at(row) if row >= 0 else None

    def chain_at(self, row: int) -> ChainDomains | None:
        """Domains of the chain of a row; None where none of them has a range.

        Raises:
            IndexError: there is no such row; -1 is none.
        """
        if not 0 <= row < len(self._chain_keys):
            raise IndexError(f"row {row} of {len(self._chain_keys)} chains")
        start, end = self._chains.row_ends[row : row + 2].tolist()
        if start == end:
            return None
        rows = self._chains.rows[start:end]
        length = int(self._chains.length[row])
        ranges = tuple(self.range_at(domain) for domain in rows.tolist())
        return ChainDomains(self._chain_keys.id_at(row), rows, ranges, length if length >= 0 else None)

    def entry_rows(self, entry_id: str) -> NDArray[np.int32]:
        """Rows of the domains on any chain of a PDB entry."""
        chains = self._chain_keys.beginning(f"{entry_id}_")
        start, end = self._chains.row_ends[chains.start], self._chains.row_ends[chains.stop]
        return np.asarray(self._chains.rows[start:end])

    def chain_segments(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Segments of the domains of many chains at once; array of shape (segments, 4).

        Columns: place in ``rows``, row of the domain, first and last residue (SEQRES, 1-based). Ordered by place, then
        by domain as in :meth:`chain_domains`, then by residue. A row of -1, or a chain without ranges, has none.
        """
        known = np.flatnonzero(rows >= 0)
        chain, place = _expand(self._chains.row_ends, rows[known])
        domain = self._chains.rows[place]
        owner, segment = _expand(self._domains.segment_ends, domain)
        return np.column_stack((known[chain[owner]], domain[owner], self._domains.segments[segment])).astype(np.int32)

    def chain_length(self, chain_key: str) -> int | None:
        """SEQRES length of a reference chain; None where the reference has no sequence of it."""
        row = self._chain_keys.row(chain_key)
        length = int(self._chains.length[row]) if row >= 0 else -1
        return length if length >= 0 else None

    # groups

    @cached_property
    def groups(self) -> GroupTable:
        """All groups with their names, read when first asked for."""
        return GroupTable.read(self._groups_path)

    def group_id(self, level: Level, code: int) -> str:
        """Id of the group with a code: ``group_id("t", 7)`` may be ``1.1.3``.

        Raises:
            KeyError: there is no such code; -1 is none.
        """
        ids = self.groups.ids[level]
        if not 0 <= code < len(ids):
            raise KeyError(f"{level} {code}")
        return ids[code]

    def group_names(self, group: str) -> Mapping[str, str]:
        """Names by level of a group and of those above it, empty where one has none; ``{"x": …, "h": …, …}``.

        Raises:
            KeyError: the group is not in this reference.
        """
        return self.groups.names_of(group)

    @cached_property
    def family_share(self) -> NDArray[np.float64]:
        """Of the domains that carry an F-group's name, the share filed in its H-group; one value per F-group code.

        Below 1 where families of the same name stand in several H-groups; 1 where the group has no name.
        """
        groups, filed = self.groups.ids["f"], self.f
        sizes = np.bincount(filed[filed >= 0], minlength=len(groups)).tolist()
        by_name: dict[str, int] = {}
        by_h_group: dict[tuple[str, str], int] = {}
        labels = [(self.groups.names.get(group, ""), ".".join(group.split(".")[:2])) for group in groups]
        for label, size in zip(labels, sizes, strict=True):
            by_name[label[0]] = by_name.get(label[0], 0) + size
            by_h_group[label] = by_h_group.get(label, 0) + size
        return np.array([by_h_group[label] / max(by_name[label[0]], 1) if label[0] else 1.0 for label in labels])

    @cached_property
    def _lengths(self) -> dict[Level, GroupLengths]:
        return {
            "f": group_lengths(self.f, self.length, len(self.groups.ids["f"])),
            "t": group_lengths(self.t, self.length, len(self.groups.ids["t"])),
        }

    def beyond_family(self, row: int, size: int) -> Literal["merged", "repeat"] | None:
        """What a domain of ``size`` residues is that is filed like the domain of a row: ``merged`` where it is too long
        for its F-group (its T-group where that is small), ``repeat`` where the group's members vary by whole repeats;
        None where it is not too long."""
        codes: tuple[tuple[Level, int], ...] = ("f", int(self.f[row])), ("t", int(self.t[row]))
        for level, code in codes:
            group = self._lengths[level]
            if code < 0 or not np.isfinite(group.limit[code]):
                continue
            if size <= group.limit[code]:
                return None
            return "repeat" if group.is_repeat[code] else "merged"
        return None

    def group_rows(self, group: str) -> NDArray[np.int64]:
        """Rows of all domains of a group of any level.

        Raises:
            KeyError: the group is not in this reference.
        """
        code = self.groups.codes[group]
        column: NDArray[np.int32] = getattr(self._domains, level_of(group))
        return np.flatnonzero(column == code)

    def _group_of(self, level: Level, code: int) -> str | None:
        return self.groups.ids[level][code] if code >= 0 else None


def _expand(ends: NDArray[np.int32], rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place in ``rows`` and index of every item, where row *r* has the items ``ends[r]`` to ``ends[r + 1]``."""
    counts = (ends[rows + 1] - ends[rows]).astype(np.int64)
    place = np.repeat(np.arange(len(rows)), counts)
    return place, np.arange(len(place)) + np.repeat(ends[rows] - np.cumsum(counts) + counts, counts)


@lru_cache(maxsize=8)
def _open(folder: Path, state: tuple[int, int, int]) -> Reference:
    record = ReferenceRecord.read(folder)
    must_be_whole(record.stamps(folder))
    reference = Reference(folder, record, Lookup.open(folder / LOOKUP))
    if len(reference) != record.counts.get("domains"):
        raise ReferenceDataError(
            f"the lookup has {len(reference)} domains, the version record {record.counts.get('domains')}",
            where=folder,
            hint="build the reference again",
        )
    return reference


def _reopen(path: str, id_: str) -> Reference:
    reference = Reference.open(path)
    if reference.id != id_:
        raise ReferenceDataError(
            f"the reference has changed: {id_} was expected, {reference.id} is there",
            where=path,
            hint="start the run again, so that all of it uses one reference",
        )
    return reference
