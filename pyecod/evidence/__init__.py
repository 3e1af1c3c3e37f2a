"""Evidence of one chain as a domain summary, in and out, and its conservation over a batch."""

from pyecod.evidence.conservation import (
    MIN_CHAINS,
    EvidenceLoss,
    EvidenceTotals,
    TypeTotals,
    check_conservation,
    conservation,
    find_losses,
)
from pyecod.evidence.summary import DomainSummary, EvidenceCount, summarise
from pyecod.evidence.summary_xml import read_summary, write_summary

__all__ = [
    "MIN_CHAINS",
    "DomainSummary",
    "EvidenceCount",
    "EvidenceLoss",
    "EvidenceTotals",
    "TypeTotals",
    "check_conservation",
    "conservation",
    "find_losses",
    "read_summary",
    "summarise",
    "write_summary",
]
