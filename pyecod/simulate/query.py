"""The query chains that evidence is made for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from pyecod.errors import UsageError
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.simulate.alignments import Pieces
from pyecod.simulate.chains import N_TAGS, linker
from pyecod.simulate.evolution import random_letters
from pyecod.simulate.noise import Noise
from pyecod.simulate.truth import Kind, TruthDomain
from pyecod.simulate.universe import Layout, Universe

_KNOWN_LAYOUT = 0.75  # of the chains; the others combine families anew
_CANDIDATES = 12
_TAGGED = 0.3
_SMALLEST_REMOTE = 0.12  # of a chain: were it smaller, no profile search would be made for it


@dataclass(frozen=True, slots=True)
class QueryChain:
    """A chain to be partitioned. ``number`` is its layout's in the universe, None for a new one.

    ``starts`` and ``sizes`` have one element per piece, 1-based SEQRES; ``kinds`` one per domain.
    """

    layout: Layout
    number: int | None
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    kinds: tuple[Kind, ...]
    sequence: str

    @property
    def length(self) -> int:
        """Residues."""
        return len(self.sequence)

    def pieces(self, domain: int) -> Pieces:
        """Where one of its domains lies."""
        places = self.layout.pieces_of(domain)
        starts, sizes = ([values[place] for place in places] for values in (self.starts, self.sizes))
        return Pieces(np.array(starts, dtype=np.int32), np.array(sizes, dtype=np.int32))

    def truth(self, key: ChainKey, universe: Universe) -> tuple[TruthDomain, ...]:
        """Its domains in sequence order."""
        domains = []
        for number, family in enumerate(self.layout.families):
            pieces = self.pieces(number)
            span = ResidueRange.of(
                zip(pieces.starts.tolist(), (pieces.starts + pieces.sizes - 1).tolist(), strict=True)
            )
            domains.append((span, self.kinds[number], family))
        domains.sort(key=lambda domain: domain[0].start)
        return tuple(
            TruthDomain(
                chain=key,
                length=self.length,
                number=number,
                range=span,
                t_group=None if kind is Kind.NOVEL else universe.t_group(int(universe.family_group[family])),
                h_group=None if kind is Kind.NOVEL else universe.h_group(int(universe.family_group[family])),
                f_group=universe.f_group(family) if kind is Kind.CLOSE else None,
                kind=kind,
                family=f"family {family}",
            )
            for number, (span, kind, family) in enumerate(domains, 1)
        )


def draw_query(universe: Universe, noise: Noise, hits: int, rng: Generator) -> QueryChain:
    """A chain of an architecture of the universe, or of a new one made of its families.

    ``hits`` are the domain hits it is to have: its families are large enough for them, if any in a handful is.
    """
    number: int | None = None
    if rng.random() < _KNOWN_LAYOUT:
        drawn = universe.chain_layout[rng.integers(len(universe.chain_layout), size=_CANDIDATES)]
        relatives = universe.layout_relatives[drawn]
        number = int(drawn[(relatives >= hits).argmax() if relatives.max() >= hits else relatives.argmax()])
        layout = universe.layouts[number]
    else:
        families = universe.family[rng.integers(len(universe), size=int(rng.integers(2, 5)))]
        layout = Layout(tuple(families.tolist()), tuple(range(len(families))))
    sizes = _typical_sizes(layout, universe) * rng.normal(1, 0.05, len(layout.pieces)).clip(0.8, 1.25)
    lengths = np.rint(sizes).astype(int).tolist()
    linkers = rng.integers(3, 16, len(lengths)).tolist()
    tag = N_TAGS[int(rng.integers(len(N_TAGS)))] if rng.random() < _TAGGED else ""
    starts, sequence = _laid_out(lengths, linkers[1:], tag + linker(int(rng.integers(0, 8)), rng), rng)
    return QueryChain(layout, number, starts, tuple(lengths), _kinds(layout, lengths, universe, noise, rng), sequence)


def fixed_query(universe: Universe, length: int, hits: int, rng: Generator) -> QueryChain:
    """A chain of exactly ``length`` residues: the most frequent architecture near it with enough relatives.

    Raises:
        UsageError: there is none that can be stretched to it.
    """
    counts = np.bincount(universe.chain_layout, minlength=len(universe.layouts))
    enough = universe.layout_relatives >= 2 * hits
    for number in np.argsort(-counts * (1 + len(universe) * enough), kind="stable").tolist():
        layout = universe.layouts[number]
        typical = _typical_sizes(layout, universe)
        free = length - 8 * len(typical)
        if len(set(layout.pieces)) == len(layout.pieces) and 0.7 < free / typical.sum() < 1.5:
            sizes = np.floor(typical * free / typical.sum()).astype(int).tolist()
            starts, sequence = _laid_out(sizes, [8] * (len(sizes) - 1), linker(4, rng), rng)
            sequence += linker(length - len(sequence), rng) if len(sequence) < length else ""
            kinds = (Kind.CLOSE,) * len(layout.families)
            return QueryChain(layout, number, starts, tuple(sizes), kinds, sequence[:length])
    raise UsageError(f"no architecture of the reference is near {length} residues", hint="raise reference_domains")


def _typical_sizes(layout: Layout, universe: Universe) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    shares = [layout.pieces.count(domain) for domain in layout.pieces]
    families = [layout.families[domain] for domain in layout.pieces]
    sizes: np.ndarray[tuple[int], np.dtype[np.float64]] = universe.family_length[families] / np.array(shares)
    return sizes


def _laid_out(sizes: list[int], linkers: list[int], head: str, rng: Generator) -> tuple[tuple[int, ...], str]:
    """First residue of each piece, and the sequence; it ends with the last piece and at most three more residues."""
    starts, parts, done = [], [head], len(head)
    for place, size in enumerate(sizes):
        starts.append(done + 1)
        parts.append(random_letters(size, rng))
        between = linker(linkers[place] if place < len(linkers) else int(rng.integers(0, 4)), rng)
        parts.append(between)
        done += size + len(between)
    return tuple(starts), "".join(parts)


def _kinds(layout: Layout, sizes: list[int], universe: Universe, noise: Noise, rng: Generator) -> tuple[Kind, ...]:
    """Kind of each domain; domains of one T-group are of one kind, as what finds one of them finds all."""
    groups = [int(universe.family_group[family]) for family in layout.families]
    drawn: dict[int, Kind] = {}
    for group in dict.fromkeys(groups):
        own = [i for i, other in enumerate(groups) if other == group]
        size = sum(n for n, domain in zip(sizes, layout.pieces, strict=True) if domain in own)
        draw = rng.random()
        drawn[group] = Kind.CLOSE
        if draw < noise.novel:
            drawn[group] = Kind.NOVEL
        elif draw < noise.novel + noise.remote and size >= _SMALLEST_REMOTE * sum(sizes):
            drawn[group] = Kind.REMOTE
    return tuple(drawn[group] for group in groups)
