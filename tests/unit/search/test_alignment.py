import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenOutputError
from pyecod.search import EvidenceType, Query, SearchReport
from pyecod.search.alignment import ungapped_segments


@st.composite
def alignments(draw: st.DrawFn) -> tuple[str, str]:
    columns = draw(st.lists(st.tuples(st.sampled_from("AC-."), st.sampled_from("GT-.")), min_size=1, max_size=60))
    return "".join(q for q, _ in columns), "".join(t for _, t in columns)


def aligned_pairs(query: str, target: str, q: int, t: int) -> list[tuple[int, int]]:
    pairs = []
    for a, b in zip(query, target, strict=True):
        if a.isalpha() and b.isalpha():
            pairs.append((q, t))
        q += a.isalpha()
        t += b.isalpha()
    return pairs


@given(alignments(), st.integers(1, 500), st.integers(1, 500))
def test_segments_hold_exactly_the_aligned_pairs(lines: tuple[str, str], q: int, t: int) -> None:
    pairs = []
    for segment in ungapped_segments(*lines, q, t):
        span = segment.query_end - segment.query_start
        assert span == segment.target_end - segment.target_start >= 0
        pairs += [(segment.query_start + i, segment.target_start + i) for i in range(span + 1)]
    assert pairs == aligned_pairs(*lines, q, t)


def test_a_report_of_another_length_is_not_the_result_of_a_query() -> None:
    report = SearchReport("q", 5, EvidenceType.DOMAIN_BLAST, 0, (), "blastp")
    with pytest.raises(BrokenOutputError, match="5 residues, not 4"):
        report.result(Query("md5", "ACDE"))
