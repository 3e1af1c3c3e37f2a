"""In words: why a domain is there, and why its strongest rival is not."""

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
from pyecod.partition.model import Domain
from pyecod.search.hit import EvidenceType
from pyecod.settings import PartitionSettings

_PROGRAM = {
    EvidenceType.DOMAIN_BLAST: "BLAST against domains",
    EvidenceType.CHAIN_BLAST: "BLAST against chains",
    EvidenceType.HHSEARCH: "HHsearch",
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
    """The domains with their ``explanation``; ``chosen`` are their proposals."""
    taken = {proposal.number for proposal in layout.chosen}
    losers = [proposal for proposal in proposals if proposal.number not in taken]
    explained = []
    for domain, proposal in zip(domains, chosen, strict=True):
        rival = _strongest_rival(proposal, losers)
        text = _reason(domain, proposal)
        text += " " + (_defeat(rival, proposal, table, evidence, reference, settings) if rival else "It has no rival.")
        explained.append(replace(domain, explanation=text))
    return tuple(explained)


def _reason(domain: Domain, proposal: Proposal) -> str:
    name = domain.names.get("t")
    hits = f"{domain.support} hits agree" if domain.support > 1 else "1 hit speaks"
    agreement = f", {domain.h_agreement:.0%} of the hits over this region" if domain.h_agreement < 1 else ""
    return (
        f"Residues {domain.range} are a domain of T-group {domain.t_group}{f' ({name})' if name else ''}: "
        f"{hits} for H-group {domain.h_group}{agreement}. The best is {domain.ecod_domain} by {_PROGRAM[domain.source]}"
        f" ({_figures(domain.evalue, domain.probability)}; {domain.reference_coverage:.0%} of the reference aligned); "
        f"confidence {proposal.confidence:.2f}, {proposal.size} residues explained."
    )


def _figures(evalue: float | None, probability: float | None) -> str:
    parts = [f"probability {probability:.1f} %"] if probability is not None else []
    parts += [f"E {evalue:.2g}"] if evalue is not None else []
    return ", ".join(parts) or "no E-value"


def _strongest_rival(proposal: Proposal, losers: Sequence[Proposal]) -> Proposal | None:
    rivals = [p for p in losers if np.count_nonzero(p.core & proposal.core) >= _RIVALRY * min(p.size, proposal.size)]
    return max(rivals, key=lambda p: (p.confidence * p.completeness * p.size, p.evidence, -p.number), default=None)


def _defeat(
    rival: Proposal,
    winner: Proposal,
    table: CandidateTable,
    evidence: DomainSummary,
    reference: ReferenceLookup,
    settings: PartitionSettings,
) -> str:
    best = rival.best
    evalue, probability = figures(best, table, evidence)
    places = np.flatnonzero(rival.core)
    who = (
        f"Its strongest rival is {reference.domain_at(int(table.row[best])).id} of T-group "
        f"{reference.group_id('t', int(table.t[best]))} on residues {places[0] + 1}-{places[-1] + 1} "
        f"({_PROGRAM[KINDS[int(table.kind[best])]]}, {_figures(evalue, probability)}), which lost because "
    )
    if rival.confidence < settings.min_confidence:
        return f"{who}its confidence {rival.confidence:.2f} is below {settings.min_confidence:.2f}."
    if rival.size < settings.min_domain_length:
        return f"{who}its hits agree on {rival.size} residues only."
    if rival.weight <= 0:
        return f"{who}it explains too few residues to be worth a domain."
    if rival.h == winner.h and rival.size > winner.size:
        return f"{who}whole domains of the same H-group fill it."
    if rival.confidence < winner.confidence:
        return (
            f"{who}its evidence is weaker (confidence {rival.confidence:.2f}, "
            f"{rival.completeness:.0%} of a domain, {rival.size} residues)."
        )
    return f"{who}the domains chosen together explain more residues with more confidence."
