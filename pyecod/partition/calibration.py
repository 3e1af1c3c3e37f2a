"""How sure the H-group of a domain is: a probability that is calibrated on real chains.

Two things can be wrong: the homology, and the label of the reference it is to. A near-identical hit passes on its
reference's label, so that E = 0 says nothing about the second. The probability is the product of both, each from a
small table that ``benchmarks/calibrate.py`` makes of chains whose domains are known (docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
import orjson

from pyecod.partition.alignments import Ints
from pyecod.partition.candidates import KINDS, CandidateTable
from pyecod.partition.consensus import Proposal
from pyecod.partition.lookup import ReferenceLookup
from pyecod.search.hit import EvidenceType

_TABLE = Path(__file__).with_name("calibration.json")
_PROFILE = KINDS.index(EvidenceType.HHSEARCH)
_MANY = 5  # different references of an H-group that a wrong label of one of them cannot outvote
_UNDISPUTED = 0.9  # share of the hits over a domain that are of its H-group, from which nobody disputes it
_HALF = 0.5


class LabelTrust(StrEnum):
    """What the label of a domain's H-group rests on."""

    DISPUTED = "disputed"
    """Other hits over the domain are of other H-groups, or the family of the reference is mostly filed elsewhere."""
    FEW = "few"
    """Fewer than five different references, found by sequence alone."""
    MANY = "many"
    """Five different references or more, or a profile of the family."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``homology`` is the share of right H-groups at some confidences of the partitioner, rising; ``label`` the share
    of right labels, by what they rest on."""

    confidences: Sequence[float]
    homology: Sequence[float]
    label: Mapping[LabelTrust, float]

    def probability(self, confidence: float, trust: LabelTrust) -> float:
        """That the H-group is right, 0 to 1; it rises with both."""
        return float(np.interp(confidence, self.confidences, self.homology)) * self.label[trust]


@cache
def calibration() -> Calibration:
    """The one that comes with the package."""
    table = orjson.loads(_TABLE.read_bytes())
    label = {LabelTrust(name): float(share) for name, share in table["label"].items()}
    return Calibration(tuple(table["confidence"]), tuple(table["homology"]), label)


def label_trust(
    proposal: Proposal, best: int, h_agreement: float, table: CandidateTable, reference: ReferenceLookup
) -> LabelTrust:
    """What the H-group of a proposal rests on; ``best`` is the candidate that gives the domain its label.

    Copies of one reference, which lie alike to the residue, speak once.
    """
    family = int(reference.f[table.row[best]])
    share = float(reference.family_share[family]) if family >= 0 else 1.0
    if h_agreement < _UNDISPUTED or share <= _HALF:
        return LabelTrust.DISPUTED
    members = proposal.members
    if (table.kind[members] == _PROFILE).any() or _different(members, table, reference) >= _MANY:
        return LabelTrust.MANY
    return LabelTrust.FEW


def _different(members: Ints, table: CandidateTable, reference: ReferenceLookup) -> int:
    if len(members) < _MANY:
        return len(members)
    lengths = reference.length[table.row[members]]
    columns = (lengths, table.start[members], table.end[members], table.aligned[members])
    return len(set(zip(*(column.tolist() for column in columns), strict=True)))
