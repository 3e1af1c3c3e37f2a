"""Plausible coordinates: one atom per residue, helices, strands and loops that do not run through each other."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]

_BOND = 3.8  # Å between consecutive CA atoms
_CONTACT = 4.2  # Å, nearest approach of CA atoms that are not neighbours
_TRIES = 24


def _helix(length: int) -> Coordinates:
    """α-helix: radius 2.3 Å, 100° and 1.5 Å per residue."""
    i = np.arange(length)
    return np.stack([2.3 * np.cos(np.radians(100) * i), 2.3 * np.sin(np.radians(100) * i), 1.5 * i], axis=1)


def _strand(length: int) -> Coordinates:
    """β-strand: 3.3 Å per residue, pleated."""
    i = np.arange(length)
    return np.stack([0.94 * (-1.0) ** i, np.zeros(length), 3.3 * i], axis=1)


def _loop(length: int, rng: Generator) -> Coordinates:
    """A random path that does not turn back on itself."""
    steps = rng.normal(size=(length, 3))
    steps += np.array([0.0, 0.0, 2.2])
    for i in range(length):
        steps[i] *= _BOND / np.linalg.norm(steps[i])
        if i and steps[i] @ steps[i - 1] < -0.3 * _BOND**2:  # residues i - 1 and i + 1 would touch
            steps[i] = steps[i - 1]
    path: Coordinates = steps.cumsum(axis=0)
    return path


def fold(length: int, rng: Generator) -> Coordinates:
    """CA positions of a chain, shape ``(length, 3)`` in Å: compact, and without clashes between its elements."""
    atoms = np.empty((length, 3))
    atoms[:1] = 0
    done = 1
    kinds = ("helix", "loop", "strand", "loop")
    turn = int(rng.integers(4))
    while done < length:
        kind = kinds[turn % 4]
        size = int(rng.integers(8, 20) if kind == "helix" else rng.integers(4, 9) if kind == "strand" else 4)
        size = min(size, length - done)
        shape = _helix(size) if kind == "helix" else _strand(size) if kind == "strand" else _loop(size, rng)
        placed = _placed(shape - shape[0], atoms[:done], rng)
        atoms[done : done + len(placed)] = placed
        done += len(placed)
        turn += 1
    centred: Coordinates = np.round(atoms - atoms.mean(axis=0), 3)
    return centred


def _placed(shape: Coordinates, before: Coordinates, rng: Generator) -> Coordinates:
    """The element turned so that it follows the chain, keeps its distance and ends near the centre.

    Where there is no room for all of it, only its beginning.
    """
    last, centre = before[-1], before.mean(axis=0)
    squares = (before * before).sum(axis=1)
    while True:
        directions = rng.normal(size=(_TRIES, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        candidates = shape @ _rotations(rng).transpose(0, 2, 1) + (last + _BOND * directions)[:, None]
        for choice in np.linalg.norm(candidates[:, -1] - centre, axis=1).argsort():
            atoms: Coordinates = candidates[choice]
            square = (atoms * atoms).sum(axis=1)[:, None] + squares - 2 * atoms @ before.T
            square[0, -1] = _CONTACT**2  # the bond itself
            if square.min() >= _CONTACT**2 or (len(shape) == 1 and square.min() >= (0.9 * _CONTACT) ** 2):
                return atoms
        if len(shape) == 1:  # buried: on through the surface
            outward = (last - centre) / max(float(np.linalg.norm(last - centre)), 1e-9)
            escaped: Coordinates = (last + _BOND * outward)[None]
            return escaped
        shape = shape[: (len(shape) + 1) // 2]


def _rotations(rng: Generator) -> NDArray[np.float64]:
    """Uniform random rotation matrices from unit quaternions, shape ``(tries, 3, 3)``."""
    q = rng.normal(size=(_TRIES, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], axis=1),
            np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], axis=1),
            np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], axis=1),
        ],
        axis=1,
    )


def double_helix_strand(length: int, reverse: bool) -> Coordinates:
    """Phosphorus positions of one strand of B-DNA: radius 8.9 Å, 36° and 3.4 Å per residue."""
    i = np.arange(length)[::-1] if reverse else np.arange(length)
    angle = np.radians(36) * i + (np.radians(150) if reverse else 0)
    return np.round(np.stack([8.9 * np.cos(angle), 8.9 * np.sin(angle), 3.4 * i], axis=1), 3)
