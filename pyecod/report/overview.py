"""The sections of a report page above its chain table: numbers, plots, evidence, failures, versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from pyecod.batch.counters import BatchCounters
from pyecod.batch.header import BatchHeader
from pyecod.batch.names import BatchType
from pyecod.batch.record import Status
from pyecod.partition.counting import REJECTIONS
from pyecod.partition.model import Flag, Outcome
from pyecod.report.architecture import TRACK_NAMES
from pyecod.report.charts import histogram, share_bar
from pyecod.report.colours import chip_style
from pyecod.report.model import BatchReport, ReportChain
from pyecod.report.rows import chain_state
from pyecod.watch.conservation import BOUNDARIES, conservation, find_losses

STATES = ("good", "low_coverage", "fragmentary", "no_domains", "failed", "pending", "not_classifiable")
_MORE = 1_000_000  # end of the last bin of a length histogram
_CHAIN_EDGES = (0, 50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1500, 2000, _MORE)
_DOMAIN_EDGES = (*range(0, 600, 50), _MORE)
_MOST_GROUPS = 12
_MOST_REPAIRS = 200
_NAMED = 12
_MOST_LINES = 20
_SLOWEST = 8
_REASONS = 4
_KINDS = {BatchType.WEEKLY: "weekly release", BatchType.REPAIR: "repair", BatchType.FASTA: "FASTA"}


def heading(header: BatchHeader, counters: BatchCounters) -> str:
    """Name of the batch and one line on what it is."""
    facts = [_KINDS[header.batch_type]]
    if header.release_date:
        facts.append(f"released {header.release_date}")
    if header.reason:
        facts.append(header.reason.replace("_", " "))
    if header.source_weeks:
        facts.append("of " + ", ".join(header.source_weeks))
    if header.reference_version:
        facts.append(f"ECOD {header.reference_version}")
    if not counters.is_finished:
        facts.append(f"unfinished: {counters.left:,} chains left")
    elif header.completed:
        facts.append(f"finished {_time(header.completed)}")
    return f"<h1>{escape(header.batch_name)}</h1><p class='sub'>{escape(' · '.join(facts))}</p>"


def warnings(report: BatchReport, counters: BatchCounters) -> str:
    """What must not be overlooked: lost evidence, failures."""
    parts = []
    for loss in find_losses(conservation(chain.record for chain in report.chains)):
        parts.append(f"<b>Evidence was lost.</b> {escape(str(loss))}. Do not use these partitions.")
    if counters.entries_failed:
        parts.append(f"{_count(counters.entries_failed, 'entry', 'entries')} could not be read.")
    if counters.failed:
        parts.append(f"{_count(counters.failed, 'chain', 'chains')} failed; the reasons are below.")
    if report.mended:
        parts.append(f"{report.mended:,} of what failed {'was' if report.mended == 1 else 'were'} mended by repairs.")
    if wrong := report.header.open_problems:
        lines = "<br>".join(map(escape, wrong[:_MOST_LINES]))
        parts.append(f"{_count(len(wrong), 'line', 'lines')} of the release's lists could not be read: <br>{lines}")
    return "".join(f'<p class="warning">{part}</p>' for part in parts)


def tiles(counters: BatchCounters) -> str:
    """The totals."""
    obsolete = f"{counters.entries_not_needed:,} obsolete, not read" if counters.entries_not_needed else ""
    good = counters.quality.get("good", 0)
    items = [
        (f"{sum(counters.entries.values()):,}", "entries", obsolete) if counters.entries else None,
        (f"{counters.chains:,}", "chains", f"{counters.classifiable:,} classifiable"),
        (f"{counters.sequences:,}", "sequences", "different ones"),
        (
            f"{counters.domains:,}",
            "domains",
            f"{counters.domains / counters.done:.1f} per chain" if counters.done else "",
        ),
        (f"{good / counters.done:.0%}" if counters.done else "–", "good", f"{good:,} of {counters.done:,} chains"),
        (f"{counters.failed:,}", "failed", f"{counters.failed / counters.classifiable:.1%}" if counters.failed else ""),
    ]
    return "".join(
        f'<div class="tile"><b>{number}</b><span>{name}</span><small>{note}</small></div>'
        for number, name, note in filter(None, items)
    )


def states(report: BatchReport) -> str:
    """One bar of all chains by state, each name a filter of the table."""
    counts = Counter(chain_state(chain.record) for chain in report.chains)
    ordered = {state: counts[state] for state in STATES if counts[state]}
    buttons = "".join(
        f'<button class="filter" data-state="{state}"><i class="{state}"></i>{state.replace("_", " ")} '
        f"<b>{count:,}</b></button>"
        for state, count in ordered.items()
    )
    return f'{share_bar(ordered, unit="chains")}<p class="filters">{buttons}</p>'


def plots(report: BatchReport) -> str:
    """Coverage, domain length, chain length and domains per chain, over the different sequences."""
    chains = [chain for chain in _one_per_sequence(report.chains) if chain.partition is not None]
    partitions = [chain.partition for chain in chains if chain.partition is not None]
    lengths = [len(domain.range) for partition in partitions for domain in partition.domains]
    numbers = [len(partition.domains) for partition in partitions]
    quality = report.header.settings.get("quality") or {}
    good, low = quality.get("good", 0.8), quality.get("low_coverage", 0.5)

    def kind(edge: float) -> str:
        return "good" if edge >= good - 1e-9 else "low_coverage" if edge >= low - 1e-9 else "fragmentary"

    def length(edge: float) -> str:
        return "more" if edge >= _MORE else f"{edge:g}"

    most = max(6, min(15, max(numbers, default=0)))
    figures = (
        ("Coverage", histogram([p.coverage for p in partitions], [i / 20 for i in range(21)], label="coverage",
            unit="sequences", name=lambda edge: f"{edge:.0%}", kind=kind, named_every=4)),
        ("Domains per chain", histogram(numbers, range(most + 2), label="domains", unit="sequences", whole=True)),
        ("Domain length", histogram(lengths, _DOMAIN_EDGES, label="residues", unit="domains", name=length,
            named_every=2)),
        ("Chain length", histogram([c.record.sequence_length for c in _one_per_sequence(report.chains)], _CHAIN_EDGES,
            label="residues", unit="sequences", name=length, named_every=2)),
    )  # fmt: skip
    return "".join(f"<figure><figcaption>{name}</figcaption>{svg}</figure>" for name, svg in figures)


def evidence_table(report: BatchReport) -> str:
    """Hits of each type at each boundary, and how many chains have any."""
    totals = conservation(chain.record for chain in report.chains)
    lost = {loss.type: loss for loss in find_losses(totals)}
    rows = []
    for kind, total in totals.types.items():
        cells, before = [], None
        for name in BOUNDARIES:
            hits, chains = getattr(total, name), total.chains.get(name, 0)
            share = f"{hits / before:.0%} of them · " if before else ""
            missing = kind in lost and lost[kind].after == name
            cells.append(
                f'<td class="n{" lost" if missing else ""}">{hits:,}<small>{share}{chains:,} chains</small></td>'
            )
            before = hits
        reasons = sorted(total.rejected.items(), key=lambda item: -item[1])[:_REASONS]
        why = " · ".join(
            f'<span title="{escape(REJECTIONS.get(reason, ""))}">{escape(reason.replace("_", " "))} {hits:,}</span>'
            for reason, hits in reasons
        )
        rows.append(f"<tr><th>{TRACK_NAMES[kind]}</th><td class='n'>{total.searched:,}</td>{''.join(cells)}</tr>")
        if why:
            rows.append(f'<tr class="why"><td></td><td colspan="5"><small>not accepted: {why}</small></td></tr>')
    if not rows:
        return "<p>No searches are recorded yet.</p>"
    head = "".join(f"<th>{name}</th>" for name in ("", "searched", *BOUNDARIES))
    return f'<table class="numbers"><tr>{head}</tr>{"".join(rows)}</table>'


def repairs_table(report: BatchReport) -> str:
    """A repair's chains before and after, what failed or is worse first; nothing for other batches."""
    if not report.repairs:
        return ""
    counts = Counter(str(outcome.verdict).replace("_", " ") for outcome in report.repairs)
    summary = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    rows = "".join(
        f"<tr><th>{_search(str(outcome.item.key), str(outcome.item.key))}</th>"
        f"<td class='n'>{escape(str(outcome.verdict).replace('_', ' '))}</td>"
        f"<td class='n'>{escape(outcome.item.before.words) if outcome.item.before else 'nothing'}</td>"
        f"<td class='n'>{escape(outcome.after.words)}</td>"
        f"<td>{escape(outcome.item.why)}{_small(outcome.after.failure_reason)}</td></tr>"
        for outcome in report.repairs[:_MOST_REPAIRS]
    )
    hidden = len(report.repairs) - _MOST_REPAIRS
    more = f"<p class='note'>and {hidden:,} more: `pyecod repair --json`, or repair_outcome in SQL</p>"
    reason = escape((report.header.reason or "no reason recorded").replace("_", " "))
    head = "".join(f"<th>{name}</th>" for name in ("", "", "before", "after", "why"))
    return (
        f"<section><h2>Before and after</h2><p>{reason}: {escape(summary)}</p>"
        f'<table class="numbers"><tr>{head}</tr>{rows}</table>{more if hidden > 0 else ""}</section>'
    )


