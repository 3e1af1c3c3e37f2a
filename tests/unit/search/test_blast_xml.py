import gzip
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenOutputError
from pyecod.search import EvidenceType, SearchReport, Segment, read_blast_xml
from pyecod.search.blast_xml import parse_blast_xml

HSP = """<Hsp><Hsp_num>{num}</Hsp_num><Hsp_bit-score>50.1</Hsp_bit-score><Hsp_evalue>{evalue}</Hsp_evalue>
<Hsp_query-from>3</Hsp_query-from><Hsp_query-to>7</Hsp_query-to><Hsp_hit-from>11</Hsp_hit-from>
<Hsp_hit-to>14</Hsp_hit-to><Hsp_identity>3</Hsp_identity><Hsp_align-len>6</Hsp_align-len>
<Hsp_qseq>ACD-EF</Hsp_qseq><Hsp_hseq>AC--GF</Hsp_hseq></Hsp>"""
HSP = HSP.replace("ACD-EF", "ACDE-F").replace("AC--GF", "A-CGG-")


def hsp(num: int = 1, evalue: str = "1e-5") -> str:
    """Six columns: query 3-7 ``ACDE-F``, target 11-14 ``A-CGG-``."""
    return HSP.format(num=num, evalue=evalue)


def hit(num: int = 1, *, hit_id: str = "gnl|BL_ORD_ID|0", title: str = "e1suaA1 title", hsps: str | None = None) -> str:
    return (
        f"<Hit><Hit_num>{num}</Hit_num><Hit_id>{hit_id}</Hit_id><Hit_def>{title}</Hit_def><Hit_accession>0"
        f"</Hit_accession><Hit_len>40</Hit_len><Hit_hsps>{hsp() if hsps is None else hsps}</Hit_hsps></Hit>"
    )


def iteration(hits: str = "", name: str = "q1", length: object = 20, statistics: bool = True) -> str:
    end = "<Iteration_stat><Statistics><Statistics_db-num>1</Statistics_db-num></Statistics></Iteration_stat>"
    return (
        f"<Iteration><Iteration_iter-num>1</Iteration_iter-num><Iteration_query-ID>Query_1</Iteration_query-ID>"
        f"<Iteration_query-def>{name}</Iteration_query-def><Iteration_query-len>{length}</Iteration_query-len>"
        f"<Iteration_hits>{hits}</Iteration_hits>{end if statistics else ''}</Iteration>"
    )


def document(*iterations: str, doctype: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{doctype}<BlastOutput><BlastOutput_version>BLASTP 2.12.0+</BlastOutput_version>'
        f"<BlastOutput_db>domains</BlastOutput_db><BlastOutput_iterations>{''.join(iterations)}"
        "</BlastOutput_iterations></BlastOutput>"
    )


def parse(text: str | bytes, max_evalue: float = 10.0) -> list[SearchReport]:
    data = text.encode() if isinstance(text, str) else text
    return list(parse_blast_xml([data], EvidenceType.DOMAIN_BLAST, max_evalue=max_evalue, where="test"))


@pytest.mark.parametrize(
    ("name", "length", "found", "version", "hsps"),
    [
        ("biopython_xml_2226_blastp_004.xml", 98, 5, "2.2.26+", 6),
        ("biopython_xml_2900_blastp_001.xml", 103, 10, "2.9.0+", 10),
        ("biopython_xml_21500_blastp_001.xml", 239, 10, "2.15.0+", 10),
    ],
)
def test_real_outputs_of_several_versions_are_read_whole(
    outputs: Path, name: str, length: int, found: int, version: str, hsps: int
) -> None:
    (report,) = read_blast_xml(outputs / name, EvidenceType.DOMAIN_BLAST)
    assert (report.query_length, report.found, len(report.hits), report.version) == (length, found, found, version)
    alignments = [hsp for hit in report.hits for hsp in hit.hsps]
    text = (outputs / name).read_text()
    assert len(alignments) == text.count("<Hsp>") >= hsps
    assert all(0 <= h.identity <= 1 and 1 <= h.query_start <= h.query_end <= length for h in alignments)


def test_a_real_hit_has_the_values_of_the_file(outputs: Path) -> None:
    (report,) = read_blast_xml(outputs / "biopython_xml_21500_blastp_001.xml", EvidenceType.CHAIN_BLAST)
    best = report.hits[0]
    assert (best.type, best.target, best.target_length) == (EvidenceType.CHAIN_BLAST, "WP_003221446.1", 239)
    (only,) = best.hsps
    assert only.segments == (Segment(1, 239, 1, 239),)
    assert (only.evalue, only.bitscore, only.identity) == (2.44722e-169, 477.248, 1.0)


def test_gzipped_files_are_read(outputs: Path, tmp_path: Path) -> None:
    plain = outputs / "biopython_xml_2226_blastp_004.xml"
    packed = tmp_path / "old.chain_blast.xml.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_blast_xml(packed, EvidenceType.CHAIN_BLAST) == read_blast_xml(plain, EvidenceType.CHAIN_BLAST)


