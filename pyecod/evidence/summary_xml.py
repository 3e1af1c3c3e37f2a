"""The domain summary as a file: format 1.0 written and read, the legacy dialect read.

A hit's ``query_range`` and ``target_range`` carry the outer ends of each HSP, in order, as the field's readers
expect. Where that is less than everything (gaps, several HSPs) ``<hsp>`` children carry the ungapped segments,
and with more than one HSP each HSP's own scores; without children the hit's attributes are its one HSP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lxml import etree

from pyecod.errors import IdError
from pyecod.evidence.legacy import read_legacy
from pyecod.evidence.segments import apportion, check_upwards, format_query, format_target, join_segments, parse_pairs
from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.titles import chain_keys, domain_id, is_ecod_id
from pyecod.xmldoc import Element, XmlDocument, add_element, format_number, read_xml, write_xml

VERSION = "1.0"

_BOUNDS: dict[str, tuple[float, float]] = {
    "evalue": (0, float("inf")),
    "bitscore": (float("-inf"), float("inf")),
    "identity": (0, 100),
    "probability": (0, 100),
    "score": (float("-inf"), float("inf")),
}
_TYPES = {kind.value: kind for kind in EvidenceType}


class TargetLookup(Protocol):
    """What the writer asks a reference: the family and length of each target."""

    def families(self, ids: Sequence[str], /) -> Sequence[tuple[str, int] | None]:
        """Family and length in residues of each reference domain, None where unknown."""

    def chain_length(self, chain_key: str, /) -> int | None:
        """Residues of a reference chain, None where unknown."""


def write_summary(path: Path, summary: DomainSummary, reference: TargetLookup | None = None) -> None:
    """Write format 1.0, whole or not at all; gzipped when the name ends in ``.gz``.

    Everything in ``summary`` is read back equal by :func:`read_summary`. With a ``reference`` each hit also says
    its target's family and the share of the target it aligns (``coverage``), for other readers.

    Raises:
        BrokenInputError: a text holds a character XML does not allow.
    """
    root = etree.Element("domain_summary", version=VERSION)
    root.text = "\n"
    protein = write_protein(root, summary.key, summary.length, summary.sequence)
    protein.tail = "\n"
    if summary.observed is not None:
        protein.set("observed", str(summary.observed))
    evidence = etree.SubElement(root, "evidence")
    evidence.text = evidence.tail = "\n"
    for hit, (family, target_length) in zip(summary.hits, _targets(summary.hits, reference), strict=True):
        _write_hit(evidence, hit, family, target_length).tail = "\n"
    metadata = etree.SubElement(root, "metadata")
    metadata.text = metadata.tail = "\n"
    for name in ("batch_id", "timestamp", "reference_version"):
        value = getattr(summary, name)
        if value:
            add_element(metadata, name, {}, value).tail = "\n"
    for kind in EvidenceType:
        kept = sum(hit.type is kind for hit in summary.hits)
        if kind in summary.found or kept:
            counts = {"type": kind.value, "kept": str(kept)}
            if kind in summary.found:
                counts["found"] = str(summary.found[kind])
            add_element(metadata, "searched", counts).tail = "\n"
    write_xml(path, root)


def read_summary(path: Path, *, length: int | None = None) -> DomainSummary:
    """Read a domain summary of format 1.0 or of the legacy ``blast_summ_doc`` dialect, plain or ``.gz``.

    ``length`` (residues) is for legacy files, which may not say it. A file of another program that does not
    count what was found counts as found what it holds.

    Raises:
        BrokenInputError: unreadable, truncated or not a summary; a missing attribute, a number that is none, a
            range outside the protein, or fewer hits than the file says it has. The error names file and line.
    """
    document = read_xml(path, "domain_summary", "blast_summ_doc")
    if document.root.tag == "blast_summ_doc":
        return read_legacy(document, length)
    root = document.root
    version = document.text(root, "version")
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise document.broken(root, f"domain summary version {version[:20]!r} is not {VERSION}")
    protein = document.child(root, "protein")
    key, protein_length, sequence = read_protein(document, protein)
    evidence = document.child(root, "evidence")
    hits = tuple(_read_hit(document, element, protein_length) for element in evidence.iterfind("hit"))
    metadata = root.find("metadata")
    return DomainSummary(
        key=key,
        length=protein_length,
        hits=hits,
        sequence=sequence,
        found=_read_found(document, metadata, hits),
        reference_version=_text_of(metadata, "reference_version"),
        batch_id=_text_of(metadata, "batch_id"),
        timestamp=_text_of(metadata, "timestamp"),
        observed=_read_observed(document, protein, protein_length),
    )


def write_protein(root: Element, key: ChainKey, length: int, sequence: str) -> Element:
    """The ``<protein>`` element summaries and partitions share; a FASTA record has an empty ``chain_id``."""
    protein = add_element(root, "protein", {"pdb_id": key.entry_id, "chain_id": key.chain_id, "length": str(length)})
    if sequence:
        add_element(protein, "sequence", {}, sequence)
    return protein


def read_protein(document: XmlDocument, protein: Element) -> tuple[ChainKey, int, str]:
    """Key, length in residues and sequence (empty where absent) of a ``<protein>`` element."""
    entry, chain = document.text(protein, "pdb_id"), document.text(protein, "chain_id")
    try:
        key = ChainKey.of_pdb(entry, chain) if chain else ChainKey.parse(entry)
    except IdError as error:
        raise document.broken(protein, error.what, error.hint) from None
    length = document.integer(protein, "length", least=1)
    sequence = _text_of(protein, "sequence")
    if sequence and len(sequence) != length:
        raise document.broken(protein, f"length={length}, but the sequence has {len(sequence)} residues")
    return key, length, sequence


def _read_observed(document: XmlDocument, protein: Element, length: int) -> ResidueRange | None:
    stated = protein.get("observed")
    if stated is None:
        return None
    return document.residues(protein, "observed", length) if stated else ResidueRange(())


def _text_of(parent: Element | None, name: str) -> str:
    return "" if parent is None else (parent.findtext(name) or "").strip()


def _targets(hits: Sequence[Hit], reference: TargetLookup | None) -> Sequence[tuple[str, int | None]]:
    """Family and length of each hit's target; nothing without a reference or where it does not know the domain."""
    if reference is None:
        return [("", None)] * len(hits)
    domains = reference.families([hit.target for hit in hits])
    targets: list[tuple[str, int | None]] = []
    for hit, domain in zip(hits, domains, strict=True):
        if hit.type is EvidenceType.CHAIN_BLAST:
            targets.append(("", hit.target_length or reference.chain_length(hit.target)))
        else:
            targets.append(domain or ("", hit.target_length))
    return targets