def failures_table(report: BatchReport, counters: BatchCounters) -> str:
    """Failures by step and reason. A reason of chains is a search of the table; entries that failed are named."""
    if not counters.failures:
        return "<p>None.</p>"
    failed = [entry for entry in report.entries.values() if entry.status is Status.FAILED]
    rows = []
    for (step, reason), count in counters.failures.items():
        pieces = reason.split("…")
        if step == "entry":
            names = [e.pdb_id for e in failed if all(piece in (e.failure_reason or "") for piece in pieces)]
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            shown = f"{escape(reason)}<small>{escape(', '.join(names[:_NAMED]) + more)}</small>"
        else:
            shown = _search(reason.removeprefix("…: "), max(pieces, key=len))
        rows.append(f'<tr><td class="n">{count:,}</td><td>{escape(step)}</td><td>{shown}</td></tr>')
    return f'<table class="numbers"><tr><th></th><th>step</th><th>reason</th></tr>{"".join(rows)}</table>'


def curation(report: BatchReport) -> str:
    """What a curator looks at first: outcomes without domains, and flagged domains; each a search of the table."""
    outcomes = Counter(chain.record.partition_outcome for chain in report.chains if chain.record.partition_outcome)
    flags: Counter[str] = Counter()
    for chain in report.chains:
        flags.update({flag.value for d in (chain.partition.domains if chain.partition else ()) for flag in d.flags})
    named = [(outcome.value, outcomes[outcome.value]) for outcome in Outcome if outcome is not Outcome.ASSIGNED]
    named += [(flag.value, flags[flag.value]) for flag in Flag]
    items = "".join(
        f"<li>{_search(name.replace('_', ' '), name)} <b>{count:,}</b></li>" for name, count in named if count
    )
    return f'<ul class="links">{items}</ul>' if items else "<p>Nothing stands out.</p>"


