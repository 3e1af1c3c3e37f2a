"""Hits drawn for one query chain from the universe's domains and chains."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.random import Generator

from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.simulate.alignments import Blocks, Floats, Pieces, align, blast_hits, lost_ends, profile_hits
from pyecod.simulate.noise import Noise
from pyecod.simulate.query import QueryChain
from pyecod.simulate.truth import Kind
from pyecod.simulate.universe import Bools, Ints, Layout, Universe

_OWN_FAMILY = 0.85  # of the hits; the others are to other families of the T-group
_TRIED = 1.6  # alignments per hit: the others are too weak for E ≤ 0.002
_SAME_LAYOUT = 0.7  # of the chain hits; the others share a domain
_OTHER_LAYOUTS = 10  # architectures that the others come from
_SMALLEST_PROBABILITY = 50.0


class HitDrawer:
    """Makes the hits of one chain, type by type."""

    def __init__(self, universe: Universe, noise: Noise, query: QueryChain, rng: Generator) -> None:
        self._universe = universe
        self._noise = noise
        self._query = query
        self._rng = rng
        self._groups = [int(universe.family_group[family]) for family in query.layout.families]

    def domain_blast(self, count: int) -> list[Hit]:
        """About ``count`` hits to domains; one that matches several repeats has several HSPs."""
        hits: list[Hit] = []
        groups = [g for g in self._of_kind(Kind.CLOSE) if self._rng.random() >= self._noise.missed]
        for group, share in zip(groups, self._shares(count, len(groups)), strict=True):
            domains = [i for i, other in enumerate(self._groups) if other == group]
            rows = self._rows(self._query.layout.families[domains[0]], group, round(_TRIED * share))
            hits.extend(islice(self._to_domains(domains, rows), share))
        hits.extend(self._false_blast())
        return _unique(hits)

    def chain_blast(self, count: int) -> list[Hit]:
        """About ``count`` hits to chains: of the same architecture, and of others that share a domain."""
        universe, query = self._universe, self._query
        close = [i for i, kind in enumerate(query.kinds) if kind is Kind.CLOSE]
        if not close:
            return []
        chains: list[Ints] = []
        tried = round(_TRIED * count)
        if query.number is not None:
            first = np.flatnonzero(universe.chain_layout == query.number)
            chains.append(self._some(first.astype(np.int32), round(_SAME_LAYOUT * tried)))
        chains.append(self._sharing(close, max(1, tried - sum(map(len, chains)))))
        hits: list[Hit] = []
        for number in np.unique(universe.chain_layout[np.concatenate(chains)]).tolist():
            own = np.concatenate([part[universe.chain_layout[part] == number] for part in chains])
            hits.extend(self._to_chains(close, number, own))
        return hits[: max(1, count)]

    def _sharing(self, close: list[int], count: int) -> Ints:
        """Up to ``count`` chains of other architectures that share a domain, from those with the most such chains."""
        universe = self._universe
        groups = {self._groups[domain]: self._query.layout.families[domain] for domain in close}
        rows = [self._rows(family, group, 4 * count // len(groups) + 1) for group, family in groups.items()]
        chains = np.unique(universe.chain[np.concatenate(rows)])
        layouts = universe.chain_layout[chains]
        chains, layouts = chains[layouts != self._query.number], layouts[layouts != self._query.number]
        frequent = np.argsort(-np.bincount(layouts, minlength=1), kind="stable")[:_OTHER_LAYOUTS]
        chosen: Ints = self._rng.permutation(chains[np.isin(layouts, frequent)])[:count]
        return chosen

    def hhsearch(self, count: int) -> list[Hit]:
        """About ``count`` hits to profiles of the representatives."""
        hits: list[Hit] = []
        groups = [*self._of_kind(Kind.REMOTE), *self._of_kind(Kind.CLOSE)]
        for group, share in zip(groups, self._shares(count, len(groups)), strict=True):
            domains = [i for i, other in enumerate(self._groups) if other == group]
            remote = self._query.kinds[domains[0]] is Kind.REMOTE
            if remote and self._rng.random() < self._noise.missed:
                continue
            rows = self._some(self._universe.representatives_by_group[group], share)
            lowest = self._noise.weakest_probability if remote else 95.0
            chances = lowest + (100 - lowest) * self._rng.beta(2.0, 1.2, len(rows))
            names, lengths, blocks = self._domain_blocks(domains, rows)
            hits.extend(profile_hits(names, lengths, blocks, chances))
        hits.extend(self._false_profiles())
        return sorted(hits, key=lambda hit: -(hit.hsps[0].probability or 0))

    def _of_kind(self, kind: Kind) -> list[int]:
        """T-groups of the query's domains of a kind."""
        kinds = self._query.kinds
        return list(dict.fromkeys(g for g, own in zip(self._groups, kinds, strict=True) if own is kind))

    def _shares(self, count: int, parts: int) -> list[int]:
        """``count`` hits spread over the families unevenly, at least two each."""
        if not parts:
            return []
        weights = self._rng.dirichlet(np.full(parts, 3.0))
        return [max(2, round(count * weight)) for weight in weights.tolist()]

    def _some(self, rows: Ints, count: int) -> Ints:
        """Up to ``count`` of the rows, each at most once; they are in random order."""
        if not len(rows) or count < 1:
            return rows[:0]
        start = int(self._rng.integers(len(rows)))
        chosen: Ints = rows[(start + np.arange(min(count, len(rows)))) % len(rows)]
        return chosen

    def _rows(self, family: int, group: int, count: int) -> Ints:
        own = self._some(self._universe.rows_by_family[family], max(1, round(_OWN_FAMILY * count)))
        others = self._some(self._universe.rows_by_group[group], 2 * (count - len(own)))
        others = others[self._universe.family[others] != family][: count - len(own)]
        return np.concatenate((own, others))

    def _identities(self, count: int) -> Floats:
        """Identities of a family's members, the first the closest."""
        low, high = self._noise.identity
        drawn = low + (high - low) * self._rng.beta(1.3, 1.8, count)
        drawn[:1] = high - 0.1 * (high - low) * self._rng.random()
        return np.asarray(drawn, dtype=np.float64)

    def _to_domains(self, domains: list[int], rows: Ints) -> Iterator[Hit]:
        names, lengths, blocks = self._domain_blocks(domains, rows)
        return blast_hits(EvidenceType.DOMAIN_BLAST, names, lengths, blocks, self._identities(len(rows)))

    def _domain_blocks(self, domains: list[int], rows: Ints) -> tuple[list[str], list[int], Blocks]:
        """Names, lengths and alignments of classified domains, the reference's errors included."""
        universe = self._universe
        true, moved, lengths = universe.true_length(rows), universe.moved[rows], universe.classified_length(rows)
        target = Pieces((1 - moved[:, :1]).astype(np.int32), true[:, None])
        blocks = self._summed(domains, [target] * len(domains))
        blocks = _inside(blocks, lengths)
        if moved.any() and len(domains) == 1:
            same = universe.chain_layout[universe.chain[rows]] == self._query.number
            blocks = _stretched(blocks, lengths, moved, same, self._query.length)
        rows = self._relabelled(rows, blocks)
        return (
            [universe.domain_id(row) for row in rows.tolist()],
            self._universe.classified_length(rows).tolist(),
            blocks,
        )

    def _relabelled(self, rows: Ints, blocks: Blocks) -> Ints:
        """Now and then a domain that is in the wrong group of the reference."""
        wrong = np.flatnonzero(self._rng.random(len(rows)) < self._noise.mislabelled)
        if not len(wrong):
            return rows
        other = self._rng.integers(len(self._universe), size=len(wrong)).astype(np.int32)
        last = (blocks.target + blocks.size)[wrong].max(axis=1, initial=0)
        fits = self._universe.classified_length(other) >= last
        changed = rows.copy()
        changed[wrong[fits]] = other[fits]
        return changed

    def _summed(self, domains: list[int], targets: list[Pieces]) -> Blocks:
        """Alignments of several query domains with as many domains of each target."""
        total: Blocks | None = None
        for domain, target in zip(domains, targets, strict=True):
            pieces = self._query.pieces(domain)
            lost = lost_ends(len(target.starts), int(pieces.sizes.sum()), self._noise, self._rng)
            blocks = align(pieces, target, lost, self._rng)
            total = blocks if total is None else total + blocks
        assert total is not None
        return total

    def _to_chains(self, close: list[int], number: int, chains: Ints) -> Iterator[Hit]:
        universe = self._universe
        pairs = self._pairs(close, universe.layouts[number])
        targets = []
        for _, other in pairs:
            starts, sizes = universe.true_pieces(universe.first_row[chains] + np.int32(other))
            targets.append(Pieces(starts, sizes))
        blocks = self._summed([domain for domain, _ in pairs], targets)
        names = [universe.chain_key(chain) for chain in chains.tolist()]
        lengths = universe.chain_length[chains].tolist()
        return blast_hits(EvidenceType.CHAIN_BLAST, names, lengths, blocks, self._identities(len(chains)))

    def _pairs(self, close: list[int], layout: Layout) -> list[tuple[int, int]]:
        """Homologous domains of the query and of an architecture, each used once, in order."""
        free = list(range(len(layout.families)))
        pairs = []
        for domain in close:
            for other in free:
                if int(self._universe.family_group[layout.families[other]]) == self._groups[domain]:
                    pairs.append((domain, other))
                    free.remove(other)
                    break
        return pairs

    def _false_blast(self) -> Iterator[Hit]:
        for start, size, name, length, target in self._unrelated(self._noise.false_blast, 20, 60):
            evalue = float(f"{10 ** self._rng.uniform(-4, -2.7):.2g}")
            segments = (Segment(start, start + size - 1, target, target + size - 1),)
            yield Hit(EvidenceType.DOMAIN_BLAST, name, length, (Hsp(segments, evalue, 38.0, 0.3),))

    def _false_profiles(self) -> Iterator[Hit]:
        for start, size, name, length, target in self._unrelated(self._noise.false_profiles, 15, 80):
            probability = round(_SMALLEST_PROBABILITY + float(self._rng.exponential(8.0)), 1)
            segments = (Segment(start, start + size - 1, target, target + size - 1),)
            hsp = Hsp(segments, 12.0, None, 0.15, min(probability, 90.0), 25.0)
            yield Hit(EvidenceType.HHSEARCH, name, length, (hsp,))

    def _unrelated(self, mean: float, shortest: int, longest: int) -> Iterator[tuple[int, int, str, int, int]]:
        """Query start, length, domain id, its length and target start of chance alignments."""
        rng, universe = self._rng, self._universe
        for _ in range(int(rng.poisson(mean))):
            row = int(rng.integers(len(universe)))
            length = int(self._universe.classified_length(np.array([row], dtype=np.int32))[0])
            size = min(int(rng.integers(shortest, longest)), self._query.length, length)
            start = int(rng.integers(1, self._query.length - size + 2))
            yield start, size, universe.domain_id(row), length, int(rng.integers(1, length - size + 2))