def test_gaps_end_segments_and_identity_is_by_columns() -> None:
    (report,) = parse(document(iteration(hit())))
    (only,) = report.hits[0].hsps
    assert only.segments == (Segment(3, 3, 11, 11), Segment(5, 6, 12, 13))
    assert only.identity == 0.5


def test_an_evalue_of_zero_stays_zero_and_is_kept() -> None:
    (report,) = parse(document(iteration(hit(hsps=hsp(evalue="0")))), max_evalue=1e-200)
    assert report.hits[0].evalue == 0.0


def test_every_hsp_is_read_and_weak_ones_are_left_out_but_counted() -> None:
    strong_and_weak = hit(1, hsps=hsp(1, "1e-9") + hsp(2, "0.5"))
    (report,) = parse(document(iteration(strong_and_weak + hit(2, hsps=hsp(1, "0.5")))), max_evalue=0.002)
    assert report.found == 2
    assert [len(one.hsps) for one in report.hits] == [1]
    (report,) = parse(document(iteration(strong_and_weak)))
    assert len(report.hits[0].hsps) == 2


@pytest.mark.parametrize(
    ("hit_id", "title", "target"),
    [
        ("gnl|BL_ORD_ID|7", "e1suaA1", "e1suaA1"),
        ("gnl|BL_ORD_ID|7", "1sua_a some title", "1sua_a"),
        ("gnl|BL_ORD_ID|7", "000003268|e1dlwA1|106.1.1.1|A:1-116", "e1dlwA1"),
        ("e6n4vUB2", "unnamed protein product", "e6n4vUB2"),
        ("lcl|e1suaA1", "No definition line", "e1suaA1"),
        ("pdb|1SUA|a", "No definition line", "1sua_a"),
    ],
)
def test_the_target_is_the_id_whether_or_not_the_database_has_parsed_ids(hit_id: str, title: str, target: str) -> None:
    (report,) = parse(document(iteration(hit(hit_id=hit_id, title=title))))
    assert report.hits[0].target == target


def test_a_query_without_hits_is_a_report_of_none_found() -> None:
    (report,) = parse(document(iteration()))
    assert (report.found, report.hits, report.query) == (0, (), "q1")


def test_reports_come_while_the_document_is_still_being_printed() -> None:
    whole = document(iteration(hit(), name="a"), iteration(name="b"), iteration(hit(), name="c")).encode()
    cut = whole[: whole.index(b"<Iteration_query-def>c")]
    reports = parse_blast_xml([cut], EvidenceType.DOMAIN_BLAST, max_evalue=1, where="test")
    assert [next(reports).query, next(reports).query] == ["a", "b"]
    with pytest.raises(BrokenOutputError, match="truncated"):
        next(reports)


BROKEN = {
    "empty": "",
    "white space": "  \n",
    "other XML": "<BlastXML2/>",
    "html": "<html><body>503</body></html>",
    "no statistics": document(iteration(hit(), statistics=False)),
    "no query length": document(iteration(hit(), length="")),
    "negative query length": document(iteration(length=-5)),
    "no query name": document(iteration(name="").replace("Query_1", "")),
    "hit missing": document(iteration(hit(1) + hit(3))),
    "hit without alignment": document(iteration(hit(hsps=""))),
    "alignment missing": document(iteration(hit(hsps=hsp(2)))),
    "hit without id": document(iteration(hit(title=""))),
    "lines of different lengths": document(iteration(hit(hsps=hsp().replace("ACDE-F", "ACDE-FF")))),
    "letters do not fit numbers": document(iteration(hit(hsps=hsp().replace(">7<", ">8<")))),
    "beyond the query": document(iteration(hit(), length=6)),
    "beyond the target": document(iteration(hit().replace(">40<", ">13<"))),
    "evalue not a number": document(iteration(hit(hsps=hsp(evalue="nan")))),
    "evalue negative": document(iteration(hit(hsps=hsp(evalue="-1e-5")))),
    "evalue infinite": document(iteration(hit(hsps=hsp(evalue="inf")))),
    "more identities than columns": document(iteration(hit(hsps=hsp().replace(">3</Hsp_id", ">7</Hsp_id")))),
    "aligns nothing": document(iteration(hit(hsps=hsp().replace("A-CGG-", "------").replace(">14<", ">10<")))),
    "no alignment length": document(iteration(hit(hsps=hsp().replace(">6<", "><")))),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_broken_output_is_an_error_and_never_no_hits(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(text)
    with pytest.raises(BrokenOutputError) as caught:
        read_blast_xml(path, EvidenceType.DOMAIN_BLAST)
    assert str(path) in str(caught.value)


def test_a_document_without_queries_is_an_error_where_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "none.xml"
    path.write_text(document())
    with pytest.raises(BrokenOutputError, match="without any query"):
        read_blast_xml(path, EvidenceType.DOMAIN_BLAST)


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml.gz"
    path.write_bytes(gzip.compress(document(iteration(hit())).encode())[:-12])
    with pytest.raises(BrokenOutputError, match="cannot read"):
        read_blast_xml(path, EvidenceType.DOMAIN_BLAST)


def test_entities_are_never_expanded_nor_files_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("e1secA1")
    entities = f'<!ENTITY a "e1bomA1"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file://{secret}">'
    bomb = f"<!DOCTYPE BlastOutput [{entities}]>"
    for entity in ("&b;", "&c;"):
        with pytest.raises(BrokenOutputError):
            parse(document(iteration(hit(title=entity)), doctype=bomb))


def real(outputs: Path) -> bytes:
    return (outputs / "biopython_xml_2226_blastp_004.xml").read_bytes()


@given(data=st.data())
def test_truncation_anywhere_is_an_error(outputs: Path, data: st.DataObject) -> None:
    whole = real(outputs).rstrip()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BrokenOutputError):
        parse(whole[:cut])


@given(data=st.data())
def test_altered_bytes_are_an_error_or_lose_no_hit(outputs: Path, data: st.DataObject) -> None:
    content = bytearray(real(outputs))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        (report,) = parse(bytes(content))
    except BrokenOutputError:
        return
    assert report.found == 5


@given(data=st.data())
def test_lines_lost_or_doubled_are_an_error_or_lose_no_hit(outputs: Path, data: st.DataObject) -> None:
    lines = real(outputs).splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at : at + 1] = [] if data.draw(st.booleans()) else [lines[at], lines[at]]
    try:
        (report,) = parse(b"".join(lines))
    except BrokenOutputError:
        return
    assert report.found == 5


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_the_declared_error(content: bytes) -> None:
    with pytest.raises(BrokenOutputError):
        parse(content)


