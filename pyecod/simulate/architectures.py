"""Which proteins a simulated world has: those of its reference, and those that are deposited week after week."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

from numpy.random import Generator

from pyecod.simulate.chains import Architecture, DomainSequence, ProteinChain, assemble, mutated
from pyecod.simulate.evolution import ancestor
from pyecod.simulate.families import Family, TGroup
from pyecod.simulate.truth import Kind

TAG_SHARE = 0.45  # of deposited chains that carry a tag or its leftovers
_SINGLE = "one domain"
_TANDEM = "tandem repeat"
_HOST = 90  # residues of the shortest family whose domain is cut into pieces
# name, pieces and whether all domains are of one family
_LAYOUTS: dict[str, tuple[str, ...]] = {
    "two domains": ("AB",),
    "three domains": ("ABC",),
    _TANDEM: ("AB", "ABC", "ABCD", "ABCDEF"),
    "nested": ("ABA", "ABAC"),
    "interleaved": ("ABAB",),
    "many domains": ("ABCDE", "ABCDEFG", "ABCDEFGH"),
}
# what is deposited: layout, the kind of its first domain, its weight among many
_DEPOSITED: tuple[tuple[str, Kind, float], ...] = (
    (_SINGLE, Kind.CLOSE, 0.15),
    ("two domains", Kind.CLOSE, 0.13),
    (_SINGLE, Kind.REMOTE, 0.12),
    ("nested", Kind.CLOSE, 0.06),
    (_TANDEM, Kind.CLOSE, 0.07),
    ("two domains", Kind.REMOTE, 0.09),
    (_SINGLE, Kind.NOVEL, 0.05),
    ("interleaved", Kind.CLOSE, 0.03),
    ("three domains", Kind.CLOSE, 0.06),
    ("two domains", Kind.NOVEL, 0.06),
    ("many domains", Kind.CLOSE, 0.03),
)
_MUTANT_WEIGHT = 0.20  # a chain of the reference again, with a few residues substituted


@dataclass(frozen=True, slots=True)
class Proteome:
    """The proteins of the reference: their chains, and the architectures of those with several domains."""

    groups: tuple[TGroup, ...]
    families: tuple[Family, ...]
    group_of: tuple[TGroup, ...]
    chains: tuple[ProteinChain, ...]
    architectures: tuple[Architecture, ...]


def make_proteome(groups: tuple[TGroup, ...], rng: Generator) -> Proteome:
    """Reference chains: every family alone (its first two members), and its members again in all layouts."""
    families = tuple(family for group in groups for family in group.families)
    group_of = tuple(group for group in groups for _ in group.families)
    architectures = [
        _architecture(layout, families, rng) for _ in range(1 + len(families) // 18) for layout in _LAYOUTS
    ]
    chains = []
    for family in families:
        for member in family.members[:2]:
            domain = DomainSequence(member, Kind.CLOSE, family)
            chains.append(assemble(Architecture(_SINGLE, "A", (0,)), [domain], rng, tag_share=TAG_SHARE))
    turn = [0] * len(families)
    for architecture in architectures:
        for _ in range(2):
            domains = []
            for index in architecture.families:
                family = families[index]
                member = family.members[(2 + turn[index]) % len(family.members)]
                turn[index] += 1
                domains.append(DomainSequence(member, Kind.CLOSE, family))
            chains.append(assemble(architecture, domains, rng, tag_share=TAG_SHARE))
    return Proteome(groups, families, group_of, tuple(chains), tuple(architectures))


def deposited_chain(proteome: Proteome, number: int, divergence: float, rng: Generator) -> ProteinChain:
    """A new protein; ``number`` counts from 0, and the first ones go through all layouts once.

    ``divergence`` is the largest distance of a close homolog, substitutions per site.
    """
    if number < len(_DEPOSITED):
        layout, kind, _ = _DEPOSITED[number]
    elif number == len(_DEPOSITED) or rng.random() < _MUTANT_WEIGHT:
        return mutated(proteome.chains[int(rng.integers(len(proteome.chains)))], int(rng.integers(0, 4)), rng)
    else:
        weights = [weight for _, _, weight in _DEPOSITED]
        layout, kind, _ = _DEPOSITED[int(rng.choice(len(_DEPOSITED), p=[w / sum(weights) for w in weights]))]
    architecture = _deposited_architecture(layout, proteome, rng)
    domains = [_domain(proteome, index, Kind.CLOSE, divergence, rng) for index in architecture.families]
    if kind is not Kind.CLOSE:
        place = int(rng.integers(len(domains)))
        domains[place] = _domain(proteome, architecture.families[place], kind, divergence, rng)
    name = architecture.name if kind is Kind.CLOSE else f"{architecture.name}, one {kind}"
    return assemble(Architecture(name, architecture.pieces, architecture.families), domains, rng, tag_share=TAG_SHARE)


def near_identical(chain: ProteinChain, rng: Generator) -> ProteinChain:
    """The chain with one to four residues substituted."""
    return mutated(chain, int(rng.integers(1, 5)), rng)


def _deposited_architecture(layout: str, proteome: Proteome, rng: Generator) -> Architecture:
    known = [a for a in proteome.architectures if a.name == layout]
    if known and rng.random() < 0.6:
        return known[int(rng.integers(len(known)))]
    return _architecture(layout, proteome.families, rng)


def _architecture(layout: str, families: SequenceOf[Family], rng: Generator) -> Architecture:
    """A layout filled with families, of different T-groups as far as there are enough; those cut in two are long."""
    choice = _LAYOUTS.get(layout, ("A",))
    pieces = choice[int(rng.integers(len(choice)))]
    letters = sorted(set(pieces))
    order = rng.permutation(len(families)).tolist()
    if layout == _TANDEM:
        return Architecture(layout, pieces, (order[0],) * len(letters))
    chosen: list[int] = []
    for letter in letters:
        taken = {families[index].t_group for index in chosen}
        shortest = _HOST if pieces.count(letter) > 1 else 0
        fitting = [i for i in order if families[i].t_group not in taken and len(families[i].ancestor) >= shortest]
        chosen.append((fitting or order)[0])
    return Architecture(layout, pieces, tuple(chosen))


def _domain(proteome: Proteome, index: int, kind: Kind, divergence: float, rng: Generator) -> DomainSequence:
    family = proteome.families[index]
    if kind is Kind.NOVEL:
        return DomainSequence(ancestor(int(rng.integers(70, 180)), rng), kind, None)
    if kind is Kind.REMOTE:
        return _remote(proteome, index, rng)
    distance = float(rng.uniform(0.05, divergence))
    return DomainSequence(proteome.group_of[index].close(family, distance, rng), kind, family)


def _remote(proteome: Proteome, index: int, rng: Generator) -> DomainSequence:
    """A remote homolog of the family, or of another one where this one has too little signal for it."""
    order: SequenceOf[int] = [index, *(int(i) for i in rng.permutation(len(proteome.families)))]
    for candidate in order:
        family = proteome.families[candidate]
        sequence = proteome.group_of[candidate].remote(family, rng)
        if sequence is not None:
            return DomainSequence(sequence, Kind.REMOTE, family)
    return _domain(proteome, index, Kind.NOVEL, 0.0, rng)
