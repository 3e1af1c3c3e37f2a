"""Alignments made from the truth: many targets at once, as ungapped blocks, and the hits they become."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.simulate.noise import Noise
from pyecod.simulate.universe import Ints

Floats = NDArray[np.float64]

_SPLIT = 60  # residues of a gap that no local alignment bridges: the alignment goes on as another HSP
_SHORTEST = 8  # residues of the smallest block that stays in an alignment
_BEYOND = 1 << 30  # after any residue
_SEARCH_SPACE = 1e8  # residues of the database, effective
_SMALLEST_EVALUE = 1e-180  # BLAST prints 0 for less
_LARGEST_EVALUE = 0.002


@dataclass(frozen=True, slots=True)
class Pieces:
    """Where a domain lies in a sequence: first residues and lengths of its pieces, the last axis; length 0 for none."""

    starts: Ints
    sizes: Ints


@dataclass(frozen=True, slots=True)
class Blocks:
    """Ungapped blocks of many alignments, shape ``(targets, blocks)``, in query order; valid where ``size > 0``."""

    query: Ints
    target: Ints
    size: Ints

    def __add__(self, other: Blocks) -> Blocks:
        """Blocks of both for each target, sorted along the query."""
        query, target, size = (
            np.concatenate(pair, axis=1)
            for pair in zip((self.query, self.target, self.size), (other.query, other.target, other.size), strict=True)
        )
        order = np.argsort(np.where(size > 0, query, _BEYOND), axis=1, kind="stable")
        rows = np.arange(len(order))[:, None]
        return Blocks(query[rows, order], target[rows, order], size[rows, order])


def align(query: Pieces, target: Pieces, lost: Ints, rng: Generator) -> Blocks:
    """Blocks between one query domain (pieces of shape ``(p,)``) and many homologous ones (shape ``(targets, p)``).

    Where the lengths differ, one gap in the middle third takes up the difference. ``lost`` are the query residues
    that are not aligned at the start and the end, shape ``(targets, 2)``.
    """
    length = int(query.sizes.sum())
    target_length = target.sizes.sum(axis=1)
    longer = target_length - length
    split = (length * rng.uniform(0.35, 0.65, len(target_length))).astype(np.int32)
    # two blocks in coordinates that count along the domain, from 0 and half-open
    begin = np.stack([np.zeros_like(split), split + np.maximum(0, -longer)], axis=1)
    end = np.stack([split, np.full_like(split, length)], axis=1)
    shift = np.stack([np.zeros_like(split), longer], axis=1)
    begin = np.maximum(begin, lost[:, :1])
    end = np.minimum(end, length - lost[:, 1:])
    for side, moved in ((query.sizes[None, :], False), (target.sizes, True)):
        edges = side.cumsum(axis=1)
        low, high = (edges - side)[:, None, :], edges[:, None, :]
        if moved:
            low, high = low - shift[:, :, None], high - shift[:, :, None]
        begin, end = np.maximum(begin[:, :, None], low), np.minimum(end[:, :, None], high)
        shift = np.repeat(shift, side.shape[1], axis=1)
        begin, end = begin.reshape(len(split), -1), end.reshape(len(split), -1)
    size = end - begin
    valid = size >= _SHORTEST
    return Blocks(
        _located(query.starts[None, :], query.sizes[None, :], begin),
        _located(target.starts, target.sizes, begin + shift),
        np.where(valid, size, 0).astype(np.int32),
    )


def _located(starts: Ints, sizes: Ints, position: Ints) -> Ints:
    """Sequence positions of places counted along a domain (from 0)."""
    edges = sizes.cumsum(axis=1)
    piece = (position[:, :, None] >= edges[:, None, :]).sum(axis=2).clip(0, sizes.shape[1] - 1)
    rows = np.zeros_like(piece) if len(starts) == 1 else np.arange(len(starts))[:, None]
    located: Ints = (position - (edges - sizes)[rows, piece] + starts[rows, piece]).astype(np.int32)
    return located


def lost_ends(count: int, length: int, noise: Noise, rng: Generator) -> Ints:
    """Residues missed at each end by ``count`` alignments of a domain of ``length`` residues."""
    lost = rng.geometric(1 / (1 + noise.end_loss), (count, 2)) - 1
    lost = np.minimum(lost, length // 6)
    partial = np.flatnonzero(rng.random(count) < noise.partial)
    missing = (length * rng.uniform(0.2, 0.7, len(partial))).astype(np.int64)
    lost[partial, 0] = missing * rng.random(len(partial))
    lost[partial, 1] = missing - lost[partial, 0]
    return lost.astype(np.int32)


def blast_hits(
    kind: EvidenceType, names: list[str], lengths: list[int], blocks: Blocks, identities: Floats
) -> Iterator[Hit]:
    """BLAST hits of the blocks; HSPs too weak for E ≤ 0.002 are left out, and hits without any."""
    rows = zip(blocks.query.tolist(), blocks.target.tolist(), blocks.size.tolist(), strict=True)
    space = math.log2(_SEARCH_SPACE * 250)
    for name, length, (query, target, size), identity in zip(names, lengths, rows, identities.tolist(), strict=True):
        per_residue = 2.2 * identity**1.4
        hsps = []
        for segments, residues in _parts(query, target, size):
            bits = per_residue * residues
            evalue = 2.0 ** (space - bits)
            if evalue <= _LARGEST_EVALUE:
                evalue = evalue if evalue > _SMALLEST_EVALUE else 0.0
                hsps.append(Hsp(segments, float(f"{evalue:.3g}"), round(bits, 1), round(identity, 3)))
        if hsps:
            hsps.sort(key=lambda hsp: -hsp.bitscore)  # type: ignore[operator]
            yield Hit(kind, name, length, tuple(hsps))


def profile_hits(names: list[str], lengths: list[int], blocks: Blocks, probabilities: Floats) -> Iterator[Hit]:
    """HHsearch hits: every alignment is a hit of its own."""
    rows = zip(blocks.query.tolist(), blocks.target.tolist(), blocks.size.tolist(), strict=True)
    for name, length, (query, target, size), probability in zip(
        names, lengths, rows, probabilities.tolist(), strict=True
    ):
        evalue = 10 ** (0.8 - 1.1 * math.log(probability / (100.05 - probability)))
        for segments, residues in _parts(query, target, size):
            hsp = Hsp(segments, float(f"{evalue:.2g}"), None, 0.2, round(probability, 1), round(residues * 0.9, 1))
            yield Hit(EvidenceType.HHSEARCH, name, length, (hsp,))


def _parts(query: list[int], target: list[int], size: list[int]) -> Iterator[tuple[tuple[Segment, ...], int]]:
    """Local alignments of one row of blocks, with their residues."""
    segments: list[Segment] = []
    residues = query_end = target_end = 0
    for q, t, n in zip(query, target, size, strict=True):
        if n == 0:
            continue
        if segments and (q - query_end > _SPLIT or not 0 < t - target_end <= _SPLIT):
            yield tuple(segments), residues
            segments, residues = [], 0
        query_end, target_end = q + n - 1, t + n - 1
        segments.append(Segment(q, query_end, t, target_end))
        residues += n
    if segments:
        yield tuple(segments), residues
