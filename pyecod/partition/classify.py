"""Classification: which groups a domain belongs to, who supports it, and how well the hits agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyecod.evidence.summary import DomainSummary
from pyecod.partition.alignments import Bools, Ints
from pyecod.partition.boundaries import Extent
from pyecod.partition.calibration import calibration, label_trust
from pyecod.partition.candidates import KINDS, CandidateTable
from pyecod.partition.consensus import Proposal, kinship
from pyecod.partition.lookup import ReferenceLookup
from pyecod.partition.model import Domain, Flag
from pyecod.ranges import ResidueRange
from pyecod.settings import PartitionSettings

_MOSTLY = 0.5  # share of a candidate's residues inside a domain from which the candidate speaks about it


@dataclass(frozen=True, slots=True)
class Support:
    """Hits that speak about one domain: mostly inside it (``over``), of its H-group too (``agreeing``), or of its
    H-group and sharing but the lesser part of their residues (``touching``)."""

    hits_over: Ints
    hits_agreeing: Ints
    hits_touching: Ints


def find_support(table: CandidateTable, h: int, residues: Bools) -> Support:
    """Which hits speak about the domain of H-group ``h`` on ``residues``."""
    before = np.zeros(len(residues) + 1, np.int64)
    residues.cumsum(out=before[1:])
    inside = before[table.piece_end] - before[table.piece_start - 1]
    shared = np.bincount(table.piece_owner, weights=inside, minlength=len(table))
    over = shared >= _MOSTLY * table.size
    same = table.h == h
    return Support(*(_hits_of(table, chosen) for chosen in (over, over & same, ~over & same & (shared > 0))))


def _hits_of(table: CandidateTable, candidates: Bools) -> Ints:
    named = np.zeros(int(table.pair_hit.max(initial=-1)) + 1, dtype=bool)
    named[table.pair_hit[candidates[table.pair_candidate]]] = True
    return named.nonzero()[0]


def classify(
    number: int,
    proposal: Proposal,
    extent: Extent,
    support: Support,
    table: CandidateTable,
    evidence: DomainSummary,
    reference: ReferenceLookup,
    settings: PartitionSettings,
) -> Domain:
    """The domain on ``extent``: T-group by vote of the proposal's members, the rest from the best of that T-group."""
    members = proposal.members
    best, f_code = _elect(table, members, reference, settings.consensus)
    domain = reference.domain_at(int(table.row[best]))
    assert domain.t_group is not None  # only classified domains become candidates
    assert domain.h_group is not None
    assert domain.x_group is not None
    evalue, probability = figures(best, table, evidence)
    chosen = ResidueRange.from_mask(extent.residues)
    agreement = len(support.hits_agreeing) / len(support.hits_over) if len(support.hits_over) else 1.0
    coverage = float(table.reference_coverage[best])
    beyond = reference.beyond_family(int(table.row[best]), len(chosen))
    trust = label_trust(proposal, best, agreement, table, reference)
    f_group = reference.group_id("f", f_code) if f_code >= 0 else None
    return Domain(
        number=number,
        range=chosen,
        ecod_domain=domain.id,
        t_group=domain.t_group,
        h_group=domain.h_group,
        x_group=domain.x_group,
        source=KINDS[int(table.kind[best])],
        f_group=f_group,
        names=dict(reference.group_names(f_group or domain.t_group)),
        evalue=evalue,
        probability=probability,
        reference_coverage=round(coverage, 4),
        support=max(len(support.hits_agreeing), 1),
        h_agreement=round(agreement, 4),
        confidence=round(calibration().probability(proposal.confidence, trust), 3),
        flags=_flags(table, best, chosen, coverage, agreement, extent.inferred, beyond, settings),
        evidence_range=ResidueRange.from_mask(extent.aligned),
    )


def figures(candidate: int, table: CandidateTable, evidence: DomainSummary) -> tuple[float | None, float | None]:
    """Best E-value and best probability (per cent) of the HSPs that make a candidate; None where none has one."""
    own = table.pair_candidate == candidate
    pairs = zip(table.pair_hit[own].tolist(), table.pair_hsp[own].tolist(), strict=True)
    hsps = [evidence.hits[hit].hsps[number] for hit, number in pairs]
    evalue = min((p.evalue for p in hsps if p.evalue is not None), default=None)
    return evalue, max((p.probability for p in hsps if p.probability is not None), default=None)


def _elect(table: CandidateTable, members: Ints, reference: ReferenceLookup, consensus: float) -> tuple[int, int]:
    """Best candidate of the T-group with most weight, and the F-group its voters agree on (-1 where they do not)."""
    weight = kinship(table.evidence[members]) * table.score[members]
    groups, place = np.unique(table.t[members], return_inverse=True)
    elected = groups[int(np.argmax(np.bincount(place, weights=weight)))]
    voters = table.t[members] == elected
    best = int(members[voters][0])  # members are sorted, best first
    families = np.asarray(reference.f[table.row[members[voters]]])
    family = int(families[0])
    agreeing = float(weight[voters][families == family].sum())
    return best, family if family >= 0 and agreeing >= consensus * float(weight[voters].sum()) else -1


def _flags(
    table: CandidateTable,
    best: int,
    residues: ResidueRange,
    coverage: float,
    agreement: float,
    inferred: bool,
    beyond: str | None,
    settings: PartitionSettings,
) -> tuple[Flag, ...]:
    flags = {
        Flag.PARTIAL: coverage < settings.min_reference_coverage,
        Flag.DISCONTINUOUS: residues.is_discontinuous,
        Flag.DISCONTINUITY_INFERRED: inferred,
        Flag.NEW_REPRESENTATIVE_CANDIDATE: table.aligned[best] < settings.min_domain_coverage * len(residues),
        Flag.CONFLICT: agreement < settings.consensus,
        Flag.MERGED: beyond == Flag.MERGED,
        Flag.REPEAT: beyond == Flag.REPEAT,
    }
    return tuple(flag for flag, raised in flags.items() if raised)
