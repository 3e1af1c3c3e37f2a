"""The domains of a reference while it is built: columns in the order of the lists, checked line by line."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pyecod.errors import BrokenInputError, IdError, RangeError
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.reference.groups import GroupVotes, parse_group
from pyecod.reference.lists import ListLine, parse_segments
from pyecod.reference.misfits import BuildLog, Misfit, Remark

_DOMAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_NUMBERED_RECORD = re.compile(r"(.+)_nD[0-9]+")
_SEVERAL_CHAINS = "."

Segments = tuple[tuple[int, int], ...]


class Draft:
    """Domains read so far. A domain's number counts from 0 in the order of the lists; rejected ones keep theirs."""

    def __init__(self, log: BuildLog) -> None:
        self.log = log
        self.lines = 0
        self.ids: list[str] = []
        self.numbers: dict[str, int] = {}
        self.kept = bytearray()
        self.has_sequence = bytearray()
        self.is_representative = bytearray()
        self.length = array("i")  # residues; 0 until known
        self.group = array("i")  # number in `groups`, -1 for none
        self.chain = array("i")  # number in `chains`, -1 for none
        self.groups: list[str] = []
        self.chains: list[tuple[str, ...]] = []  # keys the chain's FASTA record may have, the likelier first
        self.segments = array("i")  # start, end, start, end, …
        self.segment_ends = array("q", [0])
        self.texts = bytearray()  # uid, tab, range in author numbering
        self.text_ends = array("q", [0])
        self._line = array("i")
        self._source = array("h")
        self._sources: list[str] = []
        self._group_numbers: dict[str, int] = {}
        self._chain_numbers: dict[tuple[str, str], int] = {}
        self._named: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._refused: set[str] = set()
        self._spliced: dict[int, Segments] = {}  # lists may give segments in the order of a permuted sequence

    def __len__(self) -> int:
        return len(self.ids)

    def begin(self, source: str) -> None:
        """What is added from now on comes from this list."""
        self._sources.append(source)

    def where(self, number: int) -> str:
        """``file:line`` of a domain's list line."""
        return f"{self._sources[self._source[number]]}:{self._line[number]}"

    def add(self, line: ListLine) -> None:
        """Check one list line and keep what it says, or reject it."""
        self.lines += 1
        where = f"{self._sources[-1]}:{line.line}"
        if not _DOMAIN_ID.fullmatch(line.id):
            detail = "not a domain id: letters, digits, '.', '_' and '-', at most 63 characters"
            return self.log.reject(Misfit.BAD_ID, where, line.id[:80], detail)
        if line.id in self.numbers:
            detail = f"already in {self.where(self.numbers[line.id])}"
            return self.log.reject(Misfit.DUPLICATE_ID, where, line.id, detail)
        try:
            group = self._group_of(line)
            segments, chains = parse_segments(line.seqid_range) if line.seqid_range else ((), frozenset())
            chain = self._chain_of(line, chains)
        except RangeError as error:
            return self._refuse(Misfit.BAD_RANGE, where, line.id, error.what)
        except IdError as error:
            return self._refuse(Misfit.BAD_ID, where, line.id, error.what)
        except BrokenInputError as error:
            return self._refuse(Misfit.BAD_GROUP, where, line.id, error.what)
        several = len(chains) > 1 or (line.chain == _SEVERAL_CHAINS and len(chains) != 1)
        if not several and _size(segments) > len(ResidueRange.of(segments)):
            return self._refuse(Misfit.BAD_RANGE, where, line.id, f"segments of {line.seqid_range!r} overlap")
        self._append(line, group, -1 if several else chain, segments, several)
        if group < 0:
            self.log.remark(Remark.NO_GROUP, where, line.id, "no group: hits to it classify nothing")
        if several:
            detail = f"its range {line.seqid_range or line.pdb_range} spans several chains"
            self.log.remark(Remark.SEVERAL_CHAINS, where, line.id, detail)
        elif not segments:
            detail = "no range in SEQRES numbering: no chain hit is cut by it"
            self.log.remark(Remark.NO_SEQID_RANGE, where, line.id, detail)

    def _refuse(self, reason: Misfit, where: str, name: str, detail: str) -> None:
        self._refused.add(name)
        self.log.reject(reason, where, name, detail)

    def _append(self, line: ListLine, group: int, chain: int, segments: Segments, several: bool) -> None:
        number = self.numbers[line.id] = len(self.ids)
        self.ids.append(line.id)
        self.kept.append(1)
        self.has_sequence.append(0)
        self.is_representative.append(line.is_representative)
        self.length.append(_size(segments))
        self.group.append(group)
        self.chain.append(chain)
        if not several:
            ordered = segments if len(segments) < 2 else ResidueRange.of(segments).segments
            for segment in ordered:
                self.segments.extend(segment)
            if ordered != segments:
                self._spliced[number] = segments
        self.segment_ends.append(len(self.segments) // 2)
        self.texts += f"{line.uid}\t{line.pdb_range}".encode()
        self.text_ends.append(len(self.texts))
        self._line.append(line.line)
        self._source.append(len(self._sources) - 1)

    def _group_of(self, line: ListLine) -> int:
        number = self._group_numbers.get(line.group)
        if number is None:
            group = parse_group(line.group)
            number = -1
            if group is not None:
                number = self._group_numbers.get(group, len(self.groups))
                if number == len(self.groups):
                    self.groups.append(group)
                    self._group_numbers[group] = number
            self._group_numbers[line.group] = number
        if number >= 0:
            self._named[self.groups[number], line.names] += 1
        return number

    def _chain_of(self, line: ListLine, named: frozenset[str]) -> int:
        """Number of the domain's chain, -1 for none; the range's prefix must not contradict the chain column."""
        chain = line.chain
        if len(named) == 1:
            (only,) = named
            if chain in ("", _SEVERAL_CHAINS):
                chain = only
            elif chain != only:
                raise RangeError(f"range {line.seqid_range!r} is of chain {only!r}, the line of chain {chain!r}")
        pdb = line.pdb
        if not pdb:
            record = _NUMBERED_RECORD.fullmatch(line.id)
            pdb, chain = (record[1], "") if record else ("", "")
        if not pdb or chain == _SEVERAL_CHAINS:
            return -1
        number = self._chain_numbers.get((pdb, chain))
        if number is None:
            number = self._chain_numbers[pdb, chain] = len(self.chains)
            self.chains.append(_chain_keys(pdb, chain))
        return number

    def segments_of(self, number: int) -> Segments:
        """Segments of a domain in its list's order; empty where it has no range on one chain."""
        if number in self._spliced:
            return self._spliced[number]
        flat = self.segments[2 * self.segment_ends[number] : 2 * self.segment_ends[number + 1]]
        return tuple(zip(flat[::2], flat[1::2], strict=True))

    def reject(self, number: int, reason: Misfit, detail: str) -> None:
        """Leave out a domain that has been added."""
        self.kept[number] = 0
        self.log.reject(reason, self.where(number), self.ids[number], detail)

    def was_rejected(self, domain_id: str) -> bool:
        """Whether a line of this id was read and rejected."""
        number = self.numbers.get(domain_id)
        return domain_id in self._refused if number is None else not self.kept[number]

    def vote(self, votes: GroupVotes) -> None:
        """Hand over the groups the lists mention with their names."""
        for (group, names), weight in self._named.items():
            votes.add(group, names, weight)

    def order(self) -> NDArray[np.int64]:
        """Numbers of the kept domains in byte order of their ids."""
        kept = np.flatnonzero(np.frombuffer(bytes(self.kept), dtype=np.uint8))
        ids = np.array([self.ids[number] for number in kept], dtype=bytes)
        return kept[np.argsort(ids, kind="stable")] if len(kept) else kept


def _size(segments: Segments) -> int:
    return sum(end - start + 1 for start, end in segments)


def _chain_keys(pdb: str, chain: str) -> tuple[str, ...]:
    """Keys a chain's FASTA record may have: ``1sua_A``, or that of a record which is no PDB chain, ``P00350``.

    A PDB entry alone is the key of none of its chains: all of them would be one.

    Raises:
        IdError: neither ``pdb`` with ``chain`` nor ``pdb`` alone is one.
    """
    keys = [ChainKey.parse(f"{pdb}_{chain}")] if chain else []
    if not (keys and keys[0].chain_id):
        keys.append(ChainKey.parse(pdb))
    return tuple(map(str, keys))


def resolve_chains(chains: Sequence[tuple[str, ...]], lengths: Mapping[str, int]) -> list[str]:
    """Each chain's key: the first of its keys among the FASTA records' (``lengths``), else its first one."""
    return [next((key for key in keys if key in lengths), keys[0]) for keys in chains]
