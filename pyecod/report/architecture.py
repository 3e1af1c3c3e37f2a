"""The domain architecture of one chain as an SVG picture, to scale.

From top to bottom: the domains, coloured by T-group, the segments of a discontinuous one joined by a line;
unassigned regions dashed, with the reason; a ruler in SEQRES and, where known, author numbers; and a track per
evidence type: how many hits lie over each residue (logarithmic), and the best hits. Everything says its numbers
when pointed at. The picture names neither entry nor chain, so that identical chains can share it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape as escape_html

from pyecod.partition.model import REASONS, Domain, Partition, Unassigned
from pyecod.pdb.chain import Numbering
from pyecod.ranges import ResidueRange
from pyecod.report.colours import group_colour, group_mark, text_colour
from pyecod.report.tracks import EvidenceTrack, TrackHit
from pyecod.search.hit import EvidenceType

WIDTH = 960
_GUTTER, _MARGIN = 104, 16
_BAR = 28  # height of a domain
_LANE = 6  # height of a hit with the gap below it
_DEPTH = 22  # height of a depth profile
_LETTER = 6.4  # mean width of a letter at 11 px
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000)

TRACK_NAMES = {
    EvidenceType.CHAIN_BLAST: "chain BLAST",
    EvidenceType.DOMAIN_BLAST: "domain BLAST",
    EvidenceType.HHSEARCH: "HHsearch",
}
_STANDALONE = (
    "<style>.architecture{color:#1d2329;background:#fff}"
    "@media(prefers-color-scheme:dark){.architecture{color:#e4e7ea;background:#16191d}}</style>"
)


def architecture_svg(
    partition: Partition,
    tracks: Sequence[EvidenceTrack] = (),
    numbering: Numbering | None = None,
    *,
    title: str = "",
    standalone: bool = False,
) -> str:
    """The picture as SVG text, 960 units wide; it takes its text colour from where it stands.

    ``tracks`` are :func:`pyecod.report.tracks.evidence_tracks` of the domain summary; ``numbering`` adds author
    numbers. ``title`` is a heading. ``standalone`` is for a file of its own: with namespace, and colours for light
    and dark ground.
    """
    return _Picture(partition.length, numbering).draw(partition, tracks, title, standalone)


def thumbnail_svg(partition: Partition, width: int = 220) -> str:
    """The domains alone, ``width`` by 14 units, for a table row."""
    scale = width / partition.length
    parts = [f'<path d="M0 7H{width}" stroke="currentColor" stroke-opacity=".35"/>']
    for domain in partition.domains:
        spans = domain.range.segments
        if len(spans) > 1:
            left, right = _short((spans[0][0] - 1) * scale), _short(spans[-1][1] * scale)
            parts.append(f'<path d="M{left} 1H{right}" stroke="{group_colour(domain.t_group)}" stroke-width="2"/>')
        for start, end in spans:
            x, wide = _short((start - 1) * scale), _short((end - start + 1) * scale)
            parts.append(
                f'<rect x="{x}" y="1" width="{wide}" height="12" rx="2" fill="{group_colour(domain.t_group)}"/>'
            )
            parts += _stripes(domain.t_group, float(x), float(wide), 1, 12)
    return f'<svg class="mini" viewBox="0 0 {width} 14" preserveAspectRatio="none">{"".join(parts)}</svg>'


class _Picture:
    """Coordinates and parts of one picture."""

    def __init__(self, length: int, numbering: Numbering | None) -> None:
        self.length = length
        self.numbering = numbering
        self.scale = (WIDTH - _GUTTER - _MARGIN) / length

    def draw(self, partition: Partition, tracks: Sequence[EvidenceTrack], title: str, standalone: bool) -> str:
        """The whole picture."""
        parts: list[str] = []
        y = 4.0
        if title:
            parts.append(f'<text x="{_GUTTER}" y="16" font-size="14" font-weight="600">{escape(title)}</text>')
            y += 22
        y += self._domain_row(parts, partition, y)
        y += self._ruler(parts, y)
        for track in tracks:
            y += self._track(parts, track, y)
        namespace = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
        head = (
            f'<svg{namespace} class="architecture" '
            f'viewBox="0 0 {WIDTH} {_short(y + 4)}" role="img" fill="currentColor" '
            f'font-family="system-ui,sans-serif" font-size="11"'
        )
        label = escape(title or f"{len(partition.domains)} domains over {partition.length} residues")
        return f'{head} aria-label="{label}">{_STANDALONE if standalone else ""}{"".join(parts)}</svg>\n'

    def left(self, residue: float) -> float:
        """Where a residue begins."""
        return _GUTTER + (residue - 1) * self.scale

    def span(self, start: int, end: int) -> tuple[float, float]:
        """Left end and width of residues ``start`` to ``end``; never too thin to be seen."""
        return self.left(start), max(1.0, (end - start + 1) * self.scale)

    def author(self, residues: ResidueRange) -> str:
        """The range in author numbers without chain id, empty where there are none."""
        if self.numbering is None:
            return ""
        return ", ".join(part.removeprefix(":") for part in self.numbering.pdb_range("", residues).split(",") if part)

    def _domain_row(self, parts: list[str], partition: Partition, y: float) -> float:
        levels = _joint_levels(partition.domains)
        top = y + 7 * max(levels.values(), default=0) + 4
        middle = top + _BAR / 2
        parts.append(_label("domains", middle + 4))
        parts.append(f'<path d="{self._backbone(partition, middle)}" stroke="currentColor" stroke-opacity=".5"/>')
        for region in partition.unassigned:
            parts.append(self._unassigned(region, middle))
        for domain in partition.domains:
            parts.append(self._domain(domain, top, levels.get(domain.number, 0)))
        return top + _BAR + 4 - y

    def _backbone(self, partition: Partition, y: float) -> str:
        """A line along the chain, leaving out what is drawn as unassigned."""
        dashed = ResidueRange.of(s for region in partition.unassigned for s in region.range.segments)
        solid = ResidueRange.of([(1, self.length)]).difference(dashed)
        ends = (self.span(start, end) for start, end in solid.segments)
        return "".join(f"M{_short(x)} {_short(y)}h{_short(width)}" for x, width in ends) or f"M{_GUTTER} {_short(y)}"

    def _domain(self, domain: Domain, top: float, level: int) -> str:
        colour, spans = group_colour(domain.t_group), domain.range.segments
        parts = [f"<g><title>{escape(self._domain_title(domain))}</title>"]
        if level:
            height = _short(top - 7 * level + 3)
            ends = [(self.left(a) + (b - a + 1) * self.scale / 2) for a, b in spans]
            drops = "".join(f"M{_short(x)} {_short(top)}V{height}" for x in ends)
            parts.append(
                f'<path d="M{_short(ends[0])} {height}H{_short(ends[-1])}{drops}" fill="none" stroke="{colour}" '
                'stroke-width="2"/>'
            )
        for start, end in spans:
            x, width = self.span(start, end)
            place = f'x="{_short(x)}" y="{_short(top)}" width="{_short(width)}" height="{_BAR}"'
            parts.append(f'<rect {place} rx="4" fill="{colour}"/>')
            parts += _stripes(domain.t_group, x, width, top, _BAR)
        start, end = max(spans, key=lambda span: span[1] - span[0])
        x, width = self.span(start, end)
        text = next((t for t in (f"{domain.number} · {domain.t_group}", f"{domain.number}") if _fits(t, width)), "")
        if text:
            parts.append(
                f'<text x="{_short(x + width / 2)}" y="{_short(top + _BAR / 2 + 4)}" text-anchor="middle" '
                f'font-weight="600" fill="{text_colour(domain.t_group)}">{escape(text)}</text>'
            )
        return "".join(parts) + "</g>"

    def _domain_title(self, domain: Domain) -> str:
        name = " / ".join(domain.names[level] for level in "xhtf" if domain.names.get(level))
        lines = [
            f"domain {domain.number}: {domain.f_group or domain.t_group}",
            name,
            *self._where(domain.range),
            f"aligned {domain.evidence_range}".replace(",", ", ") if domain.evidence_range else "",
            f"{domain.ecod_domain} by {TRACK_NAMES[domain.source]}, {strength_text(domain.evalue, domain.probability)}",
            f"{domain.reference_coverage:.0%} of the reference domain, {domain.support} hits agree",
            domain.certainty,
            ", ".join(flag.value.replace("_", " ") for flag in domain.flags),
        ]
        return "\n".join(line for line in lines if line)

    def _where(self, residues: ResidueRange) -> list[str]:
        shown = str(residues).replace(",", ", ")
        author = self.author(residues)
        return [f"residues {shown} ({len(residues)})", f"author {author}" if author else ""]

    def _unassigned(self, region: Unassigned, middle: float) -> str:
        reason = region.reason.value.replace("_", " ")
        words = (f"unassigned: {reason}", *self._where(region.range), REASONS[region.reason], *region.found)
        title = "\n".join(line for line in words if line)
        parts = [f"<g><title>{escape(title)}</title>"]
        for start, end in region.range.segments:
            x, width = self.span(start, end)
            parts.append(
                f'<path d="M{_short(x)} {_short(middle)}h{_short(width)}" stroke="currentColor" stroke-opacity=".5" '
                f'stroke-dasharray="2 3"/><rect x="{_short(x)}" y="{_short(middle - 10)}" width="{_short(width)}" '
                'height="20" fill-opacity="0"/>'
            )
            if _fits(reason, width):
                parts.append(
                    f'<text x="{_short(x + width / 2)}" y="{_short(middle - 5)}" text-anchor="middle" font-size="10" '
                    f'fill-opacity=".7">{escape(reason)}</text>'
                )
        return "".join(parts) + "</g>"

    def _ruler(self, parts: list[str], y: float) -> float:
        step = next((s for s in _STEPS if s * self.scale >= 56), _STEPS[-1])
        ticks = [1, *range(step, self.length, step), self.length]
        # the ends are always named; what would touch them gives way
        ticks = [t for t in ticks if t in (1, self.length) or 34 / self.scale < t < self.length - 38 / self.scale]
        places = [(t, _short(self.left(t) + self.scale / 2)) for t in dict.fromkeys(ticks)]
        marks = "".join(f"M{x} {_short(y)}v4" for _, x in places)
        parts.append(
            f'<path d="M{_GUTTER} {_short(y)}H{WIDTH - _MARGIN}{marks}" stroke="currentColor" stroke-opacity=".35"/>'
        )
        rows = [("residue", {t: str(t) for t, _ in places})]
        if self.numbering is not None:
            rows.append(("author", {t: self._author_number(t) for t, _ in places}))
        for row, (name, texts) in enumerate(rows):
            baseline = y + 15 + 12 * row
            numbers = "".join(f'<text x="{x}" y="{_short(baseline)}">{escape(texts[t])}</text>' for t, x in places)
            parts.append(
                f'{_label(name, baseline)}<g text-anchor="middle" font-size="10" fill-opacity=".7">{numbers}</g>'
            )
        return 10 + 12 * len(rows) + 8

    def _author_number(self, label: int) -> str:
        assert self.numbering is not None
        try:
            return self.numbering.author(label)
        except KeyError:
            return "–"

    def _track(self, parts: list[str], track: EvidenceTrack, y: float) -> float:
        name, kept = TRACK_NAMES[track.type], f"{track.count:,} hit{'' if track.count == 1 else 's'}"
        parts.append(_label(name, y + 10) + _label(kept, y + 22, faint=True))
        base = y + _DEPTH
        if not track.count:
            parts.append(
                f'<path d="M{_GUTTER} {_short(base)}H{WIDTH - _MARGIN}" stroke="currentColor" stroke-opacity=".2"/>'
            )
            return _DEPTH + 12
        deepest = max(count for _, _, count in track.depth)
        title = f"{name}: {kept} of {track.found:,} found, up to {deepest:,} over one residue"
        parts.append(
            f'<g><title>{escape(title)}</title><path d="{self._profile(track, base, deepest)}" fill="#6f8fb0" '
            'fill-opacity=".45"/></g>'
        )
        lanes = _lanes(track.hits, gap=max(1, round(3 / self.scale)))
        for hit, lane in lanes:
            parts.append(self._hit(hit, base + 4 + _LANE * lane))
        return _DEPTH + 4 + _LANE * (1 + max((lane for _, lane in lanes), default=0)) + 8

    def _profile(self, track: EvidenceTrack, base: float, deepest: int) -> str:
        """Outline of the depth: log scale, one hit a fifth of the height of the deepest place."""
        steps: list[str] = []
        end, height = 0, ""
        for start, last, count in track.depth:
            share = 1.0 if deepest == 1 else 0.2 + 0.8 * math.log(count) / math.log(deepest)
            wanted = _short(base - round(2 * _DEPTH * share) / 2)
            if start != end + 1 or not steps:
                steps.append(
                    (f"V{_short(base)}Z" if steps else "") + f"M{_short(self.left(start))} {_short(base)}V{wanted}"
                )
            elif wanted != height:
                steps.append(f"V{wanted}")
            else:
                steps.pop()  # the same height goes on
            steps.append(f"H{_short(self.left(last + 1))}")
            end, height = last, wanted
        return "".join(steps) + f"V{_short(base)}Z"

    def _hit(self, hit: TrackHit, y: float) -> str:
        residues = ResidueRange.of(hit.spans)
        lines = [f"{hit.target}: {strength_text(hit.evalue, hit.probability)}", *self._where(residues)]
        title = "\n".join(line for line in lines if line)
        x, width = self.span(residues.start, residues.end)
        bars = []
        for start, end in residues.segments:
            left, wide = self.span(start, end)
            bars.append(f"M{_short(left)} {_short(y)}h{_short(wide)}v4h-{_short(wide)}z")
        joint = f'<path d="M{_short(x)} {_short(y + 2)}h{_short(width)}" stroke="#6f8fb0"/>' if len(bars) > 1 else ""
        opacity = "" if hit.is_strong else ' fill-opacity=".45"'
        return f'<g><title>{escape(title)}</title>{joint}<path d="{"".join(bars)}" fill="#6f8fb0"{opacity}/></g>'


def strength_text(evalue: float | None, probability: float | None) -> str:
    """``E 1e-50``, ``97.3 %, E 2e-5``; an E-value of 0 is the best there is."""
    texts = [] if probability is None else [f"{probability:.1f} %"]
    if evalue is not None:
        texts.append("E 0" if evalue == 0 else f"E {evalue:.1e}" if evalue < 0.01 else f"E {evalue:.2g}")
    return ", ".join(texts) or "strength unknown"


def _stripes(t_group: str, x: float, width: float, top: float, height: float) -> list[str]:
    """The group's mark: no, one or two stripes across a bar."""
    thick = 3 if height > 20 else 1.5
    places = ((), (0.82,), (0.18, 0.82))[group_mark(t_group)]
    return [
        f'<path d="M{_short(x)} {_short(top + height * place)}h{_short(width)}" stroke="{text_colour(t_group)}" '
        f'stroke-opacity=".6" stroke-width="{thick}"/>'
        for place in places
    ]


