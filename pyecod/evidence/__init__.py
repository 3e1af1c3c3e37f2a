"""Evidence of one chain as a domain summary, in and out."""

from pyecod.evidence.summary import DomainSummary, EvidenceCount, summarise
from pyecod.evidence.summary_xml import read_summary, write_summary

__all__ = [
    "DomainSummary",
    "EvidenceCount",
    "read_summary",
    "summarise",
    "write_summary",
]
