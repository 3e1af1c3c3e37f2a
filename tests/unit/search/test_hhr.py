import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BrokenOutputError
from pyecod.search import EvidenceType, SearchReport, Segment, read_hhr
from pyecod.search.hhr import _Hhr, _Lines, parse_hhr
from pyecod.search.hhr_table import parse_row

# written for this test after the layout of HH-suite 3.3: a description that looks like numbers, two blocks,
# a block in which the query has only gaps, no consensus on the query side, one weak hit
SMALL = """\
Query         q some title
Match_columns 20
No_of_seqs    3 out of 7
Neff          2.5
Searched_HMMs 10
Date          Fri Nov 21 00:00:00 2025
Command       hhsearch -i q.a3m -d db

 No Hit                             Prob E-value P-value  Score    SS Cols Query HMM  Template HMM
  1 e1abcA1;1.1.1.1 99.9 1-20 (30)  99.5 1.2E-10 1.2E-13   80.1   0.0    8    3-14     21-34  (327)
  2 e2abcB12                        12.0     1.5 0.00012   20.3   0.0    4    1-4       5-8   (40)

No 1
>e1abcA1;1.1.1.1 99.9 1-20 (30) and the rest of the title
Probab=99.51  E-value=1.2e-10  Score=80.14  Aligned_cols=8  Identities=33%  Similarity=0.561  Sum_probs=8.7

Q q                 3 ACDE--FG    8 (20)
T Consensus        21 acd.gghh   27 (327)
T e1abcA1;1.1.1.   21 ACD-GGHH   27 (327)
Confidence            789  999

Q q                 9 ----    8 (20)
T Consensus        28 aaaa   31 (327)
T e1abcA1;1.1.1.   28 AAAA   31 (327)

Q q                 9 AAACCC   14 (20)
T Consensus        32 aa...c   34 (327)
T e1abcA1;1.1.1.   32 AA---C   34 (327)
Confidence            99   9


No 2
>e2abcB12
Probab=12.03  E-value=1.5  Score=20.31  Aligned_cols=4  Identities=100%  Similarity=1.5  Sum_probs=2.1

Q q                 1 AAAA    4 (20)
Q Consensus         1 aaaa    4 (20)
                      ||||
T Consensus         5 aaaa    8 (40)
T e2abcB12          5 AAAA    8 (40)
Confidence            9999


"""


def small_with(before: str, after: str) -> str:
    assert before in SMALL
    return SMALL.replace(before, after)


def parse(text: str, min_probability: float = 0.0) -> SearchReport:
    return parse_hhr(text, min_probability=min_probability, where="test.hhr")


def test_segments_probability_and_template_length_are_read() -> None:
    report = parse(SMALL)
    assert (report.query, report.query_length, report.found) == ("q", 20, 2)
    assert (report.profile_depth, report.profile_neff) == (7, 2.5)
    first, second = report.hits
    assert (first.target, first.target_length) == ("e1abcA1", 327)
    (hsp,) = first.hsps
    assert hsp.segments == (
        Segment(3, 5, 21, 23),
        Segment(7, 8, 26, 27),
        Segment(9, 10, 32, 33),
        Segment(14, 14, 34, 34),
    )
    assert (hsp.probability, hsp.evalue, hsp.score, hsp.identity, hsp.bitscore) == (99.51, 1.2e-10, 80.14, 0.33, None)
    assert (second.target, second.hsps[0].segments) == ("e2abcB12", (Segment(1, 4, 5, 8),))


def test_improbable_hits_are_left_out_but_counted() -> None:
    report = parse(SMALL, min_probability=50)
    assert report.found == 2
    assert [hit.target for hit in report.hits] == ["e1abcA1"]


@pytest.mark.parametrize(
    ("name", "length", "found", "first", "depth"),
    [
        ("biopython_2uvo_hhsearch.hhr", 171, 32, ("2uvo_A", 171), 4),
        ("biopython_4y9h_hhsearch_server_NOssm.hhr", 226, 29, ("5ZIM_A", 228), 1242),
        ("biopython_hhpred_9590198.hhr", 422, 34, ("PF03676.14", 394), 584),
    ],
)
def test_real_outputs_of_several_versions_are_read_whole(
    outputs: Path, name: str, length: int, found: int, first: tuple[str, int], depth: int
) -> None:
    report = read_hhr(outputs / name)
    assert (report.query_length, report.found, len(report.hits), report.profile_depth) == (length, found, found, depth)
    assert (report.hits[0].target, report.hits[0].target_length) == first
    assert all(hit.type is EvidenceType.HHSEARCH and len(hit.hsps) == 1 for hit in report.hits)
    assert (outputs / name).read_text().count("\n>") == found


