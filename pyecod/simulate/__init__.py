"""Simulated worlds with known truth: a reference and PDB releases to try the pipeline on, and evidence to score it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyecod.simulate.evidence import EvidenceCase, EvidenceOptions, SimulatedEvidence, simulate_evidence
    from pyecod.simulate.scoring import Scores, score
    from pyecod.simulate.truth import Kind, TruthChain, TruthDomain, read_truth, read_truth_chains
    from pyecod.simulate.world import World, WorldOptions, simulate_world

_HOMES = {
    "EvidenceCase": "evidence",
    "EvidenceOptions": "evidence",
    "SimulatedEvidence": "evidence",
    "simulate_evidence": "evidence",
    "Kind": "truth",
    "Scores": "scoring",
    "score": "scoring",
    "TruthChain": "truth",
    "TruthDomain": "truth",
    "World": "world",
    "WorldOptions": "world",
    "read_truth": "truth",
    "read_truth_chains": "truth",
    "simulate_world": "world",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "EvidenceCase",
    "EvidenceOptions",
    "Kind",
    "Scores",
    "SimulatedEvidence",
    "TruthChain",
    "TruthDomain",
    "World",
    "WorldOptions",
    "read_truth",
    "read_truth_chains",
    "score",
    "simulate_evidence",
    "simulate_world",
]
