"""How good simulated evidence is: named presets, and every number of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyecod.simulate.universe import ReferenceErrors

Preset = Literal["clean", "typical", "harsh"]


@dataclass(frozen=True, slots=True)
class Noise:
    """What is wrong with the evidence. Shares are 0 to 1."""

    end_loss: float
    """Residues a true alignment misses at each end, mean of a geometric distribution."""
    partial: float
    """Share of the true hits that align only 30 to 80 % of their domain."""
    missed: float
    """Share of the close domains without any domain-BLAST hit, and of the remote ones without any HHsearch hit."""
    false_blast: float
    """Weak domain-BLAST hits to unrelated domains per chain, mean of a Poisson distribution."""
    false_profiles: float
    """HHsearch hits to unrelated domains per chain, probability 50 to 90 per cent, mean of a Poisson distribution."""
    mislabelled: float
    """Share of the hits that, as strong as they are, go to a domain of another T-group: errors of the reference."""
    remote: float
    """Share of the domains that only HHsearch finds."""
    novel: float
    """Share of the domains nothing finds."""
    weakest_probability: float
    """HHsearch probabilities of true hits to remote domains lie between this and 100 per cent."""
    identity: tuple[float, float]
    """Identities of BLAST hits, from the most distant to the closest."""
    reference: ReferenceErrors
    """Wrong boundaries in the reference."""


NOISE: dict[Preset, Noise] = {
    # the references are right and every domain is found; only ends jitter as those of any local alignment
    "clean": Noise(
        end_loss=1.5,
        partial=0.0,
        missed=0.0,
        false_blast=0.0,
        false_profiles=0.0,
        mislabelled=0.0,
        remote=0.10,
        novel=0.0,
        weakest_probability=90.0,
        identity=(0.45, 1.0),
        reference=ReferenceErrors(),
    ),
    "typical": Noise(
        end_loss=4.0,
        partial=0.15,
        missed=0.02,
        false_blast=0.2,
        false_profiles=1.5,
        mislabelled=0.005,
        remote=0.15,
        novel=0.05,
        weakest_probability=60.0,
        identity=(0.25, 1.0),
        reference=ReferenceErrors(shifted=0.08, shift=25),
    ),
    "harsh": Noise(
        end_loss=9.0,
        partial=0.4,
        missed=0.08,
        false_blast=1.0,
        false_profiles=5.0,
        mislabelled=0.03,
        remote=0.30,
        novel=0.10,
        weakest_probability=50.0,
        identity=(0.20, 0.7),
        reference=ReferenceErrors(shifted=0.3, shift=40),
    ),
}
