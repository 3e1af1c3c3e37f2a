"""Protein sequences that evolve: substitutions at rates of their own per site, insertions and deletions.

Every residue carries the column it descends from, so that the true alignment of any two relatives is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

ALPHABET = "ARNDCQEGHILKMFPSTWYV"
LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)

# amino acid frequencies of Robinson & Robinson (PNAS 88:8880, 1991), those BLAST's statistics assume
BACKGROUND = np.array(
    [0.07805, 0.05129, 0.04487, 0.05364, 0.01925, 0.04264, 0.06295, 0.07377, 0.02199, 0.05142]
    + [0.09019, 0.05744, 0.02243, 0.03856, 0.05203, 0.07120, 0.05841, 0.01330, 0.03216, 0.06441]
)
BACKGROUND /= BACKGROUND.sum()

_BLOSUM62_ROWS = """
 4
-1  5
-2  0  6
-2 -2  1  6
 0 -3 -3 -3  9
-1  1  0  0 -3  5
-1  0  0  2 -4  2  5
 0 -2  0 -1 -3 -2 -2  6
-2  0  1 -1 -3  0  0 -2  8
-1 -3 -3 -3 -1 -3 -3 -4 -3  4
-1 -2 -3 -4 -1 -2 -3 -4 -3  2  4
-1  2  0 -1 -3  1  1 -2 -1 -3 -2  5
-1 -1 -2 -3 -1  0 -2 -3 -2  1  2 -1  5
-2 -3 -3 -3 -2 -3 -3 -3 -1  0  0 -3  0  6
-1 -2 -2 -1 -3 -1 -1 -2 -2 -3 -3 -1 -2 -4  7
 1 -1  1  0 -1  0  0  0 -1 -2 -2  0 -1 -2 -1  4
 0 -1  0 -1 -1 -1 -1 -2 -2 -1 -1 -1 -1 -2 -1  1  5
-3 -3 -4 -4 -2 -2 -3 -2 -2 -3 -2 -3 -1  1 -4 -3 -2 11
-2 -2 -2 -3 -2 -1 -2 -3  2 -1 -1 -2 -1  3 -3 -2 -2  2  7
 0 -3 -3 -3 -1 -2 -2 -3 -3  3  1 -2  1 -1 -2 -2  0 -3 -1  4
"""


def _symmetric(rows: str) -> NDArray[np.int64]:
    lower = [[int(cell) for cell in row.split()] for row in rows.strip().splitlines()]
    matrix = np.zeros((len(lower), len(lower)), dtype=np.int64)
    for i, row in enumerate(lower):
        matrix[i, : i + 1] = matrix[: i + 1, i] = row
    return matrix


BLOSUM62 = _symmetric(_BLOSUM62_ROWS)
_LAMBDA_UNGAPPED = 0.3176  # nats per score unit of BLOSUM62 under the background above
_LAMBDA_GAPPED, _K_GAPPED = 0.267, 0.041  # blastp's gap costs 11 + 1 per residue
_GAP_OPEN, _GAP_EXTEND = 11, 1

_GAMMA_SHAPE = 0.75  # rates among the sites of real families: 0.5 to 1 (Yang, TREE 11:367, 1996)
_RATES = np.geomspace(0.02, 6.0, 16)
_INDEL_RATE = 0.012  # events per site and unit of distance
_MEAN_INDEL = 2.5  # residues
_FIRST_INSERTED_COLUMN = 1 << 32


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence with its descent. All arrays have one element per residue.

    ``residues`` index :data:`ALPHABET`; ``columns`` name the ancestral site (equal in two relatives: homologous);
    ``rates`` index the table of site rates.
    """

    residues: NDArray[np.int8]
    columns: NDArray[np.int64]
    rates: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.residues)

    @property
    def text(self) -> str:
        """One-letter code."""
        return LETTERS[self.residues].tobytes().decode()

    def part(self, start: int, end: int) -> Sequence:
        """Residues ``start`` to ``end``, 1-based inclusive."""
        return Sequence(self.residues[start - 1 : end], self.columns[start - 1 : end], self.rates[start - 1 : end])


def random_letters(length: int, rng: Generator) -> str:
    """Amino acids at background frequencies."""
    return LETTERS[rng.choice(20, length, p=BACKGROUND)].tobytes().decode()


