"""What is written for older tools is read back, by the parsers of their files, as what it was."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pyecod.errors import BrokenInputError, BrokenOutputError
from pyecod.search import EvidenceType, Hit, Hsp, SearchReport, SearchResult, Segment, read_blast_xml
from pyecod.search.blast_xml import parse_blast_xml
from pyecod.search.export import Targets, aligned_lines, format_blast_xml, format_hhr
from pyecod.search.hhr import parse_hhr

from .conftest import query_of

QUERY = query_of("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEV" * 10)  # 320 residues
TARGET = "GSHMKTAYIAKWRQLSFV" * 12  # 216
# a gap on either side, on both sides after one another, a whole block of 80 columns with one side only, and segments
# that touch on both sides, as columns of other sequences leave them in HHsearch's alignments
SEGMENTS = (
    Segment(3, 12, 5, 14),
    Segment(15, 20, 15, 20),
    Segment(21, 30, 26, 35),
    Segment(33, 40, 37, 44),
    Segment(240, 250, 45, 55),
    Segment(251, 260, 56, 65),
)


def result(kind: EvidenceType, *hits: Hit) -> SearchResult:
    depth = (17, 4.3021) if kind is EvidenceType.HHSEARCH else (None, None)
    return SearchResult(kind, QUERY, hits, 99, "program", "2.12.0+", "id", 1.0, *depth)


def blast_back(written: SearchResult, targets: Targets, kind: EvidenceType = EvidenceType.CHAIN_BLAST) -> SearchReport:
    text = format_blast_xml(written, "8abc_A", targets, max_evalue=0.002)
    (report,) = parse_blast_xml([text.encode()], kind, max_evalue=math.inf, where="here")
    return report


def hhr_back(written: SearchResult, targets: Targets) -> SearchReport:
    return parse_hhr(format_hhr(written, "8abc_A", targets), min_probability=0, where="here")


def blast_hsp(segments: tuple[Segment, ...], evalue: float, bits: float, identical: int) -> Hsp:
    columns = len(aligned_lines(Hsp(segments), QUERY.sequence, TARGET)[0])
    return Hsp(segments, evalue=evalue, bitscore=bits, identity=identical / columns)


@pytest.mark.parametrize(
    "letters", [{"1sua_A": TARGET}, {}, {"1sua_A": TARGET[1:]}], ids=["known", "X", "other length"]
)
def test_blast_hits_with_several_alignments_and_gaps_come_back(letters: dict[str, str]) -> None:
    hsps = (blast_hsp(SEGMENTS[:-1], 1.71849e-68, 209.534, 13), blast_hsp(SEGMENTS[:1], 0.00123456789, 31.1, 10))
    hits = (
        Hit(EvidenceType.CHAIN_BLAST, "1sua_A", len(TARGET), hsps),
        Hit(EvidenceType.CHAIN_BLAST, "1sua_B", 65, (blast_hsp(SEGMENTS[3:5], 0.0, 1000.0, 0),)),
    )
    targets = Targets("a & b", 2, 300, letters, {"1sua_A": 7} if letters else {})
    report = blast_back(result(EvidenceType.CHAIN_BLAST, *hits), targets)
    assert report.hits == hits
    assert (report.query, report.query_length, report.found) == ("8abc_A", 320, 2)
    assert (report.version, report.database) == ("2.12.0+", "a & b")


@pytest.mark.parametrize("letters", [{"e1suaA1": TARGET}, {}], ids=["known", "X"])
def test_profile_hits_with_gaps_come_back(letters: dict[str, str]) -> None:
    scores = [(9.9e-102, 100.0, 792.76, 0.53), (1.5e-115, 99.97, -3.5, 1.0), (0.0, 50.049999, 12.345678, 0.0)]
    hits = tuple(
        Hit(EvidenceType.HHSEARCH, target, len(TARGET), (Hsp(segments, evalue, None, identity, probability, score),))
        for target, segments, (evalue, probability, score, identity) in zip(
            ("e1suaA1", "e1suaA1", "e" + "x" * 40), (SEGMENTS, SEGMENTS[1:2], SEGMENTS[:2]), scores, strict=True
        )
    )
    report = hhr_back(result(EvidenceType.HHSEARCH, *hits), Targets("hh", 1000, letters=letters))
    assert report.hits == hits
    assert (report.query, report.found) == ("8abc_A", 3)
    assert (report.profile_depth, report.profile_neff) == (17, 4.3021)


_share = st.integers(0, 100).map(lambda percent: percent / 100)
_positive = st.floats(0, 1e300, allow_nan=False)


@given(_positive, _positive, st.floats(0, 100), st.floats(-1e6, 1e6), _share)
def test_numbers_keep_every_bit(evalue: float, bits: float, probability: float, score: float, identity: float) -> None:
    profile = Hsp(SEGMENTS, evalue, None, identity, probability, score)
    hit = Hit(EvidenceType.HHSEARCH, "e1suaA1", len(TARGET), (profile,))
    assert hhr_back(result(EvidenceType.HHSEARCH, hit), Targets("hh", 10)).hits == (hit,)
    hit = Hit(EvidenceType.CHAIN_BLAST, "1sua_A", len(TARGET), (blast_hsp(SEGMENTS[:4], evalue, bits, 20),))
    assert blast_back(result(EvidenceType.CHAIN_BLAST, hit), Targets("db", 10)).hits == (hit,)


def test_the_lines_are_the_residues_and_gaps_between_them() -> None:
    segments = (Segment(1, 3, 2, 4), Segment(5, 6, 5, 6), Segment(7, 7, 9, 9), Segment(9, 9, 11, 11))
    lines = aligned_lines(Hsp(segments), "ABCDEFGHI", "zabcefxygwi")
    assert lines == ("ABCDEF--GH-I", "abc-efxyg-wi")


def test_blast_says_how_many_are_identical_and_the_raw_score() -> None:
    """The relation of bits and raw score is that of every BLAST output with the usual matrix and gap costs."""
    hit = Hit(EvidenceType.CHAIN_BLAST, "1sua_A", len(TARGET), (blast_hsp(SEGMENTS[:2], 1e-68, 209.534, 9),))
    text = format_blast_xml(
        result(EvidenceType.CHAIN_BLAST, hit), "q", Targets("db", 1, 1, {"1sua_A": TARGET}), max_evalue=1
    )
    values = {element.tag: element.text for element in etree.fromstring(text.encode()).iter()}
    assert (values["Hsp_score"], values["Hsp_identity"], values["Hsp_gaps"]) == ("532", "9", "2")
    assert values["Hsp_align-len"] == "18"
    assert values["Hsp_qseq"] == QUERY.sequence[2:20]
    assert values["Hsp_hseq"] == TARGET[4:14] + "--" + TARGET[14:20]


def test_a_search_that_found_nothing_is_a_file_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "8abc_A.domain_blast.xml"
    path.write_text(format_blast_xml(result(EvidenceType.DOMAIN_BLAST), "8abc_A", Targets("db", 0), max_evalue=0.002))
    (report,) = read_blast_xml(path, EvidenceType.DOMAIN_BLAST)
    assert (report.found, report.hits) == (0, ())
    report = hhr_back(result(EvidenceType.HHSEARCH), Targets("hh", 10))
    assert (report.found, report.hits) == (0, ())


@given(st.data())
def test_an_exported_profile_result_without_hits_is_refused_when_cut_before_its_table_ends(data: st.DataObject) -> None:
    text = format_hhr(result(EvidenceType.HHSEARCH), "8abc_A", Targets("hh", 10))
    end = data.draw(st.integers(0, text.index("Done!") - 2))
    with pytest.raises(BrokenOutputError):
        parse_hhr(text[:end], min_probability=0, where="here")


@pytest.mark.parametrize(
    ("hsp", "lack"),
    [
        (Hsp((Segment(1, 5, 1, 5),), evalue=1.0, identity=0.5), "bitscore"),
        (Hsp((Segment(1, 5, 1, 9),), evalue=1.0, bitscore=1.0, identity=0.5), "residue-by-residue alignment"),
        (Hsp((Segment(1, 5),), evalue=1.0, bitscore=1.0, identity=0.5), "residue-by-residue alignment"),
    ],
)
def test_evidence_of_older_tools_is_not_made_up(hsp: Hsp, lack: str) -> None:
    hit = Hit(EvidenceType.CHAIN_BLAST, "1sua_A", 9, (hsp,))
    with pytest.raises(BrokenInputError, match=f"1sua_A has no {lack}"):
        format_blast_xml(result(EvidenceType.CHAIN_BLAST, hit), "q", Targets("db", 1), max_evalue=1)