@pytest.mark.parametrize(
    ("title", "target"),
    [("1lkk A", "1lkk_A"), ("1LKK_A mol:protein length:105", "1lkk_A"), ("1lkkA", "1lkk_A"), ("P00350 6PGD", "P00350")],
)
def test_targets_of_chain_databases_are_chain_keys(title: str, target: str) -> None:
    (report,) = list(
        parse_blast_xml(
            [document(iteration(hit(title=title))).encode()], EvidenceType.CHAIN_BLAST, max_evalue=math.inf, where="x"
        )
    )
    assert report.hits[0].target == target


def test_the_last_of_several_iterations_of_one_query_counts(tmp_path: Path) -> None:
    path = tmp_path / "psi.xml"
    path.write_text(document(iteration(hit(title="e1aaaA1")) + iteration(hit(title="e2aaaA1"))))
    (report,) = read_blast_xml(path, EvidenceType.DOMAIN_BLAST)
    assert [one.target for one in report.hits] == ["e2aaaA1"]


def test_older_blast_names_its_query_before_the_iterations() -> None:
    text = document(iteration(hit()))
    names = re.findall(r"<Iteration_query-.*?>.*?</Iteration_query-.*?>", text)
    moved = "".join(name.replace("Iteration_query", "BlastOutput_query") for name in names)
    for name in names:
        text = text.replace(name, "")
    text = text.replace("<BlastOutput_iterations>", f"{moved}<BlastOutput_iterations>")
    assert parse(text) == parse(document(iteration(hit())))


def test_letters_that_are_not_utf8_are_read_as_latin_1() -> None:
    text = document(iteration(hit(title="e1suaA1 Sjögren")))
    for data in (text.encode(), text.encode("latin-1"), b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()):
        for size in (1, 7, 1 << 20):
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            (report,) = list(parse_blast_xml(pieces, EvidenceType.DOMAIN_BLAST, max_evalue=math.inf, where="x"))
            assert report.hits[0].target == "e1suaA1"


@pytest.mark.parametrize("content", ["<BlastXML2 xmlns='http://www.ncbi.nlm.nih.gov'/>", "# BLASTP 2.12", '{"a": 1}'])
def test_other_formats_of_blast_are_refused_with_the_option_to_give(content: str) -> None:
    with pytest.raises(BrokenOutputError, match="-outfmt 5"):
        parse(content)


def test_the_output_of_another_sequence_is_refused(outputs: Path) -> None:
    path = outputs / "biopython_xml_21500_blastp_001.xml"
    (report,) = read_blast_xml(path, EvidenceType.CHAIN_BLAST)
    with pytest.raises(BrokenOutputError, match="the output of another sequence"):
        read_blast_xml(path, EvidenceType.CHAIN_BLAST, sequence="G" * report.query_length)


def test_one_absurdly_large_hit_or_query_is_the_declared_error(monkeypatch: pytest.MonkeyPatch) -> None:
    text = document(iteration(hit()))
    monkeypatch.setattr("pyecod.search.blast_xml._LARGEST_HIT", 1000)
    with pytest.raises(BrokenOutputError, match="absurdly large"):
        parse(text.replace("<Hit_hsps>", "<Hit_hsps>" + "<Hsp/>" * 1000))
