"""One colour and mark per T-group: the same in every picture and batch, on light and on dark ground."""

from __future__ import annotations

import zlib

# twelve hues 30 degrees apart in OKLCH, each light (L 0.76) and dark (L 0.56): neighbours differ in lightness too,
# so that they stay apart for colour-blind readers; pictures name the group besides
PALETTE = (
    *("#f68f90", "#b25255", "#f09866", "#ad5b27", "#dba84a", "#976b03", "#b6b852", "#7a7a00"),
    *("#85c577", "#49863b", "#4bcaa5", "#04896a", "#1ec8d0", "#01858a", "#4bbff1", "#077fa8"),
    *("#84b2fd", "#4773bd", "#b0a3fb", "#7466b8", "#d496e2", "#945aa2", "#ec8fbc", "#a9527f"),
)
_ON_LIGHT, _ON_DARK = "#14181c", "#ffffff"


def group_colour(t_group: str) -> str:
    """Colour of a T-group as ``#rrggbb``, decided by its id alone."""
    return PALETTE[_place(t_group)]


def text_colour(t_group: str) -> str:
    """Colour of text that is readable on :func:`group_colour`."""
    return _ON_LIGHT if _place(t_group) % 2 == 0 else _ON_DARK


def group_mark(t_group: str) -> int:
    """Stripes on the colour, 0 to 2, so that groups which share a colour still differ."""
    return zlib.crc32(t_group.encode()) // len(PALETTE) % 3


def chip_style(t_group: str) -> str:
    """CSS background of a small square for a T-group, with its colour and stripes."""
    stripe = f"{text_colour(t_group)}b0"
    places = ((), ((70, 85),), ((15, 30), (70, 85)))[group_mark(t_group)]
    stripes = [f"linear-gradient(#0000 {a}%,{stripe} {a}% {b}%,#0000 {b}%)" for a, b in places]
    return f"background:{','.join([*stripes, group_colour(t_group)])}"


def _place(t_group: str) -> int:
    return zlib.crc32(t_group.encode()) % len(PALETTE)
