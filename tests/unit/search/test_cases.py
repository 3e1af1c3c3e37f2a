"""Odd search output and FASTA files that people met, beside the checkout; each kind has a test of its own as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError, BrokenOutputError, PyecodError
from pyecod.evidence import read_summary
from pyecod.pdb import read_fasta_chains
from pyecod.search import EvidenceType, read_blast_xml, read_hhr
from pyecod.settings import ChainSettings

CASES = Path(__file__).resolve().parents[3].parent / "shared" / "cases" / "search"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no odd files at {CASES}")
POLY_G = "G" * 254

# hits read, hits counted, the first target; or what the error says
HHR: dict[str, tuple[int, int, str] | str] = {
    "hhr_more_alignments_than_rows": (12, 12, "e1lkkA1"),
    "hhr_fewer_alignments_B3": (3, 10, "e1lkkA1"),
    "hhr_table_only_B0": "-B 0",
    "hhr_no_hits_z0": (0, 0, ""),
    "hhr_empty_alignment_first": (1, 2, "e1nrvA1"),
    "hhr_end_beyond_template": (1, 2, "e1nrvA1"),
    "hhr_crlf": (2, 2, "e1lkkA1"),
    "hhr_utf8_name": (2, 2, "e1a81A1"),
    "hhr_utf8_name_cut": (2, 2, "e1lkkA1"),
    "hhr_score_12185": (2, 2, "e1lkkA1"),
    "hhr_name_ecod_title": (2, 2, "e1lkkA1"),
}
BLAST: dict[str, tuple[str, ...] | str] = {
    "blast_chain_title_space.chain_blast": ("1lkk_A", "1nrv_A"),
    "blast_chain_title_pdbseqres.chain_blast": ("1lkk_A", "1nrv_A"),
    "blast_psi_two_iterations": ("e1lkkA1", "e1d4tA1", "e1nrvA1"),
    "blast_legacy_no_iteration_query": ("e1lkkA1", "e1nrvA1"),
    "blast_latin1_title": ("e1lkkA1", "e1nrvA1"),
    "blast_xml2_outfmt16": "-outfmt 5",
}
FASTA: dict[str, tuple[str, ...] | str] = {
    "fasta_rcsb.fa": ("1a81_A", "1a81_D"),
    "fasta_afdb.fa": ("AF-A0A009IHW8-F1",),
    "fasta_jgi.fa": ("jgi_Aspni7_123_gm1.1_g",),
    "fasta_trinity_pipe.fa": ("TRINITY_DN1000_c115_g5_i1.p1",),
    "fasta_latin1_title.fa": ("a",),
    "fasta_gz_without_suffix.fa": ("a",),
    "fasta_gt_at_end.fa": ("a",),
    "fasta_star_only.fa": ("a",),
    "fasta_one_inner_stop.fa": tuple(f"p{number}" for number in range(20)),
    "fasta_nucleotides.fa": "nucleotides",
    "fasta.fa.xz": "only gzip is read",
}


@pytest.mark.parametrize(("name", "expected"), HHR.items())
def test_hhr(name: str, expected: tuple[int, int, str] | str) -> None:
    path = CASES / f"{name}.hhr"
    if isinstance(expected, str):
        with pytest.raises(BrokenOutputError, match=expected):
            read_hhr(path)
        return
    report = read_hhr(path)
    first = report.hits[0].target if report.hits else ""
    assert (len(report.hits), report.found, first) == expected


def test_hhr_of_another_sequence() -> None:
    with pytest.raises(BrokenOutputError, match="another sequence"):
        read_hhr(CASES / "hhr_other_sequence.hhr", sequence=POLY_G)


@pytest.mark.parametrize(("name", "expected"), BLAST.items())
def test_blast(name: str, expected: tuple[str, ...] | str) -> None:
    kind = EvidenceType.CHAIN_BLAST if "chain_blast" in name else EvidenceType.DOMAIN_BLAST
    path = CASES / f"{name}.xml"
    if isinstance(expected, str):
        with pytest.raises(BrokenOutputError, match=expected):
            read_blast_xml(path, kind)
        return
    (report,) = read_blast_xml(path, kind)
    assert tuple(hit.target for hit in report.hits) == expected
    with pytest.raises(BrokenOutputError, match="another sequence"):
        read_blast_xml(path, kind, sequence="G" * report.query_length)


def test_a_blank_chain_leaves_no_blank() -> None:
    (report,) = read_blast_xml(CASES / "blast_pdb_blank_chain.domain_blast.xml", EvidenceType.DOMAIN_BLAST)
    assert [hit.target for hit in report.hits] == ["e1lkkA1", "e1nrvA1"]


@pytest.mark.parametrize(("name", "expected"), FASTA.items())
def test_fasta(name: str, expected: tuple[str, ...] | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(BrokenInputError, match=expected):
            read_fasta_chains(CASES / name, ChainSettings())
        return
    chains = read_fasta_chains(CASES / name, ChainSettings())
    assert tuple(str(chain.key) for chain in chains if chain.failure is None) == expected


@pytest.mark.parametrize("name", ["chain_target_forms", "identity_percent", "two_query_one_target"])
def test_summaries(name: str) -> None:
    hits = read_summary(CASES / f"summary_{name}.summary.xml").hits
    assert {hit.target for hit in hits} == {"1lkk_A" if name == "chain_target_forms" else "e1lkkA1"}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.*")), ids=lambda path: path.name)
def test_any_case_given_to_any_reader_is_read_or_a_declared_error(path: Path) -> None:
    readers = (
        lambda: read_hhr(path),
        lambda: read_blast_xml(path, EvidenceType.CHAIN_BLAST),
        lambda: read_fasta_chains(path, ChainSettings()),
        lambda: read_summary(path, length=254),
    )
    for read in readers:
        try:
            read()
        except PyecodError as error:
            assert str(error)  # noqa: PT017 - either is right
