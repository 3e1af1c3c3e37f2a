"""Viewer scripts name exactly the residues of each domain, by author numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Outcome, Partition, Quality
from pyecod.pdb.chain import Numbering, NumberingRun
from pyecod.ranges import ResidueRange
from pyecod.report import chimerax_script, pymol_script
from pyecod.report.colours import group_colour
from pyecod.report.scripts import author_stretches
from pyecod.search.hit import EvidenceType

# SEQRES 1-5 are not observed; 100A and 100B lie between 100 and 101
NUMBERING = Numbering(
    (
        NumberingRun(6, -4, 105),
        NumberingRun(111, 100, 1, "A"),
        NumberingRun(112, 100, 1, "B"),
        NumberingRun(113, 101, 100),
    )
)
KEY = ChainKey("8ovp", "aB")


def partition(*ranges: str) -> Partition:
    domains = tuple(
        Domain(i, ResidueRange.parse(text), "e1suaA1", f"{i}.1.1", f"{i}.1", str(i), EvidenceType.HHSEARCH)
        for i, text in enumerate(ranges, 1)
    )
    return Partition(212, Outcome.ASSIGNED, Quality.GOOD, domains, (), {}, "develop291", "pyecod", "0.1.0")


def test_pymol_selects_each_domain_and_colours_it_as_the_picture_does() -> None:
    lines = pymol_script(KEY, partition("1-60,70-110", "111-212"), NUMBERING).splitlines()
    assert "fetch 8ovp, type=cif, async=0" in lines
    assert r"select domain1_8ovp_aB, chain aB and resi \-4-50+60-99+100" in lines
    assert "select domain2_8ovp_aB, chain aB and resi 100A+100B+101-200" in lines
    assert f"color 0x{group_colour('1.1.1')[1:]}, domain1_8ovp_aB" in lines
    assert "set cif_use_auth, on" in lines


def test_chimerax_names_each_domain_and_colours_it() -> None:
    lines = chimerax_script(KEY, partition("1-60,70-110", "111-212"), NUMBERING).splitlines()
    assert "name domain1 /aB:-4-50,60-99,100" in lines
    assert "name domain2 /aB:100A,100B,101-200" in lines
    assert f"color domain2 {group_colour('2.1.1')}" in lines


def test_a_domain_without_observed_residues_is_left_out() -> None:
    assert "domain1" not in pymol_script(KEY, partition("1-5"), NUMBERING)


def test_odd_chain_ids_are_quoted() -> None:
    assert 'chain "A-2"' in pymol_script(ChainKey("8ovp", "A-2"), partition("6-20"), NUMBERING)


@given(st.sets(st.integers(1, 212), min_size=1))
def test_stretches_mean_the_residues_and_no_others(wanted: set[int]) -> None:
    author = {label: NUMBERING.author(label) for label in range(6, 213)}
    everyone = {(int(text.rstrip("AB")), text[len(text.rstrip("AB")) :]): label for label, text in author.items()}
    meant: list[int] = []
    for first, last, code in author_stretches(NUMBERING, ResidueRange.of((r, r) for r in wanted)):
        # a viewer takes everything between the ends, inserted residues included
        meant += [label for place, label in everyone.items() if (first, code) <= place <= (last, code)]
    assert sorted(meant) == sorted(wanted & set(author))
