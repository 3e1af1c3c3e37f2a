"""The partition of a chain as a file: format 1.0 and the older ``domain_partition``, both written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree

from pyecod.errors import PyecodError
from pyecod.evidence.summary import EvidenceCount
from pyecod.evidence.summary_xml import read_protein, write_protein
from pyecod.ids import ChainKey
from pyecod.partition.model import (
    Candidate,
    Defeat,
    Domain,
    Flag,
    Outcome,
    Partition,
    Quality,
    Rival,
    Unassigned,
    UnassignedReason,
)
from pyecod.partition.older import OLDER_ROOT, read_older
from pyecod.pdb.chain import Chain
from pyecod.search.hit import EvidenceType
from pyecod.xmldoc import Element, XmlDocument, add_element, format_number, format_xml, read_xml, write_xml

VERSION = "1.0"

_Name = TypeVar("_Name", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class PartitionFile:
    """What a partition file holds: the partition, whose it is, and where it comes from.

    ``pdb_ranges`` maps a domain's number to its range in author numbering (``A:10-50,A:100A-150``); it is empty for
    records of a FASTA file. ``summary_sha256`` is the checksum of the domain summary it was made from.
    """

    key: ChainKey
    partition: Partition
    sequence: str = ""
    pdb_ranges: Mapping[int, str] = field(default_factory=dict)
    batch_id: str = ""
    timestamp: str = ""
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    summary_sha256: str = ""


def write_partition(
    path: Path,
    partition: Partition,
    chain: Chain,
    *,
    batch_id: str = "",
    timestamp: str = "",
    tool_versions: Mapping[str, str] | None = None,
    summary_sha256: str = "",
) -> str:
    """Write format 1.0 for one chain, whole or not at all; the same arguments make the same bytes.

    ``timestamp`` is ISO 8601 UTC. Author ranges come from the chain's own numbering, so that identical chains get
    files of their own.

    Returns:
        SHA-256 of the file.

    Raises:
        PyecodError: the chain is not as long as the partition, or a parameter is no JSON value.
    """
    root = etree.Element(
        "partition",
        version=VERSION,
        algorithm=partition.algorithm,
        algorithm_version=partition.algorithm_version,
        outcome=partition.outcome.value,
        quality=partition.quality.value,
    )
    _check_length(partition, chain)
    protein = write_protein(root, chain.key, partition.length, chain.sequence)
    add_element(protein, "coverage", {}, f"{partition.coverage:.4f}")
    add_element(protein, "domain_count", {}, str(len(partition.domains)))
    domains = add_element(root, "domains", {})
    for domain in partition.domains:
        _write_domain(domains, domain, chain)
    evidence = add_element(root, "evidence", {})
    for kind in EvidenceType:
        if kind in partition.counts:
            _write_count(evidence, kind, partition.counts[kind])
    unassigned = add_element(root, "unassigned", {})
    for region in partition.unassigned:
        _write_region(unassigned, region)
    _write_metadata(root, partition, batch_id, timestamp, tool_versions or {}, summary_sha256)
    etree.indent(root)
    return write_xml(path, root)


def read_partition(path: Path, *, length: int | None = None) -> PartitionFile:
    """Read format 1.0, plain or ``.gz``; everything :func:`write_partition` was given comes back equal.

    The older ``domain_partition`` is read as well, for as much as it says; ``length`` (residues) is for those that do
    not say it.

    Raises:
        BrokenInputError: unreadable, truncated or not a partition; a missing attribute, a number that is none, a
            range outside the protein, overlapping or disordered domains, or a size, count or coverage that is not
            that of the ranges. The error names file and line.
    """
    document = read_xml(path, "partition", OLDER_ROOT)
    root = document.root
    if root.tag == OLDER_ROOT:
        key, partition, origin = read_older(document, length)
        return PartitionFile(
            key,
            partition,
            batch_id=origin.batch_id,
            timestamp=origin.timestamp,
            summary_sha256=origin.summary_sha256,
        )
    version = document.text(root, "version")
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise document.broken(root, f"partition version {version[:20]!r} is not {VERSION}")
    protein = document.child(root, "protein")
    key, length, sequence = read_protein(document, protein)
    elements = document.child(root, "domains").findall("domain")
    domains = tuple(_read_domain(document, element, key, length) for element in elements)
    metadata = document.child(root, "metadata")
    partition = Partition(
        length=length,
        outcome=_named(document, root, "outcome", Outcome),
        quality=_named(document, root, "quality", Quality),
        domains=domains,
        unassigned=tuple(
            _read_region(document, e, length) for e in document.child(root, "unassigned").iterfind("region")
        ),
        counts=dict(_read_count(document, e) for e in document.child(root, "evidence").iterfind("count")),
        reference_version=metadata.findtext("reference_version") or "",
        algorithm=document.text(root, "algorithm"),
        algorithm_version=document.text(root, "algorithm_version"),
        parameters={document.text(e, "name"): _json(document, e) for e in metadata.iterfind("parameter")},
    )
    _check_totals(document, protein, elements, partition)
    summary = metadata.find("summary")
    return PartitionFile(
        key=key,
        partition=partition,
        sequence=sequence,
        pdb_ranges={
            domain.number: element.get("pdb_range")
            for domain, element in zip(domains, elements, strict=True)
            if "pdb_range" in element.attrib
        },
        batch_id=metadata.findtext("batch_id") or "",
        timestamp=metadata.findtext("timestamp") or "",
        tool_versions={document.text(e, "name"): document.text(e, "version") for e in metadata.iterfind("tool")},
        summary_sha256="" if summary is None else document.text(summary, "sha256"),
    )


def format_legacy_partition(
    partition: Partition, key: ChainKey, *, batch_id: str = "", timestamp: str = "", summary_sha256: str = ""
) -> bytes:
    """The older ``domain_partition`` document for the consumers that read only that.

    Its ``confidence`` (0 to 1) is the share of the hits over the domain that agree on its H-group; its ``family``
    is the F-group, or the T-group where the hits disagree on the family.
    """
    root = etree.Element(
        "domain_partition",
        pdb_id=key.entry_id,
        chain_id=key.chain_id,
        reference=partition.reference_version,
        is_classified=_yes(bool(partition.domains)),
    )
    metadata = add_element(root, "metadata", {})
    version = f"{partition.algorithm} {partition.algorithm_version}"
    add_element(metadata, "version", {"algorithm": version, "timestamp": timestamp})
    add_element(metadata, "source", {"batch_id": batch_id, "file_hash": summary_sha256})
    statistics = {
        "sequence_length": str(partition.length),
        "domain_count": str(len(partition.domains)),
        "total_coverage": f"{partition.coverage:.4f}",
        "residues_assigned": str(len(partition.covered)),
    }
    add_element(metadata, "statistics", statistics)
    domains = add_element(root, "domains", {})
    for domain in partition.domains:
        _write_legacy_domain(domains, domain)
    etree.indent(root)
    return format_xml(root)


def _check_length(partition: Partition, chain: Chain) -> None:
    if chain.length != partition.length:
        raise PyecodError(
            f"the partition is of {partition.length} residues, the chain has {chain.length}", where=str(chain.key)
        )


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _write_domain(parent: Element, domain: Domain, chain: Chain) -> None:
    attributes = {"id": domain.id(chain.key), "range": str(domain.range)}
    if chain.numbering is not None:
        attributes["pdb_range"] = chain.numbering.pdb_range(chain.key.author_part, domain.range)
    attributes |= {
        "size": str(len(domain.range)),
        **({} if domain.evidence_range is None else {"evidence_range": str(domain.evidence_range)}),
        "ecod_domain": domain.ecod_domain,
        "family": domain.names.get("f") or domain.f_group or domain.names.get("t") or domain.t_group,
        "t_group": domain.t_group,
        "h_group": domain.h_group,
        "x_group": domain.x_group,
    }
    if domain.f_group is not None:
        attributes["f_group"] = domain.f_group
    attributes["source"] = domain.source.value
    for name, value in (("evalue", domain.evalue), ("probability", domain.probability)):
        if value is not None:
            attributes[name] = format_number(value)
    attributes |= {
        "reference_coverage": format_number(domain.reference_coverage),
        "support": str(domain.support),
        "h_agreement": format_number(domain.h_agreement),
        **({} if domain.confidence is None else {"confidence": format_number(domain.confidence)}),
        "is_discontinuous": _yes(domain.range.is_discontinuous),
    }
    if domain.flags:
        attributes["flags"] = " ".join(flag.value for flag in domain.flags)
    element = add_element(parent, "domain", attributes)
    for level in sorted(domain.names):
        add_element(element, "name", {"level": level}, domain.names[level])
    if domain.rival:
        _write_rival(element, domain.rival)
    if domain.explanation:
        add_element(element, "explanation", {}, domain.explanation)


def _write_rival(parent: Element, rival: Rival) -> None:
    attributes = {
        "ecod_domain": rival.ecod_domain,
        "t_group": rival.t_group,
        "h_group": rival.h_group,
        "range": str(rival.range),
        "confidence": format_number(rival.confidence),
        "defeat": rival.defeat.value,
    }
    add_element(parent, "rival", attributes)


def _write_region(parent: Element, region: Unassigned) -> None:
    attributes = {"range": str(region.range), "reason": region.reason.value}
    if region.homolog:
        attributes["homolog"] = region.homolog
    element = add_element(parent, "region", attributes)
    best = region.candidate
    if best:
        figures = {"confidence": best.confidence, "evalue": best.evalue, "probability": best.probability}
        names = {"ecod_domain": best.ecod_domain, "t_group": best.t_group, "h_group": best.h_group}
        known = {name: format_number(value) for name, value in figures.items() if value is not None}
        add_element(element, "candidate", {**names, "source": best.source.value, **known})


def _write_count(parent: Element, kind: EvidenceType, count: EvidenceCount) -> None:
    element = add_element(
        parent,
        "count",
        {
            "type": kind.value,
            "found": str(count.found),
            "kept": str(count.kept),
            "considered": str(count.considered),
            "accepted": str(count.accepted),
        },
    )
    for reason in sorted(count.rejected):
        add_element(element, "rejected", {"reason": reason, "hits": str(count.rejected[reason])})


def _write_metadata(
    root: Element,
    partition: Partition,
    batch_id: str,
    timestamp: str,
    tool_versions: Mapping[str, str],
    summary_sha256: str,
) -> None:
    metadata = add_element(root, "metadata", {})
    texts = {"batch_id": batch_id, "timestamp": timestamp, "reference_version": partition.reference_version}
    for name, text in texts.items():
        if text:
            add_element(metadata, name, {}, text)
    for name in sorted(tool_versions):
        add_element(metadata, "tool", {"name": name, "version": tool_versions[name]})
    if summary_sha256:
        add_element(metadata, "summary", {"sha256": summary_sha256})
    for name in sorted(partition.parameters):
        try:
            value = json.dumps(partition.parameters[name], sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise PyecodError(f"parameter {name!r} of the partition is no JSON value: {error}") from None
        add_element(metadata, "parameter", {"name": name, "value": value})


def _read_domain(document: XmlDocument, element: Element, key: ChainKey, length: int) -> Domain:
    identifier = document.text(element, "id")
    prefix, _, number = identifier.rpartition("_")
    if prefix != str(key):
        raise document.broken(element, f"domain id {identifier[:80]!r} is not one of chain {key}")
    domain = Domain(
        number=document.parse_integer(element, "id", number, least=1),
        range=document.residues(element, "range", length),
        ecod_domain=document.text(element, "ecod_domain"),
        t_group=document.text(element, "t_group"),
        h_group=document.text(element, "h_group"),
        x_group=document.text(element, "x_group"),
        source=_named(document, element, "source", EvidenceType),
        f_group=element.get("f_group"),
        names={document.text(e, "level"): e.text or "" for e in element.iterfind("name")},
        evalue=document.number(element, "evalue", least=0),
        probability=document.number(element, "probability", least=0, most=100),
        reference_coverage=document.required_number(element, "reference_coverage", least=0),
        support=document.integer(element, "support"),
        h_agreement=document.required_number(element, "h_agreement", least=0, most=1),
        flags=tuple(_flag(document, element, name) for name in element.get("flags", "").split()),
        confidence=document.number(element, "confidence", least=0, most=1),
        rival=_read_rival(document, element.find("rival"), length),
        explanation=element.findtext("explanation") or "",
        evidence_range=document.residues(element, "evidence_range", length) if element.get("evidence_range") else None,
    )
    if domain.evidence_range and domain.range.overlap(domain.evidence_range) < len(domain.evidence_range):
        raise document.broken(element, f"evidence_range={domain.evidence_range} is not within the range")
    if document.integer(element, "size") != len(domain.range):
        raise document.broken(element, f"size={element.get('size')}, but the range has {len(domain.range)} residues")
    return domain


def _read_rival(document: XmlDocument, element: Element | None, length: int) -> Rival | None:
    if element is None:
        return None
    return Rival(
        ecod_domain=document.text(element, "ecod_domain"),
        t_group=document.text(element, "t_group"),
        h_group=document.text(element, "h_group"),
        range=document.residues(element, "range", length),
        confidence=document.required_number(element, "confidence", least=0, most=1),
        defeat=_named(document, element, "defeat", Defeat),
    )


def _read_region(document: XmlDocument, element: Element, length: int) -> Unassigned:
    return Unassigned(
        range=document.residues(element, "range", length),
        reason=_named(document, element, "reason", UnassignedReason),
        candidate=_read_candidate(document, element.find("candidate")),
        homolog=element.get("homolog", ""),
    )


def _read_candidate(document: XmlDocument, element: Element | None) -> Candidate | None:
    if element is None:
        return None
    return Candidate(
        ecod_domain=document.text(element, "ecod_domain"),
        t_group=document.text(element, "t_group"),
        h_group=document.text(element, "h_group"),
        source=_named(document, element, "source", EvidenceType),
        confidence=document.required_number(element, "confidence", least=0, most=1),
        evalue=document.number(element, "evalue", least=0),
        probability=document.number(element, "probability", least=0, most=100),
    )


def _read_count(document: XmlDocument, element: Element) -> tuple[EvidenceType, EvidenceCount]:
    count = EvidenceCount(
        found=document.integer(element, "found"),
        kept=document.integer(element, "kept"),
        considered=document.integer(element, "considered"),
        accepted=document.integer(element, "accepted"),
        rejected={document.text(e, "reason"): document.integer(e, "hits") for e in element.iterfind("rejected")},
    )
    return _named(document, element, "type", EvidenceType), count


def _check_totals(document: XmlDocument, protein: Element, elements: list[Element], partition: Partition) -> None:
    covered = partition.covered
    if len(covered) != sum(len(domain.range) for domain in partition.domains):
        raise document.broken(protein, "domains overlap")
    for (before, after), element in zip(pairwise(partition.domains), elements[1:], strict=True):
        if after.range.start <= before.range.start or after.number <= before.number:
            raise document.broken(element, "domains are not numbered in sequence order")
    stated = document.child(protein, "domain_count").text or ""
    if document.parse_integer(protein, "domain_count", stated) != len(partition.domains):
        raise document.broken(protein, f"domain_count={stated}, but there are {len(partition.domains)} domains")
    coverage = document.parse_number(protein, "coverage", document.child(protein, "coverage").text or "")
    if abs(coverage - partition.coverage) > 0.0001:
        raise document.broken(protein, f"coverage={coverage}, but the domains cover {partition.coverage:.4f}")


def _named(document: XmlDocument, element: Element, attribute: str, names: type[_Name]) -> _Name:
    value = document.text(element, attribute)
    try:
        return names(value)
    except ValueError:
        known = ", ".join(names)
        raise document.broken(element, f"{attribute}={value[:40]!r} is unknown", f"known: {known}") from None


def _flag(document: XmlDocument, element: Element, name: str) -> Flag:
    try:
        return Flag(name)
    except ValueError:
        raise document.broken(element, f"flag {name[:40]!r} is unknown", f"known: {', '.join(Flag)}") from None


def _json(document: XmlDocument, element: Element) -> Any:
    try:
        return json.loads(document.text(element, "value"))
    except (ValueError, RecursionError) as error:
        raise document.broken(element, f"value is not JSON: {error}") from None


def _write_legacy_domain(parent: Element, domain: Domain) -> None:
    element = add_element(
        parent,
        "domain",
        {
            "id": f"d{domain.number}",
            "range": str(domain.range),
            "family": domain.f_group or domain.t_group,
            "source": domain.source.value,
            "evidence_count": str(domain.support),
            "is_discontinuous": _yes(domain.range.is_discontinuous),
            "t_group": domain.t_group,
            "h_group": domain.h_group,
            "x_group": domain.x_group,
            "confidence": f"{domain.h_agreement:.4f}",
            "reference_ecod_domain_id": domain.ecod_domain,
        },
    )
    evidence = {
        "source_type": domain.source.value,
        "source_id": domain.ecod_domain,
        "domain_id": domain.ecod_domain,
        "evidence_range": str(domain.evidence_range or domain.range),
        "reference_coverage": f"{domain.reference_coverage:.3f}",
        "confidence": f"{domain.h_agreement:.4f}",
    }
    if domain.evalue is not None:
        evidence["evalue"] = format_number(domain.evalue)
    if domain.probability is not None:
        evidence["hh_probability"] = format_number(domain.probability)
    add_element(element, "primary_evidence", evidence)
