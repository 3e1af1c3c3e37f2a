"""Partitions of the older tools, ``domain_partition``, read as what they say.

They tell domains with their ranges and, where they knew them, groups; never the evidence that was counted, the residues
left over or the sequence. Domains may overlap there. What is absent stays empty, and nothing is made up.
"""

from __future__ import annotations

from typing import NamedTuple

from pyecod.errors import IdError
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Outcome, Partition, Quality
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.titles import domain_id
from pyecod.xmldoc import Element, XmlDocument

OLDER_ROOT = "domain_partition"
_GOOD, _FRAGMENTARY = 0.80, 0.50  # the older tools' own labels
_UNKNOWN = "older tool"
_NO_EVALUE = 999.0


class Origin(NamedTuple):
    """Where a partition comes from, as far as the file says it."""

    batch_id: str
    timestamp: str
    summary_sha256: str


def read_older(document: XmlDocument, length: int | None) -> tuple[ChainKey, Partition, Origin]:
    """Chain, partition and origin of a parsed ``domain_partition``.

    ``length`` is that of the chain in residues, for files that do not say it.

    Raises:
        BrokenInputError: no chain, a range outside of it, an unknown source of evidence, or nobody knows the length.
    """
    root = document.root
    key = _key(document, root)
    metadata = root.find("metadata")
    length = _length(document, root, metadata, length)
    parent = root.find("domains")
    elements = [] if parent is None else parent.findall("domain")
    ranged = sorted(
        ((_range(document, element, length), place, element) for place, element in enumerate(elements)),
        key=lambda item: (item[0].start, item[1]),
    )
    domains = tuple(_domain(document, element, number, range_) for number, (range_, _, element) in enumerate(ranged, 1))
    made = metadata.find("version") if metadata is not None else None
    algorithm = (made.get("algorithm") or made.get("version") or "") if made is not None else ""
    name, _, version = algorithm.strip().partition(" ")
    source = metadata.find("source") if metadata is not None else None
    covered = ResidueRange.of(segment for domain in domains for segment in domain.range.segments)
    partition = Partition(
        length=length,
        outcome=Outcome.ASSIGNED if domains else Outcome.NO_EVIDENCE,
        quality=_quality(covered.coverage(length)) if domains else Quality.NO_DOMAINS,
        domains=domains,
        unassigned=(),
        counts={},
        reference_version=root.get("reference", ""),
        algorithm=name or _UNKNOWN,
        algorithm_version=version,
    )
    origin = Origin(_attribute(source, "batch_id"), _attribute(made, "timestamp"), _attribute(source, "file_hash"))
    return key, partition, origin


def _quality(coverage: float) -> Quality:
    if coverage < _FRAGMENTARY:
        return Quality.FRAGMENTARY
    return Quality.GOOD if coverage >= _GOOD else Quality.LOW_COVERAGE


def _attribute(element: Element | None, name: str) -> str:
    return "" if element is None else str(element.get(name) or "")


def _key(document: XmlDocument, root: Element) -> ChainKey:
    entry, chain = document.text(root, "pdb_id"), root.get("chain_id") or ""
    try:
        return ChainKey.of_pdb(entry, chain) if chain else ChainKey.parse(entry)
    except IdError as error:
        raise document.broken(root, error.what, error.hint) from None


def _length(document: XmlDocument, root: Element, metadata: Element | None, given: int | None) -> int:
    statistics = metadata.find("statistics") if metadata is not None else None
    stated = [element for element in (statistics, root) if element is not None and element.get("sequence_length")]
    found = document.integer(stated[0], "sequence_length") if stated else 0
    if found and given and found != given:
        raise document.broken(root, f"the partition is of {found} residues, the chain has {given}")
    if not (found or given):
        raise document.broken(root, "the file does not say the chain's length", "give it, e.g. from the manifest")
    return found or given or 0


def _range(document: XmlDocument, element: Element, length: int) -> ResidueRange:
    if not element.get("range") and element.get("start"):
        element.set("range", f"{element.get('start')}-{element.get('end')}")
    return document.residues(element, "range", length)


def _domain(document: XmlDocument, element: Element, number: int, range_: ResidueRange) -> Domain:
    evidence = element.find("primary_evidence")
    if evidence is None:
        evidence = element.find("evidence_list/evidence")
    values = {} if evidence is None else dict(evidence.attrib)
    named = element.get("reference_ecod_domain_id") or values.get("domain_id") or values.get("source_id") or ""
    probability = evidence is not None and next((n for n in ("hh_probability", "probability") if evidence.get(n)), None)
    evalue = document.number(evidence, "evalue", least=0) if values.get("evalue") else None
    support = element.get("evidence_count") or ""
    confidence = document.number(element, "confidence") if element.get("confidence") else None
    family = element.get("family") or ""
    return Domain(
        number=number,
        range=range_,
        ecod_domain=domain_id(named),
        t_group=_group(element, "t_group"),
        h_group=_group(element, "h_group"),
        x_group=_group(element, "x_group"),
        source=_source(document, element, values.get("source_type") or values.get("type") or ""),
        f_group=_group(element, "f_group") or (family if family.count(".") == 3 else None),
        evalue=None if evalue == _NO_EVALUE else evalue,
        probability=document.number(evidence, probability, least=0) if probability else None,
        reference_coverage=_share(values.get("reference_coverage")),
        support=int(support) if support.isascii() and support.isdigit() and len(support) < 10 else 0,
        h_agreement=min(1.0, max(0.0, confidence)) if confidence is not None else 0.0,
    )


def _group(element: Element, name: str) -> str:
    value = str(element.get(name) or "").strip()
    return "" if value.lower() in ("none", "na", "unknown") else value


def _share(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 10 else 0.0


def _source(document: XmlDocument, element: Element, of_evidence: str) -> EvidenceType:
    """What the older tools called it: ``blast``, ``domain_blast``, ``chain_blast`` and ``chain_blast_decomposed``."""
    for text in (element.get("source") or "", of_evidence):
        name = text.lower()
        if name.startswith("hh"):
            return EvidenceType.HHSEARCH
        if "chain" in name:
            return EvidenceType.CHAIN_BLAST
        if "blast" in name:
            return EvidenceType.DOMAIN_BLAST
    what = f"source={element.get('source', '')[:40]!r} is no kind of evidence"
    raise document.broken(element, what, "known: blast, domain_blast, chain_blast, hhsearch")
