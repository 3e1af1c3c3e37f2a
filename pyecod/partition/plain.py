"""Domains and regions as plain values, as the commands print them for scripts."""

from __future__ import annotations

from typing import Any

from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Rival, Unassigned


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
    """A region without a domain, and the reason."""
    return {"range": str(region.range), "reason": region.reason}
