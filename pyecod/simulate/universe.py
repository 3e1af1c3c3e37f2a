"""A classified universe as arrays: groups, architectures, and any number of reference chains with their domains.

What :mod:`pyecod.simulate.evidence` draws its hits from, and what benchmarks fill a reference of a million domains
with. Nothing here has a sequence that evolved; only lengths, ranges and groups are real.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pyecod.errors import UsageError
from pyecod.files import atomic_write
from pyecod.simulate.evolution import LETTERS
from pyecod.simulate.lists import HEADERS

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_CHAINS_PER_ENTRY = 12
_DOMAINS = ((1, 2, 3, 4, 6, 8), (0.52, 0.25, 0.12, 0.06, 0.03, 0.02))
_TANDEM, _NESTED, _INTERLEAVED = 0.12, 0.12, 0.03  # shares of the architectures with several domains
_HOST = 110  # residues of the shortest domain into which another one is inserted
_REPRESENTATIVE = 0.05  # share of the domains that have a profile
_WRITE = 50_000  # chains formatted at once


@dataclass(frozen=True, slots=True)
class Layout:
    """An architecture: the family of each of its domains, and whose pieces follow each other (``0, 1, 0``: nested)."""

    families: tuple[int, ...]
    pieces: tuple[int, ...]

    def pieces_of(self, domain: int) -> tuple[int, ...]:
        """Places of a domain's pieces."""
        return tuple(place for place, owner in enumerate(self.pieces) if owner == domain)


@dataclass(frozen=True, slots=True)
class ReferenceErrors:
    """How wrong the classified domains are. Shares are of the boundaries between two domains.

    ``shifted`` boundaries lie up to ``shift`` residues off.
    """

    shifted: float = 0.0
    shift: int = 0


