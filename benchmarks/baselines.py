"""How others assign domains from the same evidence: simple partitioners to hold pyECOD's against.

Each takes a domain summary and a reference and returns domains. They stand for what is in use: single hits laid on the
chain longest first; the best E-value first; a mapping of HSPs with gaps and overlaps resolved by rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyecod.evidence import DomainSummary
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hsp

_PROBABILITY = 90.0  # the usual bar for a profile hit to be believed
_SMALLEST = 25
_NEW_RESIDUES = 0.9  # share of a hit that no earlier domain may have
_GAP = 35  # residues a domain may be interrupted by and still be drawn through
_COVERAGE = 0.5


@dataclass(frozen=True, slots=True)
class BaselineDomain:
    """A domain as a baseline assigns it."""

    range: ResidueRange
    t_group: str


@dataclass(frozen=True, slots=True)
class _Alignment:
    row: int
    hsp: Hsp

    @property
    def span(self) -> ResidueRange:
        return ResidueRange(((self.hsp.query_start, self.hsp.query_end),))

    @property
    def evalue(self) -> float:
        return self.hsp.evalue if self.hsp.evalue is not None else 1.0


def _alignments(evidence: DomainSummary, reference: Any, *, every_hsp: bool) -> list[_Alignment]:
    hits = [hit for hit in evidence.hits if hit.type is not EvidenceType.CHAIN_BLAST]
    rows = reference.rows([hit.target for hit in hits])
    found = []
    for hit, row in zip(hits, rows.tolist(), strict=True):
        if row >= 0 and reference.t[row] >= 0:
            for hsp in hit.hsps if every_hsp else hit.hsps[:1]:
                if hsp.probability is None or hsp.probability >= _PROBABILITY:
                    found.append(_Alignment(row, hsp))
    return found


def _group(reference: Any, row: int) -> str:
    return str(reference.group_id("t", int(reference.t[row])))


def longest_first(evidence: DomainSummary, reference: Any) -> list[BaselineDomain]:
    """Single hits (first HSP), longest first, each where at least nine tenths of it are still free."""
    alignments = _alignments(evidence, reference, every_hsp=False)
    return _greedy(alignments, reference, lambda a: (-len(a.span), a.evalue))


def best_first(evidence: DomainSummary, reference: Any) -> list[BaselineDomain]:
    """All HSPs, best E-value first, each where at least nine tenths of it are still free."""
    alignments = _alignments(evidence, reference, every_hsp=True)
    return _greedy(alignments, reference, lambda a: (a.evalue, -len(a.span)))


def _greedy(
    alignments: list[_Alignment], reference: Any, rank: Callable[[_Alignment], tuple[float, float]]
) -> list[BaselineDomain]:
    taken = ResidueRange()
    domains = []
    for alignment in sorted(alignments, key=lambda a: (rank(a), a.row, a.hsp.query_start)):
        span = alignment.span
        if len(span) >= _SMALLEST and span.overlap(taken) <= (1 - _NEW_RESIDUES) * len(span):
            taken = taken.union(span)
            domains.append(BaselineDomain(span, _group(reference, alignment.row)))
    return domains


def mapped(evidence: DomainSummary, reference: Any) -> list[BaselineDomain]:
    """Best E-value first with HSPs drawn through gaps up to 35 residues and kept open beyond, overlaps cut off.

    An alignment needs half of its reference domain, and half of itself, still free; what it gets is what is free.
    """
    taken = ResidueRange()
    domains = []
    alignments = _alignments(evidence, reference, every_hsp=True)
    for alignment in sorted(alignments, key=lambda a: (a.evalue, -len(a.hsp.query_range), a.row, a.hsp.query_start)):
        residues = alignment.hsp.query_range.close_gaps(_GAP)
        length = max(int(reference.length[alignment.row]), 1)
        free = residues.difference(taken)
        free = ResidueRange(tuple((a, b) for a, b in free.segments if b - a >= 9))
        if len(free) < _SMALLEST or len(free) < 0.5 * len(residues) or len(residues) < _COVERAGE * length:
            continue
        taken = taken.union(free)
        domains.append(BaselineDomain(free, _group(reference, alignment.row)))
    return domains


BASELINES: dict[str, Callable[[DomainSummary, Any], list[BaselineDomain]]] = {
    "longest_first": longest_first,
    "best_first": best_first,
    "mapped": mapped,
}
