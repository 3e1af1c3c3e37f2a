"""Odd lists and titles that people met, kept beside the checkout, built by the real programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import ReferenceDataError
from pyecod.reference import BuildReport, Reference, build_reference

CASES = Path(__file__).resolve().parents[3].parent / "shared" / "cases"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not CASES.is_dir(), reason=f"no odd files at {CASES}"),
]


def build(name: str, out: Path, **more: Path) -> BuildReport:
    folder = CASES / "search" / name
    return build_reference(
        out,
        "odd",
        domains=[folder / "domains.txt"],
        domain_fasta=[folder / "domains.fasta"],
        chain_fasta=[folder / "chains.fasta"],
        **more,
    )


@pytest.mark.parametrize(
    ("name", "domains", "chains"),
    [
        ("ref_chain_title_space", 4, ("6ces_A", "6ces_B", "6ces_C")),
        ("ref_chain_title_pdb_pipe", 8, ("1a81_A", "1axk_B")),
        ("ref_domain_title_gnl", 8, ("1a81_A", "1axk_B")),
        ("list_trailing_tab", 8, ("1a81_A", "1axk_B")),
        ("list_latin1", 8, ("1a81_A", "1axk_B")),
        ("list_gz_without_suffix", 8, ("1a81_A", "1axk_B")),
        ("list_chain_hyphen", 1, ("9aaf_A-2",)),
    ],
)
def test_what_can_be_read_is_read_whole(tmp_path: Path, name: str, domains: int, chains: tuple[str, ...]) -> None:
    report = build(name, tmp_path / "reference")
    assert (report.counts["domains"], report.counts["domain_sequences"], report.rejected) == (domains, domains, {})
    reference = Reference.open(tmp_path / "reference")
    for chain in chains:
        assert reference.chain_length(chain), chain


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ref_domain_all_X", "8 × bad_sequence"),
        ("list_develop45_no_header", "before format 1.4"),
        ("list_v1.1_no_seqid_range", "no column 'seqid_range'"),
    ],
)
def test_what_cannot_be_used_ends_the_build_and_says_why(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ReferenceDataError, match=says) as caught:
        build(name, tmp_path / "reference")
    assert not (tmp_path / "reference").exists()
    if name == "ref_domain_all_X":
        kept = tmp_path / "reference.rejected.tsv"
        assert str(kept) in str(caught.value)
        assert kept.read_text().count("bad_sequence") == 8


def test_a_hierarchy_with_a_byte_order_mark_is_read_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    build("list_latin1", tmp_path / "one", hierarchy=CASES / "search" / "hierarchy_bom.csv")
    with pytest.raises(ReferenceDataError, match=r"hierarchy-damaged\.csv\.gz.*cannot read the hierarchy"):
        build("list_latin1", tmp_path / "two", hierarchy=CASES / "hostile" / "hierarchy-damaged.csv.gz")


def test_profiles_named_as_ecods_own_fasta_are_known(tmp_path: Path) -> None:
    report = build("ref_chain_title_pdb_pipe", tmp_path / "one", hh_db=CASES / "search" / "hhdb_name_pipe" / "db")
    assert (report.counts["profiles"], report.counts["known_profiles"]) == (8, 8)