@dataclass(frozen=True, eq=False)
class Universe:
    """The classified chains and domains.

    ``family_group[f]`` is the T-group of family *f*, ``family_length[f]`` its typical length in residues. Chains have
    one row each: ``chain_layout``, and ``starts[c, p]`` and ``sizes[c, p]`` (first residue and length of piece *p*,
    1-based SEQRES; 0 where there is none), ``chain_length``. Domains have one row each, in the order of their chains:
    ``chain``, ``number`` within it (from 0, order of the layout), ``family``. ``moved[d]`` is by how many residues its
    classified start and end lie after the true ones.
    """

    layouts: tuple[Layout, ...]
    family_group: Ints
    family_length: Ints
    chain_layout: Ints
    starts: Ints
    sizes: Ints
    chain_length: Ints
    chain: Ints
    number: Ints
    family: Ints
    representative: Bools
    moved: Ints

    def __len__(self) -> int:
        return len(self.chain)

    @cached_property
    def first_row(self) -> Ints:
        """Row of each chain's first domain."""
        counts = np.bincount(self.chain, minlength=len(self.chain_layout))
        return np.concatenate(([0], counts.cumsum()[:-1])).astype(np.int32)

    @cached_property
    def rows_by_group(self) -> tuple[Ints, ...]:
        """Rows of each T-group's domains, shuffled once."""
        return self._shuffled(self.family_group[self.family], int(self.family_group.max()) + 1)

    @cached_property
    def rows_by_family(self) -> tuple[Ints, ...]:
        """Rows of each family's domains, shuffled once."""
        return self._shuffled(self.family, len(self.family_group))

    @cached_property
    def representatives_by_group(self) -> tuple[Ints, ...]:
        """Rows with a profile, by T-group."""
        return tuple(rows[self.representative[rows]] for rows in self.rows_by_group)

    def _shuffled(self, keys: Ints, count: int) -> tuple[Ints, ...]:
        order = np.random.default_rng(len(self)).permutation(len(self)).astype(np.int32)
        order = order[np.argsort(keys[order], kind="stable")]
        ends = np.bincount(keys, minlength=count).cumsum()
        return tuple(np.split(order, ends[:-1]))

    @cached_property
    def layout_relatives(self) -> Ints:
        """Domains of the T-groups of each architecture."""
        sizes = np.array([len(rows) for rows in self.rows_by_group])
        counts = [sizes[np.unique(self.family_group[list(layout.families)])].sum() for layout in self.layouts]
        return np.array(counts, dtype=np.int32)

    @cached_property
    def layout_pieces(self) -> Ints:
        """Piece places of each domain, shape (layouts, domains, 2), -1 where there is none."""
        table = np.full((len(self.layouts), max(len(x.families) for x in self.layouts), 2), -1, dtype=np.int32)
        for i, layout in enumerate(self.layouts):
            for domain in range(len(layout.families)):
                places = layout.pieces_of(domain)
                table[i, domain, : len(places)] = places
        return table

    def true_pieces(self, rows: Ints) -> tuple[Ints, Ints]:
        """First residues and lengths of the domains' pieces in their chains, shape (rows, 2), length 0 for none."""
        chain = self.chain[rows]
        places = self.layout_pieces[self.chain_layout[chain], self.number[rows]]
        at = (chain[:, None], places)  # place -1 is the last column, of no consequence: its size is set to 0
        return self.starts[at], np.where(places >= 0, self.sizes[at], 0)

    def classified_pieces(self, rows: Ints) -> tuple[Ints, Ints]:
        """The same as the reference has them: first residues and lengths with its errors."""
        starts, sizes = (array.copy() for array in self.true_pieces(rows))
        starts[:, 0] += self.moved[rows, 0]
        sizes[:, 0] -= self.moved[rows, 0]
        last = (sizes > 0).sum(axis=1) - 1
        sizes[np.arange(len(rows)), last] += self.moved[rows, 1]
        return starts, sizes

    def true_length(self, rows: Ints) -> Ints:
        """Residues of the domains."""
        length: Ints = self.true_pieces(rows)[1].sum(axis=1, dtype=np.int32)
        return length

    def classified_length(self, rows: Ints) -> Ints:
        """Residues of the domains as the reference has them."""
        length: Ints = self.true_length(rows) - self.moved[rows, 0] + self.moved[rows, 1]
        return length

    # names

    def chain_key(self, chain: int) -> str:
        """``2abc_A``."""
        entry, place = divmod(chain, _CHAINS_PER_ENTRY)
        return f"{_entry_id(entry)}_{_chain_letter(place)}"

    def domain_id(self, row: int) -> str:
        """``e2abcA1``."""
        entry, place = divmod(int(self.chain[row]), _CHAINS_PER_ENTRY)
        return f"e{_entry_id(entry)}{_chain_letter(place)}{int(self.number[row]) + 1}"

    def f_group(self, family: int) -> str:
        """``X.H.T.F``; every T-group is an X- and H-group of its own but each tenth, which shares the one before."""
        group = int(self.family_group[family])
        first = int(np.searchsorted(self.family_group, group))
        return f"{self.t_group(group)}.{family - first + 1}"

    def t_group(self, group: int) -> str:
        """``X.H.T`` of a T-group's number."""
        if group % 10 == 9:
            return f"{group}.1.2"
        return f"{group + 1}.1.1"

    def h_group(self, group: int) -> str:
        """``X.H`` of a T-group's number."""
        return self.t_group(group).rpartition(".")[0]

    # files

    def write(self, folder: Path, *, version: str = "develop291", seed: int = 0) -> None:
        """Write ``domains.txt`` (layout 1.6), ``domains.fasta`` and ``chains.fasta`` with random sequences.

        Raises:
            UsageError: more entries than there are ids.
        """
        if len(self.chain_layout) > _CHAINS_PER_ENTRY * 10 * 36**3:
            raise UsageError(f"{len(self.chain_layout):,} chains need more entries than there are four-character ids")
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        names = [self.f_group(family) for family in range(len(self.family_group))]
        lists, domains, chains = [HEADERS["1.6"].format(version=version)], [], []
        for first in range(0, len(self.chain_layout), _WRITE):
            part = range(first, min(first + _WRITE, len(self.chain_layout)))
            lines, domain_records, chain_records = self._format(part, names, rng)
            lists.append("".join(lines))
            domains.append("".join(domain_records))
            chains.append("".join(chain_records))
        atomic_write(folder / "domains.txt", "".join(lists), durable=False)
        atomic_write(folder / "domains.fasta", "".join(domains), durable=False)
        atomic_write(folder / "chains.fasta", "".join(chains), durable=False)

    def _format(self, part: range, names: list[str], rng: Generator) -> tuple[list[str], list[str], list[str]]:
        rows = np.arange(
            self.first_row[part.start], self.first_row[part.stop] if part.stop < len(self.first_row) else len(self)
        )
        starts, sizes = (array.tolist() for array in self.classified_pieces(rows.astype(np.int32)))
        total = int(self.chain_length[part.start : part.stop].sum())
        letters = LETTERS[rng.integers(0, 20, total, dtype=np.uint8)].tobytes().decode()
        ends = self.chain_length[part.start : part.stop].cumsum().tolist()
        chain_of, families = (self.chain[rows] - part.start).tolist(), self.family[rows].tolist()
        numbers, marked = (self.number[rows] + 1).tolist(), self.representative[rows].tolist()
        offsets = [0, *ends]
        keys = [divmod(chain, _CHAINS_PER_ENTRY) for chain in part]
        heads = [(_entry_id(entry), _chain_letter(place)) for entry, place in keys]
        chains = [f">{pdb}_{letter}\n{letters[offsets[i] : offsets[i + 1]]}\n" for i, (pdb, letter) in enumerate(heads)]
        lines, domains = [], []
        for i, row in enumerate(rows.tolist()):
            pdb, letter = heads[chain_of[i]]
            offset = offsets[chain_of[i]] - 1
            pieces = [(a, a + n - 1) for a, n in zip(starts[i], sizes[i], strict=True) if n > 0]
            span = ",".join(f"{letter}:{a}-{b}" for a, b in pieces)
            name, group = f"e{pdb}{letter}{numbers[i]}", names[families[i]]
            t_group = group.rpartition(".")[0]
            h_group = t_group.rpartition(".")[0]
            lines.append(
                f"{row + 1:09}\t{name}\t{'MANUAL_REP' if marked[i] else 'AUTO_NONREP'}\t{group}\t{pdb}\t{letter}\t"
                f"{span}\t{span}\tNO_UNP\ta+b two layers\tX {h_group[:-2]}\tH {h_group}\tT {t_group}\tF {group}\t"
                "NOT_DOMAIN_ASSEMBLY\tNO_LIGANDS_4A\n"
            )
            sequence = "".join(letters[offset + a : offset + b + 1] for a, b in pieces)
            domains.append(f">{row + 1:09}|{name}|{group}|{span}\n{sequence}\n")
        return lines, domains, chains


