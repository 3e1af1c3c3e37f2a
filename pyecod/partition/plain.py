"""Domains and regions as plain values, as the commands print them for scripts."""

from __future__ import annotations

from typing import Any

from pyecod.ids import ChainKey
from pyecod.partition.model import Candidate, Domain, Rival, Unassigned


def domain_record(domain: Domain, key: ChainKey) -> dict[str, Any]:
    """Everything a domain says; ranges in SEQRES numbering."""
    return {
        "id": domain.id(key),
        "range": str(domain.range),
        "evidence_range": str(domain.evidence_range) if domain.evidence_range else None,
        "t_group": domain.t_group,
        "f_group": domain.f_group,
        "names": dict(domain.names),
        "ecod_domain": domain.ecod_domain,
        "source": domain.source,
        "evalue": domain.evalue,
        "probability": domain.probability,
        "reference_coverage": domain.reference_coverage,
        "support": domain.support,
        "h_agreement": domain.h_agreement,
        "confidence": domain.confidence,
        "flags": domain.flags,
        "rival": _rival_record(domain.rival) if domain.rival else None,
        "explanation": domain.explanation or None,
    }


def _rival_record(rival: Rival) -> dict[str, Any]:
    return {
        "ecod_domain": rival.ecod_domain,
        "t_group": rival.t_group,
        "h_group": rival.h_group,
        "range": str(rival.range),
        "confidence": rival.confidence,
        "defeat": rival.defeat,
    }


def region_record(region: Unassigned) -> dict[str, Any]:
    """A region without a domain, the reason, and, where there is one, what was found for it."""
    record: dict[str, Any] = {"range": str(region.range), "reason": str(region.reason)}
    if region.homolog:
        record["homolog"] = region.homolog
    if region.candidate:
        record["candidate"] = _candidate_record(region.candidate)
    return record


def _candidate_record(candidate: Candidate) -> dict[str, Any]:
    return {
        "ecod_domain": candidate.ecod_domain,
        "t_group": candidate.t_group,
        "h_group": candidate.h_group,
        "source": str(candidate.source),
        "confidence": candidate.confidence,
        "evalue": candidate.evalue,
        "probability": candidate.probability,
    }
