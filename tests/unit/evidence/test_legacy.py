"""The ``blast_summ_doc`` dialect as the older tools wrote it, in its several shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError
from pyecod.evidence import DomainSummary, read_summary
from pyecod.ids import ChainKey
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment

CHAIN_RUN = """
<chain_blast_run program="blastp" version="BLASTP 2.12.0+">
  <blast_db>chains</blast_db><blast_query>8ovp_A</blast_query><query_len>475</query_len>
  <hits>
    <hit num="1" pdb_id="6DGV" chain_id="A" hsp_count="2" evalues="1e-50,0.0">
      <query_reg>252-474,10-90</query_reg><hit_reg>1-223,230-310</hit_reg>
      <query_seq>AC</query_seq><hit_seq>AC</hit_seq>
    </hit>
  </hits>
</chain_blast_run>"""
DOMAIN_RUN = """
<blast_run program="blastp"><hits>
  <hit domain_id="e6dgvA1" pdb_id="6dgv" chain_id="A" hsp_count="1" evalues="1e-30">
    <query_reg>260-470</query_reg><hit_reg>8-218</hit_reg></hit>
  <hit domain_id="e2ia4B2" pdb_id="2ia4" chain_id="B" hsp_count="1" evalues="999">
    <query_reg>1-80</query_reg></hit>
  <hit domain_id="e6dgvA1" pdb_id="6dgv" chain_id="A" hsp_count="2" evalues="1e-40" discontinuous="true">
    <query_reg>10-90,100-150</query_reg><hit_reg>1-81,91-141</hit_reg></hit>
</hits></blast_run>"""
HH_RUN = """
<hh_run program="hhsearch"><hits>
  <hit hit_id="6dgv_A" domain_id="e6dgvA1" num="1" probability="99.5" hh_prob="99.5" evalue="0" score="150.5">
    <query_reg>255-470</query_reg><hit_reg>5-220</hit_reg></hit>
  <hh_hit domain_id="e6dgvA1" num="2" hh_prob="61.0" hh_score="30.1" hh_evalue="0.4">
    <query_reg>10-60,71-120</query_reg><hit_reg>1-100</hit_reg></hh_hit>
</hits></hh_run>"""


def document(*runs: str, attributes: str = "", length: str = "<query_len>475</query_len>", nested: bool = False) -> str:
    head, body = f'<blast_summ pdb="8OVP" chain="A" {attributes}', "".join(runs)
    inner = f"{head}>{body}</blast_summ>" if nested else f"{head}/>{body}"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<blast_summ_doc>{inner}{length}</blast_summ_doc>'


def read(tmp_path: Path, text: str, length: int | None = None) -> DomainSummary:
    path = tmp_path / "8ovp_A.develop291.domain_summary.xml"
    path.write_text(text)
    return read_summary(path, length=length)


@pytest.mark.parametrize("nested", [True, False])
def test_all_three_runs_are_read_inside_or_beside_the_header(tmp_path: Path, nested: bool) -> None:
    summary = read(tmp_path, document(CHAIN_RUN, DOMAIN_RUN, HH_RUN, nested=nested))
    assert (summary.key, summary.length) == (ChainKey("8ovp", "A"), 475)
    assert summary.found == {
        EvidenceType.CHAIN_BLAST: 1,
        EvidenceType.DOMAIN_BLAST: 2,
        EvidenceType.HHSEARCH: 2,
    }


def test_each_segment_of_a_chain_hit_has_its_own_evalue_and_the_best_comes_first(tmp_path: Path) -> None:
    (hit,) = read(tmp_path, document(CHAIN_RUN)).hits
    assert hit == Hit(
        EvidenceType.CHAIN_BLAST,
        "6dgv_A",
        None,
        (Hsp((Segment(10, 90, 230, 310),), evalue=0.0), Hsp((Segment(252, 474, 1, 223),), evalue=1e-50)),
    )
    assert hit.evalue == 0


def test_elements_of_one_domain_are_the_hsps_of_one_hit(tmp_path: Path) -> None:
    first, second = read(tmp_path, document(DOMAIN_RUN)).hits
    assert [(h.evalue, h.segments[0]) for h in first.hsps] == [
        (1e-40, Segment(10, 90, 1, 81)),
        (1e-40, Segment(100, 150, 91, 141)),
        (1e-30, Segment(260, 470, 8, 218)),
    ]
    assert second.hsps == (Hsp((Segment(1, 80),), evalue=None),)


def test_profile_hits_stay_apart_and_keep_probability_and_score(tmp_path: Path) -> None:
    best, weak = read(tmp_path, document(HH_RUN)).hits
    assert best.hsps == (Hsp((Segment(255, 470, 5, 220),), evalue=0.0, probability=99.5, score=150.5),)
    assert (weak.hsps[0].probability, weak.hsps[0].score, weak.hsps[0].evalue) == (61.0, 30.1, 0.4)


def test_sides_cut_differently_share_the_target_by_place(tmp_path: Path) -> None:
    (_, weak) = read(tmp_path, document(HH_RUN)).hits
    assert weak.hsps[0].segments == (Segment(10, 60, 1, 50), Segment(71, 120, 51, 100))


def test_a_type_without_run_was_not_searched_unless_it_is_said_to_have_no_hits(tmp_path: Path) -> None:
    summary = read(tmp_path, document(attributes='chain_blast_no_hits="true" no_hhsearch="true"'))
    assert summary.found == {EvidenceType.CHAIN_BLAST: 0}


def test_output_that_could_not_be_read_then_is_broken_now(tmp_path: Path) -> None:
    with pytest.raises(BrokenInputError, match="domain_blast output could not be read"):
        read(tmp_path, document(CHAIN_RUN, attributes='domain_blast_error="true"'))


def test_the_length_may_come_from_the_caller_but_not_contradict_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, document(length=""), length=475).length == 475
    assert read(tmp_path, document(attributes='is_peptide="true" sequence_length="12"', length="")).length == 12
    with pytest.raises(BrokenInputError, match="does not say the chain's length"):
        read(tmp_path, document(length=""))
    with pytest.raises(BrokenInputError, match=r"another length: \[400, 475\]"):
        read(tmp_path, document(), length=400)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<blast_summ_doc/>", "no <blast_summ>"),
        (document(attributes="").replace('chain="A"', 'chain="A;rm"'), "not a chain id"),
        (document(DOMAIN_RUN.replace("260-470", "260-476")), "leaves the sequence"),
        (document(DOMAIN_RUN.replace("260-470", "")), "no <query_reg>"),
        (document(DOMAIN_RUN.replace('"1e-40"', '"1e-40,1e-3,1"')), "3 evalues for 2 segments"),
        (document(DOMAIN_RUN.replace('"1e-40"', '"best"')), "not a number"),
        (document(DOMAIN_RUN.replace('domain_id="e2ia4B2"', "")), "names no domain_id"),
        (document(HH_RUN.replace('"99.5" evalue', '"101" evalue').replace('"99.5"', '"101"')), "0 to 100"),
        (document(length="<query_len>many</query_len>"), "not a whole number"),
    ],
)
def test_broken_legacy_files_are_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(BrokenInputError, match=what):
        read(tmp_path, text)
