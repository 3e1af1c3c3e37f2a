"""A reference in memory with the partitioner's share of the real one's interface, and evidence made by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.partition import Partition, partition_chain
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.settings import PartitionSettings, Settings

sys.path.insert(0, str(Path(__file__).parent))

KEY = ChainKey("8abc", "A")


@dataclass
class SmallReference:
    """Domains given as ``id: (F-group or shorter, range)``; the chain of ``e1suaA1`` is ``1sua_A``."""

    domains: Mapping[str, tuple[str, str]]
    version: str = "develop291"
    masked: Any = None
    ids: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = sorted(self.domains)
        self.ranges = [ResidueRange.parse(self.domains[id_][1]) for id_ in self.ids]
        self.groups = [self.domains[id_][0] for id_ in self.ids]
        self.length = np.array([len(r) for r in self.ranges], np.int32)
        self._names: dict[str, list[str]] = {}
        for depth, level in enumerate("xhtf", 1):
            names = [".".join(g.split(".")[:depth]) if g.count(".") >= depth - 1 and g else None for g in self.groups]
            self._names[level] = sorted({name for name in names if name})
            codes = [self._names[level].index(name) if name else -1 for name in names]
            setattr(self, level, np.array(codes, np.int32))
        self.family_share = np.ones(len(self._names["f"]))
        self._chains = sorted({self._chain(id_) for id_ in self.ids})

    @staticmethod
    def _chain(id_: str) -> str:
        return f"{id_[1:5]}_{id_[5:].rstrip('0123456789')}"

    def rows(self, ids: Sequence[str]) -> Any:
        return np.array([self.ids.index(i) if i in self.ids else -1 for i in ids], np.int32)

    def chains(self, keys: Sequence[str]) -> Any:
        return np.array([self._chains.index(k) if k in self._chains else -1 for k in keys], np.int32)

    def chain_segments(self, rows: Any) -> Any:
        found = []
        for place, row in enumerate(rows.tolist()):
            members = [i for i, id_ in enumerate(self.ids) if row >= 0 and self._chain(id_) == self._chains[row]]
            for i in sorted(members, key=lambda i: self.ranges[i].segments):
                found += [(place, i, start, end) for start, end in self.ranges[i].segments]
        return np.array(found, np.int32).reshape(-1, 4)

    def domain_at(self, row: int) -> Any:
        parts = self.groups[row].split(".")
        levels = [".".join(parts[:n]) if len(parts) >= n else None for n in (1, 2, 3, 4)]
        return SimpleNamespace(
            id=self.ids[row], x_group=levels[0], h_group=levels[1], t_group=levels[2], f_group=levels[3]
        )

    longest: float = float("inf")

    def beyond_family(self, row: int, size: int) -> str | None:
        return "merged" if size > self.longest else None

    def group_id(self, level: str, code: int) -> str:
        return self._names[level][code]

    def group_names(self, group: str) -> dict[str, str]:
        return {level: f"name of {group}" for level, _ in zip("xhtf", group.split("."), strict=False)}


def hsp(
    query: str, target: str, evalue: float | None = 1e-20, probability: float | None = None, identity: float = 0.4
) -> Hsp:
    """Alignment of query segments with target segments, pairwise in order (``1-90,150-240`` with ``1-90,91-181``)."""
    pairs = zip(query.split(","), target.split(","), strict=True)
    segments = [Segment(*map(int, q.split("-")), *map(int, t.split("-"))) for q, t in pairs]
    return Hsp(tuple(segments), evalue=evalue, bitscore=100.0, identity=identity, probability=probability)


def blast(target: str, *hsps: Hsp) -> Hit:
    """Domain-BLAST hit."""
    return Hit(EvidenceType.DOMAIN_BLAST, target, None, hsps)


def chain_blast(target: str, *hsps: Hsp) -> Hit:
    """Chain-BLAST hit."""
    return Hit(EvidenceType.CHAIN_BLAST, target, None, hsps)


def profile(target: str, query: str, target_range: str, probability: float, evalue: float | None = 1e-9) -> Hit:
    """HHsearch hit."""
    return Hit(EvidenceType.HHSEARCH, target, None, (hsp(query, target_range, evalue, probability, 0.2),))


def summary(
    length: int, *hits: Hit, sequence: str = "", found: Mapping[EvidenceType, int] | None = None
) -> DomainSummary:
    """Evidence of chain 8abc_A."""
    return DomainSummary(KEY, length, tuple(hits), sequence, found or {})


def partition_of(reference: Any, length: int, *hits: Hit, sequence: str = "", **options: Any) -> Partition:
    """Partition of hand-made evidence with changed partition settings."""
    settings = Settings(partition=PartitionSettings(**options))
    return partition_chain(summary(length, *hits, sequence=sequence), reference, settings)


def ranges(partition: Partition) -> list[str]:
    """Domain ranges as text."""
    return [str(domain.range) for domain in partition.domains]


@pytest.fixture
def evidence() -> SimpleNamespace:
    """The makers of evidence by name."""
    return SimpleNamespace(
        hsp=hsp, blast=blast, chain=chain_blast, profile=profile, summary=summary, partition=partition_of, ranges=ranges
    )


@pytest.fixture
def make_reference() -> Callable[..., SmallReference]:
    """Reference of domains given as ``id=(group, range)``."""
    return lambda **domains: SmallReference(domains)