def groups_table(report: BatchReport) -> str:
    """The most frequent T-groups, counted in domains of different sequences: the pictures' legend."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for chain in _one_per_sequence(report.chains):
        for domain in chain.partition.domains if chain.partition else ():
            counts[domain.t_group] += 1
            names.setdefault(domain.t_group, domain.names.get("t") or domain.names.get("h") or "")
    if not counts:
        return "<p>None.</p>"
    rows = "".join(
        f'<tr><td class="n">{count:,}</td><td class="n"><i style="{chip_style(group)}"></i>'
        f"{_search(group, group)}</td><td>{escape(names[group])}</td></tr>"
        for group, count in counts.most_common(_MOST_GROUPS)
    )
    more = f"<p class='note'>and {len(counts) - _MOST_GROUPS:,} more</p>" if len(counts) > _MOST_GROUPS else ""
    return f'<table class="numbers">{rows}</table>{more}'


def slowest_table(report: BatchReport) -> str:
    """The chains that took longest, nothing where no times are recorded."""
    timed = sorted((c for c in report.chains if c.record.seconds), key=lambda c: -(c.record.seconds or 0))[:_SLOWEST]
    if not timed:
        return ""
    rows = "".join(
        f'<tr><td class="n">{chain.record.seconds:,.1f} s</td><td><a href="#{escape(str(chain.key))}">'
        f'{escape(str(chain.key))}</a></td><td class="n">{chain.record.sequence_length:,} residues</td></tr>'
        for chain in timed
    )
    return f'<h2>Slowest chains</h2><table class="numbers">{rows}</table>'


def versions_table(report: BatchReport) -> str:
    """What the results depend on."""
    header = report.header
    algorithms = sorted({c.record.algorithm_version for c in report.chains if c.record.algorithm_version})
    rows = {
        "reference": f"{header.reference_version or ''} {header.reference_id or ''}".strip(),
        "partition algorithm": ", ".join(algorithms),
        **{name: str(version) for name, version in sorted(header.tool_versions.items())},
        "settings digest": header.settings_digest or "",
        "started": _time(header.created),
        "finished": _time(header.completed),
        "report made": _time(report.generated),
    }
    table = "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in rows.items() if v)
    settings = "\n".join(f"{name}: {value}" for name, value in _flat(header.settings))
    more = f"<details><summary>all settings</summary><pre>{escape(settings)}</pre></details>" if settings else ""
    return f'<table class="numbers">{table}</table>{more}'


def _one_per_sequence(chains: Sequence[ReportChain]) -> Iterable[ReportChain]:
    """The first chain of each sequence that can be classified."""
    first: dict[str, ReportChain] = {}
    for chain in chains:
        known = first.get(chain.record.sequence_md5)
        if chain.record.can_classify and (known is None or (known.partition is None and chain.partition is not None)):
            first[chain.record.sequence_md5] = chain
    return first.values()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _search(text: str, words: str) -> str:
    return f'<button class="search" data-search="{escape(words.strip())}">{escape(text)}</button>'


def _small(text: str | None) -> str:
    return f"<small>{escape(text)}</small>" if text else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _time(text: str | None) -> str:
    """``2025-09-05 10:00 UTC`` of an ISO time; what is no time stays as it is."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()
