"""Small charts as inline SVG: bars of counts with their numbers when pointed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 18, 8, 34


def histogram(
    values: Sequence[float],
    edges: Sequence[float],
    *,
    label: str,
    unit: str,
    name: Callable[[float], str] = lambda edge: f"{edge:g}",
    kind: Callable[[float], str] = lambda _: "",
    named_every: int = 1,
    whole: bool = False,
) -> str:
    """Histogram of ``values`` over bins ``[edge, next edge)``; the first and last bin take what lies outside.

    ``label`` is the axis, ``unit`` what is counted, ``name`` the text of an edge, ``kind`` the CSS class of the bin
    that begins at an edge; every ``named_every``-th edge is named. With ``whole`` each bin is one whole number.
    """
    counts = [0] * (len(edges) - 1)
    for value in values:
        place = sum(value >= edge for edge in edges[1:-1])
        counts[place] += 1
    wide = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    most = _nice(max(counts, default=0))
    base = _HEIGHT - _BOTTOM
    parts = _axis(most, base)
    for i, count in enumerate(counts):
        x, height = _LEFT + i * wide, (base - _TOP) * count / most
        between = name(edges[i]) if whole else f"{name(edges[i])} to {name(edges[i + 1])}"
        parts.append(
            f"<g><title>{escape(f'{label} {between}: {count:,} {unit}')}</title>"
            f'<rect x="{x:.1f}" y="{_TOP}" width="{wide:.1f}" height="{base - _TOP}" fill-opacity="0"/>'
            f'<rect class="bar {kind(edges[i])}" x="{x + 0.75:.1f}" y="{base - height:.1f}" width="{wide - 1.5:.1f}" '
            f'height="{height:.1f}"/></g>'
        )
    for i, edge in enumerate(edges[:-1] if whole else edges):
        if i % named_every == 0:
            parts.append(_text(_LEFT + (i + whole / 2) * wide, base + 14, name(edge)))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, label, "axis"))
    return _svg(parts, f"histogram: {label}")


def share_bar(counts: Mapping[str, int], *, unit: str) -> str:
    """One bar cut by shares; the keys are the CSS classes and, with spaces for ``_``, the names."""
    total = sum(counts.values())
    parts, x = [], 0.0
    for key, count in counts.items():
        if count:
            wide = 1000 * count / total
            title = f"{key.replace('_', ' ')}: {count:,} {unit} ({count / total:.1%})"
            rect = f'<rect class="{escape(key)}" x="{x:.2f}" width="{wide:.2f}" height="16"/>'
            parts.append(f"<g><title>{escape(title)}</title>{rect}</g>")
            x += wide
    return f'<svg class="shares" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img">{"".join(parts)}</svg>'


def _axis(most: int, base: float) -> list[str]:
    parts = []
    for share in (0, 0.5, 1):
        y = base - (base - _TOP) * share
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        if most * share == int(most * share):
            parts.append(_text(_LEFT - 5, y + 3.5, f"{int(most * share):,}", "count"))
    return parts


def _nice(most: int) -> int:
    """Round number at or above the largest count, for the top of the axis."""
    scale = 1
    while True:
        for step in (1, 2, 4, 5, 6, 8):
            if most <= step * scale:
                return step * scale
        scale *= 10


def _text(x: float, y: float, text: str, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(parts: list[str], label: str) -> str:
    head = f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
    return head + "".join(parts) + "</svg>"