def make_universe(domains: int, seed: int, errors: ReferenceErrors = ReferenceErrors()) -> Universe:
    """A universe of exactly ``domains`` classified domains; families and architectures are as uneven as real ones.

    Raises:
        UsageError: fewer than 500 domains.
    """
    if domains < 500:
        raise UsageError(f"{domains} domains are too few", hint="500 or more")
    rng = np.random.default_rng([seed, 77])
    groups = max(40, round(1.1 * domains**0.5))
    group_length = rng.lognormal(np.log(115), 0.42, groups).clip(50, 350)
    per_group = rng.choice([1, 2, 3], groups, p=[0.5, 0.3, 0.2])
    family_group = np.repeat(np.arange(groups), per_group).astype(np.int32)
    family_length = (group_length[family_group] * rng.uniform(0.9, 1.1, len(family_group))).astype(np.int32)
    weights = _uneven(len(family_group), 1.2, rng)
    layouts = tuple(_layout(family_group, family_length, weights, rng) for _ in range(max(60, 2 * len(family_group))))
    chain_layout = _drawn_layouts(layouts, domains, rng)
    starts, sizes, chain_length = _chain_pieces(layouts, chain_layout, family_length, rng)
    counts = np.array([len(layout.families) for layout in layouts])[chain_layout]
    chain = np.repeat(np.arange(len(chain_layout)), counts).astype(np.int32)
    number = (np.arange(domains) - np.repeat(counts.cumsum() - counts, counts)).astype(np.int32)
    families = np.full((len(layouts), max(_DOMAINS[0])), -1, dtype=np.int32)
    for i, layout in enumerate(layouts):
        families[i, : len(layout.families)] = layout.families
    family = families[chain_layout[chain], number]
    representative = rng.random(domains) < _REPRESENTATIVE
    representative[np.unique(family, return_index=True)[1]] = True
    universe = Universe(
        *(layouts, family_group, family_length, chain_layout, starts, sizes, chain_length, chain, number, family),
        representative=representative,
        moved=np.zeros((domains, 2), dtype=np.int32),
    )
    _shift_boundaries(universe, errors, rng)
    return universe


