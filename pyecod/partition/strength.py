"""How strong an alignment is, on one scale for BLAST and HHsearch.

Two numbers describe an alignment. Its *evidence* is decimal log-odds of homology, the scale of an E-value: for BLAST
``-log10(E)``, for HHsearch what its probability is worth. Its *confidence* (0 to 1) is the posterior that the
alignment is a true homology times the saturation of the evidence, ``evidence / (evidence + 2)``: a domain hit of
E = 1e-10 has 0.83, one of E = 0 has 1, a profile hit of 90 % has 0.36. There are no steps in between: every better
E-value and every better probability is a better score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRONGEST = 1000.0
"""Evidence of E = 0. BLAST prints 0 below about 1e-180; nothing it prints otherwise reaches this."""

_HALF_SATURATED = 2.0  # evidence at which the confidence is half the posterior: E = 0.01
_EVEN_ODDS = 0.01  # BLAST E-value at which an alignment is as likely chance as homology, with composition bias in mind
_SURE = 0.99  # HHsearch probability below which an E-value of 0 is an old tool's way of not knowing it
_PROFILE_DISCOUNT = 0.5  # a profile E-value measures kinship of families, a sequence E-value that of sequences


def blast_evidence(evalue: Floats) -> Floats:
    """Decimal log-odds of BLAST E-values; 0 gives :data:`STRONGEST`."""
    floor = 10.0**-STRONGEST if STRONGEST < 300 else 1e-300
    return np.where(evalue <= 0, STRONGEST, np.maximum(-np.log10(np.maximum(evalue, floor)), 0.0))


def profile_evidence(probability: Floats, evalue: Floats) -> Floats:
    """Decimal log-odds of HHsearch hits from probability (per cent) and, where that is saturated, E-value.

    Along HHsearch's own scale the logarithm of E falls with the odds p/(1-p) to the power 0.55 (90 % is about 1e-3,
    99 % about 1e-10). From 99.9 % on the printed probability tells nothing more and the E-value takes over. Without a
    probability (old summaries) the E-value is used alone. Half of it counts, because a profile E-value measures
    the kinship of families.
    """
    share = np.clip(probability / 100.0, 0.0, 0.999)
    by_odds = 0.8 * (share / (1.0 - share)) ** 0.55
    by_evalue = np.where(np.isnan(evalue), 0.0, blast_evidence(evalue))
    combined = np.where(share >= 0.999, np.maximum(by_odds, by_evalue), by_odds)
    combined = np.where(np.isnan(probability), by_evalue, combined)
    exact = (by_evalue >= STRONGEST) & (np.isnan(probability) | (share >= _SURE))
    return np.where(exact, STRONGEST, _PROFILE_DISCOUNT * combined)


def posterior_of_evidence(evidence: Floats) -> Floats:
    """Probability of homology of an alignment known by its decimal log-odds alone, 0 to 1."""
    return 1.0 / (1.0 + 10.0 ** -np.minimum(evidence, 300.0) / _EVEN_ODDS)


def single_confidence(evidence: float, posterior: float) -> float:
    """:func:`confidence` of one value."""
    return posterior * (1.0 if evidence >= STRONGEST else evidence / (evidence + _HALF_SATURATED))


def confidence(evidence: Floats, posterior: Floats) -> Floats:
    """Confidence 0 to 1, rising strictly with both arguments; exactly 1 only for E = 0."""
    saturation = np.where(evidence >= STRONGEST, 1.0, evidence / (evidence + _HALF_SATURATED))
    return posterior * saturation
