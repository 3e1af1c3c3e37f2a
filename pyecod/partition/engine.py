"""The partitioner: from a domain summary to the domains of a chain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyecod.errors import BrokenInputError
from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Bools
from pyecod.partition.boundaries import Extents, assign_residues
from pyecod.partition.candidates import tabulate
from pyecod.partition.classify import classify, find_support
from pyecod.partition.consensus import Proposal, propose
from pyecod.partition.counting import UNKNOWN, Verdicts, count_evidence, indices_by_type, mask_of
from pyecod.partition.explain import explain_domains
from pyecod.partition.labels import FREE
from pyecod.partition.layout import lay_out
from pyecod.partition.leftover import explain_leftover
from pyecod.partition.lookup import ReferenceLookup
from pyecod.partition.model import Domain, Outcome, Partition, Quality
from pyecod.partition.sequence import disordered_ends, order_promoting, terminal_tags
from pyecod.partition.weak import WeakEvidence
from pyecod.settings import PartitionSettings, QualitySettings, Settings

ALGORITHM = "pyecod-consensus"
ALGORITHM_VERSION = "1.1"


def partition_chain(evidence: DomainSummary, reference: ReferenceLookup, settings: Settings) -> Partition:
    """The domains of one chain: the layout that explains its evidence best.

    Pure and thread-safe; the order of the hits does not matter. Each domain says how sure it is, why it is there, and
    why its strongest rival is not.

    Raises:
        BrokenInputError: the summary contradicts itself (no length, or a sequence of another length).
    """
    options = settings.partition
    if evidence.length < 1 or (evidence.sequence and len(evidence.sequence) != evidence.length):
        raise BrokenInputError(
            f"the summary says {evidence.length} residues, its sequence has {len(evidence.sequence)}",
            where=str(evidence.key),
            hint="write the domain summary again",
        )
    by_type = indices_by_type(evidence)
    table, verdicts = tabulate(evidence, by_type, reference, options)
    proposals = propose(table, evidence.length, options)
    layout = lay_out(proposals, options)
    tags = terminal_tags(evidence.sequence) if evidence.sequence else np.zeros(evidence.length, dtype=bool)
    extents = _extents(evidence, layout.chosen, proposals, tags, options)
    labels = extents.labels
    order = sorted(set(labels.tolist()) - {FREE}, key=lambda i: int(np.argmax(labels == i)))
    supports = {i: find_support(table, layout.chosen[i].h, labels == i) for i in order}
    domains = tuple(
        classify(number, layout.chosen[i], extents.of(i), supports[i], table, evidence, reference, options)
        for number, i in enumerate(order, 1)
    )
    chosen = [layout.chosen[i] for i in order]
    domains = explain_domains(domains, chosen, proposals, layout, table, evidence, reference, options)
    losers = [p for p in proposals if p.number in layout.beaten_by]
    given = {p.number for p in chosen}
    weak = WeakEvidence.of(
        evidence, verdicts, [p for p in proposals if p.number not in given], table, reference, options
    )
    return Partition(
        length=evidence.length,
        outcome=_outcome(domains, verdicts),
        quality=_quality(domains, evidence.length, settings.quality),
        domains=domains,
        unassigned=explain_leftover(labels, tags, losers, weak, options),
        counts=count_evidence(
            by_type,
            evidence.found,
            verdicts,
            mask_of(len(verdicts), (support.hits_agreeing for support in supports.values())),
            mask_of(len(verdicts), (support.hits_over for support in supports.values())),
            mask_of(len(verdicts), (support.hits_touching for support in supports.values())),
        ),
        reference_version=reference.version,
        algorithm=ALGORITHM,
        algorithm_version=ALGORITHM_VERSION,
        parameters=options.model_dump() | {f"quality_{k}": v for k, v in settings.quality.model_dump().items()},
    )


def _extents(
    evidence: DomainSummary,
    chosen: Sequence[Proposal],
    proposals: Sequence[Proposal],
    tags: Bools,
    settings: PartitionSettings,
) -> Extents:
    if not chosen:
        none = np.full(evidence.length, FREE)
        return Extents(none, none)
    closed = tags | disordered_ends(evidence.observed, evidence.length)
    ordered = order_promoting(evidence.sequence) if evidence.sequence else np.ones(evidence.length, dtype=bool)
    taken = {proposal.number for proposal in chosen}
    losers = [proposal for proposal in proposals if proposal.number not in taken]
    return assign_residues(chosen, losers, closed, ordered, settings)


def _outcome(domains: Sequence[Domain], verdicts: Verdicts) -> Outcome:
    if domains:
        return Outcome.ASSIGNED
    if not len(verdicts):
        return Outcome.NO_EVIDENCE
    return Outcome.UNKNOWN_EVIDENCE if np.isin(verdicts, UNKNOWN).all() else Outcome.WEAK_EVIDENCE


def _quality(domains: Sequence[Domain], length: int, settings: QualitySettings) -> Quality:
    if not domains:
        return Quality.NO_DOMAINS
    coverage = sum(len(domain.range) for domain in domains) / length
    if coverage >= settings.good:
        return Quality.GOOD
    return Quality.LOW_COVERAGE if coverage >= settings.low_coverage else Quality.FRAGMENTARY
