import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyecod.search.hit import EvidenceType
from pyecod.simulate.alignments import Blocks, Pieces, align, blast_hits, profile_hits

sizes = st.lists(st.integers(20, 90), min_size=1, max_size=3)


def _pieces(lengths, gaps):
    starts, at = [], 1
    for length, gap in zip(lengths, gaps, strict=False):
        at += gap
        starts.append(at)
        at += length
    return np.array(starts, dtype=np.int32), np.array(lengths, dtype=np.int32)


@given(
    query=sizes,
    target=sizes,
    gaps=st.lists(st.integers(1, 100), min_size=3, max_size=3),
    lost=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    seed=st.integers(0, 99),
)
def test_blocks_lie_inside_the_domains_and_run_upwards(query, target, gaps, lost, seed):
    starts, lengths = _pieces(query, gaps)
    t_starts, t_lengths = _pieces(target, gaps[::-1])
    blocks = align(
        Pieces(starts, lengths),
        Pieces(t_starts[None], t_lengths[None]),
        np.array([lost], dtype=np.int32),
        np.random.default_rng(seed),
    )
    inside_query = {r for a, n in zip(starts, lengths, strict=True) for r in range(a, a + n)}
    inside_target = {r for a, n in zip(t_starts, t_lengths, strict=True) for r in range(a, a + n)}
    last_query = last_target = 0
    for q, t, n in zip(blocks.query[0], blocks.target[0], blocks.size[0], strict=True):
        if n == 0:
            continue
        assert set(range(q, q + n)) <= inside_query
        assert set(range(t, t + n)) <= inside_target
        assert q > last_query
        assert t > last_target
        last_query, last_target = q + n - 1, t + n - 1


def test_equal_domains_align_without_a_gap_and_from_end_to_end():
    one = Pieces(np.array([11], dtype=np.int32), np.array([100], dtype=np.int32))
    blocks = align(one, Pieces(one.starts[None], one.sizes[None]), np.zeros((1, 2), np.int32), np.random.default_rng(1))
    assert blocks.size.sum() == 100
    assert (blocks.query == blocks.target)[blocks.size > 0].all()
    assert blocks.query.min() == 11


def _blocks(*rows):
    return Blocks(*(np.array([[row[i] for row in rows]], dtype=np.int32) for i in range(3)))


def test_a_repeat_of_the_target_is_another_hsp_and_a_short_gap_is_not():
    blocks = _blocks((1, 1, 100), (106, 101, 50), (200, 1, 90))
    (hit,) = blast_hits(EvidenceType.DOMAIN_BLAST, ["e1abcA1"], [150], blocks, np.array([0.9]))
    assert [[(s.query_start, s.query_end, s.target_start, s.target_end) for s in hsp.segments] for hsp in hit.hsps] == [
        [(1, 100, 1, 100), (106, 155, 101, 150)],
        [(200, 289, 1, 90)],
    ]
    hits = list(profile_hits(["e1abcA1"], [150], blocks, np.array([99.0])))
    assert [len(hit.hsps) for hit in hits] == [1, 1]


def test_long_near_identical_alignments_have_e_value_zero_and_weak_ones_are_no_hits():
    strong, weak = _blocks((1, 1, 400)), _blocks((1, 1, 40))
    (hit,) = blast_hits(EvidenceType.CHAIN_BLAST, ["1abc_A"], [400], strong, np.array([1.0]))
    assert hit.evalue == 0
    assert not list(blast_hits(EvidenceType.CHAIN_BLAST, ["1abc_A"], [400], weak, np.array([0.25])))
