import numpy as np
import pytest

from pyecod.simulate.coordinates import double_helix_strand, fold


@pytest.mark.parametrize("length", [1, 2, 19, 300])
def test_a_fold_has_the_bond_lengths_of_a_protein_and_hardly_a_clash(length):
    atoms = fold(length, np.random.default_rng(length))
    assert atoms.shape == (length, 3)
    bonds = np.linalg.norm(np.diff(atoms, axis=0), axis=1)
    assert ((bonds > 3.7) & (bonds < 3.9)).all()
    distances = np.linalg.norm(atoms[:, None] - atoms[None], axis=2)
    apart = np.triu(np.ones((length, length), dtype=bool), k=2)
    assert (distances[apart] < 3.5).sum() <= length / 50


def test_a_fold_is_compact():
    atoms = fold(300, np.random.default_rng(1))
    radius = np.sqrt((atoms**2).sum(axis=1).mean())
    assert radius < 1.4 * 2.2 * 300**0.38  # globular proteins: 2.2 N^0.38 Å


def test_strands_of_dna_run_antiparallel_at_the_width_of_the_helix():
    one, two = double_helix_strand(12, False), double_helix_strand(12, True)
    assert np.allclose(one[:, 2], two[::-1, 2])
    assert (np.linalg.norm(one - two[::-1], axis=1) > 15).all()