def _write_hit(evidence: Element, hit: Hit, family: str, target_length: int | None) -> Element:
    attributes = {"type": hit.type.value, "target": hit.target}
    if family:
        attributes["target_family"] = family
    if hit.target_length is not None:
        attributes["reference_length"] = str(hit.target_length)
    attributes |= _scores(hit.hsps[0], hit.evalue)
    if target_length:
        attributes["coverage"] = f"{min(1.0, _aligned(hit) / target_length):.4f}"
    several = len(hit.hsps) > 1
    if several or len(hit.hsps[0].segments) > 1:
        spans = tuple(Segment(h.query_start, h.query_end, h.target_start, h.target_end) for h in hit.hsps)
    else:
        spans = hit.hsps[0].segments
    element = add_element(evidence, "hit", attributes | _ranges(spans))
    for hsp in hit.hsps:
        if several or len(hsp.segments) > 1:
            etree.SubElement(element, "hsp", _ranges(hsp.segments) | (_scores(hsp, hsp.evalue) if several else {}))
    return element


def _aligned(hit: Hit) -> int:
    """Residues of the target in any of the hit's alignments."""
    segments = [s for h in hit.hsps for s in h.segments if s.target_start]
    if len(segments) == 1:
        return segments[0].target_end - segments[0].target_start + 1
    return len(ResidueRange.of((s.target_start, s.target_end) for s in segments))