def _label(text: str, baseline: float, *, faint: bool = False) -> str:
    place = f'x="{_GUTTER - 12}" y="{_short(baseline)}" text-anchor="end"'
    return f'<text {place} fill-opacity="{".6" if faint else ".85"}">{escape(text)}</text>'


def escape(text: str) -> str:
    """Text as it may stand in SVG and HTML; control characters become the replacement character."""
    return escape_html(_NOT_XML.sub("\ufffd", text))


def _fits(text: str, width: float) -> bool:
    return len(text) * _LETTER + 6 <= width


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _joint_levels(domains: Iterable[Domain]) -> dict[int, int]:
    """Height, from 1 up, of the line that joins the segments of each discontinuous domain; inner ones lie lower."""
    placed: list[tuple[int, int, int]] = []
    levels = {}
    for domain in sorted((d for d in domains if d.range.is_discontinuous), key=lambda d: d.range.end - d.range.start):
        start, end = domain.range.start, domain.range.end
        level = 1 + max((taken for a, b, taken in placed if a <= end and start <= b), default=0)
        placed.append((start, end, level))
        levels[domain.number] = level
    return levels


def _lanes(hits: Iterable[TrackHit], gap: int) -> list[tuple[TrackHit, int]]:
    """Each hit with the first lane, from 0 down, that is free for it; the best come first."""
    lanes: list[list[tuple[int, int]]] = []
    placed = []
    for hit in hits:
        start, end = hit.spans[0][0], max(end for _, end in hit.spans)
        for number, lane in enumerate(lanes):  # noqa: B007
            if all(end + gap < a or b + gap < start for a, b in lane):
                break
        else:
            number = len(lanes)
            lanes.append([])
        lanes[number].append((start, end))
        placed.append((hit, number))
    return placed
