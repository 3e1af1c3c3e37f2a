"""Viewer scripts name exactly the residues of each domain, by author numbers."""

from __future__ import annotations

import re
from dataclasses import replace

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


HOSTILE = st.text(max_size=60) | st.text(alphabet=";\\\n\r#@/`$|aA1 ,()", max_size=40)
PYMOL = re.compile(
    r"# [A-Za-z0-9._ -]*|set [a-z_]+, o(n|ff)|fetch [A-Za-z0-9._-]+, type=cif, async=0|hide everything|deselect"
    r'|(show cartoon,|color grey80,|orient) chain ("[A-Za-z0-9.-]+"|[A-Za-z0-9]+)|color 0x[0-9a-f]{6}, [A-Za-z0-9_]+'
    r'|select [A-Za-z0-9_]+, chain ("[A-Za-z0-9.-]+"|[A-Za-z0-9]+) and resi [A-Za-z0-9+\\-]+'
)
CHIMERAX = re.compile(
    r"# [A-Za-z0-9._ -]*|open [A-Za-z0-9._-]+ from pdb|hide (atoms|cartoons)|(cartoon|view) /[A-Za-z0-9.-]+"
    r"|color /[A-Za-z0-9.-]+ lightgray|color domain[0-9]+ #[0-9a-f]{6}|name domain[0-9]+ /[A-Za-z0-9.-]+:[A-Za-z0-9,-]+"
)


@given(st.builds(lambda *texts: texts, *[HOSTILE] * 7))
def test_nothing_from_data_stands_in_a_script_but_from_a_closed_alphabet(texts: tuple[str, ...]) -> None:
    name, group, algorithm, version, reference, chain, code = texts
    ranges = ResidueRange.parse("6-20")
    names = {"t": name, "x": name}
    domain = Domain(1, ranges, name, group, group, group, EvidenceType.HHSEARCH, names=names, explanation=name)
    found = Partition(212, Outcome.ASSIGNED, Quality.GOOD, (domain,), (), {}, reference, algorithm, version)
    numbering = Numbering((NumberingRun(6, -4, 10), NumberingRun(16, 7, 1, code), NumberingRun(17, 8, 10)))
    for key in (KEY, ChainKey("8ovp", chain)):
        for line in pymol_script(key, found, numbering).splitlines():
            assert PYMOL.fullmatch(line), line
        for line in chimerax_script(key, found, numbering).splitlines():
            assert CHIMERAX.fullmatch(line), line


def test_a_command_in_the_name_of_a_group_is_no_command() -> None:
    domain = Domain(1, ResidueRange.parse("6-20"), "e1suaA1", "1.1.1", "1.1", "1", EvidenceType.HHSEARCH)
    domain = replace(domain, names={"t": "Rossmann fold; system touch /tmp/x \\"})
    found = replace(partition(), domains=(domain,))
    assert "# 1 6-20 1.1.1 Rossmann fold system touch tmp x" in pymol_script(KEY, found, NUMBERING).splitlines()
