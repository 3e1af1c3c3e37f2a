import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.ranges import ResidueRange
from pyecod.simulate.chains import Architecture, DomainSequence, assemble, mutated, with_prefix
from pyecod.simulate.evolution import ancestor
from pyecod.simulate.truth import Kind


def _chain(pieces, seed=1, tag_share=0.0):
    rng = np.random.default_rng(seed)
    count = len(set(pieces))
    domains = [DomainSequence(ancestor(int(rng.integers(40, 150)), rng), Kind.CLOSE, None) for _ in range(count)]
    chain = assemble(Architecture("any", pieces, tuple(range(count))), domains, rng, tag_share=tag_share)
    return chain, domains


@given(
    pieces=st.sampled_from(["A", "AB", "ABA", "ABAC", "ABAB", "ABCDEFGH", "ABACA"]),
    seed=st.integers(0, 10_000),
    tags=st.sampled_from([0.0, 1.0]),
)
def test_ranges_cut_the_domains_out_of_the_chain(pieces, seed, tags):
    chain, domains = _chain(pieces, seed, tags)
    cut = {"".join(chain.sequence[a - 1 : b] for a, b in domain.range.segments) for domain in chain.domains}
    assert cut == {domain.sequence.text for domain in domains}
    ranges = [domain.range for domain in chain.domains]
    assert sum(map(len, ranges)) == len(ResidueRange().union(*ranges))
    assert ranges == sorted(ranges, key=lambda r: r.start)
    assert ranges[0].start > chain.n_tag
    assert max(r.end for r in ranges) <= len(chain.sequence) - chain.c_tag


@pytest.mark.parametrize(("pieces", "segments"), [("ABA", [2, 1]), ("ABAB", [2, 2]), ("ABC", [1, 1, 1])])
def test_a_domain_with_several_pieces_is_discontinuous(pieces, segments):
    chain, _ = _chain(pieces)
    assert [len(domain.range.segments) for domain in chain.domains] == segments


def test_a_mutant_differs_in_exactly_the_residues_asked_for():
    chain, _ = _chain("AB")
    changed = mutated(chain, 4, np.random.default_rng(0))
    assert sum(a != b for a, b in zip(chain.sequence, changed.sequence, strict=True)) == 4
    assert changed.domains == chain.domains


def test_residues_added_in_front_shift_every_domain():
    chain, _ = _chain("ABA")
    longer = with_prefix(chain, "GSH")
    assert longer.sequence == "GSH" + chain.sequence
    for before, after in zip(chain.domains, longer.domains, strict=True):
        assert [r + 3 for r in before.range] == list(after.range)
