"""The chain table of a page: one row per chain, and what unfolds below it."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

import orjson

from pyecod.batch import BatchType
from pyecod.batch.record import ChainRecord, EntryRecord, Status
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Partition
from pyecod.report.architecture import TRACK_NAMES, architecture_svg, strength_text, thumbnail_svg
from pyecod.report.colours import chip_style
from pyecod.report.model import BatchReport, ReportChain
from pyecod.report.scripts import chimerax_script, pymol_script

CHUNK = 64  # bodies or pictures unpacked together when one of them is looked at
_GROUPS_SHOWN = 3


@dataclass(slots=True)
class ChainTable:
    """The parts of the table, in the order of its rows.

    ``keys`` to sort by; ``texts`` to search; ``states`` and ``firsts`` (is it the first of its sequence?) to filter by;
    ``bodies`` unfold below the rows and refer to ``pictures`` by number.
    """

    rows: list[str] = field(default_factory=list)
    keys: list[list[str | float | None]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    firsts: list[bool] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    pictures: dict[str, int] = field(default_factory=dict)


def chain_table(report: BatchReport) -> ChainTable:
    """Build the table. Equal pictures, as identical chains have, are kept once."""
    table = ChainTable()
    copies: dict[str, int] = {}
    for chain in report.chains:
        if chain.record.can_classify:
            copies[chain.record.sequence_md5] = copies.get(chain.record.sequence_md5, 0) + 1
    seen: set[str] = set()
    for chain in report.chains:
        entry = report.entries.get(chain.key.entry_id)
        count = copies.get(chain.record.sequence_md5, 1)
        state = chain_state(chain.record)
        table.rows.append(_row(chain, state, count))
        table.keys.append(_sort_keys(chain, state, count))
        table.texts.append(_search_text(chain, state, entry))
        table.states.append(state)
        table.firsts.append(chain.record.sequence_md5 not in seen)
        seen.add(chain.record.sequence_md5)
        table.bodies.append(_body(chain, entry, count, report.header.batch_type, table.pictures))
    return table


def chain_state(record: ChainRecord) -> str:
    """One word for a chain: its quality, or ``failed``, ``pending``, ``not_classifiable``."""
    if not record.can_classify:
        return "not_classifiable"
    if record.is_failed:
        return "failed"
    if record.partition_status is Status.COMPLETE:
        return record.partition_quality or "pending"
    return "pending"


def pack(items: Sequence[str]) -> list[str]:
    """Chunks of :data:`CHUNK` texts as gzipped JSON in base64."""
    chunks = (list(items[i : i + CHUNK]) for i in range(0, len(items), CHUNK))
    return [base64.b64encode(gzip.compress(orjson.dumps(chunk), 6, mtime=0)).decode() for chunk in chunks]


def _row(chain: ReportChain, state: str, copies: int) -> str:
    record, partition = chain.record, chain.partition
    coverage = record.partition_coverage
    done = record.partition_status is Status.COMPLETE
    key = escape(str(chain.key))
    groups = _groups(partition.domains) if partition and partition.domains else escape(_why(record))
    cells = (
        f'<b class="id">{key}</b>',
        f"<span>{thumbnail_svg(partition) if partition else ''}</span>",
        f'<span class="n">{record.sequence_length:,}</span>',
        f'<span class="n">{record.domain_count if done and record.domain_count is not None else ""}</span>',
        f'<span class="n">{f"{coverage:.0%}" if done and coverage is not None else ""}</span>',
        f'<span><i class="{state}"></i>{state.replace("_", " ")}</span>',
        f'<span class="groups">{groups}</span>',
        f'<span class="n">{f"×{copies}" if copies > 1 else ""}</span>',
        f'<span class="n">{f"{record.seconds:,.1f}" if record.seconds is not None else ""}</span>',
    )
    return f'<details class="row" id="{key}"><summary>{"".join(cells)}</summary></details>'


def _groups(domains: Sequence[Domain]) -> str:
    groups = list(dict.fromkeys(domain.t_group for domain in domains))
    shown = "".join(f"<span>{_chip(group)}{escape(group)}</span>" for group in groups[:_GROUPS_SHOWN])
    return shown + (f"<span>+{len(groups) - _GROUPS_SHOWN}</span>" if len(groups) > _GROUPS_SHOWN else "")


def _chip(t_group: str) -> str:
    return f'<i style="{chip_style(t_group)}"></i>'


def _why(record: ChainRecord) -> str:
    """Why there are no domains."""
    if not record.can_classify:
        return (record.cannot_classify_reason or "").replace("_", " ")
    return record.failure_reason or (record.partition_outcome or "").replace("_", " ")


def _sort_keys(chain: ReportChain, state: str, copies: int) -> list[str | float | None]:
    record = chain.record
    groups = [domain.t_group for domain in chain.partition.domains] if chain.partition else []
    return [
        str(chain.key),
        record.sequence_length,
        record.domain_count,
        record.partition_coverage,
        state,
        groups[0] if groups else _why(record),
        copies,
        record.seconds,
    ]


def _search_text(chain: ReportChain, state: str, entry: EntryRecord | None) -> str:
    record, words = chain.record, [str(chain.key), state, chain.record.partition_outcome or "", _why(chain.record)]
    if record.representative:
        words.append(record.representative)
    if entry is not None:
        words += [entry.title, entry.method]
    for domain in chain.partition.domains if chain.partition else ():
        words += [domain.t_group, domain.f_group or "", domain.ecod_domain, *domain.names.values()]
        words += [domain.source, *domain.flags]
    for region in chain.partition.unassigned if chain.partition else ():
        words += [region.reason, region.homolog]
    return " ".join(
        dict.fromkeys(word.replace("_", " ") + " " + word if "_" in word else word for word in words)
    ).lower()


def _body(
    chain: ReportChain, entry: EntryRecord | None, copies: int, batch_type: BatchType, pictures: dict[str, int]
) -> str:
    parts = [f'<p class="facts">{_facts(chain, entry, copies, batch_type)}</p>']
    if chain.record.failure_reason:
        step = f"{chain.record.failed_at} failed: " if chain.record.failed_at else "failed: "
        parts.append(f'<p class="problem">{escape(step + chain.record.failure_reason)}</p>')
    parts += [f'<p class="problem">{escape(problem)}</p>' for problem in chain.problems]
    if chain.partition is not None:
        picture = architecture_svg(chain.partition, chain.tracks, chain.numbering)
        number = pictures.setdefault(picture, len(pictures))
        parts.append(f'<div class="picture" data-picture="{number}"></div>')
        if chain.partition.domains:
            parts.append(_domain_table(chain, chain.partition))
        parts.append(f'<p class="files">{_files(chain, chain.partition)}</p>')
    return "".join(parts)


def _facts(chain: ReportChain, entry: EntryRecord | None, copies: int, batch_type: BatchType) -> str:
    record = chain.record
    facts = []
    if entry is not None and entry.title:
        facts.append(f"<b>{escape(entry.title)}</b>")
    if entry is not None and entry.method:
        resolution = f", {entry.resolution:.2f} Å" if entry.resolution else ""
        facts.append(escape(entry.method.lower() + resolution))
    if batch_type is not BatchType.FASTA and chain.key.chain_id:
        facts.append(_rcsb_links(chain.key))
    if record.representative and record.representative != str(chain.key):
        facts.append(f'identical to <a href="#{quote(record.representative)}">{escape(record.representative)}</a>')
    elif copies > 1:
        facts.append(f"stands for {copies} identical chains")
    if record.partition_outcome and record.partition_outcome != "assigned":
        facts.append(escape(record.partition_outcome.replace("_", " ")))
    facts.append(_evidence_facts(record))
    return " · ".join(fact for fact in facts if fact)


def _evidence_facts(record: ChainRecord) -> str:
    texts = []
    for kind, name in TRACK_NAMES.items():
        counts = record.evidence.get(kind.value)
        if counts is not None:
            texts.append(f"{name} {counts.get('accepted', 0):,} of {counts.get('kept', 0):,} hits used")
    return escape(", ".join(texts))


def _rcsb_links(key: ChainKey) -> str:
    entry = quote(key.entry_id if key.entry_id.startswith("pdb_") else key.entry_id.upper())
    rel = 'target="_blank" rel="noopener noreferrer"'
    return (
        f'<a href="https://www.rcsb.org/structure/{entry}" {rel}>RCSB {escape(key.entry_id)}</a> '
        f'(<a href="https://www.rcsb.org/3d-view/{entry}" {rel}>3D</a>)'
    )


def _domain_table(chain: ReportChain, partition: Partition) -> str:
    has_author = chain.numbering is not None
    head = ["", "residues", *(["author"] if has_author else []), "size", "T-group", "family", "by", "strength"]
    head += ["of reference", "agree", "sure", ""]
    rows = "".join(_domain_row(chain, domain, has_author) for domain in partition.domains)
    return f'<table class="domains"><tr>{"".join(f"<th>{name}</th>" for name in head)}</tr>{rows}</table>'


def _domain_row(chain: ReportChain, domain: Domain, has_author: bool) -> str:
    names = " / ".join(domain.names[level] for level in "xht" if domain.names.get(level))
    family = " ".join(text for text in (domain.f_group, domain.names.get("f")) if text) or "hits disagree"
    flags = ", ".join(flag.value.replace("_", " ") for flag in domain.flags)
    cells = [
        f'<td class="n">{_chip(domain.t_group)}{domain.number}</td>',
        _residues_cell(domain),
        *([_cell(chain.pdb_range(domain.number).replace(",", ", "))] if has_author else []),
        f'<td class="n">{len(domain.range)}</td>',
        f'<td title="{escape(names)}"><b>{escape(domain.t_group)}</b> {escape(domain.names.get("t", ""))}</td>',
        _cell(family),
        f"<td>{escape(TRACK_NAMES[domain.source])} <span>{escape(domain.ecod_domain)}</span></td>",
        _cell(strength_text(domain.evalue, domain.probability)),
        f'<td class="n">{domain.reference_coverage:.0%}</td>',
        f'<td class="n" title="of the hits here, {domain.h_agreement:.0%} are of this H-group">{domain.support:,}</td>',
        f'<td class="n" title="that the H-group is right">{_share(domain.confidence)}</td>',
        _cell(flags),
    ]
    why = f'<tr class="why"><td></td><td colspan="{len(cells) - 1}">{escape(domain.explanation)}</td></tr>'
    return f"<tr>{''.join(cells)}</tr>{why if domain.explanation else ''}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _residues_cell(domain: Domain) -> str:
    shown = str(domain.range).replace(",", ", ")
    aligned = str(domain.evidence_range).replace(",", ", ") if domain.evidence_range else ""
    return f'<td title="aligned {aligned}">{shown}</td>' if aligned else _cell(shown)


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _files(chain: ReportChain, partition: Partition) -> str:
    links = []
    if chain.numbering is not None and partition.domains:
        name = quote(chain.key.file_stem)
        for program, suffix, text in (
            ("PyMOL", "pml", pymol_script(chain.key, partition, chain.numbering)),
            ("ChimeraX", "cxc", chimerax_script(chain.key, partition, chain.numbering)),
        ):
            data = f"data:text/plain;charset=utf-8,{quote(text)}"
            links.append(f'<a download="{name}.{suffix}" href="{data}">{program} script</a>')
    for kind in ("partition", "summary"):
        path = chain.record.files.get(kind)
        if path:
            links.append(f'<a href="../{quote(path)}">{kind} XML</a>')
    return " · ".join(links)
