"""Partition files: lossless, deterministic, strict, and readable by the older consumers."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pyecod.errors import BrokenInputError, PyecodError
from pyecod.evidence import EvidenceCount
from pyecod.ids import ChainKey
from pyecod.partition.model import (
    Candidate,
    Defeat,
    Domain,
    Flag,
    Outcome,
    Partition,
    Quality,
    Rival,
    Unassigned,
    UnassignedReason,
)
from pyecod.partition.xml import format_legacy_partition, read_partition, write_partition
from pyecod.pdb.chain import Chain, Numbering, NumberingRun
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType

LENGTH = 200
SHARE = st.floats(0, 1, allow_nan=False)
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]) | st.sampled_from("\n\t\r<&"), max_size=20)
ID = st.text(string.ascii_letters + string.digits + ".", min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


RIVAL = st.builds(
    Rival,
    ecod_domain=ID,
    t_group=ID,
    h_group=ID,
    range=st.tuples(st.integers(1, 90), st.integers(91, LENGTH)).map(lambda ends: ResidueRange.of([ends])),
    confidence=SHARE,
    defeat=st.sampled_from(Defeat),
)


@st.composite
def domains(draw: st.DrawFn) -> tuple[Domain, ...]:
    """Domains that share out the residues of a chain: none overlap, some are discontinuous."""
    count = draw(st.integers(0, 4))
    owner = draw(st.lists(st.integers(0, count), min_size=LENGTH, max_size=LENGTH))
    ranges = [ResidueRange.of((i, i) for i, o in enumerate(owner, 1) if o == n) for n in range(1, count + 1)]
    return tuple(
        Domain(
            number=number,
            range=residues,
            ecod_domain=draw(ID),
            t_group=draw(ID),
            h_group=draw(ID),
            x_group=draw(ID),
            source=draw(st.sampled_from(EvidenceType)),
            f_group=draw(st.none() | ID),
            names=draw(st.dictionaries(st.sampled_from("xhtf"), TEXT)),
            evalue=draw(st.none() | st.floats(0, 10, allow_nan=False)),
            probability=draw(st.none() | st.floats(0, 100, allow_nan=False)),
            reference_coverage=draw(SHARE),
            support=draw(st.integers(0, 9999)),
            h_agreement=draw(SHARE),
            flags=tuple(draw(st.lists(st.sampled_from(Flag), unique=True))),
            confidence=draw(st.none() | SHARE),
            rival=draw(st.none() | RIVAL),
            explanation=draw(TEXT),
            evidence_range=draw(st.sampled_from([None, residues, ResidueRange(residues.segments[:1])])),
        )
        for number, residues in enumerate(sorted((r for r in ranges if r), key=lambda r: r.start), 1)
    )


COUNTS = st.builds(
    EvidenceCount,
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.dictionaries(ID, st.integers(0, 99), max_size=2),
)
REGION = st.builds(
    Unassigned,
    st.tuples(st.integers(1, 90), st.integers(91, LENGTH)).map(lambda ends: ResidueRange.of([ends])),
    st.sampled_from(UnassignedReason),
    st.none()
    | st.builds(
        Candidate,
        ID,
        ID,
        ID,
        st.sampled_from(EvidenceType),
        SHARE,
        st.none() | st.floats(0, 10, allow_nan=False),
        st.none() | st.floats(0, 100, allow_nan=False),
    ),
    st.just("") | ID,
)
PARTITIONS = st.builds(
    Partition,
    length=st.just(LENGTH),
    outcome=st.sampled_from(Outcome),
    quality=st.sampled_from(Quality),
    domains=domains(),
    unassigned=st.lists(REGION, max_size=3).map(tuple),
    counts=st.dictionaries(st.sampled_from(EvidenceType), COUNTS),
    reference_version=st.just("develop291"),
    algorithm=st.just("pyecod"),
    algorithm_version=ID,
    parameters=st.dictionaries(ID, JSON, max_size=3),
)
NUMBERING = Numbering((NumberingRun(1, -4, 99), NumberingRun(100, 95, 1, "A"), NumberingRun(101, 96, 50)))
CHAINS = {
    "pdb": Chain(ChainKey("8ovp", "A"), "M" * LENGTH, numbering=NUMBERING),
    "extended": Chain(ChainKey("pdb_10008s72", "aB"), "M" * LENGTH, numbering=NUMBERING),
    "fasta": Chain(ChainKey("sp_P00350_X"), "M" * LENGTH),
}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(partition=PARTITIONS, chain=st.sampled_from(list(CHAINS.values())), name=st.sampled_from(["p.xml", "p.xml.gz"]))
def test_what_is_written_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, partition: Partition, chain: Chain, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    provenance = {"batch_id": "b", "timestamp": "2025-09-05T10:00:00Z", "summary_sha256": "0" * 64}
    tools = {"blastp": "2.12.0+", "hhsearch": "3.3.0"}
    write_partition(path, partition, chain, tool_versions=tools, **provenance)
    stored = read_partition(path)
    assert stored.partition == partition
    assert (stored.key, stored.sequence, dict(stored.tool_versions)) == (chain.key, chain.sequence, tools)
    assert {name: getattr(stored, name) for name in provenance} == provenance
    if chain.numbering is None:
        assert stored.pdb_ranges == {}
    else:
        assert stored.pdb_ranges == {
            d.number: chain.numbering.pdb_range(chain.key.chain_id, d.range) for d in partition.domains
        }


def domain(number: int, residues: str, **fields: object) -> Domain:
    known = {"evalue": 0.0, "reference_coverage": 0.93, "support": 12, "names": {"f": "GFP", "t": "GFP-like"}}
    return Domain(
        number,
        ResidueRange.parse(residues),
        "e1suaA1",
        "2003.1.1",
        "2003.1",
        "2003",
        EvidenceType.CHAIN_BLAST,
        **(known | fields),  # type: ignore[arg-type]
    )


PARTITION = Partition(
    length=LENGTH,
    outcome=Outcome.ASSIGNED,
    quality=Quality.GOOD,
    domains=(
        domain(1, "10-60,90-110", f_group="2003.1.1.1", evidence_range=ResidueRange.parse("12-60,90-100")),
        domain(2, "61-89", evalue=None, probability=97.5, flags=(Flag.PARTIAL,)),
    ),
    unassigned=(Unassigned(ResidueRange.parse("111-200"), UnassignedReason.NO_EVIDENCE),),
    counts={EvidenceType.CHAIN_BLAST: EvidenceCount(9, 8, 7, 6, {"unknown": 1})},
    reference_version="develop291",
    algorithm="pyecod",
    algorithm_version="0.1.0",
)


def test_attributes_are_those_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    write_partition(path, PARTITION, CHAINS["pdb"])
    root = etree.fromstring(path.read_bytes())
    assert root.findtext("protein/coverage") == "0.5050"
    first, second = root.iterfind("domains/domain")
    assert first.get("id") == "8ovp_A_001"
    assert first.get("range") == "10-60,90-110"
    assert first.get("pdb_range") == "A:5-55,A:85-105"
    assert (first.get("size"), first.get("is_discontinuous"), first.get("evalue")) == ("72", "true", "0")
    assert (first.get("family"), first.get("f_group")) == ("GFP", "2003.1.1.1")
    assert (second.get("probability"), second.get("evalue"), second.get("flags")) == ("97.5", None, "partial")


def test_records_of_a_fasta_file_have_no_author_ranges(tmp_path: Path) -> None:
    write_partition(tmp_path / "p.xml", PARTITION, CHAINS["fasta"])
    assert "pdb_range" not in (tmp_path / "p.xml").read_text()


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    orders = ({"blastp": "1", "hhsearch": "2"}, {"hhsearch": "2", "blastp": "1"})
    for name, tools in zip(("a.xml", "b.xml"), orders, strict=True):
        write_partition(
            tmp_path / name, PARTITION, CHAINS["pdb"], tool_versions=tools, timestamp="2025-09-05T00:00:00Z"
        )
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()


def test_a_chain_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PyecodError, match="200 residues, the chain has 199"):
        write_partition(tmp_path / "p.xml", PARTITION, Chain(ChainKey("8ovp", "A"), "M" * 199))
    assert not (tmp_path / "p.xml").exists()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('version="1.0"', 'version="3.0"', "is not 1.0"),
        ("<partition ", "<domain_partition ", "not valid XML"),
        ('range="61-89"', 'range="60-88"', "domains overlap"),
        ('range="61-89"', 'range="1-9,70-89"', "sequence order"),
        ('range="61-89"', 'range="173-201"', "leaves the protein"),
        ('range="61-89"', 'range="61-90"', "has 30 residues"),
        ('evidence_range="12-60', 'evidence_range="9-60', "not within the range"),
        ('evidence_range="12-60', 'evidence_range="x-60', "evidence_range"),
        ('id="8ovp_A_002"', 'id="8ovp_B_002"', "not one of chain"),
        ('id="8ovp_A_002"', 'id="8ovp_A_001"', "sequence order"),
        ('id="8ovp_A_002"', 'id="8ovp_A_x"', "not a whole number"),
        ("<domain_count>2<", "<domain_count>3<", "there are 2 domains"),
        ("<coverage>0.5050<", "<coverage>0.9<", "cover 0.5050"),
        ('flags="partial"', 'flags="odd"', "flag 'odd' is unknown"),
        ('reason="no_evidence"', 'reason="bored"', "known: no_evidence"),
        ('quality="good"', 'quality="nice"', "known: good"),
        ('probability="97.5"', 'probability="975"', "0 to 100"),
        ('h_agreement="1"', "", "no attribute 'h_agreement'"),
        ('accepted="6"', 'accepted="-6"', "not a whole number"),
        ("</partition>", "", "not valid XML"),
    ],
)
def test_broken_files_are_refused_with_file_and_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = tmp_path / "p.xml"
    write_partition(path, PARTITION, CHAINS["pdb"])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(BrokenInputError, match=what) as caught:
        read_partition(path)
    assert str(caught.value).startswith(f"{path}:")


def test_the_older_document_has_what_its_readers_look_for() -> None:
    text = format_legacy_partition(
        PARTITION, CHAINS["pdb"].key, batch_id="b", timestamp="2025-09-05T00:00:00Z", summary_sha256="0" * 64
    )
    root = etree.fromstring(text)
    assert root.tag == "domain_partition"
    assert dict(root.attrib) == {
        "pdb_id": "8ovp",
        "chain_id": "A",
        "reference": "develop291",
        "is_classified": "true",
    }
    statistics = root.find("metadata/statistics")
    assert statistics is not None
    assert dict(statistics.attrib) == {
        "sequence_length": "200",
        "domain_count": "2",
        "total_coverage": "0.5050",
        "residues_assigned": "101",
    }
    first, second = root.iterfind("domains/domain")
    assert (first.get("id"), first.get("range"), first.get("family")) == ("d1", "10-60,90-110", "2003.1.1.1")
    assert second.get("reference_ecod_domain_id") == "e1suaA1"
    aligned = first.find("primary_evidence")
    assert aligned is not None
    assert aligned.get("evidence_range") == "12-60,90-100"
    primary = second.find("primary_evidence")
    assert primary is not None
    assert (primary.get("hh_probability"), primary.get("evalue")) == ("97.5", None)


def test_an_older_document_without_domains_says_that_nothing_is_classified() -> None:
    empty = Partition(LENGTH, Outcome.NO_EVIDENCE, Quality.NO_DOMAINS, (), (), {}, "develop291", "pyecod", "0.1.0")
    root = etree.fromstring(format_legacy_partition(empty, CHAINS["fasta"].key))
    assert (root.get("is_classified"), root.get("chain_id"), len(root.findall("domains/domain"))) == ("false", "", 0)
