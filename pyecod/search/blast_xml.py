"""BLAST XML (``-outfmt 5``), strictly: a query's hits come whole and consistent, or an error says why not."""

from __future__ import annotations

import codecs
import math
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from pyecod.errors import BrokenOutputError
from pyecod.files import LATIN_1, open_bytes
from pyecod.search.alignment import SearchReport, residues, same_letters, ungapped_segments
from pyecod.search.hit import EvidenceType, Hit, Hsp
from pyecod.titles import chain_keys, chain_target, domain_id, is_ecod_id

_TAGS = (
    "BlastOutput_version",
    "BlastOutput_db",
    "BlastOutput_query-ID",
    "BlastOutput_query-def",
    "BlastOutput_query-len",
    "Iteration_query-ID",
    "Iteration_query-def",
    "Iteration_query-len",
    "Hit",
    "Statistics",
    "Iteration",
)
_PIECE = 1 << 18
_LARGEST_FILE = 4 << 30
_LARGEST_QUERY = 256 << 20  # 5,000 hits of a chain of 5,000 residues have about 80 MiB
_LARGEST_HIT = 16 << 20  # in memory as XML fifteen times as much
_BEFORE_XML = b" \t\r\n" + codecs.BOM_UTF8 + codecs.BOM_UTF16_LE
_HINT = "give blastp the option -outfmt 5"


def read_blast_xml(
    path: Path, kind: EvidenceType, *, max_evalue: float = math.inf, sequence: str = ""
) -> list[SearchReport]:
    """The reports of every query in a BLAST XML file, plain or gzipped, of any BLAST+ version, and of older BLAST.

    HSPs above ``max_evalue`` are left out, and hits without any other; ``found`` counts them nevertheless. Of several
    iterations of one query (psiblast) the last counts. Where ``sequence`` is given, the query's letters must be its.

    Raises:
        BrokenOutputError: unreadable, empty, truncated, inconsistent, absurdly large, of another sequence, or not
            BLAST XML.
    """
    reports: list[SearchReport] = []
    for report in parse_blast_xml(_pieces(path), kind, max_evalue=max_evalue, where=str(path), sequence=sequence):
        if report.iteration > 1:
            reports.pop()
        reports.append(report)
    if not reports:
        raise BrokenOutputError("BLAST XML without any query", where=path)
    return reports


def _pieces(path: Path) -> Iterator[bytes]:
    size = 0
    try:
        with open_bytes(path) as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > _LARGEST_FILE:
                    raise BrokenOutputError(f"larger than {_LARGEST_FILE >> 30} GiB", where=path)
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenOutputError(f"cannot read BLAST output: {error}", where=path) from None


