"""Chains made of domains: architectures, linkers, tags, and where each domain lies in SEQRES."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from pyecod.ranges import ResidueRange
from pyecod.simulate.evolution import LETTERS, Sequence
from pyecod.simulate.families import Family
from pyecod.simulate.truth import Kind

_LINKER = (np.frombuffer(b"GSAPETKQDNV", dtype=np.uint8), np.array([16, 15, 11, 13, 11, 8, 7, 6, 6, 4, 3]) / 100)
# tags with their protease sites, and what cloning and cleavage leave behind
N_TAGS = (
    "MGSSHHHHHHSSGLVPRGSH",
    "MHHHHHHSSGVDLGTENLYFQS",
    "MHHHHHHENLYFQG",
    "MDYKDDDDKGS",
    "MASWSHPQFEKGA",
    "GPLGS",
    "GSHM",
    "SNA",
    "GS",
)
C_TAGS = ("LEHHHHHH", "AAALEHHHHHH", "GSWSHPQFEK", "GSDYKDDDDK", "ENLYFQ", "LVPR")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Which domains follow each other, and how they are interwoven.

    ``pieces`` has one letter per piece of a domain in chain order: ``AB`` are two domains, ``ABA`` is B inserted
    into A, ``ABAB`` two interleaved domains. ``families`` has one index per letter; repeats name the same one.
    """

    name: str
    pieces: str
    families: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlacedDomain:
    """A domain of a simulated chain; a novel one has no family."""

    range: ResidueRange
    kind: Kind
    family: Family | None


@dataclass(frozen=True, slots=True)
class ProteinChain:
    """A simulated protein with its truth. ``domains`` are in sequence order, by first residue.

    ``n_tag`` and ``c_tag`` count the residues of tags and other leftovers of expression at its ends.
    """

    sequence: str
    domains: tuple[PlacedDomain, ...]
    architecture: str
    n_tag: int = 0
    c_tag: int = 0


@dataclass(frozen=True, slots=True)
class DomainSequence:
    """A domain to be placed."""

    sequence: Sequence
    kind: Kind
    family: Family | None


def linker(length: int, rng: Generator) -> str:
    """A flexible linker: small and polar residues."""
    return rng.choice(_LINKER[0], length, p=_LINKER[1]).tobytes().decode()


def assemble(
    architecture: Architecture, domains: SequenceOf[DomainSequence], rng: Generator, *, tag_share: float = 0.0
) -> ProteinChain:
    """Chain of the given domains (one per letter of the architecture), with linkers, and tags in ``tag_share``."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(domains)]
    queues = {
        letter: _cut(domain.sequence, architecture.pieces.count(letter), rng)
        for letter, domain in zip(letters, domains, strict=True)
    }
    n_tag = N_TAGS[int(rng.integers(len(N_TAGS)))] if rng.random() < tag_share else ""
    c_tag = C_TAGS[int(rng.integers(len(C_TAGS)))] if rng.random() < tag_share / 3 else ""
    text = n_tag + linker(int(rng.integers(0, 4)), rng)
    segments: dict[str, list[tuple[int, int]]] = {letter: [] for letter in letters}
    previous = ""
    for letter in architecture.pieces:
        if previous:
            split = architecture.pieces.count(previous) > 1 or architecture.pieces.count(letter) > 1
            text += linker(int(rng.integers(2, 5) if split else rng.integers(3, 16)), rng)
        piece = queues[letter].pop(0)
        segments[letter].append((len(text) + 1, len(text) + len(piece)))
        text += piece
        previous = letter
    text += linker(int(rng.integers(0, 4)), rng) + c_tag
    placed = [
        PlacedDomain(ResidueRange.of(segments[letter]), domain.kind, domain.family)
        for letter, domain in zip(letters, domains, strict=True)
    ]
    placed.sort(key=lambda domain: domain.range.start)
    return ProteinChain(text, tuple(placed), architecture.name, len(n_tag), len(c_tag))


def mutated(chain: ProteinChain, count: int, rng: Generator) -> ProteinChain:
    """The same chain with ``count`` residues substituted: a point mutant or near-identical copy."""
    residues = np.frombuffer(chain.sequence.encode(), dtype=np.uint8).copy()
    sites = rng.choice(len(residues), count, replace=False)
    for site in sites:
        residues[site] = rng.choice(LETTERS[residues[site] != LETTERS])
    return ProteinChain(
        residues.tobytes().decode(), chain.domains, f"{chain.architecture}, near-identical", chain.n_tag, chain.c_tag
    )


def with_prefix(chain: ProteinChain, tag: str) -> ProteinChain:
    """The same chain with residues added before its first."""
    shift = len(tag)
    domains = tuple(
        PlacedDomain(ResidueRange(tuple((a + shift, b + shift) for a, b in d.range.segments)), d.kind, d.family)
        for d in chain.domains
    )
    return ProteinChain(tag + chain.sequence, domains, chain.architecture, chain.n_tag + shift, chain.c_tag)


def _cut(sequence: Sequence, pieces: int, rng: Generator) -> list[str]:
    """A domain in as many pieces, cut near equal parts."""
    text = sequence.text
    share = [(i + float(rng.uniform(-0.15, 0.15))) / pieces for i in range(1, pieces)]
    ends = [0, *(round(s * len(text)) for s in share), len(text)]
    return [text[a:b] for a, b in pairwise(ends)]
