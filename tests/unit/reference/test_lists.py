"""Domain lists in their two published layouts, and what is no such list."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.errors import RangeError, ReferenceDataError
from pyecod.ranges import ResidueRange
from pyecod.reference.lists import DomainList, ListLine, parse_segments

OLD = """\
#/somewhere/ecod.develop291.domains.txt
#ECOD version develop291
#Domain list version 1.6
#uid\tecod_domain_id\tmanual_rep\tt_id\tpdb\tchain\tpdb_range\tseqid_range\tunp_acc\t\
arch_name\tx_name\th_name\tt_name\tf_name\tasm_status\tligand
000000267\te1udzA1\tMANUAL_REP\t1.1.1\t1udz\tA\tA:203-381\tA:4-182\tP56690\t\
beta barrels\t"cradle loop barrel"\t"RIFT-related"\t"acid protease"\t\
F_UNCLASSIFIED\tNOT_DOMAIN_ASSEMBLY\tNO_LIGANDS_4A
000023408\te1ileA4\tAUTO_NONREP\t1.1.1\t1ile\tA\tA:203-381\tA:203-381\tP56690\t\
beta barrels\t"cradle loop barrel"\t"RIFT-related"\t"acid protease"\t\
F_UNCLASSIFIED\tNOT_DOMAIN_ASSEMBLY\tNO_LIGANDS_4A
"""
NEW_HEADER = (
    "uid\tecod_domain_id\tmanual_rep\tf_id\tpdb\tchain\tpdb_range\tseqid_range\tarchitecture_name\tx_name\th_name\t"
    "t_name\tf_name\tassembly_id\tdomain_id_short\trange_count\tarch_manual\tx_manual\th_manual\tt_manual\tf_manual\t"
    "valid_structure\tligand_binding"
)
NEW = f"""\
# ECOD Domain List
# Version: develop294
#
{NEW_HEADER}
0\te2nmzA1\tTRUE\t1.1.1.3\t2nmz\tA\tA:1-99\tA:1-99\tbeta barrels\tcradle loop barrel\tRIFT-related\tacid protease\tRVP\
\t\t\t\tFALSE\tFALSE\tFALSE\tFALSE\tTRUE\tTRUE\tFALSE
5084103\tUPI00376788AD_nD1\tFALSE\t11.1.1.0\t\t\t\t1-100\t\
beta sandwiches\tIg-like\tIg-related\tIg/Fn3\t\t\t\t\tFALSE\tFALSE\tFALSE\tFALSE\tFALSE\tTRUE\tFALSE
4891150\te9yiuG1\tTrue\t315.1.1.1\t9yiu\tG\tG:1-114\tG:1-114\t\tTautomerase/MIF-like\tTautomerase/MIF\tTautomerase/MIF\tMIF
"""


class Rejected(list[tuple[str, str, str, str]]):
    def __call__(self, *what: object) -> None:
        self.append(tuple(map(str, what)))  # type: ignore[arg-type]


def read(path: Path, text: str) -> tuple[DomainList, list[ListLine], Rejected]:
    path.write_text(text)
    rejected = Rejected()
    domain_list = DomainList(path, rejected)
    return domain_list, list(domain_list), rejected


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "domains.txt"


def test_format_1_6_is_read_by_its_commented_header(path: Path) -> None:
    domain_list, lines, rejected = read(path, OLD)
    assert domain_list.version == "develop291"
    assert not rejected
    assert lines[0] == ListLine(
        5, "e1udzA1", "000000267", "1.1.1", "1udz", "A", "A:203-381", "A:4-182", True,
        ("beta barrels", '"cradle loop barrel"', '"RIFT-related"', '"acid protease"', "F_UNCLASSIFIED"),
    )  # fmt: skip
    assert not lines[1].is_representative


def test_format_develop294_is_read_with_empty_cells_and_missing_last_columns(path: Path) -> None:
    domain_list, lines, rejected = read(path, NEW)
    assert domain_list.version == "develop294"
    assert not rejected
    assert [line.is_representative for line in lines] == [True, False, True]
    bare = lines[1]
    assert (bare.id, bare.pdb, bare.chain, bare.pdb_range, bare.seqid_range, bare.group) == (
        "UPI00376788AD_nD1", "", "", "", "1-100", "11.1.1.0",
    )  # fmt: skip
    assert lines[2].names == ("", "Tautomerase/MIF-like", "Tautomerase/MIF", "Tautomerase/MIF", "MIF")


def test_columns_are_found_by_name_in_any_order(path: Path) -> None:
    _, lines, _ = read(
        path, "pdb\tseqid_range\tsomething\tchain\tecod_domain_id\tf_id\n1abc\tB:1-9\tx\tB\te1abcB1\t4.1.1.2\n"
    )
    assert lines[0][1:9] == ("e1abcB1", "", "4.1.1.2", "1abc", "B", "", "B:1-9", False)


def test_na_means_absent_except_for_a_chain_called_na(path: Path) -> None:
    header = "ecod_domain_id\tf_id\tpdb\tchain\tseqid_range\tuid\n"
    _, lines, _ = read(path, header + "e6n4vNA1\t1.1\t6n4v\tNA\tNA:1-9\tNA\nP1_nD1\tNA\tNA\tNA\tNA\t7\n")
    assert lines[0][1:8] == ("e6n4vNA1", "", "1.1", "6n4v", "NA", "", "NA:1-9")
    assert lines[1][1:8] == ("P1_nD1", "7", "NA", "", "", "", "")


def test_a_gzipped_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "domains.txt.gz"
    path.write_bytes(gzip.compress(NEW.encode()))
    assert len(list(DomainList(path, Rejected()))) == 3


def test_joined_lists_are_read_each_by_its_own_header(path: Path) -> None:
    _, lines, rejected = read(path, OLD + NEW)
    assert [line.id for line in lines] == ["e1udzA1", "e1ileA4", "e2nmzA1", "UPI00376788AD_nD1", "e9yiuG1"]
    assert not rejected


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(OLD.splitlines()).encode())
    lines = list(DomainList(path, Rejected()))
    assert [line.uid for line in lines] == ["000000267", "000023408"]


def test_a_line_with_too_many_or_too_few_columns_is_rejected_by_file_and_line(path: Path) -> None:
    _, lines, rejected = read(path, OLD + "1\te1abcA1\tx\n" + "a\t" * 20 + "\n")
    assert len(lines) == 2
    assert [(reason, where) for reason, where, _, _ in rejected] == [
        ("bad_line", f"{path}:7"),
        ("bad_line", f"{path}:8"),
    ]
    assert rejected[0][3] == "3 columns where the header has 16"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no header line"),
        ("# only comments\n", "no header line"),
        ("1\te1abcA1\t1.1.1\n", "data before a header line"),
        ("ecod_domain_id\tf_id\tpdb\tchain\n", "no column 'seqid_range'"),
        ("ecod_domain_id\tpdb\tchain\tseqid_range\n", "no column 'f_id' or 't_id'"),
        ("ecod_domain_id,f_id,pdb,chain,seqid_range\n", "no column 'ecod_domain_id'"),
        ("ecod_domain_id\tf_id\tpdb\tpdb\tchain\tseqid_range\n", "column 'pdb' occurs twice"),
    ],
)
def test_an_unknown_layout_is_an_error_that_says_what_is_expected(path: Path, text: str, says: str) -> None:
    with pytest.raises(ReferenceDataError, match=says) as caught:
        read(path, text)
    assert caught.value.where.startswith(str(path))
    assert "1.6" in caught.value.hint
    assert "develop294" in caught.value.hint


def test_an_unreadable_list_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "domains.txt"
    with pytest.raises(ReferenceDataError, match=r"domains.txt"):
        list(DomainList(path, Rejected()))
    path.write_bytes(gzip.compress(OLD.encode())[:-9])
    with pytest.raises(ReferenceDataError, match="cannot read"):
        list(DomainList(path, Rejected()))
    broken = tmp_path / "domains.txt.gz"
    broken.write_bytes(gzip.compress(OLD.encode())[:-20])
    with pytest.raises(ReferenceDataError, match="cannot read"):
        list(DomainList(broken, Rejected()))


@pytest.mark.parametrize(
    ("text", "segments", "chains"),
    [
        ("A:4-182", ((4, 182),), {"A"}),
        ("1-100", ((1, 100),), set()),
        ("UB:1-10,UB:20-30", ((1, 10), (20, 30)), {"UB"}),
        ("A:100-120, A:1-50", ((100, 120), (1, 50)), {"A"}),
        ("A:1-9,B:3-4", ((1, 9), (3, 4)), {"A", "B"}),
        ("A:7", ((7, 7),), {"A"}),
    ],
)
def test_segments_are_read_in_the_lists_own_order(
    text: str, segments: tuple[tuple[int, int], ...], chains: set[str]
) -> None:
    assert parse_segments(text) == (segments, chains)


@pytest.mark.parametrize(
    "text", ["A:-3-346", "A:1B-99A", "A:0-5", "A:9-5", "A:", "A:1-5,", "one", "A:1-5;7", "1-99999999999"]
)
def test_author_numbering_and_nonsense_are_no_range(text: str) -> None:
    with pytest.raises(RangeError):
        parse_segments(text)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 300)), min_size=1, max_size=6))
def test_every_range_is_read_as_it_was_written(parts: list[tuple[int, int]]) -> None:
    segments = tuple((start, start + more) for start, more in parts)
    text = ",".join(f"A:{start}-{end}" for start, end in segments)
    assert parse_segments(text) == (segments, {"A"})
    assert ResidueRange.of(segments) == ResidueRange.parse(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text("\t\n#e1abcA:-,9 ", max_size=300).map(str.encode)))
def test_any_bytes_are_lines_or_a_declared_error(path: Path, content: bytes) -> None:
    path.write_bytes(b"ecod_domain_id\tf_id\tpdb\tchain\tseqid_range\n" + content)
    with suppress(ReferenceDataError):
        assert all(isinstance(line, ListLine) for line in DomainList(path, Rejected()))


def test_surplus_columns_that_are_empty_are_none(path: Path) -> None:
    text = "".join(f"{line}\t\t\n" for line in OLD.splitlines())
    _, lines, rejected = read(path, text)
    assert [line.id for line in lines] == [line.id for line in read(path, OLD)[1]]
    assert not rejected


@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (lambda text: text.encode("latin-1"), "Sjögren"),
        (lambda text: text.encode("cp1252"), "Sjögren"),
        (lambda text: text.encode("utf-16"), "Sjögren"),
        (lambda text: gzip.compress(text.encode()), "Sjögren"),
        (lambda text: text.replace("\n", "\r").encode("utf-8-sig"), "Sjögren"),
    ],
)
def test_a_list_is_read_by_its_bytes_whatever_its_encoding_and_name(
    tmp_path: Path, encode: Callable[[str], bytes], name: str
) -> None:
    path = tmp_path / "domains.txt"
    header = "ecod_domain_id\tf_id\tpdb\tchain\tseqid_range\tt_name\n"
    path.write_bytes(encode(f"{header}e1abcA1\t1.1.1.1\t1abc\tA\tA:1-9\t{name}\n"))
    (line,) = list(DomainList(path, Rejected()))
    assert line.names[3] == name


def test_a_control_character_is_refused_where_it_is_read(path: Path) -> None:
    text = "ecod_domain_id\tf_id\tpdb\tchain\tseqid_range\tt_name\n"
    for number, name in enumerate(("a\x01b", "a\x1b[2Jb", "a\x00b", "good")):
        text += f"e1abcA{number}\t1.1.1.1\t1abc\tA\tA:1-9\t{name}\n"
    _, lines, rejected = read(path, text)
    assert [line.id for line in lines] == ["e1abcA3"]
    assert [(reason, where) for reason, where, _, _ in rejected] == [("bad_line", f"{path}:{n}") for n in (2, 3, 4)]


def test_a_chain_id_with_a_hyphen_is_one(path: Path) -> None:
    assert parse_segments("A-2:1-100,A-2:120-130") == (((1, 100), (120, 130)), frozenset({"A-2"}))