def _entry_id(number: int) -> str:
    """A classic id of the digits 1 to 9 and 0; consecutive numbers look unrelated."""
    digit, rest = divmod(number, 36**3)
    scattered = (rest * 17_321 + 977) % 36**3
    tail = _BASE36[scattered // 1296] + _BASE36[scattered // 36 % 36] + _BASE36[scattered % 36]
    return f"{(digit + 1) % 10}{tail}"


def _chain_letter(place: int) -> str:
    return "ABCDEFGHIJKL"[place]


def _uneven(count: int, exponent: float, rng: Generator) -> NDArray[np.float64]:
    """Zipf-like weights in random order."""
    weights = rng.permutation((np.arange(count) + 3.0) ** -exponent)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _layout(family_group: Ints, family_length: Ints, weights: NDArray[np.float64], rng: Generator) -> Layout:
    count = int(rng.choice(_DOMAINS[0], p=_DOMAINS[1]))
    draw = rng.random()
    pieces: tuple[int, ...] = tuple(range(count))
    if count == 1 or draw >= _TANDEM + _NESTED + _INTERLEAVED:
        families = rng.choice(len(weights), count, p=weights).tolist()
    elif draw < _TANDEM:
        families = rng.choice(len(weights), 1, p=weights).tolist() * count
    else:
        # interwoven domains are of different T-groups: were they alike, nobody could tell their pieces apart
        families = []
        left = weights * (family_length >= _HOST)
        for _ in range(count):
            families.append(int(rng.choice(len(weights), p=left / left.sum())))
            left = np.where(family_group == family_group[families[-1]], 0, left)
        pieces = (0, 1, 0, *range(2, count)) if draw < _TANDEM + _NESTED else (0, 1, 0, 1, *range(2, count))
    return Layout(tuple(families), pieces)


def _drawn_layouts(layouts: tuple[Layout, ...], domains: int, rng: Generator) -> Ints:
    """Layout of each chain, so many that they have exactly ``domains`` domains."""
    counts = np.array([len(layout.families) for layout in layouts])
    drawn = rng.choice(len(layouts), domains, p=_uneven(len(layouts), 1.2, rng))
    total = counts[drawn].cumsum()
    enough = int(np.searchsorted(total, domains, side="right"))
    missing = domains - (int(total[enough - 1]) if enough else 0)
    single = rng.choice(np.flatnonzero(counts == 1), missing)
    return np.concatenate((drawn[:enough], single)).astype(np.int32)


def _chain_pieces(
    layouts: tuple[Layout, ...], chain_layout: Ints, family_length: Ints, rng: Generator
) -> tuple[Ints, Ints, Ints]:
    """First residue and length of every piece, and the chains' lengths."""
    width = max(len(layout.pieces) for layout in layouts)
    typical = np.zeros((len(layouts), width))
    for i, layout in enumerate(layouts):
        for place, domain in enumerate(layout.pieces):
            typical[i, place] = family_length[layout.families[domain]] / layout.pieces.count(domain)
    shape = (len(chain_layout), width)
    sizes = np.rint(typical[chain_layout] * rng.normal(1, 0.05, shape).clip(0.8, 1.25)).astype(np.int32)
    linkers = rng.integers(3, 16, shape, dtype=np.int32)
    linkers[:, 0] = rng.integers(0, 12, len(chain_layout))
    linkers[sizes == 0] = 0
    ends = (sizes + linkers).cumsum(axis=1)
    starts = np.where(sizes > 0, ends - sizes + 1, 0).astype(np.int32)
    tail = rng.integers(0, 8, len(chain_layout))
    return starts, sizes, (ends[:, -1] + tail).astype(np.int32)


def _shift_boundaries(universe: Universe, errors: ReferenceErrors, rng: Generator) -> None:
    """Move boundaries between two domains of one piece each; both stay longer than the shift."""
    if not errors.shifted:
        return
    beside = universe.chain[:-1] == universe.chain[1:]
    left = np.flatnonzero(beside & (rng.random(len(beside)) < errors.shifted)).astype(np.int32)
    one, other = (
        universe.layout_pieces[universe.chain_layout[universe.chain[rows]], universe.number[rows]]
        for rows in (left, left + 1)
    )
    plain = (one[:, 1] < 0) & (other[:, 1] < 0) & (other[:, 0] == one[:, 0] + 1)
    roomy = np.minimum(universe.true_length(left), universe.true_length(left + 1)) > 2 * errors.shift
    left = left[plain & roomy]
    shift = rng.integers(errors.shift // 3, errors.shift + 1, len(left)) * rng.choice([-1, 1], len(left))
    universe.moved[left, 1] += shift.astype(np.int32)
    universe.moved[left + 1, 0] += shift.astype(np.int32)
