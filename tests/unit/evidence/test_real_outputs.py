"""Evidence of real BLAST and HHsearch output files survives the summary file unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.evidence import DomainSummary, read_summary, write_summary
from pyecod.ids import ChainKey
from pyecod.search import SearchReport, read_blast_xml, read_hhr
from pyecod.search.hit import EvidenceType

OUTPUTS = Path(__file__).parents[4] / "shared" / "real" / "outputs"

pytestmark = pytest.mark.skipif(not OUTPUTS.is_dir(), reason=f"the real output files are not in {OUTPUTS}")


def check(report: SearchReport, kind: EvidenceType, tmp_path: Path) -> int:
    length = report.query_length
    summary = DomainSummary(ChainKey("8ovp", "A"), length, report.hits, found={kind: report.found})
    path = tmp_path / "s.xml"
    write_summary(path, summary)
    assert read_summary(path) == summary
    return len(report.hits)


def test_blast_output_comes_back_equal(tmp_path: Path) -> None:
    hits = [
        check(report, EvidenceType.DOMAIN_BLAST, tmp_path)
        for path in sorted(OUTPUTS.glob("*blastp*.xml"))
        for report in read_blast_xml(path, EvidenceType.DOMAIN_BLAST)
    ]
    assert sum(hits) > 10


@pytest.mark.parametrize("name", ["biopython_2uvo_hhsearch.hhr", "biopython_4y9h_hhsearch_server_NOssm.hhr"])
def test_hhsearch_output_comes_back_equal(name: str, tmp_path: Path) -> None:
    assert check(read_hhr(OUTPUTS / name), EvidenceType.HHSEARCH, tmp_path) > 10
