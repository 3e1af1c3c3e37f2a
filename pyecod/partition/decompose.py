"""Chain hits: alignments with a reference chain, cut at the borders of that chain's domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Alignments, Ints, align, project_back
from pyecod.partition.counting import Verdict, Verdicts, mask_of
from pyecod.partition.lookup import ReferenceLookup
from pyecod.settings import PartitionSettings


def chain_candidates(
    evidence: DomainSummary,
    chosen: Sequence[int],
    reference: ReferenceLookup,
    settings: PartitionSettings,
    verdicts: Verdicts,
) -> tuple[Alignments, Ints]:
    """Alignments of the ``chosen`` chain hits with single domains, and the domain row of each alignment.

    Every HSP is used, and every domain it meets, wholly or in part. Targets are numbered along each domain.
    """
    numbers: dict[str, int] = {}
    subjects = [numbers.setdefault(evidence.hits[i].target, len(numbers)) for i in chosen]
    segments = reference.chain_segments(reference.chains(list(numbers)))
    known = np.bincount(segments[:, 0], minlength=len(numbers)) > 0
    usable = known[subjects]
    verdicts[np.asarray(chosen)[~usable]] = Verdict.UNKNOWN_REFERENCE
    kept = np.asarray(chosen)[usable].tolist()
    subjects = np.asarray(subjects)[usable].tolist()
    alignments = align(evidence.hits, kept, subjects, [None] * len(numbers), evidence.length, settings, verdicts)
    return _cut(alignments, segments.astype(np.int64), len(numbers), reference, verdicts)


def _cut(
    whole: Alignments, segments: Ints, chain_count: int, reference: ReferenceLookup, verdicts: Verdicts
) -> tuple[Alignments, Ints]:
    """Pair each alignment segment with each domain segment of its chain and keep what they share."""
    chain, row, first, last = segments.T
    offset = _along_domain(segments) - first
    begin = np.searchsorted(chain, np.arange(chain_count + 1))
    count = (begin[1:] - begin[:-1])[whole.subject]
    each = np.repeat(np.arange(len(count)), count)
    piece = np.arange(len(each)) + np.repeat(begin[whole.subject] - np.cumsum(count) + count, count)

    target_start, target_end = whole.target_start[each], whole.target_end[each]
    start = np.maximum(target_start, first[piece])
    end = np.minimum(target_end, last[piece])
    # without target residues (old summaries) only a chain that is one domain can be used
    undivided = (target_start == 0) & (count[each] == 1)
    inside = undivided | ((start <= end) & (target_start > 0))
    if reference.masked is not None:
        hidden = mask_of(len(verdicts), [whole.hit[each[inside & reference.masked[row[piece]]]]])
    inside &= (reference.t[row[piece]] >= 0) & (reference.h[row[piece]] >= 0)
    each, piece, start, end = each[inside], piece[inside], start[inside], end[inside]
    lost = ~mask_of(len(verdicts), [whole.hit[each]])
    verdicts[whole.hit[lost[whole.hit]]] = Verdict.UNMAPPED
    if reference.masked is not None:
        verdicts[whole.hit[(lost & hidden)[whole.hit]]] = Verdict.MASKED

    met = whole.take(each)
    blind = met.target_start == 0
    query_start, query_end = project_back(met, start, end)
    query_start = np.where(blind, met.query_start, query_start)
    query_end = np.where(blind, met.query_end, query_end)
    width = int(row.max(initial=0)) + 1
    key = met.alignment * width + row[piece]
    order = np.argsort(key, kind="stable")
    new = np.diff(key[order], prepend=-1) != 0
    number = np.empty(len(key), np.int64)
    number[order] = np.cumsum(new) - 1
    cut = replace(
        met,
        alignment=number,
        query_start=query_start,
        query_end=query_end,
        target_start=np.where(blind, 0, start + offset[piece]),
        target_end=np.where(blind, 0, end + offset[piece]),
        evidence=met.evidence * (query_end - query_start + 1) / (met.query_end - met.query_start + 1),
    )
    return cut, key[order][new] % width


def _along_domain(segments: Ints) -> Ints:
    """Number of each segment's first residue along its domain, from 1."""
    size = segments[:, 3] - segments[:, 2] + 1
    before = np.cumsum(size) - size
    new = np.concatenate(([True], (np.diff(segments[:, :2], axis=0) != 0).any(axis=1)))[: len(segments)]
    along: Ints = before - before[np.flatnonzero(new)][np.cumsum(new) - 1] + 1
    return along
