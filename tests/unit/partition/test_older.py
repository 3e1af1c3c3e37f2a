"""Partitions of the older tools are read for as much as they say."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError
from pyecod.ids import ChainKey
from pyecod.partition import Domain, Outcome, Partition, Quality, read_partition
from pyecod.partition.xml import format_legacy_partition
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType

WITHOUT_LENGTH = """<?xml version="1.0"?>
<domain_partition pdb_id="8OVP" chain_id="A" reference="mini_pyecod" is_classified="true">
  <domains>
    <domain id="d2" range="262-368" family="1ytf" source="domain_blast" evidence_count="3" is_discontinuous="false"/>
    <domain id="d1" range="5-256" family="2ia4" source="hhsearch" evidence_count="1" is_discontinuous="false"/>
  </domains>
</domain_partition>
"""
WITH_GROUPS = """<?xml version="1.0"?>
<domain_partition pdb_id="1old" chain_id="A" reference="develop291" success="true" is_classified="true"
                  sequence_length="300">
  <metadata>
    <version algorithm="pyecod_mini 2.0.0" timestamp="2025-10-19T10:00:00"/>
    <source batch_id="ecod_weekly_20250905" file_hash="abc"/>
  </metadata>
  <domains count="2">
    <domain id="1old_A_d1" start="1" end="150" source="chain_blast_decomposed" confidence="0.85"
            t_group="1000.1.1" h_group="1000.1" x_group="1000" reference_ecod_domain_id="e1suaA1">
      <primary_evidence source_type="chain_blast" domain_id="e1suaA1" evalue="1e-20" reference_coverage="0.93"/>
    </domain>
    <domain id="1old_A_d2" range="140-200,220-250" source="blast" t_group="NA">
      <evidence_list><evidence type="domain_blast" domain_id="e2abcA1" evalue="999.0"/></evidence_list>
    </domain>
  </domains>
</domain_partition>
"""


def write(tmp_path: Path, text: str, name: str = "x.partition.xml") -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["x.partition.xml", "x.partition.xml.gz"])
def test_domains_are_read_in_the_order_of_their_residues(tmp_path: Path, name: str) -> None:
    file = read_partition(write(tmp_path, WITHOUT_LENGTH, name), length=518)
    assert str(file.key) == "8ovp_A"
    found = file.partition
    assert (found.length, found.outcome, found.quality) == (518, Outcome.ASSIGNED, Quality.LOW_COVERAGE)
    assert [(d.number, str(d.range), d.source, d.support) for d in found.domains] == [
        (1, "5-256", EvidenceType.HHSEARCH, 1),
        (2, "262-368", EvidenceType.DOMAIN_BLAST, 3),
    ]
    assert {(d.t_group, d.h_group, d.x_group, d.f_group, d.ecod_domain) for d in found.domains} == {
        ("", "", "", None, "")
    }
    assert (found.reference_version, found.counts, found.unassigned) == ("mini_pyecod", {}, ())


def test_groups_evidence_and_origin_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    file = read_partition(write(tmp_path, WITH_GROUPS))
    first, second = file.partition.domains
    assert (first.t_group, first.h_group, first.x_group, first.ecod_domain) == ("1000.1.1", "1000.1", "1000", "e1suaA1")
    assert (first.source, first.evalue, first.reference_coverage) == (EvidenceType.CHAIN_BLAST, 1e-20, 0.93)
    assert (first.h_agreement, str(first.range)) == (0.85, "1-150")
    assert (second.ecod_domain, second.evalue, second.t_group, str(second.range)) == (
        "e2abcA1",
        None,
        "",
        "140-200,220-250",
    )
    assert (file.batch_id, file.timestamp, file.summary_sha256) == (
        "ecod_weekly_20250905",
        "2025-10-19T10:00:00",
        "abc",
    )
    assert (file.partition.algorithm, file.partition.algorithm_version) == ("pyecod_mini", "2.0.0")
    assert file.partition.coverage == pytest.approx(231 / 300)  # where domains overlap, a residue counts once


def test_what_is_written_for_the_older_tools_is_read_back(tmp_path: Path) -> None:
    domain = Domain(
        1, ResidueRange.parse("5-90,100-150"), "e1suaA1", "1.1.1", "1.1", "1", EvidenceType.HHSEARCH,
        f_group="1.1.1.4", evalue=1e-9, probability=99.1, reference_coverage=0.9, support=4, h_agreement=0.75,
    )  # fmt: skip
    written = Partition(200, Outcome.ASSIGNED, Quality.LOW_COVERAGE, (domain,), (), {}, "develop291", "pyecod", "0.2.0")
    text = format_legacy_partition(written, ChainKey("8ovp", "A"), batch_id="b", timestamp="t", summary_sha256="s")
    file = read_partition(write(tmp_path, text.decode()))
    assert file.partition == written
    assert (file.batch_id, file.timestamp, file.summary_sha256) == ("b", "t", "s")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (WITHOUT_LENGTH, "does not say the chain's length"),
        (WITH_GROUPS.replace('pdb_id="1old"', 'pdb_id="../x"'), "not a PDB id"),
        (
            WITH_GROUPS.replace('source="blast"', 'source="magic"').replace('type="domain_blast"', ""),
            "no kind of evidence",
        ),
        (WITH_GROUPS.replace("140-200", "140-900"), "range"),
        (WITH_GROUPS.replace('end="150"', 'end="many"'), "range"),
    ],
)
def test_what_it_does_not_say_or_says_wrongly_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BrokenInputError, match=says) as caught:
        read_partition(path)
    assert str(path) in str(caught.value)


def test_another_length_than_the_chains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenInputError, match="of 300 residues, the chain has 299"):
        read_partition(write(tmp_path, WITH_GROUPS), length=299)


@pytest.mark.slow
@given(st.data())
@settings(deadline=None, max_examples=200)
def test_altered_files_raise_the_declared_error_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = list(data.draw(st.sampled_from([WITH_GROUPS, WITHOUT_LENGTH])))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.characters(codec="utf-8") | st.just("9"))
    path = write(tmp_path_factory.mktemp("altered"), "".join(text))
    with suppress(BrokenInputError):
        read_partition(path, length=data.draw(st.sampled_from([None, 518])))
