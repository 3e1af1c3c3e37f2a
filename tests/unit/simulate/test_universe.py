import numpy as np
import pytest

from pyecod.errors import UsageError
from pyecod.fasta import read_fasta
from pyecod.ranges import ResidueRange
from pyecod.simulate.universe import ReferenceErrors, make_universe


@pytest.fixture(scope="module", params=[ReferenceErrors(), ReferenceErrors(shifted=0.5, shift=30)])
def universe(request):
    return make_universe(3000, 4, request.param)


def test_a_universe_has_exactly_the_domains_asked_for():
    for count in (500, 777, 3001):
        assert len(make_universe(count, 1)) == count
    with pytest.raises(UsageError):
        make_universe(10, 1)


def test_the_same_seed_gives_the_same_universe():
    one, two = make_universe(800, 3), make_universe(800, 3)
    assert (one.starts == two.starts).all()
    assert (one.family == two.family).all()
    assert (one.rows_by_family[0] == two.rows_by_family[0]).all()


def test_classified_domains_lie_in_their_chains_and_do_not_overlap(universe):
    rows = np.arange(len(universe), dtype=np.int32)
    starts, sizes = universe.classified_pieces(rows)
    assert (sizes[:, 0] > 0).all()
    ends = starts + sizes - 1
    taken = [np.zeros(length + 1, dtype=int) for length in universe.chain_length]
    for chain, start, end, size in zip(universe.chain, starts, ends, sizes, strict=True):
        for a, b in zip(start[size > 0], end[size > 0], strict=True):
            assert 1 <= a <= b < len(taken[chain])
            taken[chain][a : b + 1] += 1
    assert max(int(line.max()) for line in taken) == 1


def test_wrong_boundaries_are_as_many_and_as_far_off_as_asked():
    right = make_universe(3000, 4)
    assert not right.moved.any()
    wrong = make_universe(3000, 4, ReferenceErrors(shifted=0.5, shift=30))
    assert np.abs(wrong.moved[wrong.moved != 0]).min() >= 10
    assert np.abs(wrong.moved).max() <= 30
    assert (wrong.moved[:, 1] != 0).sum() > 100


def test_the_files_say_what_the_arrays_say(universe, tmp_path):
    universe.write(tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "domains.txt").read_text().splitlines() if line[0] != "#"]
    chains = {r.id: r.sequence for r in read_fasta(tmp_path / "chains.fasta")}
    domains = {r.id.split("|")[1]: r.sequence for r in read_fasta(tmp_path / "domains.fasta")}
    assert len(lines) == len(domains) == len(universe)
    assert len(chains) == len(universe.chain_layout)
    for row in range(0, len(universe), 7):
        _, domain_id, _, group, pdb, letter, _, span = lines[row][:8]
        chain = int(universe.chain[row])
        assert domain_id == universe.domain_id(row)
        assert f"{pdb}_{letter}" == universe.chain_key(chain)
        assert group == universe.f_group(int(universe.family[row]))
        segments = ResidueRange.parse(span)
        assert len(segments) == universe.classified_length(np.array([row]))[0]
        sequence = chains[f"{pdb}_{letter}"]
        assert len(sequence) == universe.chain_length[chain]
        assert domains[domain_id] == "".join(sequence[a - 1 : b] for a, b in segments.segments)


def test_names_are_unique(universe):
    assert len({universe.domain_id(row) for row in range(len(universe))}) == len(universe)
    assert len({universe.chain_key(chain) for chain in range(len(universe.chain_layout))}) == len(universe.chain_layout)
    groups = {universe.t_group(group) for group in range(int(universe.family_group.max()) + 1)}
    assert len(groups) == universe.family_group.max() + 1
