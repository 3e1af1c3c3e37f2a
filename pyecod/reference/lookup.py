"""The keyed lookup on disk: arrays by row of domain and of chain, memory-mapped one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

from pyecod.errors import ReferenceDataError
from pyecod.reference.draft import Draft
from pyecod.reference.groups import LEVELS, GroupTable, lineage
from pyecod.reference.idtable import IdTable, map_array

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_GROUPS = "groups.json"


@dataclass(frozen=True, slots=True, eq=False)
class DomainArrays:
    """One row per domain, in byte order of the ids.

    ``length`` in residues. ``x``, ``h``, ``t``, ``f`` are group codes, -1 for none; ``chain`` is a row of the chains,
    -1 for none. Row *r* has the segments ``segments[segment_ends[r]:segment_ends[r + 1]]`` (first and last residue,
    SEQRES, 1-based) and the bytes ``text[text_ends[r]:text_ends[r + 1]]``: uid, tab, range in author numbering.
    """

    length: Ints
    x: Ints
    h: Ints
    t: Ints
    f: Ints
    chain: Ints
    representative: NDArray[np.bool_]
    segment_ends: Ints
    segments: Ints
    text_ends: Longs
    text: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ChainArrays:
    """One row per chain, in byte order of the keys.

    ``length`` is that of its sequence in residues, -1 where the reference has none. Its domains with a range, by
    first residue, are the domain rows ``rows[row_ends[r]:row_ends[r + 1]]``.
    """

    length: Ints
    row_ends: Ints
    rows: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Domains, chains and where their groups are listed."""

    domain_ids: IdTable
    domains: DomainArrays
    chain_keys: IdTable
    chains: ChainArrays
    groups_path: Path

    @classmethod
    def open(cls, folder: Path) -> Lookup:
        """Map what :func:`write_lookup` stored.

        Raises:
            ReferenceDataError: a file is missing or no array.
        """
        try:
            return cls(
                IdTable.open(folder, "domains"),
                DomainArrays(*(map_array(folder / f"domains.{field.name}.npy") for field in fields(DomainArrays))),
                IdTable.open(folder, "chains"),
                ChainArrays(*(map_array(folder / f"chains.{field.name}.npy") for field in fields(ChainArrays))),
                folder / _GROUPS,
            )
        except (OSError, ValueError, EOFError, OverflowError, SyntaxError, TokenError) as error:  # numpy's own
            raise ReferenceDataError(
                f"the lookup cannot be read: {error}", where=folder, hint="build the reference again"
            ) from error


def write_lookup(
    folder: Path, draft: Draft, groups: GroupTable, chain_keys: Sequence[str], chain_lengths: Mapping[str, int]
) -> Lookup:
    """Store the kept domains of a draft, sorted, and open the result.

    ``chain_keys`` are those of ``draft.chains``; ``chain_lengths`` the residues of the chains with a sequence.
    """
    folder.mkdir()
    order = draft.order()
    chain_table, chain_rows = _chains(draft, order, chain_keys)
    domains = _domains(draft, order, groups, chain_rows)
    chains = _chain_arrays(domains, chain_table, chain_lengths)
    IdTable.of([draft.ids[number] for number in order]).write(folder, "domains")
    IdTable.of(chain_table).write(folder, "chains")
    for name, arrays in (("domains", domains), ("chains", chains)):
        for field in fields(arrays):
            np.save(folder / f"{name}.{field.name}.npy", getattr(arrays, field.name))
    groups.write(folder / _GROUPS)
    return Lookup.open(folder)


def _domains(draft: Draft, order: Longs, groups: GroupTable, chain_rows: Ints) -> DomainArrays:
    codes = _group_codes(draft.groups, groups)[np.frombuffer(draft.group, dtype=np.int32)[order]]
    segments, segment_ends = _segments(draft, order)
    text, text_ends = _texts(draft, order)
    return DomainArrays(
        length=np.frombuffer(draft.length, dtype=np.int32)[order],
        **{level: np.ascontiguousarray(codes[:, depth]) for depth, level in enumerate(LEVELS)},
        chain=chain_rows[np.frombuffer(draft.chain, dtype=np.int32)[order]],
        representative=np.frombuffer(draft.is_representative, dtype=np.bool_)[order],
        segment_ends=segment_ends,
        segments=segments,
        text_ends=text_ends,
        text=text,
    )


def _group_codes(names: Sequence[str], groups: GroupTable) -> Ints:
    """Codes by group number of the draft and level; the last row, that of number -1, is "none"."""
    codes = np.full((len(names) + 1, len(LEVELS)), -1, dtype=np.int32)
    for number, group in enumerate(names):
        for depth, above in enumerate(lineage(group)):
            codes[number, depth] = groups.codes[above]
    return codes


def _segments(draft: Draft, order: Longs) -> tuple[Ints, Ints]:
    ends = np.frombuffer(draft.segment_ends, dtype=np.int64)
    counts = (ends[1:] - ends[:-1])[order]
    new_ends = np.concatenate(([0], np.cumsum(counts)))
    places = np.repeat(ends[:-1][order] - new_ends[:-1], counts) + np.arange(new_ends[-1])
    return np.frombuffer(draft.segments, dtype=np.int32).reshape(-1, 2)[places], new_ends.astype(np.int32)


def _texts(draft: Draft, order: Longs) -> tuple[NDArray[np.uint8], Longs]:
    ends = np.frombuffer(draft.text_ends, dtype=np.int64)
    text = b"".join(draft.texts[ends[number] : ends[number + 1]] for number in order)
    lengths = (ends[1:] - ends[:-1])[order]
    return np.frombuffer(text, dtype=np.uint8), np.concatenate(([0], np.cumsum(lengths)))


def _chains(draft: Draft, order: Longs, keys: Sequence[str]) -> tuple[list[str], Ints]:
    """Sorted keys of the chains in use, and the row among them by chain number of the draft; the last, of -1, is -1."""
    used = np.unique(np.frombuffer(draft.chain, dtype=np.int32)[order])
    table = sorted({keys[number] for number in used if number >= 0})
    row_of = {key: row for row, key in enumerate(table)}
    rows = np.array([*(row_of.get(key, -1) for key in keys), -1], dtype=np.int32)
    return table, rows


def _chain_arrays(domains: DomainArrays, keys: Sequence[str], lengths: Mapping[str, int]) -> ChainArrays:
    ends = domains.segment_ends
    rows = np.flatnonzero((ends[1:] > ends[:-1]) & (domains.chain >= 0))
    first = domains.segments[ends[rows], 0]
    last = domains.segments[ends[rows + 1] - 1, 1]
    chain = domains.chain[rows]
    counts = np.bincount(chain, minlength=len(keys))
    return ChainArrays(
        length=np.array([lengths.get(key, -1) for key in keys], dtype=np.int32),
        row_ends=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        rows=rows[np.lexsort((last, first, chain))].astype(np.int32),
    )
