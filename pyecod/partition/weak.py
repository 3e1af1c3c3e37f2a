"""What was found over a region and made no domain: the best candidate, and chains that are not classified there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Ints
from pyecod.partition.candidates import KINDS, CandidateTable
from pyecod.partition.classify import figures
from pyecod.partition.consensus import Proposal
from pyecod.partition.counting import Verdict, Verdicts
from pyecod.partition.lookup import ReferenceLookup
from pyecod.partition.model import Candidate
from pyecod.partition.strength import blast_evidence, confidence, posterior_of_evidence, profile_evidence
from pyecod.search.hit import EvidenceType, Hit, Hsp
from pyecod.settings import PartitionSettings

_MOSTLY = 0.5  # share of the region or of the alignment, whichever is shorter, that must be shared


class WeakEvidence(NamedTuple):
    """The evidence of a chain beside its domains; ``rest`` are the proposals that became none.

    Hits that are left out (``Verdict.MASKED``) count for nothing here too.
    """

    evidence: DomainSummary
    verdicts: Verdicts
    rest: Sequence[Proposal]
    table: CandidateTable
    reference: ReferenceLookup
    settings: PartitionSettings
    spans: _Spans

    @classmethod
    def of(
        cls,
        evidence: DomainSummary,
        verdicts: Verdicts,
        rest: Sequence[Proposal],
        table: CandidateTable,
        reference: ReferenceLookup,
        settings: PartitionSettings,
    ) -> WeakEvidence:
        """What is left of the evidence."""
        return cls(evidence, verdicts, rest, table, reference, settings, _Spans(evidence.hits))

    def candidate(self, start: int, end: int) -> Candidate | None:
        """The best that speaks for a domain here: a proposal, else a hit to a classified domain."""
        size, region = end - start + 1, slice(start - 1, end)
        found = []
        for proposal in self.rest:
            shared = int(np.count_nonzero(proposal.core[region]))
            if shared >= self.settings.min_aligned and shared >= _MOSTLY * min(size, proposal.size):
                found.append(proposal)
        if not found:
            return self._best_hit(start, end) if size >= self.settings.min_domain_length else None
        best = max(found, key=lambda p: (p.confidence, p.size, -p.number))
        evalue, probability = figures(best.best, self.table, self.evidence)
        kind = KINDS[int(self.table.kind[best.best])]
        return self._named(int(self.table.row[best.best]), kind, best.confidence, evalue, probability)

    def hits_over(self, start: int, end: int) -> list[int]:
        """Hits that align residues of the region: as many as a hit needs to be considered, or all they have."""
        over = self.spans.over(start, end, self.settings.min_aligned)
        return [i for i in over if self.verdicts[i] != Verdict.MASKED]

    def unclassified(self, start: int, end: int) -> str:
        """The closest reference chain that aligns with half of the region and has no domain there; else empty."""
        hits = [self.evidence.hits[i] for i in self.hits_over(start, end)]
        hits = [hit for hit in hits if hit.type is EvidenceType.CHAIN_BLAST]
        near = [(min(self._evalues(hit)), hit.target, hit) for hit in hits if self._evalues(hit)]
        near.sort(key=lambda item: item[:2])
        rows = self.reference.chains([target for _, target, _ in near])
        segments = self.reference.chain_segments(rows)
        for place, (_, target, hit) in enumerate(near):
            domains = segments[segments[:, 0] == place, 2:].tolist()
            if self._undivided(hit, start, end, domains) >= _MOSTLY * (end - start + 1):
                return target
        return ""

    def _evalues(self, hit: Hit) -> list[float]:
        return [h.evalue for h in hit.hsps if h.evalue is not None and h.evalue <= self.settings.max_evalue]

    def _undivided(self, hit: Hit, start: int, end: int, domains: Sequence[Sequence[int]]) -> int:
        """Residues of the region that the hit aligns with residues of its chain in no domain."""
        free = np.zeros(end - start + 1, dtype=bool)
        for hsp in hit.hsps:
            if hsp.evalue is None or hsp.evalue > self.settings.max_evalue:
                continue
            for first, target in _aligned(hsp, start, end):
                inside = np.zeros(len(target), dtype=bool)
                for domain_start, domain_end in domains:
                    inside |= (target >= domain_start) & (target <= domain_end)
                free[first - start : first - start + len(target)] |= ~inside
        return int(np.count_nonzero(free))

    def _best_hit(self, start: int, end: int) -> Candidate | None:
        """The best hit to a classified domain over the region, below every threshold or not."""
        hits = [self.evidence.hits[i] for i in self.hits_over(start, end)]
        whole = [hit for hit in hits if hit.type is not EvidenceType.CHAIN_BLAST]
        placed = list(zip(whole, self.reference.rows([hit.target for hit in whole]).tolist(), strict=True))
        placed += self._in_domains([hit for hit in hits if hit.type is EvidenceType.CHAIN_BLAST], start, end)
        found = []
        for hit, row in placed:
            if row >= 0 and self.reference.t[row] >= 0 and self.reference.h[row] >= 0:
                strength, hsp = max(
                    ((_strength(hit.type, h), h) for h in hit.hsps if _touches(h, start, end)), key=lambda pair: pair[0]
                )
                found.append((strength, -row, hit.type, hsp))
        if not found:
            return None
        strength, row, kind, hsp = max(found, key=lambda item: item[:2])
        return self._named(-row, kind, strength, hsp.evalue, hsp.probability)

    def _in_domains(self, hits: Sequence[Hit], start: int, end: int) -> list[tuple[Hit, int]]:
        """Each chain hit with the domain of its chain that most of what it aligns with the region is in."""
        segments = self.reference.chain_segments(self.reference.chains([hit.target for hit in hits]))
        placed = []
        for place, hit in enumerate(hits):
            domains = segments[segments[:, 0] == place, 1:].tolist()
            targets = [target for h in hit.hsps for _, target in _aligned(h, start, end)]
            shared = [
                (sum(int(np.count_nonzero((t >= first) & (t <= last))) for t in targets), -row)
                for row, first, last in domains
            ]
            most, row = max(shared, default=(0, 0))
            if most:
                placed.append((hit, -row))
        return placed

    def _named(
        self, row: int, kind: EvidenceType, strength: float, evalue: float | None, probability: float | None
    ) -> Candidate:
        domain = self.reference.domain_at(row)
        assert domain.t_group is not None  # only classified domains become candidates
        assert domain.h_group is not None
        return Candidate(domain.id, domain.t_group, domain.h_group, kind, round(strength, 3), evalue, probability)


class _Spans:
    """Query segments of all hits as arrays, made when first asked for."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._hits = hits

    @cached_property
    def _columns(self) -> tuple[Ints, Ints, Ints]:
        rows = [
            (i, s.query_start, s.query_end) for i, hit in enumerate(self._hits) for h in hit.hsps for s in h.segments
        ]
        table = np.array(rows, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def over(self, start: int, end: int, least: int) -> list[int]:
        """Hits with at least ``least`` residues in the region, or with all they have."""
        hit, first, last = self._columns
        shared = np.maximum(np.minimum(last, end) - np.maximum(first, start) + 1, 0)
        inside = np.bincount(hit, weights=shared, minlength=len(self._hits))
        whole = np.bincount(hit, weights=last - first + 1, minlength=len(self._hits))
        return np.flatnonzero((inside >= np.minimum(whole, least)) & (inside > 0)).tolist()


def _aligned(hsp: Hsp, start: int, end: int) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """First query residue of each segment within the region, and the target's residues from there on."""
    for segment in hsp.segments:
        first, last = max(segment.query_start, start), min(segment.query_end, end)
        if first <= last and segment.target_start > 0:
            span = max(segment.query_end - segment.query_start, 1)
            scale = (segment.target_end - segment.target_start) / span
            target = segment.target_start + (np.arange(first, last + 1) - segment.query_start) * scale
            yield first, target


def _touches(hsp: Hsp, start: int, end: int) -> bool:
    return any(s.query_start <= end and s.query_end >= start for s in hsp.segments)


def _strength(kind: EvidenceType, hsp: Hsp) -> float:
    """Confidence of one HSP on the partitioner's scale."""
    evalue = np.array([np.nan if hsp.evalue is None else hsp.evalue])
    if kind is EvidenceType.HHSEARCH:
        probability = np.array([np.nan if hsp.probability is None else hsp.probability])
        evidence = profile_evidence(probability, evalue)
        posterior = posterior_of_evidence(evidence) if hsp.probability is None else probability / 100.0
    else:
        evidence = np.where(np.isnan(evalue), 0.0, blast_evidence(evalue))
        posterior = posterior_of_evidence(evidence)
    return float(confidence(evidence, posterior)[0])