def _as_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same document; where it declares no encoding, bytes that are not UTF-8 are taken for Latin-1: BLAST copies
    titles and paths as they are."""
    decoder: codecs.IncrementalDecoder | None = None
    first = True
    for piece in pieces:
        if first and piece:
            first = False
            declares = piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
                b"encoding=" in piece[:200].partition(b"?>")[0]
            )
            decoder = None if declares else codecs.getincrementaldecoder("utf-8")(errors=LATIN_1)
        if decoder is None or (piece.isascii() and not decoder.getstate()[0]):
            yield piece
        else:
            yield decoder.decode(piece).encode()
    if decoder is not None and (rest := decoder.decode(b"", final=True)):
        yield rest.encode()


def parse_blast_xml(
    pieces: Iterable[bytes], kind: EvidenceType, *, max_evalue: float, where: str, sequence: str = ""
) -> Iterator[SearchReport]:
    """Reports as the document comes in; only one hit is in memory as XML at a time.

    A report is yielded when its query's part of the document is whole, that is, possibly before the document turns
    out to be broken further on.

    Raises:
        BrokenOutputError: as :func:`read_blast_xml`; names ``where`` and the query.
    """
    document = _Document(kind, max_evalue, where, sequence)
    parser = etree.XMLPullParser(
        events=("end",), tag=_TAGS, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    empty = True
    try:
        for piece in _as_utf8(pieces):
            if empty and piece.lstrip(_BEFORE_XML)[:1] not in (b"<", b""):
                raise BrokenOutputError("not BLAST XML", where=where, hint=_HINT)
            empty = False
            parser.feed(piece)
            document.grow(len(piece))
            yield from _reports(parser, document)
        if empty:
            raise BrokenOutputError("the output is empty", where=where)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        reason = str(error.msg).partition(", line ")[0]
        raise document.broken(f"truncated or broken XML ({reason}), line {error.lineno or 1}") from None
    yield from _reports(parser, document)
    document.finish(root)


def _reports(parser: Any, document: _Document) -> Iterator[SearchReport]:
    for _, element in parser.read_events():
        report = document.take(element)
        if report is not None:
            yield report


class _Document:
    """State of the parse: the query that is being read."""

    def __init__(self, kind: EvidenceType, max_evalue: float, where: str, sequence: str) -> None:
        self.kind, self.max_evalue, self.where, self.sequence = kind, max_evalue, where, sequence
        self.version: str | None = None
        self.database: str | None = None
        self.first: dict[str, str] = {}  # what older BLAST says of its only query, before the iterations
        self.last: tuple[str, str] | None = None
        self.iteration = 1
        self._next_query()

    def _next_query(self) -> None:
        self.names: dict[str, str] = {}
        self.length = 0
        self.query_size = self.hit_size = 0
        self.found = 0
        self.hits: list[Hit] = []
        self.statistics = False

    def grow(self, size: int) -> None:
        """Bytes that came in: one hit, and one query, may only be so large."""
        self.query_size += size
        self.hit_size += size
        if self.query_size > _LARGEST_QUERY or self.hit_size > _LARGEST_HIT:
            raise self.broken("one hit or one query is absurdly large")

    def broken(self, what: str, hint: str | None = None) -> BrokenOutputError:
        """The error to raise for a fault in the present query."""
        query = self.names.get("Iteration_query-def") or self.names.get("Iteration_query-ID")
        return BrokenOutputError(what, where=f"{self.where}, query {query[:60]}" if query else self.where, hint=hint)

    def take(self, element: Any) -> SearchReport | None:
        """Take an element that has ended; a query's last gives its report."""
        tag = element.tag
        if tag == "Hit":
            self._take_hit(element)
            element.clear()
            self.hit_size = 0
        elif tag == "Statistics":
            self.statistics = True
        elif tag == "Iteration":
            report = self._report()
            element.clear()
            self._next_query()
            return report
        elif tag == "Iteration_query-len":
            self.length = self._whole(element.text, tag, least=1)
        elif tag.startswith("BlastOutput_query-"):
            self.first[tag.removeprefix("BlastOutput_query-")] = element.text or ""
        elif tag == "BlastOutput_version":
            self.version = (element.text or "").partition(" ")[2] or None
        elif tag == "BlastOutput_db":
            self.database = element.text
        else:
            self.names[tag] = element.text or ""
        return None

    def finish(self, root: Any) -> None:
        """The end of the document."""
        if root is None or root.tag != "BlastOutput":
            name = "" if root is None else str(root.tag).rpartition("}")[2]
            raise self.broken(f"not BLAST XML of the older form: the root is <{name[:80]}>", _HINT)

    def _report(self) -> SearchReport:
        if self.version is None:
            raise self.broken("not BLAST XML: the program does not say its version")
        if not self._query_length():
            raise self.broken("a query without its length")
        if not self.statistics:
            raise self.broken("a query without the statistics that end its hits")
        # outputs of single queries may name the query by its id only
        title = self._of_query("def")
        name = (title if title and title != "No definition line" else self._of_query("ID")).split()
        if not name:
            raise self.broken("a query without a name")
        again = self.last == (self._of_query("ID"), name[0])
        self.iteration = self.iteration + 1 if again else 1
        self.last = (self._of_query("ID"), name[0])
        return SearchReport(
            query=name[0],
            query_length=self.length,
            type=self.kind,
            found=self.found,
            hits=tuple(self.hits),
            program="blastp",
            version=self.version,
            database=self.database,
            iteration=self.iteration,
        )

    def _of_query(self, what: str) -> str:
        """What the iteration says of its query; where it says nothing, what the document says."""
        if any(name.startswith("Iteration_query-") for name in self.names):
            return self.names.get(f"Iteration_query-{what}", "")
        return self.first.get(what, "")

    def _query_length(self) -> int:
        if not self.length and not self.names and "len" in self.first:
            self.length = self._whole(self.first["len"], "BlastOutput_query-len", least=1)
        return self.length

    def _take_hit(self, element: Any) -> None:
        fields = {child.tag: child.text or "" for child in element}
        self.found += 1
        # BLAST numbers the hits of a query: a gap means that some are gone
        if self._whole(fields.get("Hit_num"), "Hit_num") != self.found:
            raise self.broken(f"hit number {fields['Hit_num']} where {self.found} is due")
        target = self._target(fields)
        length = self._whole(fields.get("Hit_len"), f"Hit_len of {target}", least=1)
        blocks = [block for block in element if block.tag == "Hit_hsps"]
        elements = [child for block in blocks for child in block if child.tag == "Hsp"]
        if not elements:
            raise self.broken(f"hit {target} without alignments")
        hsps = [self._hsp(hsp, number, target, length) for number, hsp in enumerate(elements, 1)]
        kept = tuple(hsp for hsp in hsps if hsp.evalue is not None and hsp.evalue <= self.max_evalue)
        if kept:
            self.hits.append(Hit(self.kind, target, length, kept))

    def _target(self, fields: dict[str, str]) -> str:
        """The id in the hit's title, or, where the database has parsed ids and the title lost it, in its id."""
        hit_id, title = fields.get("Hit_id", "").strip(), fields.get("Hit_def", "").strip()
        names = [name for name in (hit_id, title) if name and "BL_ORD_ID" not in name and name != "No definition line"]
        if not names:
            raise self.broken(f"hit number {self.found} without an id")
        if self.kind is EvidenceType.CHAIN_BLAST:
            target = next((keys[0] for name in names if (keys := chain_keys(name))), "") or chain_target(names[0])
        else:
            ids = [domain_id(name) for name in names]
            target = next(filter(is_ecod_id, ids), ids[0])
        if not target:
            raise self.broken(f"hit number {self.found} without an id")
        return target

    def _hsp(self, element: Any, number: int, target: str, target_length: int) -> Hsp:
        fields = {child.tag: child.text or "" for child in element}
        name = f"alignment {number} of {target}"
        if self._whole(fields.get("Hsp_num"), f"number of {name}") != number:
            raise self.broken(f"{name} has the number {fields['Hsp_num']}")
        query, hit = fields.get("Hsp_qseq", ""), fields.get("Hsp_hseq", "")
        columns = self._whole(fields.get("Hsp_align-len"), f"Hsp_align-len of {name}", least=1)
        if not len(query) == len(hit) == columns:
            raise self.broken(f"{name} has lines of {len(query)} and {len(hit)} columns, not {columns}")
        query_start = self._side(fields, "query", query, self._query_length(), name)
        if self.sequence and not same_letters(query, query_start, self.sequence):
            what = f"the output of another sequence: residues from {query_start} are {query[:60]}"
            raise self.broken(what, "search again")
        target_start = self._side(fields, "hit", hit, target_length, name)
        identical = self._whole(fields.get("Hsp_identity"), f"Hsp_identity of {name}")
        if identical > columns:
            raise self.broken(f"{name} has {identical} identical pairs in {columns} columns")
        segments = ungapped_segments(query, hit, query_start, target_start)
        if not segments:
            raise self.broken(f"{name} aligns nothing")
        return Hsp(
            segments,
            evalue=self._number(fields.get("Hsp_evalue"), f"Hsp_evalue of {name}"),
            bitscore=self._number(fields.get("Hsp_bit-score"), f"Hsp_bit-score of {name}"),
            identity=identical / columns,
        )

    def _side(self, fields: dict[str, str], side: str, line: str, length: int, name: str) -> int:
        start = self._whole(fields.get(f"Hsp_{side}-from"), f"Hsp_{side}-from of {name}", least=1)
        end = self._whole(fields.get(f"Hsp_{side}-to"), f"Hsp_{side}-to of {name}", least=1)
        if end > length or end - start + 1 != residues(line):
            raise self.broken(f"{name} says {side} residues {start} to {end} of {length} for {residues(line)} letters")
        return start

    def _whole(self, text: str | None, name: str, *, least: int = 0) -> int:
        if text is None or not (text.isascii() and text.isdigit() and len(text) <= 15) or int(text) < least:
            raise self.broken(f"{name} is {text!r:.40}, not a whole number of {least} or more")
        return int(text)

    def _number(self, text: str | None, name: str) -> float:
        try:
            value = float(text or "")
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise self.broken(f"{name} is {text!r:.40}, not a number of 0 or more")
        return value
