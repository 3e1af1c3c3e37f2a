"""Shared by the tests of the search room: the real output files and results made up at random."""

from pathlib import Path

import pytest
from hypothesis import strategies as st

from pyecod.pdb.chain import sequence_md5
from pyecod.search import EvidenceType, Hit, Hsp, Query, SearchResult, Segment

OUTPUTS = Path(__file__).resolve().parents[4] / "shared" / "real" / "outputs"


@pytest.fixture(scope="session")
def outputs() -> Path:
    """Folder of the real output files."""
    if not OUTPUTS.is_dir():
        pytest.skip(f"the real search outputs are not at {OUTPUTS}")
    return OUTPUTS


def query_of(sequence: str) -> Query:
    return Query(sequence_md5(sequence), sequence)


_positions = st.integers(min_value=1, max_value=40_000)
_scores = st.none() | st.floats(allow_nan=False, allow_infinity=False, min_value=0)
_segments = st.builds(
    lambda a, b, c, d: Segment(min(a, b), max(a, b), min(c, d), max(c, d)),
    _positions,
    _positions,
    _positions,
    _positions,
)
_hsps = st.builds(
    Hsp,
    st.lists(_segments, min_size=1, max_size=4).map(tuple),
    evalue=_scores,
    bitscore=_scores,
    identity=_scores,
    probability=_scores,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
_targets = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=20)


def results() -> st.SearchStrategy[SearchResult]:
    """Any result a search or an old file may give."""
    return st.sampled_from(list(EvidenceType)).flatmap(
        lambda kind: st.builds(
            SearchResult,
            type=st.just(kind),
            query=st.text("ACDEFGHIKLMNPQRSTVWYX", min_size=1, max_size=60).map(query_of),
            hits=st.lists(
                st.builds(
                    Hit,
                    st.just(kind),
                    _targets,
                    st.none() | st.integers(1, 40_000),
                    st.lists(_hsps, min_size=1, max_size=3).map(tuple),
                ),
                max_size=8,
            ).map(tuple),
            found=st.integers(0, 5000),
            program=st.just("blastp"),
            program_version=st.just("2.12.0+"),
            database_id=st.just("d" * 64),
            seconds=st.floats(0, 1e6),
            profile_depth=st.none() | st.integers(1, 10_000),
            profile_neff=st.none() | st.floats(1, 20),
        )
    )
