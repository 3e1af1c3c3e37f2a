"""The families of a simulated world: a hierarchy of X-, H-, T- and F-groups, and the sequences that descend from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pyecod.simulate.evolution import BACKGROUND, Sequence, aligned_positions, ancestor, evolve, local_bits

# In a database of a few hundred domains E = 0.002 is a score of about 30 bits: a remote homolog stays clear below that
# with every sequence of the reference, a close one clear above with at least one.
_INVISIBLE_BITS = 20.0
_VISIBLE_BITS = 50.0
_PROFILE_BITS = 35.0  # from this score on, along the true alignment, a profile search finds nearly every homolog
_SHORTEST_REMOTE = 80  # residues; a shorter domain has too little signal to be remote and still found
_ARCHITECTURES = (
    "alpha arrays",
    "alpha bundles",
    "beta barrels",
    "beta sandwiches",
    "a+b two layers",
    "a+b complex topology",
    "a/b barrels",
    "a/b three-layered sandwiches",
)
_SYLLABLES = "ba ce do fi gu ha ke li mo nu pa re si to vu xa ye zo tri pro gly sul phen dehydro"
_ENDINGS = ("ase-like", "in-like", " barrel", " fold", " repeat", " finger", "-binding domain", " sandwich")


@dataclass(frozen=True)
class Family:
    """An F-group: its place in the hierarchy, its ancestor and the sequences the reference knows of it.

    ``members`` are the sequences of the reference's domains. ``homologs`` are those of its profile; some of them are
    of a distant ``branch`` that the reference has no domain of, as UniRef30 bridges families in real searches.
    """

    x: int
    h: int
    t: int
    f: int
    architecture: str
    x_name: str
    h_name: str
    t_name: str
    f_name: str
    ancestor: Sequence
    branch: Sequence
    members: tuple[Sequence, ...]
    homologs: tuple[Sequence, ...]

    @property
    def f_group(self) -> str:
        """``X.H.T.F``."""
        return f"{self.x}.{self.h}.{self.t}.{self.f}"

    @property
    def t_group(self) -> str:
        """``X.H.T``."""
        return f"{self.x}.{self.h}.{self.t}"

    @property
    def h_group(self) -> str:
        """``X.H``."""
        return f"{self.x}.{self.h}"

    @property
    def x_group(self) -> str:
        """``X``."""
        return str(self.x)

    @cached_property
    def profile(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns of the first member, ascending, and the log-odds (bits) of the 20 amino acids in each."""
        first = self.members[0]
        order = np.argsort(first.columns)
        columns = first.columns[order]
        counts = np.zeros((len(columns), 20))
        for homolog in (*self.members, *self.homologs):
            left, right = aligned_positions(first, homolog)
            rank = np.searchsorted(columns, first.columns[left])
            np.add.at(counts, (rank, homolog.residues[right]), 1)
        share = (counts + 3 * BACKGROUND) / (counts.sum(axis=1, keepdims=True) + 3)
        return columns, np.log2(share / BACKGROUND)

    def profile_bits(self, sequence: Sequence) -> float:
        """Score of a relative's best piece against the family's profile along the true alignment, bits."""
        columns, odds = self.profile
        rank = np.searchsorted(columns, sequence.columns).clip(0, len(columns) - 1)
        known = columns[rank] == sequence.columns
        total = np.concatenate(([0.0], odds[rank[known], sequence.residues[known]].cumsum()))
        return float((total - np.minimum.accumulate(total)).max())


@dataclass(frozen=True)
class TGroup:
    """The families of one T-group; all descend from one ancestor."""

    families: tuple[Family, ...]

    def close(self, family: Family, distance: float, rng: Generator) -> Sequence:
        """A new member of a family that BLAST finds in the reference."""
        member = family.members[rng.integers(len(family.members))]
        while True:
            child = evolve(member, distance, rng)
            if local_bits(member, child) >= min(_VISIBLE_BITS, 0.6 * local_bits(member, member)):
                return child
            distance /= 2

    def remote(self, family: Family, rng: Generator) -> Sequence | None:
        """A new member of the family's branch: BLAST shows nothing at E ≤ 0.002, but a profile search does.

        None where the family has too little signal for that.
        """
        if len(family.ancestor) < _SHORTEST_REMOTE:
            return None
        known = [member for f in self.families for member in f.members]
        for _ in range(12):
            child = evolve(family.branch, float(rng.uniform(0.4, 1.8)), rng)
            if family.profile_bits(child) >= _PROFILE_BITS and not _visible(child, known):
                return child
        return None


def _visible(sequence: Sequence, known: Iterable[Sequence]) -> bool:
    return any(local_bits(other, sequence) > _INVISIBLE_BITS for other in known)


def make_t_groups(count: int, rng: Generator, *, members: int, homologs: int) -> tuple[TGroup, ...]:
    """T-groups with ``count`` families in all; each family with ``members`` and ``homologs`` evolved sequences.

    A T-group has one to three families; now and then two T-groups share their H-group, or two H-groups their X-group.
    T-groups are unrelated in sequence.
    """
    groups: list[TGroup] = []
    names: set[str] = set()
    x, h, t = 0, 1, 1
    left = count
    x_name = h_name = ""
    while left > 0:
        draw = rng.random()
        if x == 0 or draw < 0.75:
            x, h, t = x + int(rng.integers(1, 40)), 1, 1
            x_name = h_name = _name(rng, names)
        elif draw < 0.88:
            h, t = h + 1, 1
            h_name = _name(rng, names)
        else:
            t += 1
        t_name = h_name if t == 1 else _name(rng, names)
        size = min(left, int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])))
        left -= size
        root = ancestor(int(np.clip(rng.lognormal(np.log(115), 0.38), 48, 260)), rng)
        architecture = _ARCHITECTURES[int(rng.integers(len(_ARCHITECTURES)))]
        starts = [evolve(root, float(rng.uniform(1.0, 1.8)), rng) for _ in range(size)]
        known = [_spread(start, members, 0.15, 0.7, rng) for start in starts]
        families = []
        for f, (start, own) in enumerate(zip(starts, known, strict=True), 1):
            branch = _branch(start, [m for group in known for m in group], rng)
            far = homologs * 2 // 5
            families.append(
                Family(
                    *(x, h, t, f, architecture, x_name, h_name, t_name, _name(rng, names)),
                    ancestor=start,
                    branch=branch,
                    members=own,
                    homologs=_spread(start, homologs - far, 0.2, 1.4, rng) + _spread(branch, far, 0.2, 1.0, rng),
                )
            )
        groups.append(TGroup(tuple(families)))
    return tuple(groups)


def _spread(start: Sequence, count: int, nearest: float, farthest: float, rng: Generator) -> tuple[Sequence, ...]:
    return tuple(evolve(start, float(rng.uniform(nearest, farthest)), rng) for _ in range(count))


def _branch(start: Sequence, known: list[Sequence], rng: Generator) -> Sequence:
    """A descendant so far away that it is invisible from the reference's members."""
    branch, distance = evolve(start, 1.6, rng), 1.6
    while distance < 8 and _visible(branch, known):
        branch, distance = evolve(branch, 0.2, rng, indels=False), distance + 0.2
    return branch


def _name(rng: Generator, taken: set[str]) -> str:
    syllables = _SYLLABLES.split()
    while True:
        stem = "".join(syllables[i] for i in rng.integers(len(syllables), size=3))
        name = stem.capitalize() + _ENDINGS[int(rng.integers(len(_ENDINGS)))]
        if name not in taken:
            taken.add(name)
            return name
