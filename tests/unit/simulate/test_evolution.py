import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.simulate.evolution import (
    ALPHABET,
    BACKGROUND,
    BLOSUM62,
    aligned_positions,
    ancestor,
    evolve,
    identity,
    local_bits,
    random_letters,
)


def test_blosum62_has_the_published_statistics():
    assert (BLOSUM62 == BLOSUM62.T).all()
    assert BLOSUM62.diagonal().tolist() == [4, 5, 6, 6, 9, 5, 5, 6, 8, 4, 4, 5, 5, 6, 7, 4, 5, 11, 7, 4]
    # lambda 0.3176 solves the Karlin-Altschul equation for this matrix and background
    assert (np.outer(BACKGROUND, BACKGROUND) * np.exp(0.3176 * BLOSUM62)).sum() == pytest.approx(1, abs=1e-4)


def test_composition_stays_at_the_background_however_far_it_evolves():
    rng = np.random.default_rng(1)
    start = ancestor(4000, rng)
    for distance in (0.0, 1.0, 8.0):
        text = evolve(start, distance, rng).text
        share = np.array([text.count(letter) for letter in ALPHABET]) / len(text)
        assert np.abs(share - BACKGROUND).max() < 0.03


def test_identity_falls_with_distance():
    rng = np.random.default_rng(2)
    start = ancestor(1000, rng)
    found = [identity(start, evolve(start, distance, rng)) for distance in (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)]
    assert found[0] == 1
    assert found == sorted(found, reverse=True)
    assert 0.88 < found[1] < 0.94
    assert found[-1] < 0.35


def test_conserved_sites_of_one_branch_are_conserved_in_the_other():
    rng = np.random.default_rng(3)
    start = ancestor(2000, rng)
    one, two = (evolve(start, 2.0, rng, indels=False) for _ in range(2))
    kept = one.residues == start.residues
    assert (two.residues == start.residues)[kept].mean() > (two.residues == start.residues)[~kept].mean() + 0.2


@given(seed=st.integers(0, 2**32), distance=st.floats(0, 4), length=st.integers(1, 200))
def test_descent_is_kept_through_insertions_and_deletions(seed, distance, length):
    rng = np.random.default_rng(seed)
    start = ancestor(length, rng)
    child = evolve(evolve(start, distance, rng), distance, rng)
    assert len(child.residues) == len(child.columns) == len(child.rates) == len(child.text)
    assert len(set(child.columns.tolist())) == len(child)
    left, right = aligned_positions(start, child)
    assert (np.diff(left) > 0).all()
    assert (np.diff(right) > 0).all()
    assert (start.columns[left] == child.columns[right]).all()
    assert local_bits(start, child) <= local_bits(start, start) + 1e-9


def test_the_same_seed_gives_the_same_sequence():
    def make():
        rng = np.random.default_rng(9)
        return evolve(ancestor(120, rng), 1.3, rng).text + random_letters(10, rng)

    assert make() == make()
