"""Format 1.0: lossless round trip, what the field's readers see, and every way a file can be broken."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pyecod.errors import BrokenInputError
from pyecod.evidence import DomainSummary, read_summary, write_summary
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment

LENGTH = 475
KEY = ChainKey("8ovp", "A")


@st.composite
def ascending(draw: st.DrawFn) -> tuple[Segment, ...]:
    count = draw(st.integers(1, 6))
    query = sorted(draw(st.lists(st.integers(1, LENGTH), min_size=2 * count, max_size=2 * count, unique=True)))
    target = sorted(draw(st.lists(st.integers(1, 900), min_size=2 * count, max_size=2 * count, unique=True)))
    known = draw(st.booleans())
    return tuple(
        Segment(query[2 * i], query[2 * i + 1], *((target[2 * i], target[2 * i + 1]) if known else (0, 0)))
        for i in range(count)
    )


def some(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(low, high, allow_nan=False, allow_infinity=False)


HSPS = st.builds(
    Hsp,
    segments=ascending(),
    evalue=some(0, 1e6),
    bitscore=some(-1e4, 1e4),
    identity=some(0, 1),
    probability=some(0, 100),
    score=some(-1e4, 1e4),
)
TEXT = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\x00"), min_size=1, max_size=20)
HITS = st.builds(
    Hit,
    type=st.sampled_from(EvidenceType),
    target=TEXT,
    target_length=st.none() | st.integers(900, 10_000),
    hsps=st.lists(HSPS, min_size=1, max_size=4).map(tuple),
)
SUMMARIES = st.builds(
    DomainSummary,
    key=st.sampled_from([KEY, ChainKey("pdb_10008s72", "aB"), ChainKey("P00350"), ChainKey("sp_P1_X")]),
    length=st.just(LENGTH),
    hits=st.lists(HITS, max_size=6).map(tuple),
    sequence=st.sampled_from(["", "M" * LENGTH]),
    found=st.dictionaries(st.sampled_from(EvidenceType), st.integers(0, 9999)),
    reference_version=st.sampled_from(["", "develop291"]),
    batch_id=st.sampled_from(["", "ecod_weekly_20250905"]),
    timestamp=st.sampled_from(["", "2025-09-05T10:00:00Z"]),
    observed=st.sampled_from([None, ResidueRange(), ResidueRange(((1, LENGTH),)), ResidueRange.parse("7-90,100-470")]),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(summary=SUMMARIES, name=st.sampled_from(["s.summary.xml", "s.summary.xml.gz"]))
def test_what_is_written_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, summary: DomainSummary, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    write_summary(path, summary)
    assert read_summary(path) == summary


GAPPED = Hsp((Segment(10, 110, 5, 105), Segment(115, 200, 106, 191)), 0.0, 245.3, 0.85)
SECOND = Hsp((Segment(350, 450, 340, 440),), 1.5e-9, 60.2, 0.31)


def summary_of(*hits: Hit, **fields: object) -> DomainSummary:
    return DomainSummary(KEY, LENGTH, hits, sequence="M" * LENGTH, **fields)  # type: ignore[arg-type]


def written(tmp_path: Path, summary: DomainSummary, reference: object = None) -> etree._Element:
    path = tmp_path / "8ovp_A.summary.xml"
    write_summary(path, summary, reference)  # type: ignore[arg-type]
    return etree.fromstring(path.read_bytes())


def test_observed_residues_outside_the_protein_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.xml"
    write_summary(path, summary_of(observed=ResidueRange.parse("5-300,310-470")))
    path.write_text(path.read_text().replace("310-470", "310-476"))
    with pytest.raises(BrokenInputError, match="observed"):
        read_summary(path)


def test_hit_attributes_carry_the_outer_ends_of_every_hsp_in_order(tmp_path: Path) -> None:
    root = written(tmp_path, summary_of(Hit(EvidenceType.CHAIN_BLAST, "1sua_A", 460, (SECOND, GAPPED))))
    hit = root.find("evidence/hit")
    assert hit is not None
    assert hit.get("query_range") == "350-450,10-200"
    assert hit.get("target_range") == "340-440,5-191"
    assert hit.get("evalue") == "0"
    assert [child.get("query_range") for child in hit] == ["350-450", "10-110,115-200"]


def test_an_ungapped_hit_needs_no_children(tmp_path: Path) -> None:
    root = written(tmp_path, summary_of(Hit(EvidenceType.DOMAIN_BLAST, "e1suaA1", None, (SECOND,))))
    hit = root.find("evidence/hit")
    assert hit is not None
    assert len(hit) == 0


def test_types_that_were_searched_and_found_nothing_are_told_from_those_not_searched(tmp_path: Path) -> None:
    path = tmp_path / "s.xml"
    write_summary(path, summary_of(found={EvidenceType.DOMAIN_BLAST: 0}))
    assert read_summary(path).found == {EvidenceType.DOMAIN_BLAST: 0}


def test_family_and_reference_coverage_are_written_when_a_reference_is_given(tmp_path: Path) -> None:
    class Lookup:
        def families(self, ids: Sequence[str], /) -> Sequence[tuple[str, int] | None]:
            return [{"e1suaA1": ("GFP & kin", 200)}.get(domain_id) for domain_id in ids]

        def chain_length(self, chain_key: str, /) -> int | None:
            return {"1sua_A": 374}.get(chain_key)

    hits = (
        Hit(EvidenceType.DOMAIN_BLAST, "e1suaA1", None, (GAPPED,)),
        Hit(EvidenceType.CHAIN_BLAST, "1sua_A", None, (GAPPED,)),
        Hit(EvidenceType.DOMAIN_BLAST, "e9zzzZ1", None, (GAPPED,)),
    )
    domain_hit, chain_hit, unknown = written(tmp_path, summary_of(*hits), Lookup()).iterfind("evidence/hit")
    assert (domain_hit.get("target_family"), domain_hit.get("coverage")) == ("GFP & kin", "0.9350")
    assert (chain_hit.get("target_family"), chain_hit.get("coverage")) == (None, "0.5000")
    assert (unknown.get("target_family"), unknown.get("coverage")) == (None, None)
    assert read_summary(tmp_path / "8ovp_A.summary.xml").hits == hits


def foreign(hits: str, *, length: int = 475, metadata: str = "<metadata><batch_id>b</batch_id></metadata>") -> str:
    return (
        '<?xml version="1.0"?>\n<domain_summary version="1.0">\n'
        f'  <protein pdb_id="8ovp" chain_id="A" length="{length}"><sequence>{"M" * 475}</sequence></protein>\n'
        f"  <evidence>\n{hits}\n  </evidence>\n  {metadata}\n</domain_summary>\n"
    )


def read_text(tmp_path: Path, text: str) -> DomainSummary:
    path = tmp_path / "x.xml"
    path.write_text(text)
    return read_summary(path)


def test_files_of_other_programs_are_read_one_hsp_per_segment(tmp_path: Path) -> None:
    summary = read_text(
        tmp_path,
        foreign(
            '<hit type="chain_blast" target="1sua_A" target_family="GFP-like" evalue="1.20e-50" bitscore="245.3" '
            'identity="0.85" coverage="0.87" query_range="10-200,350-450" target_range="5-195,340-440" '
            'reference_length="460"/>\n'
            '<hit type="hhsearch" target="e1suaA1" probability="95.2" evalue="1.5e-25" score="125.8" '
            'query_range="360-470"/>'
        ),
    )
    chain, profile = summary.hits
    assert [h.segments for h in chain.hsps] == [(Segment(10, 200, 5, 195),), (Segment(350, 450, 340, 440),)]
    assert {h.evalue for h in chain.hsps} == {1.2e-50}
    assert chain.target_length == 460
    assert profile.hsps == (Hsp((Segment(360, 470),), evalue=1.5e-25, probability=95.2, score=125.8),)
    assert summary.found == {EvidenceType.CHAIN_BLAST: 1, EvidenceType.HHSEARCH: 1}


HIT = '<hit type="domain_blast" target="e1suaA1" evalue="0" query_range="10-20" target_range="1-11"/>'


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "empty"),
        ("<a/>", 1, "root element is <a>"),
        (foreign(HIT)[:-60], None, "not valid XML"),
        (foreign(HIT.replace('query_range="10-20"', "")), 5, "no attribute 'query_range'"),
        (foreign(HIT.replace("10-20", "10-476")), 5, "leaves the sequence of 475"),
        (foreign(HIT.replace("10-20", "20-10")), 5, "does not run upwards"),
        (foreign(HIT.replace("10-20", "0-0")), 5, "without residues"),
        (foreign(HIT.replace("10-20", "ten")), 5, "not a residue range"),
        (foreign(HIT.replace("/>", '><hsp query_range="10-20" target_range="1-5,9-14"/></hit>')), 5, "pair up"),
        (foreign(HIT.replace("/>", ' identity="101"/>')), 5, "0 to 100"),
        (foreign(HIT.replace('"0"', '"zero"')), 5, "not a number"),
        (foreign(HIT.replace('"0"', '"nan"')), 5, "not a number"),
        (foreign(HIT.replace('"0"', '"-1"')), 5, "0 or more"),
        (foreign(HIT.replace("domain_blast", "foldseek")), 5, "known: chain_blast"),
        (foreign(HIT.replace("e1suaA1", "")), 5, "no target"),
        (foreign(HIT, length=474), 3, "has 475 residues"),
        (foreign(HIT).replace('chain_id="A"', 'chain_id="../A"'), 3, "not a chain id"),
        (foreign(HIT).replace('version="1.0">', 'version="2.0">'), 2, "is not 1.0"),
        (foreign(HIT, metadata='<metadata><searched type="domain_blast" kept="2"/></metadata>'), 7, "should hold 2"),
        (foreign(HIT, metadata='<metadata><searched type="hhsearch" kept="0"/></metadata>'), 7, "not counted"),
        (foreign(HIT.replace("/>", '><hsp query_range="10-21"/></hit>')), 5, "ends of the hit's HSPs"),
        (foreign(HIT.replace("/>", '><hsp query_range="15-20,10-14"/></hit>')), 5, "do not run upwards"),
        ('<!DOCTYPE domain_summary [<!ENTITY a "b">]>' + foreign(HIT).split("\n", 1)[1], 1, "document type"),
    ],
)
def test_broken_files_are_refused_with_file_and_line(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    with pytest.raises(BrokenInputError) as caught:
        read_text(tmp_path, text)
    assert what in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x.xml") + (f":{line}:" if line else ""))


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xml.gz"
    path.write_bytes(gzip.compress(foreign(HIT).encode())[:-20])
    with pytest.raises(BrokenInputError, match="cannot read the file"):
        read_summary(path)


def test_an_entity_bomb_is_refused_at_once(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    text = f'<!DOCTYPE d [<!ENTITY e0 "ha">{levels}]><domain_summary version="&e11;">&e11;</domain_summary>'
    start = time.process_time()
    with pytest.raises(BrokenInputError):
        read_text(tmp_path, text)
    assert time.process_time() - start < 2


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 2000), junk=st.binary(max_size=8))
def test_damaged_bytes_raise_only_the_declared_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.xml"
    write_summary(path, summary_of(Hit(EvidenceType.CHAIN_BLAST, "1sua_A", 460, (SECOND, GAPPED))))
    data = path.read_bytes()
    path.write_bytes(data[: cut % len(data)] + junk + data[cut % len(data) + len(junk) :])
    with contextlib.suppress(BrokenInputError):
        read_summary(path)


def many(count: int) -> DomainSummary:
    """Hits as gapped as real ones against ECOD (three segments an HSP), every fifth with a second HSP."""
    segments = tuple(Segment(1 + 60 * i, 52 + 60 * i, 101 + 55 * i, 152 + 55 * i) for i in range(3))
    hits = []
    for kind in EvidenceType:
        for i in range(count):
            first = Hsp(segments, evalue=float(f"{1e-31 / (i + 1):.3g}"), bitscore=245.3 + i, identity=(i % 97) / 131)
            hsps = (first, SECOND) if i % 5 == 0 else (first,)
            if kind is EvidenceType.HHSEARCH:
                hsps = (Hsp(segments, evalue=1e-9, probability=99.3, score=120.4, identity=0.25),)
            hits.append(Hit(kind, f"e{i:04d}A1", 480, hsps))
    return summary_of(*hits, found=dict.fromkeys(EvidenceType, count))


def test_five_hundred_hits_of_each_type_stay_well_below_half_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "s.xml"
    write_summary(path, many(500))
    assert path.stat().st_size <= 430_000
    packed = tmp_path / "s.xml.gz"
    write_summary(packed, many(500))
    assert packed.stat().st_size <= 60_000


def test_the_same_summary_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml", "a.xml.gz", "b.xml.gz"):
        write_summary(tmp_path / name, many(3))
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()
    assert (tmp_path / "a.xml.gz").read_bytes() == (tmp_path / "b.xml.gz").read_bytes()


def test_sides_that_other_programs_cut_differently_are_apportioned(tmp_path: Path) -> None:
    path = tmp_path / "x.summary.xml"
    path.write_text(foreign(HIT.replace("10-20", "10-19,30-39").replace("1-11", "1-20")))
    (hit,) = read_summary(path).hits
    assert [hsp.segments for hsp in hit.hsps] == [(Segment(10, 19, 1, 10),), (Segment(30, 39, 11, 20),)]


def test_identity_may_be_in_per_cent(tmp_path: Path) -> None:
    path = tmp_path / "x.summary.xml"
    for text, identity in (("98.5", 0.985), ("0.5", 0.5), ("1", 1.0), ("100", 1.0)):
        path.write_text(foreign(HIT.replace("/>", f' identity="{text}"/>')))
        assert read_summary(path).hits[0].hsps[0].identity == pytest.approx(identity)


@pytest.mark.parametrize("target", ["1lkk_A", "1lkkA", "1lkk A", "1LKK_A", "pdb|1LKK|A"])
def test_chains_are_understood_in_every_spelling(tmp_path: Path, target: str) -> None:
    path = tmp_path / "x.summary.xml"
    path.write_text(foreign(HIT.replace("domain_blast", "chain_blast").replace("e1suaA1", target)))
    assert read_summary(path).hits[0].target == "1lkk_A"
