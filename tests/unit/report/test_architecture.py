"""The picture of a chain: well-formed whatever it is about, to scale, and with the numbers it promises."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pyecod.partition.model import Domain, Outcome, Partition, Quality, Unassigned, UnassignedReason
from pyecod.pdb.chain import Numbering, NumberingRun
from pyecod.ranges import ResidueRange
from pyecod.report import EvidenceTrack, architecture_svg, thumbnail_svg
from pyecod.report.colours import PALETTE, group_colour, text_colour
from pyecod.report.tracks import TrackHit
from pyecod.search.hit import EvidenceType

SVG = "{http://www.w3.org/2000/svg}"
NUMBERING = Numbering((NumberingRun(11, -3, 100), NumberingRun(111, 97, 1, "A"), NumberingRun(112, 98, 200)))


def domain(number: int, residues: str, group: str = "2003.1.1", **fields: object) -> Domain:
    parts = group.split(".")
    known = {"evalue": 0.0, "reference_coverage": 0.93, "support": 12, "names": {"t": "GFP-like"}} | fields
    return Domain(
        number,
        ResidueRange.parse(residues),
        "e1suaA1",
        group,
        ".".join(parts[:2]),
        parts[0],
        EvidenceType.DOMAIN_BLAST,
        **known,  # type: ignore[arg-type]
    )


def partition(*domains: Domain, length: int = 400, unassigned: tuple[Unassigned, ...] = ()) -> Partition:
    return Partition(length, Outcome.ASSIGNED, Quality.GOOD, domains, unassigned, {}, "develop291", "pyecod", "0.1.0")


def drawn(*arguments: object, **options: object) -> etree._Element:
    return etree.fromstring(architecture_svg(*arguments, standalone=True, **options))  # type: ignore[arg-type]


def titles(root: etree._Element) -> list[str]:
    return [title.text or "" for title in root.iter(f"{SVG}title")]


def bars(root: etree._Element, colour: str) -> list[tuple[float, float]]:
    """Left end and width of the domain's rectangles."""
    rects = (r for r in root.iter(f"{SVG}rect") if r.get("fill") == colour)
    return [(float(r.get("x", "")), float(r.get("width", ""))) for r in rects]


def test_segments_stand_to_scale() -> None:
    colour = group_colour("2003.1.1")
    (first, second) = bars(drawn(partition(domain(1, "1-100,301-400"))), colour)
    assert second[0] - first[0] == pytest.approx(3 * first[1], abs=0.3)
    assert second[1] == pytest.approx(first[1], abs=0.1)


def test_segments_of_a_discontinuous_domain_are_joined_above_those_nested_in_it() -> None:
    root = drawn(partition(domain(1, "1-50,350-400"), domain(2, "60-100,200-300"), domain(3, "110-190", "1.1.1")))
    joints = [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("fill") == "none"]
    heights = [float(re.match(r"M[\d.]+ ([\d.]+)H", path)[1]) for path in joints]  # type: ignore[index]
    assert len(heights) == 2
    assert heights[0] < heights[1]


def test_a_domain_says_its_numbers_in_both_numberings() -> None:
    (title,) = titles(drawn(partition(domain(1, "11-113,150-160")), (), NUMBERING))
    assert "residues 11-113, 150-160 (114)" in title
    assert "author -3-99, 136-146" in title
    assert "e1suaA1 by domain BLAST, E 0" in title
    assert "93% of the reference domain, 12 hits agree" in title


def test_without_author_numbers_none_are_shown() -> None:
    root = drawn(partition(domain(1, "11-113")))
    assert "author" not in etree.tostring(root).decode()


def test_the_ruler_names_both_ends_and_residues_without_author_number() -> None:
    texts = [t.text for t in drawn(partition(), (), NUMBERING).iter(f"{SVG}text")]
    assert {"1", "400", "–"} <= set(texts)


def test_unassigned_regions_say_why() -> None:
    region = Unassigned(ResidueRange.parse("200-400"), UnassignedReason.LOW_COMPLEXITY)
    root = drawn(partition(domain(1, "1-199"), unassigned=(region,)))
    assert any("unassigned: low complexity\nresidues 200-400 (201)" in title for title in titles(root))
    assert "low complexity" in [t.text for t in root.iter(f"{SVG}text")]


def test_every_evidence_type_has_its_track_with_depth_and_best_hits() -> None:
    tracks = (
        EvidenceTrack(EvidenceType.CHAIN_BLAST, 0, 0),
        EvidenceTrack(
            EvidenceType.HHSEARCH,
            1234,
            2000,
            ((1, 90, 1200), (91, 100, 34)),
            (TrackHit("e1suaA1", ((1, 60), (80, 90)), 1e-20, 99.4),),
        ),
    )
    root = drawn(partition(), tracks)
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"chain BLAST", "0 hits", "HHsearch", "1,234 hits"} <= set(texts)
    assert "HHsearch: 1,234 hits of 2,000 found, up to 1,200 over one residue" in titles(root)
    assert any(title.startswith("e1suaA1: 99.4 %, E 1.0e-20\nresidues 1-60, 80-90 (71)") for title in titles(root))


def test_a_picture_names_no_chain_so_that_identical_chains_share_it() -> None:
    assert architecture_svg(partition(domain(1, "1-99"))) == architecture_svg(partition(domain(1, "1-99")))
    assert "8ovp" not in architecture_svg(partition(domain(1, "1-99")))


NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(NASTY, NASTY, NASTY, st.integers(1, 5000), st.data())
def test_any_text_and_any_layout_make_well_formed_xml(
    name: str, reference: str, title: str, length: int, data: st.DataObject
) -> None:
    owner = data.draw(st.lists(st.integers(0, 3), min_size=min(length, 60), max_size=min(length, 60)))
    step = length // len(owner)
    domains = []
    for number in (1, 2, 3):
        spans = [(i * step + 1, i * step + step) for i, o in enumerate(owner) if o == number]
        if spans:
            domains.append(
                Domain(
                    number,
                    ResidueRange.of(spans),
                    reference,
                    name or "1",
                    "1.1",
                    "1",
                    EvidenceType.HHSEARCH,
                    names={"t": name},
                    explanation=title,
                )
            )
    hit = TrackHit(reference, ((1, length),), None, 50.0)
    tracks = (EvidenceTrack(EvidenceType.HHSEARCH, 1, 1, ((1, length, 1),), (hit,)),)
    root = drawn(partition(*domains, length=length), tracks, NUMBERING, title=title)
    assert len(root.findall(f"{SVG}g")) >= len(domains)
    etree.fromstring(thumbnail_svg(partition(*domains, length=length)))


@given(NASTY)
def test_a_group_has_one_colour_and_readable_text_on_it(group: str) -> None:
    assert group_colour(group) == group_colour(group)

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(group_colour(group)), luminance(text_colour(group))), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.0


def test_all_colours_differ() -> None:
    assert len(set(PALETTE)) == len(PALETTE) == 24
