"""Charts over weeks as inline SVG: stacked bars and lines, each value said when pointed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 420, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 10, 8, 22
_BASE = _HEIGHT - _BOTTOM
_MOST_NAMED = 8


def stacked(
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    label: str,
    text: Callable[[float], str],
    top: float = 0,
) -> str:
    """One bar per name, cut into the series from below; a series' key is its CSS class and, without ``_``, its name.

    The axis ends at ``top``, or above the highest bar. ``text`` writes a value.
    """
    sums = [sum(values[i] for values in series.values()) for i in range(len(names))]
    most = top or _nice(max(sums, default=0))
    parts = _axis(most, text) + _names(names)
    for i, name in enumerate(names):
        x, wide = _place(i, len(names))
        gap, height = min(4.0, wide / 6), 0.0
        for key, values in series.items():
            if values[i]:
                tall = (_BASE - _TOP) * values[i] / most
                title = f"{name}: {text(values[i])} {key.replace('_', ' ')}"
                parts.append(
                    f'<rect class="bar {escape(key)}" x="{x + gap / 2:.1f}" y="{_BASE - height - tall:.2f}" '
                    f'width="{wide - gap:.1f}" height="{tall:.2f}"><title>{escape(title)}</title></rect>'
                )
                height += tall
    return _svg(parts, label)


def lines(
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    label: str,
    text: Callable[[float], str],
    top: float = 0,
) -> str:
    """One line per series, broken where a value is None; a series' key is its CSS class and its name."""
    known = [value for values in series.values() for value in values if value is not None]
    most = top or _nice(max(known, default=0))
    parts = _axis(most, text) + _names(names)
    for key, values in series.items():
        runs: list[list[str]] = [[]]
        dots = []
        for i, value in enumerate(values):
            if value is None:
                runs.append([])
                continue
            x, wide = _place(i, len(names))
            point = (x + wide / 2, _BASE - (_BASE - _TOP) * min(value, most) / most)
            runs[-1].append(f"{point[0]:.1f} {point[1]:.2f}")
            title = escape(f"{names[i]}: {key.replace('_', ' ')} {text(value)}")
            dots.append(f'<circle cx="{point[0]:.1f}" cy="{point[1]:.2f}" r="3.2"><title>{title}</title></circle>')
        path = "".join(f"M{'L'.join(run)}" for run in runs if run)
        parts.append(f'<g class="line {escape(key)}"><path d="{path}"/>{"".join(dots)}</g>')
    return _svg(parts, label)


def _place(i: int, count: int) -> tuple[float, float]:
    """Left edge and width of a name's share of the axis."""
    wide = min(60.0, (_WIDTH - _LEFT - _RIGHT) / max(count, 1))
    return _LEFT + i * wide, wide


def _axis(most: float, text: Callable[[float], str]) -> list[str]:
    parts = []
    for share in (0, 0.5, 1):
        y = _BASE - (_BASE - _TOP) * share
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="count" x="{_LEFT - 5}" y="{y + 3.5:.1f}">{escape(text(most * share))}</text>')
    return parts


def _names(names: Sequence[str]) -> list[str]:
    step = -(-len(names) // _MOST_NAMED)
    parts = []
    for i in range(0, len(names), max(1, step)):
        x, wide = _place(i, len(names))
        parts.append(f'<text x="{x + wide / 2:.1f}" y="{_BASE + 15}">{escape(names[i])}</text>')
    return parts


def _nice(most: float) -> float:
    """Round number at or above the largest value."""
    scale = 1.0
    while True:
        for step in (1, 2, 4, 5, 6, 8):
            if most <= step * scale:
                return step * scale
        scale *= 10


def _svg(parts: list[str], label: str) -> str:
    head = f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
    return head + "".join(parts) + "</svg>"