def _inside(blocks: Blocks, lengths: Ints) -> Blocks:
    """Only what lies inside the classified targets, residues 1 to ``lengths``."""
    before = (1 - blocks.target).clip(0)
    beyond = (blocks.target + blocks.size - 1 - lengths[:, None]).clip(0)
    size = (blocks.size - before - beyond).clip(0).astype(np.int32)
    return Blocks(blocks.query + before, blocks.target + before, size)


def _stretched(blocks: Blocks, lengths: Ints, moved: Ints, same: Bools, end: int) -> Blocks:
    """Alignments that go on over a classified boundary that lies inside the neighbour, where the query has it too."""
    query, target, size = blocks.query.copy(), blocks.target.copy(), blocks.size.copy()
    rows = np.flatnonzero(same & (size > 0).any(axis=1))
    first = (size[rows] > 0).argmax(axis=1)
    early = moved[rows, 0] < 0
    more = np.where(early, np.minimum(query[rows, first], target[rows, first]) - 1, 0)
    query[rows, first] -= more
    target[rows, first] -= more
    size[rows, first] += more
    last = size.shape[1] - 1 - (size[rows, ::-1] > 0).argmax(axis=1)
    room = np.minimum(
        end - (query[rows, last] + size[rows, last] - 1), lengths[rows] - (target[rows, last] + size[rows, last] - 1)
    )
    size[rows, last] += np.where(moved[rows, 1] > 0, room, 0)
    return Blocks(query, target, size)


def _unique(hits: list[Hit]) -> list[Hit]:
    """The first hit of each target."""
    return list({hit.target: hit for hit in reversed(hits)}.values())[::-1]
