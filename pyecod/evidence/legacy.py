"""The domain summaries of the older tools: ``blast_summ_doc``.

One ``<blast_summ pdb chain>`` and, inside or beside it, a run per evidence type (``chain_blast_run``, ``blast_run``,
``hh_run``) with ``hits/hit``. Ranges are the text of ``query_reg`` and ``hit_reg``; ``evalues`` holds one value, or
one per segment. A domain found by several HSPs may stand there once per HSP.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyecod.errors import IdError
from pyecod.evidence.segments import Pair, apportion, check_upwards, join_segments, parse_pairs
from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.search.hit import EvidenceType, Hit, Hsp
from pyecod.titles import chain_target, domain_id
from pyecod.xmldoc import Element, XmlDocument

_RUNS = {
    EvidenceType.CHAIN_BLAST: "chain_blast_run",
    EvidenceType.DOMAIN_BLAST: "blast_run",
    EvidenceType.HHSEARCH: "hh_run",
}
_MARKS = {
    EvidenceType.CHAIN_BLAST: "chain_blast",
    EvidenceType.DOMAIN_BLAST: "domain_blast",
    EvidenceType.HHSEARCH: "hhsearch",
}
# what the older tools wrote where they had no E-value
_NO_EVALUE = 999.0


def read_legacy(document: XmlDocument, length: int | None) -> DomainSummary:
    """Summary of a parsed ``blast_summ_doc``; ``length`` where the caller knows it.

    HSPs are one per segment. A type with a run, or said to have no hits, was searched; another is absent from
    ``found``.

    Raises:
        BrokenInputError: besides what is wrong with the file itself, when it says that reading the search
            output had failed, and when it gives no length and the caller none.
    """
    root = document.root
    header = next(root.iter("blast_summ"), None)
    if header is None:
        raise document.broken(root, "no <blast_summ> element")
    try:
        key = ChainKey.of_pdb(document.text(header, "pdb"), document.text(header, "chain"))
    except IdError as error:
        raise document.broken(header, error.what, error.hint) from None
    length = _length(document, header, length)
    hits: list[Hit] = []
    found: dict[EvidenceType, int] = {}
    for kind, tag in _RUNS.items():
        if header.get(f"{_MARKS[kind]}_error") == "true":
            raise document.broken(header, f"the {_MARKS[kind]} output could not be read when this file was made")
        runs = list(root.iter(tag))
        if runs or header.get(f"{_MARKS[kind]}_no_hits") == "true":
            of_kind = list(_merged(document, kind, runs, length))
            found[kind] = len(of_kind)
            hits += of_kind
    return DomainSummary(key, length, tuple(hits), found=found, reference_version=header.get("reference", ""))


def _length(document: XmlDocument, header: Element, given: int | None) -> int:
    stated = {e.text.strip(): e for e in document.root.iter("query_len") if e.text and e.text.strip()}
    if header.get("sequence_length"):
        stated[header.get("sequence_length")] = header
    lengths = {document.parse_integer(e, "length", text, least=1) for text, e in stated.items()}
    if given is not None:
        lengths.add(given)
    if len(lengths) > 1:
        raise document.broken(header, f"the file is about a chain of another length: {sorted(lengths)} residues")
    if not lengths:
        raise document.broken(header, "the file does not say the chain's length", "give it, e.g. from the manifest")
    return lengths.pop()


def _merged(document: XmlDocument, kind: EvidenceType, runs: list[Element], length: int) -> Iterator[Hit]:
    """Hits of one type; BLAST elements of the same target are the HSPs of one hit, HHsearch ones stay apart."""
    hsps: dict[str, list[Hsp]] = {}
    for run in runs:
        for element in run.iter("hit", "hh_hit"):
            target, aligned = _target(document, kind, element), _read_hsps(document, kind, element, length)
            if kind is EvidenceType.HHSEARCH:
                yield Hit(kind, target, None, aligned)
            else:
                hsps.setdefault(target, []).extend(aligned)
    for target, parts in hsps.items():
        # best first; a missing E-value goes last
        parts.sort(key=lambda hsp: (hsp.evalue is None, hsp.evalue))
        yield Hit(kind, target, None, tuple(parts))


def _target(document: XmlDocument, kind: EvidenceType, element: Element) -> str:
    if kind is EvidenceType.CHAIN_BLAST:
        entry, chain = document.text(element, "pdb_id").strip(), document.text(element, "chain_id").strip()
        try:
            return str(ChainKey.of_pdb(entry, chain))
        except IdError:
            return chain_target(f"{entry}_{chain}".rstrip("_"))
    target = element.get("domain_id") or element.get("ecod_domain_id") or element.get("hit_id")
    if not target:
        raise document.broken(element, "the hit names no domain_id")
    return domain_id(str(target))


def _read_hsps(document: XmlDocument, kind: EvidenceType, element: Element, length: int) -> tuple[Hsp, ...]:
    query = _pairs(document, element, "query_reg", length)
    target = _pairs(document, element, "hit_reg", None) or _pairs(document, element, "template_reg", None)
    if not query:
        raise document.broken(element, "the hit has no <query_reg>")
    if target and len(target) != len(query):
        target = apportion(query, target)
    segments = join_segments(document, element, query, target)
    if kind is EvidenceType.HHSEARCH:
        check_upwards(document, element, segments)
        probability = _first(document, element, ("probability", "hh_prob"), most=100)
        evalue = _first(document, element, ("evalue", "e_value", "hh_evalue"))
        score = _first(document, element, ("score", "hh_score"), least=float("-inf"))
        return (Hsp(segments, evalue=evalue, probability=probability, score=score),)
    evalues = _evalues(document, element)
    if len(evalues) == 1:
        evalues *= len(segments)
    if len(evalues) != len(segments):
        raise document.broken(element, f"{len(evalues)} evalues for {len(segments)} segments")
    return tuple(Hsp((segment,), evalue=evalue) for segment, evalue in zip(segments, evalues, strict=True))


def _pairs(document: XmlDocument, element: Element, name: str, length: int | None) -> list[Pair]:
    text = (element.findtext(name) or "").strip()
    return parse_pairs(document, element, name, text, length) if text else []


def _evalues(document: XmlDocument, element: Element) -> list[float | None]:
    text = element.get("evalues") or element.get("evalue") or str(_NO_EVALUE)
    values = [document.parse_number(element, "evalues", part.strip(), least=0) for part in text.split(",")]
    return [None if value == _NO_EVALUE else value for value in values]


def _first(
    document: XmlDocument, element: Element, names: tuple[str, ...], *, least: float = 0, most: float = float("inf")
) -> float | None:
    name = next((name for name in names if element.get(name)), None)
    value = None if name is None else document.number(element, name, least=least, most=most)
    return None if value == _NO_EVALUE and "evalue" in names else value