def ancestor(length: int, rng: Generator) -> Sequence:
    """A random ancestor of ``length`` residues, its sites' rates drawn from a gamma distribution."""
    rates = rng.gamma(_GAMMA_SHAPE, 1 / _GAMMA_SHAPE, length)
    return Sequence(
        rng.choice(20, length, p=BACKGROUND).astype(np.int8),
        np.arange(1, length + 1, dtype=np.int64),
        np.abs(np.log(rates[:, None] / _RATES)).argmin(axis=1).astype(np.int8),
    )


def evolve(parent: Sequence, distance: float, rng: Generator, *, indels: bool = True) -> Sequence:
    """A descendant after ``distance`` substitutions per site on average; with insertions and deletions in loops."""
    cumulative = _transitions(round(distance, 3))[parent.rates, parent.residues]
    residues = (rng.random(len(parent))[:, None] > cumulative).sum(axis=1).clip(0, 19).astype(np.int8)
    child = Sequence(residues, parent.columns, parent.rates)
    return _with_indels(child, distance, rng) if indels else child


@cache
def _rate_matrix() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues and both eigenvector matrices of the reversible model, one substitution per unit of time.

    Exchangeabilities are BLOSUM62's odds ratios, the equilibrium is the background.
    """
    rates = np.exp(_LAMBDA_UNGAPPED * BLOSUM62) * BACKGROUND
    np.fill_diagonal(rates, 0)
    np.fill_diagonal(rates, -rates.sum(axis=1))
    rates /= -(BACKGROUND * np.diag(rates)).sum()
    root = np.sqrt(BACKGROUND)
    values, vectors = np.linalg.eigh(rates * root[:, None] / root)
    return values, vectors / root[:, None], vectors.T * root


@lru_cache(maxsize=256)
def _transitions(distance: float) -> NDArray[np.float64]:
    """Cumulative transition probabilities, shape (site rates, 20, 20)."""
    values, left, right = _rate_matrix()
    return np.stack([((left * np.exp(values * rate * distance)) @ right).cumsum(axis=1) for rate in _RATES])


def _with_indels(child: Sequence, distance: float, rng: Generator) -> Sequence:
    residues, columns, rates = child.residues, child.columns, child.rates
    shortest = 2 * len(child) // 3
    for _ in range(rng.poisson(_INDEL_RATE * distance * len(child))):
        speed = _RATES[rates].cumsum()
        at = min(int(np.searchsorted(speed, rng.random() * speed[-1])), len(residues) - 1)
        size = int(rng.geometric(1 / _MEAN_INDEL))
        if rng.random() < 0.5:
            if len(residues) - size >= shortest:
                gone = slice(at, at + size)
                residues, columns, rates = np.delete(residues, gone), np.delete(columns, gone), np.delete(rates, gone)
        else:
            new = rng.integers(_FIRST_INSERTED_COLUMN, 1 << 62, size)
            residues = np.insert(residues, at, rng.choice(20, size, p=BACKGROUND).astype(np.int8))
            columns = np.insert(columns, at, new)
            rates = np.insert(rates, at, np.full(size, len(_RATES) - 1, dtype=np.int8))
    return Sequence(residues, columns, rates)


def aligned_positions(first: Sequence, second: Sequence) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices (0-based) of the homologous residues of two relatives, in order: their true alignment."""
    _, left, right = np.intersect1d(first.columns, second.columns, assume_unique=True, return_indices=True)
    order = np.argsort(left, kind="stable")
    return left[order], right[order]


def identity(first: Sequence, second: Sequence) -> float:
    """Share of identical residues among the homologous ones, 0 to 1."""
    left, right = aligned_positions(first, second)
    return float((first.residues[left] == second.residues[right]).mean()) if len(left) else 0.0


def local_bits(first: Sequence, second: Sequence) -> float:
    """Bit score of the best local piece of the true alignment, as blastp scores it (BLOSUM62, gaps 11 + 1)."""
    left, right = aligned_positions(first, second)
    if not len(left):
        return 0.0
    scores = BLOSUM62[first.residues[left], second.residues[right]].astype(np.int64)
    for side in (left, right):
        gap = np.diff(side) - 1
        scores[1:] -= np.where(gap > 0, _GAP_OPEN + _GAP_EXTEND * gap, 0)
    total = np.concatenate(([0], scores.cumsum()))
    best = int((total - np.minimum.accumulate(total)).max())
    return (_LAMBDA_GAPPED * best - math.log(_K_GAPPED)) / math.log(2)
