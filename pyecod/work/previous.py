"""Evidence from an earlier batch: its domain summaries, or the search outputs the older tools left."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from pyecod.batch.record import ChainRecord, Status
from pyecod.errors import BrokenInputError
from pyecod.evidence import read_summary
from pyecod.search import read_blast_xml, read_hhr
from pyecod.search.hit import EvidenceType, Query, SearchResult
from pyecod.settings import Settings

log = logging.getLogger(__name__)
OUTPUT_FILES = {
    EvidenceType.CHAIN_BLAST: ("blast", "chain_blast.xml"),
    EvidenceType.DOMAIN_BLAST: ("blast", "domain_blast.xml"),
    EvidenceType.HHSEARCH: ("hhsearch", "hhr"),
}


def find_previous(record: ChainRecord, batch_path: Path, *, older_form: bool) -> dict[EvidenceType, Path]:
    """Files with the evidence of a chain's finished searches, by type; a batch of the older tools has a file for each
    search (named in the record, or where those tools put it), the others one summary for all. Empty without BLAST."""
    if record.blast_status is not Status.COMPLETE:
        return {}
    kinds = [EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST]
    if record.hhsearch_status is Status.COMPLETE:
        kinds.append(EvidenceType.HHSEARCH)
    summary = batch_path / record.files["summary"] if "summary" in record.files else None
    if summary is not None and summary.is_file() and not older_form:
        return dict.fromkeys(kinds, summary)
    found = {kind: path for kind in kinds if (path := _output_file(kind, record, batch_path)) is not None}
    if EvidenceType.DOMAIN_BLAST in found:
        return found
    return dict.fromkeys(kinds, summary) if summary is not None and summary.is_file() else {}


def _output_file(kind: EvidenceType, record: ChainRecord, batch_path: Path) -> Path | None:
    folder, suffix = OUTPUT_FILES[kind]
    stems = dict.fromkeys((record.key.file_stem, str(record.key)))
    candidates = [batch_path / record.files[kind]] if str(kind) in record.files else []
    candidates += [batch_path / folder / f"{stem}.{suffix}{end}" for stem in stems for end in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def read_previous(
    files: Mapping[str, str], batch_path: Path, query: Query, settings: Settings
) -> dict[EvidenceType, SearchResult]:
    """The earlier results a record names, by type, those of a summary that was searched without a type left out.

    Raises:
        BrokenInputError, BrokenOutputError: a file is missing, damaged, or of another sequence: never "no hits".
    """
    results = {}
    for kind, name in files.items():
        result = _read(EvidenceType(kind), batch_path / name, query, settings)
        if result is not None:
            results[result.type] = result
    return results


def _read(kind: EvidenceType, path: Path, query: Query, settings: Settings) -> SearchResult | None:
    name = path.name.removesuffix(".gz")
    if name.endswith(".hhr"):
        report = read_hhr(path, min_probability=settings.search.probability, sequence=query.sequence)
        for reason in report.left_out:
            log.warning("%s: %s: left out", path, reason)
        return report.result(query)
    if name.endswith("blast.xml"):
        reports = read_blast_xml(path, kind, max_evalue=settings.search.evalue, sequence=query.sequence)
        if len(reports) != 1:
            raise BrokenInputError(f"the BLAST output is of {len(reports)} queries, not of one", where=path)
        return reports[0].result(query)
    summary = read_summary(path, length=query.length)
    if summary.length != query.length or (summary.sequence and summary.sequence != query.sequence):
        raise BrokenInputError("the domain summary is of another sequence", where=path)
    if kind not in summary.found:
        return None
    hits = summary.of_type(kind)
    return SearchResult(kind, query, hits, summary.found[kind], "", "", "")
