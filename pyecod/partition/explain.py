"""Why a domain is there, and why its strongest rival is not; in words and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pyecod.evidence.summary import DomainSummary
from pyecod.partition.candidates import KINDS, CandidateTable
from pyecod.partition.classify import figures
from pyecod.partition.consensus import Proposal
from pyecod.partition.layout import Layout
from pyecod.partition.lookup import ReferenceLookup
from pyecod.partition.model import Defeat, Domain, Rival
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings

_PROGRAM = {
    EvidenceType.DOMAIN_BLAST: "BLAST against domains",
    EvidenceType.CHAIN_BLAST: "BLAST against chains",
    EvidenceType.HHSEARCH: "HHsearch",
}
_WHY = {
    Defeat.NOT_SURE: "its confidence {confidence:.2f} is below {least:.2f}",
    Defeat.TOO_SMALL: "its hits agree on {size} residues only",
    Defeat.NOT_WORTH: "it explains too few residues to be worth a domain",
    Defeat.PARTS: "whole domains of the same H-group fill it",
    Defeat.WEAKER: "its evidence is weaker (confidence {confidence:.2f}, {completeness:.0%} of it, {size} residues)",
    Defeat.TOGETHER: "the domains chosen together explain more residues with more confidence",
}
_RIVALRY = 0.25  # share of a domain's residues another proposal must claim to be its rival


def explain_domains(
    domains: Sequence[Domain],
    chosen: Sequence[Proposal],
    proposals: Sequence[Proposal],
    layout: Layout,
    table: CandidateTable,
    evidence: DomainSummary,
    reference: ReferenceLookup,
    settings: PartitionSettings,
) -> tuple[Domain, ...]:
    """The domains with their ``rival`` and ``explanation``; ``chosen`` are their proposals."""
    taken = {proposal.number for proposal in layout.chosen}
    losers = [proposal for proposal in proposals if proposal.number not in taken]
    explained = []
    for domain, proposal in zip(domains, chosen, strict=True):
        loser = _strongest_rival(proposal, losers)
        if loser is None:
            explained.append(replace(domain, explanation=f"{_reason(domain, proposal)} It has no rival."))
            continue
        defeat = _defeat(loser, proposal, settings)
        best = reference.domain_at(int(table.row[loser.best]))
        rival = Rival(
            ecod_domain=best.id,
            t_group=reference.group_id("t", int(table.t[loser.best])),
            h_group=reference.group_id("h", loser.h),
            range=ResidueRange.from_mask(loser.core),
            confidence=round(loser.confidence, 3),
            defeat=defeat,
        )
        text = f"{_reason(domain, proposal)} {_beaten(rival, loser, table, evidence, settings)}"
        explained.append(replace(domain, rival=rival, explanation=text))
    return tuple(explained)


def _reason(domain: Domain, proposal: Proposal) -> str:
    name = domain.names.get("t")
    hits = f"{domain.support} hits agree" if domain.support > 1 else "1 hit speaks"
    agreement = f", {domain.h_agreement:.0%} of the hits over this region" if domain.h_agreement < 1 else ""
    return (
        f"Residues {domain.range} are a domain of T-group {domain.t_group}{f' ({name})' if name else ''}: "
        f"{hits} for H-group {domain.h_group}{agreement}. The best is {domain.ecod_domain} by {_PROGRAM[domain.source]}"
        f" ({_figures(domain.evalue, domain.probability)}; {domain.reference_coverage:.0%} of the reference aligned); "
        f"{domain.certainty}, {proposal.size} residues explained."
    )


def _figures(evalue: float | None, probability: float | None) -> str:
    parts = [f"probability {probability:.1f} %"] if probability is not None else []
    parts += [f"E {evalue:.2g}"] if evalue is not None else []
    return ", ".join(parts) or "no E-value"


def _strongest_rival(proposal: Proposal, losers: Sequence[Proposal]) -> Proposal | None:
    rivals = [p for p in losers if np.count_nonzero(p.core & proposal.core) >= _RIVALRY * min(p.size, proposal.size)]
    return max(rivals, key=lambda p: (p.confidence * p.completeness * p.size, p.evidence, -p.number), default=None)


def _defeat(rival: Proposal, winner: Proposal, settings: PartitionSettings) -> Defeat:
    if rival.confidence < settings.min_confidence:
        return Defeat.NOT_SURE
    if rival.size < settings.min_domain_length:
        return Defeat.TOO_SMALL
    if rival.weight <= 0:
        return Defeat.NOT_WORTH
    if rival.h == winner.h and rival.size > winner.size:
        return Defeat.PARTS
    return Defeat.WEAKER if rival.confidence < winner.confidence else Defeat.TOGETHER


def _beaten(
    rival: Rival, loser: Proposal, table: CandidateTable, evidence: DomainSummary, settings: PartitionSettings
) -> str:
    evalue, probability = figures(loser.best, table, evidence)
    why = _WHY[rival.defeat].format(
        confidence=rival.confidence,
        least=settings.min_confidence,
        size=loser.size,
        completeness=loser.completeness,
    )
    return (
        f"Its strongest rival is {rival.ecod_domain} of T-group {rival.t_group} on residues {rival.range.start}-"
        f"{rival.range.end} ({_PROGRAM[KINDS[int(table.kind[loser.best])]]}, {_figures(evalue, probability)}), "
        f"which lost because {why}."
    )
