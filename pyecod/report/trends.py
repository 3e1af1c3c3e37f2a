"""The weeks side by side: ``report/weeks.html`` under the base path, one file that needs nothing else."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

from pyecod.batch import Batch, BatchType, ChainRecord, Status, find_batches
from pyecod.batch.counters import BatchCounters
from pyecod.batch.header import UNKNOWN_TIME, read_time, week_of
from pyecod.errors import BatchError
from pyecod.files import atomic_write
from pyecod.report.architecture import TRACK_NAMES
from pyecod.report.overview import STATES
from pyecod.report.rows import chain_state
from pyecod.report.series import lines, stacked
from pyecod.search.hit import EvidenceType
from pyecod.watch.conservation import conservation, find_losses

_HERE = Path(__file__).parent
_LABELS = ("good", "low_coverage", "fragmentary", "no_domains")
_PAUSE = datetime.timedelta(hours=1)  # a longer gap between two records is an interruption, and counts as this much
_PERIOD = 7  # days between releases
_STYLE = """
.figures.wide { grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)) }
.chart .bar.no_domains { fill: var(--none) } .chart .bar.failed { fill: var(--fail) }
.chart .bar.pending { fill: var(--wait) } .chart .bar.not_classifiable { fill: var(--not) }
.chart .line path { fill: none; stroke: currentColor; stroke-width: 2 } .chart .line circle { fill: currentColor }
.domain_blast { color: var(--link) } .chain_blast { color: var(--good) } .hhsearch { color: var(--low) }
.coverage { color: var(--good) }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 4px 0 0; font-size: 12px; color: var(--soft) }
.legend i.domain_blast, .legend i.chain_blast, .legend i.hhsearch { background: currentColor }
.scroll { overflow-x: auto } .scroll th, .scroll td { white-space: nowrap; text-align: right }
.scroll tr:first-child th { white-space: normal; vertical-align: bottom; overflow-wrap: normal }
.scroll { font-size: 12px } .scroll th, .scroll td { padding-right: 9px }
.scroll :is(th, td):nth-child(-n+2), .scroll :is(th, td):last-child { text-align: left }
"""


@dataclass(frozen=True, slots=True)
class Week:
    """What one weekly batch came to. Coverages and shares are 0 to 1, None where nothing is known.

    ``coverage`` is the mean over the classifiable chains with a partition. ``evidence`` has, per type, the share of the
    chains searched with it that have an accepted hit. ``hours`` is the time in which chains were recorded, without
    interruptions.
    """

    name: str
    date: datetime.date
    counters: BatchCounters
    states: Mapping[str, int]
    reference: str = ""
    coverage: float | None = None
    evidence: Mapping[EvidenceType, float] = field(default_factory=dict)
    losses: tuple[str, ...] = ()
    hours: float | None = None
    link: str = ""

    @property
    def per_hour(self) -> float | None:
        """Chains done per hour."""
        return self.counters.done / self.hours if self.hours else None

    def share(self, label: str) -> float | None:
        """Share of the chains done that have a quality label."""
        return self.counters.quality.get(label, 0) / self.counters.done if self.counters.done else None


def gather_weeks(base_path: Path) -> tuple[list[Week], list[str]]:
    """Every weekly batch under ``base_path``, oldest first, and what could not be read.

    Raises:
        BatchError: there is no such folder.
    """
    weeks, problems = [], []
    for path in find_batches(base_path, BatchType.WEEKLY.pattern):
        try:
            batch = Batch.open(path)
            if batch.header.batch_type is BatchType.WEEKLY:  # whatever its name says
                weeks.append(read_week(batch))
        except BatchError as error:
            problems.append(str(error))
    return sorted(weeks, key=lambda week: week.date), problems


def read_week(batch: Batch) -> Week:
    """One weekly batch.

    Raises:
        BatchError: the batch does not say which release it is of.
    """
    chains = list(batch.manifest.chains.values())
    states = Counter(map(chain_state, chains))
    covered = [c.partition_coverage for c in chains if c.can_classify and c.partition_coverage is not None]
    totals = conservation(chains)
    page = batch.paths.report / "index.html"
    return Week(
        name=batch.name,
        date=_release_date(batch),
        counters=batch.counters(),
        states={state: states[state] for state in STATES},
        reference=batch.header.reference_version or "",
        coverage=sum(covered) / len(covered) if covered else None,
        evidence={
            kind: total.chains.get("accepted", 0) / total.searched
            for kind, total in totals.types.items()
            if total.searched
        },
        losses=tuple(map(str, find_losses(totals))),
        hours=_hours(batch.header.created, chains),
        link=f"../{batch.path.name}/report/index.html" if page.is_file() else "",
    )


def _release_date(batch: Batch) -> datetime.date:
    week = week_of(batch.header)
    if week is None:
        raise BatchError(f"the batch has no release date: {batch.header.release_date!r}", where=batch.path)
    return week


def _hours(created: str, chains: Sequence[ChainRecord]) -> float | None:
    """Hours between the first and the last record, each gap counting for at most :data:`_PAUSE`."""
    done = {c.updated_at for c in chains if c.partition_status is Status.COMPLETE and c.updated_at}
    moments = sorted({read_time(text) for text in (created, *done)} - {UNKNOWN_TIME})
    gaps = (min(after - before, _PAUSE) for before, after in pairwise(moments))
    return sum(gaps, datetime.timedelta()).total_seconds() / 3600 if done else None


def write_weeks(base_path: Path) -> Path:
    """Write ``report/weeks.html`` under ``base_path``, whole or not at all; gives its path.

    Raises:
        BatchError: there is no such folder.
    """
    weeks, problems = gather_weeks(base_path)
    path = base_path / "report" / "weeks.html"
    path.parent.mkdir(exist_ok=True)
    atomic_write(path, render_weeks(weeks, problems), durable=False)
    return path


def render_weeks(weeks: Sequence[Week], problems: Sequence[str] = ()) -> str:
    """The page as HTML text."""
    style = (_HERE / "page.css").read_text(encoding="utf-8") + _STYLE
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    body = f'<section class="tiles">{_tiles(weeks)}</section>\n{_figures(weeks)}\n{_table(weeks)}' if weeks else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Weeks – pyECOD</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<style>\n{style}</style></head>\n'
        f"<body>\n<header>{_heading(weeks)}{_warnings(weeks, problems)}</header>\n{body}\n</body></html>\n"
    )


def _heading(weeks: Sequence[Week]) -> str:
    facts = ["no weekly batch"]
    if weeks:
        facts = [f"{weeks[0].date} to {weeks[-1].date}"]
        facts += ["ECOD " + ", ".join(dict.fromkeys(week.reference for week in weeks if week.reference))]
        facts += [f"made {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"]
    return f"<h1>Weeks</h1><p class='sub'>{escape(' · '.join(facts))}</p>"


def _warnings(weeks: Sequence[Week], problems: Sequence[str]) -> str:
    parts = [f"<b>{week.date}: evidence was lost.</b> {escape(loss)}" for week in weeks for loss in week.losses]
    parts += [f"{escape(problem)}" for problem in problems]
    gaps = missing_weeks(weeks)
    if gaps:
        parts.append("No batch for the week of " + ", ".join(map(str, gaps)))
    return "".join(f'<p class="warning">{part}</p>' for part in parts)


def missing_weeks(weeks: Sequence[Week]) -> list[datetime.date]:
    """Release days between the first and the last week that have no batch: every seventh day after a week."""
    gaps = []
    for before, after in pairwise(weeks):
        day = before.date + datetime.timedelta(days=_PERIOD)
        while (after.date - day).days >= _PERIOD // 2 + 1:
            gaps.append(day)
            day += datetime.timedelta(days=_PERIOD)
    return gaps


def _tiles(weeks: Sequence[Week]) -> str:
    def total(count: Callable[[BatchCounters], int]) -> int:
        return sum(count(week.counters) for week in weeks)

    done, classifiable = total(lambda c: c.done), total(lambda c: c.classifiable)
    good, failed = total(lambda c: c.quality.get("good", 0)), total(lambda c: c.failed)
    items = (
        (f"{len(weeks):,}", "weeks", f"{sum(not week.counters.is_finished for week in weeks)} unfinished"),
        (f"{total(lambda c: c.chains):,}", "chains", f"{classifiable:,} classifiable"),
        (
            f"{total(lambda c: c.domains):,}",
            "domains",
            f"{total(lambda c: c.domains) / done:.1f} per chain" if done else "",
        ),
        (f"{good / done:.0%}" if done else "–", "good", f"{good:,} of {done:,} chains"),
        (f"{failed:,}", "failed", f"{failed / classifiable:.1%}" if failed else ""),
        (f"{total(lambda c: c.left):,}", "left", ""),
    )
    return "".join(
        f'<div class="tile"><b>{number}</b><span>{name}</span><small>{note}</small></div>'
        for number, name, note in items
    )


def _figures(weeks: Sequence[Week]) -> str:
    names = [f"{week.date:%d %b}" if len(weeks) < 30 else f"{week.date:%b %y}" for week in weeks]
    states = {s: [week.states.get(s, 0) for week in weeks] for s in STATES if any(w.states.get(s) for w in weeks)}
    quality = {label: [week.share(label) or 0.0 for week in weeks] for label in _LABELS}
    kinds = [kind for kind in EvidenceType if any(kind in week.evidence for week in weeks)]
    evidence = {kind.value: [week.evidence.get(kind) for week in weeks] for kind in kinds}
    failed = [w.counters.failed / w.counters.classifiable if w.counters.classifiable else 0.0 for w in weeks]
    figures = (
        ("Chains", stacked(names, states, label="chains per week", text=_count), _legend(states)),
        ("Quality", stacked(names, quality, label="quality per week", text=_share, top=1), _legend(quality)),
        ("Mean coverage", lines(names, {"coverage": [week.coverage for week in weeks]}, label="mean coverage per week",
            text=_share, top=1), ""),
        ("Chains with accepted evidence, of those searched", lines(names, evidence, label="evidence per week",
            text=_share, top=1), _legend({kind.value: TRACK_NAMES[kind] for kind in kinds})),
        ("Failed chains", stacked(names, {"failed": failed}, label="failures per week", text=_small,
            top=max(0.1, *failed)), ""),
        ("Chains per hour", stacked(names, {"done": [week.per_hour or 0.0 for week in weeks]},
            label="chains per hour", text=_count), ""),
    )  # fmt: skip
    shown = "".join(f"<figure><figcaption>{name}</figcaption>{svg}{legend}</figure>" for name, svg, legend in figures)
    return f'<section><h2>Trends</h2><div class="figures wide">{shown}</div></section>'


def _legend(series: Mapping[str, object]) -> str:
    items = (
        f'<span><i class="{escape(key)}"></i>{escape(name if isinstance(name, str) else key.replace("_", " "))}</span>'
        for key, name in series.items()
    )
    return f'<p class="legend">{"".join(items)}</p>'


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _share(value: float) -> str:
    return f"{value:.0%}"


def _small(value: float) -> str:
    return f"{value:.1%}"


def _table(weeks: Sequence[Week]) -> str:
    heads = ("release", "reference", "entries", "not read", "chains", "classifiable", "sequences", "done", "failed",
        "left", "domains", "per chain", *(label.replace("_", " ") for label in _LABELS), "coverage",
        *(TRACK_NAMES[kind] for kind in EvidenceType), "hours", "per hour", "state")  # fmt: skip
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(week))}</tr>" for week in reversed(weeks))
    table = f'<table class="numbers"><tr>{head}</tr>{rows}</table>'
    return f'<section><h2>Weeks</h2><div class="scroll">{table}</div></section>'


def _cells(week: Week) -> list[str]:
    c = week.counters
    name = f'<a href="{escape(week.link)}">{week.date}</a>' if week.link else str(week.date)
    state = "done" if c.is_finished else "unfinished"
    return [
        name,
        escape(week.reference),
        *(f"{n:,}" for n in (sum(c.entries.values()), c.entries_failed, c.chains, c.classifiable, c.sequences)),
        *(f"{n:,}" for n in (c.done, c.failed, c.left, c.domains)),
        f"{c.domains / c.done:.2f}" if c.done else "–",
        *(_or_dash(week.share(label), _share) for label in _LABELS),
        _or_dash(week.coverage, _share),
        *(_or_dash(week.evidence.get(kind), _share) for kind in EvidenceType),
        _or_dash(week.hours, lambda hours: f"{hours:.1f}"),
        _or_dash(week.per_hour, _count),
        f"{state}, evidence lost" if week.losses else state,
    ]


def _or_dash(value: float | None, text: Callable[[float], str]) -> str:
    return "–" if value is None else text(value)
