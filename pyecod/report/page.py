"""The page of a batch: ``report/index.html``, one file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

import orjson

from pyecod.batch import Batch
from pyecod.batch.counters import count_batch
from pyecod.files import atomic_write
from pyecod.report import overview
from pyecod.report.gather import gather_report
from pyecod.report.model import BatchReport
from pyecod.report.rows import CHUNK, ChainTable, chain_table, pack

_HERE = Path(__file__).parent
_COLUMNS = (
    ("chain", 0),
    ("architecture", None),
    ("length", 1),
    ("domains", 2),
    ("coverage", 3),
    ("quality", 4),
    ("T-groups", 5),
    ("copies", 6),
    ("seconds", 7),
)


def write_report(batch: Batch | Path) -> Path:
    """Write ``report/index.html`` of a batch (or of the batch in a folder), whole or not at all; gives its path.

    It can be made at any time, also of a batch that is still running.

    Raises:
        BatchError: there is no batch, or its manifest is damaged.
    """
    opened = Batch.open(batch) if isinstance(batch, Path) else batch
    path = opened.paths.report / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, render_page(gather_report(opened)), durable=False)
    return path


def render_page(report: BatchReport) -> str:
    """The page as HTML text."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    name = escape(report.header.batch_name)
    table = chain_table(report)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name} – pyECOD</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<style>\n{style}</style></head>\n'
        f"<body>\n{_overview(report)}\n{_chains(report, table)}\n{_more(report)}\n{_data(table)}\n"
        f"<div id='tip' role='tooltip' hidden></div>\n<script>{script}</script>\n</body></html>\n"
    )


def _overview(report: BatchReport) -> str:
    counters = count_batch(report.entries.values(), (chain.record for chain in report.chains))
    return (
        f"<header>{overview.heading(report.header, counters)}{overview.warnings(report, counters)}</header>\n"
        f'<section class="tiles">{overview.tiles(counters)}</section>\n'
        f"<section><h2>Quality</h2>{overview.states(report)}\n"
        f'<div class="figures">{overview.plots(report)}</div></section>\n'
        f"{overview.repairs_table(report)}\n"
        f'<section class="columns"><div class="wide"><h2>Evidence</h2>{overview.evidence_table(report)}'
        f"<h2>Failures</h2>{overview.failures_table(report, counters)}"
        f"<h2>To look at</h2>{overview.curation(report)}</div>"
        f"<div><h2>Frequent T-groups</h2>{overview.groups_table(report)}</div></section>"
    )


def _chains(report: BatchReport, table: ChainTable) -> str:
    heads = "".join(
        f'<button data-sort="{key}">{name}</button>' if key is not None else f"<span>{name}</span>"
        for name, key in _COLUMNS
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes)
    return (
        f'<section id="chains"><h2>Chains</h2>{notes}'
        '<p class="controls"><input id="search" type="search" spellcheck="false" '
        'placeholder="chain, T-group, family, title, reason …" aria-label="search chains">'
        '<button id="once" class="filter" aria-pressed="false">one per sequence</button>'
        '<button id="clear" hidden>show all</button><span id="shown" aria-live="polite"></span></p>'
        '<noscript><p class="warning">Search, sorting and the pictures below a row need JavaScript.</p></noscript>'
        f'<div class="head">{heads}</div>\n<div id="rows">\n{chr(10).join(table.rows)}\n</div></section>'
    )


def _more(report: BatchReport) -> str:
    return (
        f'<section class="columns"><div class="wide"><h2>Versions</h2>{overview.versions_table(report)}</div>'
        f"<div>{overview.slowest_table(report)}</div></section>"
    )


def _data(table: ChainTable) -> str:
    index = {
        "chunk": CHUNK,
        "keys": table.keys,
        "texts": table.texts,
        "states": table.states,
        "firsts": table.firsts,
    }
    # inside a script element only "<" could end it
    plain = orjson.dumps(index).decode().replace("<", "\\u003c")
    parts = [f'<script type="application/json" id="index">{plain}</script>']
    for kind, items in (("b", table.bodies), ("p", list(table.pictures))):
        parts += [f'<script type="text/plain" id="{kind}{n}">{chunk}</script>' for n, chunk in enumerate(pack(items))]
    return "\n".join(parts)