def _scores(hsp: Hsp, evalue: float | None) -> dict[str, str]:
    values = (evalue, hsp.bitscore, hsp.identity, hsp.probability, hsp.score)
    return {name: format_number(value) for name, value in zip(_BOUNDS, values, strict=True) if value is not None}


def _ranges(segments: tuple[Segment, ...]) -> dict[str, str]:
    target = format_target(segments)
    ranges = {"query_range": format_query(segments)}
    if target is not None:
        ranges["target_range"] = target
    return ranges


def _read_hit(document: XmlDocument, element: Element, length: int) -> Hit:
    kind = _TYPES.get(document.text(element, "type"))
    if kind is None:
        raise document.broken(element, f"evidence type {element.get('type')[:40]!r}", f"known: {', '.join(_TYPES)}")
    target = document.text(element, "target")
    if not target:
        raise document.broken(element, "the hit names no target")
    if kind is EvidenceType.CHAIN_BLAST:
        target = next(iter(chain_keys(target)), target)
    elif is_ecod_id(named := domain_id(target)):
        target = named
    target_length = document.integer(element, "reference_length") if "reference_length" in element.attrib else None
    children = element.findall("hsp")
    if children:
        several = len(children) > 1
        hsps = tuple(
            _read_hsp(document, child, child if several else element, length, target_length) for child in children
        )
        if element.get("query_range") != ",".join([f"{h.query_start}-{h.query_end}" for h in hsps]):
            raise document.broken(element, "query_range does not give the ends of the hit's HSPs")
    else:
        scores = _read_scores(document, element)
        spans = _read_segments(document, element, length, target_length, cut_alike=False)
        hsps = tuple(Hsp((span,), **scores) for span in spans)
    return Hit(kind, target, target_length, hsps)


def _read_hsp(document: XmlDocument, element: Element, scored: Element, length: int, target_length: int | None) -> Hsp:
    segments = _read_segments(document, element, length, target_length)
    check_upwards(document, element, segments)
    return Hsp(segments, **_read_scores(document, scored))


def _read_segments(
    document: XmlDocument, element: Element, length: int, target_length: int | None, *, cut_alike: bool = True
) -> tuple[Segment, ...]:
    """Segments of both sides; where other programs cut them differently, only the target's outer ends count."""
    query = parse_pairs(document, element, "query_range", document.text(element, "query_range"), length)
    text = element.get("target_range")
    target = parse_pairs(document, element, "target_range", text, target_length) if text else []
    if target and len(target) != len(query) and not cut_alike:
        target = apportion(query, target)
    return join_segments(document, element, query, target)


def _read_scores(document: XmlDocument, element: Element) -> dict[str, float | None]:
    scores = {name: document.number(element, name, least=least, most=most) for name, (least, most) in _BOUNDS.items()}
    identity = scores["identity"]
    if identity is not None and identity > 1:
        scores["identity"] = identity / 100  # other programs write per cent
    return scores


def _read_found(document: XmlDocument, metadata: Element | None, hits: tuple[Hit, ...]) -> Mapping[EvidenceType, int]:
    held: dict[EvidenceType, int] = {}
    for hit in hits:
        held[hit.type] = held.get(hit.type, 0) + 1
    counted = [] if metadata is None else metadata.findall("searched")
    if not counted:
        return held
    found = {}
    for element in counted:
        kind = _TYPES.get(document.text(element, "type"))
        if kind is None:
            raise document.broken(element, f"evidence type {element.get('type')[:40]!r}", f"known: {', '.join(_TYPES)}")
        kept = document.integer(element, "kept")
        if kept != held.pop(kind, 0):
            raise document.broken(element, f"the file should hold {kept} hits of type {kind} and does not")
        if "found" in element.attrib:
            found[kind] = document.integer(element, "found")
    if held:
        raise document.broken(metadata, f"hits of type {next(iter(held))} are not counted in the metadata")
    return found