def test_a_template_found_twice_is_two_hits(outputs: Path) -> None:
    report = read_hhr(outputs / "biopython_2uvo_hhsearch.hhr")
    both = [hit.hsps[0] for hit in report.hits if hit.target == "2uvo_A"]
    assert [(hsp.query_start, hsp.query_end, hsp.target_start, hsp.target_end) for hsp in both][:2] == [
        (1, 171, 1, 171),
        (44, 169, 1, 126),
    ]


def test_the_real_file_cut_off_in_the_middle_is_refused(outputs: Path) -> None:
    path = outputs / "biopython_7rbx_A_hhsearch_trunc.hhr"
    with pytest.raises(BrokenOutputError, match="cut off: the alignment of hit 2 is missing") as caught:
        read_hhr(path)
    assert str(path) in str(caught.value)


def test_gzipped_files_are_read(outputs: Path, tmp_path: Path) -> None:
    plain = outputs / "biopython_hhpred_9590198.hhr"
    packed = tmp_path / "old.hhr.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_hhr(packed) == read_hhr(plain)


BROKEN = {
    "empty": "",
    "not hhsearch": "<html/>\n",
    "header only": SMALL[: SMALL.index(" No Hit")],
    "table only": SMALL[: SMALL.index("\nNo 1")],
    "no query": small_with("q some title", ""),
    "no length": small_with("Match_columns 20", "Match_columns"),
    "no depth": small_with("3 out of 7", "3"),
    "neff not a number": small_with("2.5\n", "nan\n"),
    "row missing": "\n".join(line for line in SMALL.split("\n") if not line.startswith("  1 ")),
    "another template": small_with(">e1abcA1", ">e1abdA1"),
    "another probability": small_with("Probab=99.51", "Probab=98.51"),
    "another evalue": small_with("E-value=1.2e-10", "E-value=1.2e-11"),
    "another score": small_with("Score=80.14", "Score=81.14"),
    "another number of pairs": small_with("Aligned_cols=8", "Aligned_cols=9"),
    "line lost": small_with("Q q                 9 AAACCC   14 (20)\n", ""),
    "letter lost": small_with("AAACCC", "AAACC"),
    "numbers do not run on": small_with(" 9 AAACCC   14", " 8 AAACCC   13"),
    "another length": small_with("14 (20)", "14 (21)"),
    "alignment without lines": SMALL[: SMALL.index("Q q                 1 AAAA")],
    "alignment beyond the table": SMALL + "No 3\n>e3abcA1\n",
}


ODD = {
    "probability above 100": small_with("99.5 1.2E-10", "199.5 1.2E-10").replace("Probab=99.51", "Probab=199.51"),
    "row beyond the query": small_with(" 3-14 ", " 3-21 "),
    "row beyond the template": small_with("(327)", "(28)"),
    "row runs backwards": small_with(" 3-14 ", " 14-3 "),
    "identity above 100": small_with("Identities=33%", "Identities=133%"),
    "identity is no number": small_with("Identities=33%", "Identities=-nan%"),
    "evalue is no number": small_with("E-value=1.2e-10", "E-value=nan"),
    "no template": small_with(">e1abcA1;1.1.1.1 99.9 1-20 (30) and the rest of the title", ">").replace(
        "1 e1abcA1;1.1.1.1 99.9 1-20 (30)", f"1 {'':30}"
    ),
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_hit_is_left_out_and_counted_and_the_others_are_kept(text: str) -> None:
    report = parse(text)
    assert report.found == 2
    assert [hit.target for hit in report.hits] == ["e2abcB12"]
    assert len(report.left_out) == 1
    assert report.left_out[0].startswith("hit 1 (")


def test_a_row_that_cannot_be_read_is_told_by_its_alignment() -> None:
    assert parse(
        small_with("2 e2abcB12                        12.0", "2 e2abcB12                        ----")
    ) == parse(SMALL)


def one_column(rank: int, lines: str = "", pairs: int = 1) -> str:
    values = f"Probab=50.00  E-value=1  Score=1.00  Aligned_cols={pairs}  Identities=0%"
    return f"No {rank}\n>e{rank}abcA1\n{values}\n\n{lines}\n"


HEAD = SMALL[: SMALL.index("  1 e1abc")]


@pytest.mark.parametrize(("pairs", "range_"), [(1, "3-3"), (0, "3-2")])
def test_an_alignment_without_columns_is_left_out_wherever_it_stands(pairs: int, range_: str) -> None:
    second = SMALL[SMALL.index("No 2") :]
    rows = SMALL[SMALL.index("  2 e2abc") : SMALL.index("\nNo 1")]
    row = f"  1 e1abcA1{'':24}50.0       1    0.01    1.0   0.0 {pairs:4}  {range_:<8}  {range_:<7}(40)\n"
    first_odd = parse(HEAD + row + rows + "\n" + one_column(1, pairs=pairs) + second)
    assert ([hit.target for hit in first_odd.hits], first_odd.found, len(first_odd.left_out)) == (["e2abcB12"], 2, 1)
    last = HEAD + rows.replace("  2 e2", "  1 e2") + row.replace("  1 e1", "  2 e2")
    last_odd = parse(last + "\n" + second.replace("No 2", "No 1") + one_column(2, pairs=pairs))
    assert ([hit.target for hit in last_odd.hits], last_odd.found, len(last_odd.left_out)) == (["e2abcB12"], 2, 1)


def test_nothing_usable_among_several_hits_is_an_error() -> None:
    text = SMALL.replace(" 3-14 ", " 3-21 ").replace(" 1-4 ", " 1-24 ")
    with pytest.raises(BrokenOutputError, match="none of its 2 hits can be used"):
        parse(text)


def test_a_table_without_hits_is_whole_once_its_empty_line_is_there() -> None:
    report = parse(HEAD + "\n")
    assert (report.found, report.hits) == (0, ())
    for cut in (HEAD, HEAD[:-1], HEAD[:-9]):
        with pytest.raises(BrokenOutputError, match="cut off"):
            parse(cut)


def with_command(options: str, text: str = SMALL) -> str:
    return text.replace("hhsearch -i q.a3m -d db", f"hhsearch -i q.a3m -d db {options}")


def test_alignments_the_command_did_not_ask_for_are_no_loss_of_the_file() -> None:
    short = SMALL[: SMALL.index("No 2")]
    report = parse(with_command("-Z 500 -B 1 -b 1", short))
    assert ([hit.target for hit in report.hits], report.found) == (["e1abcA1"], 2)
    assert report.left_out == ("hits 2 to 2: hhsearch was run with -B or -b below -Z",)
    assert parse(with_command("-z 10 -b 1 -p 20", short)).hits == report.hits
    for options in ("-B 2", "-b 2 -p 20", "-b 1 -p 10", ""):
        with pytest.raises(BrokenOutputError, match="cut off: the alignment of hit 2 is missing"):
            parse(with_command(options, short))
    with pytest.raises(BrokenOutputError, match="-B 0"):
        parse(with_command("-B 0 -b 0", SMALL[: SMALL.index("No 1")]))


def test_more_alignments_than_rows_are_hits_too_and_may_not_be_cut() -> None:
    one_row = SMALL.replace(SMALL[SMALL.index("  2 e2abc") : SMALL.index("\nNo 1")], "")
    assert parse(one_row) == parse(SMALL)
    for cut in (one_row[: one_row.index("Q q                 1 AAAA")], one_row[: one_row.index(">e2abcB12") + 12]):
        with pytest.raises(BrokenOutputError, match="cut off"):
            parse(cut)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    assert parse("\ufeff" + SMALL.replace("\n", "\r\n")) == parse(SMALL)


@pytest.mark.parametrize("rank", [999, 1000, 9999, 10_000, 99_999])
def test_ranks_of_any_size_leave_name_and_probability_apart(rank: int) -> None:
    name = "e1abcA1;1.1.1.1 99.9 1-20 (30) and so on"
    line = f"{f'{rank:3} {name:30.30}':34.34} 100.0 1.2E-10 1.2E-13   80.1   0.0    8    3-14     21-34  (327)"
    row = parse_row(line)
    assert row is not None
    assert (row.number, row.probability, row.query, row.target_length) == (rank, 100.0, (3, 14), 327)
    assert name.startswith(row.name)
    assert len(row.name) >= 26


@pytest.mark.parametrize(("printed", "score"), [("12185.", "12185.23"), ("12185.", "12185.93"), ("999.9 ", "999.94")])
def test_a_score_agrees_as_far_as_it_is_printed(printed: str, score: str) -> None:
    text = small_with("  80.1 ", f" {printed:>6}").replace("Score=80.14", f"Score={score}")
    assert parse(text).hits[0].hsps[0].score == float(score)


@pytest.mark.parametrize("word", ["α/β-Öse", "é" * 20, "1.1.1 abcdefghijklmé rest", "\u00a0\u0085x"])
def test_names_of_any_letters_are_cut_by_bytes(word: str) -> None:
    name = f"e1abcA1;1.1.1.1 {word}"
    cell = f"{name.encode()[:30].decode('latin-1'):30}"
    raw = small_with("e1abcA1;1.1.1.1 99.9 1-20 (30) and the rest of the title", name).encode()
    raw = raw.replace(b"  1 e1abcA1;1.1.1.1 99.9 1-20 (30)", b"  1 " + cell.encode("latin-1"))
    raw = raw.replace(b"T e1abcA1;1.1.1.", b"T " + name.encode()[:14].ljust(14).replace(b" ", b"_"))
    report = _Hhr(_Lines(io.BytesIO(raw), "test.hhr"), "").report(0)
    assert report.hits == parse(SMALL).hits


def test_the_output_of_another_sequence_is_refused() -> None:
    sequence = "GGACDEFGAAACCCGGGGGG"
    assert (
        parse_hhr(SMALL.replace("AAAA    4", "GGAC    4"), min_probability=0, where="x", sequence=sequence).found == 2
    )
    assert (
        parse_hhr(SMALL, min_probability=0, where="x", sequence="AAACDXFGAAACCCAAAAAA".replace("C", "X", 1)).found == 2
    )
    with pytest.raises(BrokenOutputError, match="the output of another sequence"):
        parse_hhr(SMALL, min_probability=0, where="x", sequence="G" * 20)


def test_memory_is_bounded_however_far_a_file_unfolds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.hhr.gz"
    path.write_bytes(gzip.compress(SMALL.encode() + b"\n" * (4 << 20)))
    monkeypatch.setattr("pyecod.search.hhr._LARGEST", 1 << 20)
    with pytest.raises(BrokenOutputError, match=r"larger than 1 MiB|more than"):
        read_hhr(path)
    path.write_bytes(gzip.compress(SMALL.encode() + b"x" * (2 << 20)))
    monkeypatch.setattr("pyecod.search.hhr._LARGEST", 1 << 30)
    with pytest.raises(BrokenOutputError, match="a line longer than"):
        read_hhr(path)


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_broken_output_is_an_error_and_never_no_hits(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.hhr"
    path.write_text(text)
    with pytest.raises(BrokenOutputError) as caught:
        read_hhr(path)
    assert str(path) in str(caught.value)


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.hhr.gz"
    path.write_bytes(gzip.compress(SMALL.encode())[:-12])
    with pytest.raises(BrokenOutputError, match="cannot read"):
        read_hhr(path)


REAL = ["small", "biopython_2uvo_hhsearch.hhr", "biopython_hhpred_9590198.hhr"]


def text_of(name: str, outputs: Path) -> str:
    return SMALL if name == "small" else (outputs / name).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@given(data=st.data())
@settings(deadline=None)
def test_truncation_anywhere_is_an_error_or_loses_nothing(outputs: Path, name: str, data: st.DataObject) -> None:
    text = text_of(name, outputs)
    whole = parse(text)
    cut = data.draw(st.integers(0, len(text)) | st.integers(max(0, len(text) - 700), len(text)))
    try:
        report = parse(text[:cut])
    except BrokenOutputError:
        return
    assert report == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@given(data=st.data())
@settings(deadline=None)
def test_altered_characters_are_an_error_or_lose_no_hit(outputs: Path, name: str, data: st.DataObject) -> None:
    text = list(text_of(name, outputs))
    found = parse("".join(text)).found
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.characters(codec="utf-8"))
    try:
        report = parse("".join(text))
    except BrokenOutputError:
        return
    assert report.found == found


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@given(data=st.data())
@settings(deadline=None)
def test_lines_lost_or_doubled_are_an_error_or_change_no_hit(outputs: Path, name: str, data: st.DataObject) -> None:
    lines = text_of(name, outputs).splitlines(keepends=True)
    whole = parse("".join(lines)).hits
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at : at + 1] = [] if data.draw(st.booleans()) else [lines[at], lines[at]]
    try:
        report = parse("".join(lines))
    except BrokenOutputError:
        return
    assert report.hits == whole


@given(st.text(max_size=300))
def test_arbitrary_text_raises_only_the_declared_error(text: str) -> None:
    with pytest.raises(BrokenOutputError):
        parse(text)
