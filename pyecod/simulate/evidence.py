"""Evidence made from the truth without running a search: thousands of chains with noise of a known kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from pyecod.errors import UsageError
from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.search.hit import EvidenceType, Hit, query_coverage
from pyecod.simulate.draw import HitDrawer
from pyecod.simulate.noise import NOISE, Noise, Preset
from pyecod.simulate.query import QueryChain, draw_query, fixed_query
from pyecod.simulate.truth import TruthDomain, write_truth
from pyecod.simulate.universe import Universe, make_universe

if TYPE_CHECKING:
    from pyecod.reference import Reference

_HHSEARCH_BELOW = 0.90  # domain-BLAST coverage from which the pipeline searches no profile
# hits per chain: median, 90th percentile, largest (BLAST and HHsearch of the PDB against ECOD)
_HIT_COUNTS = {
    EvidenceType.CHAIN_BLAST: (55, 1323, 5000),
    EvidenceType.DOMAIN_BLAST: (177, 3442, 5000),
    EvidenceType.HHSEARCH: (16, 185, 500),
}
_FIXED_CHAIN, _FIXED_HHSEARCH = 20, 5  # per cent of a fixed number of hits, at most; the others are domain BLAST's


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """What evidence to make. Equal options give equal evidence (with the same numpy)."""

    seed: int = 1
    """Start of all randomness."""
    chains: int = 1000
    """Chains."""
    noise: Preset = "typical"
    """``clean``: the references are right and every domain is found; ``typical``; ``harsh``: see :data:`NOISE`."""
    reference_domains: int = 20_000
    """Domains of the reference. A chain has no more hits than its families have domains."""
    hit_scale: float = 1.0
    """Factor on the number of hits; 1 is the real distribution (domain-BLAST median 177, 90th percentile 3,442), with
    0.1 ten thousand chains are made and partitioned in about a minute."""
    hits: int | None = None
    """Exactly so many hits for each chain, for benchmarks; needs ``length``."""
    length: int | None = None
    """Exactly so many residues for each chain, for benchmarks; needs ``hits``."""

    def __post_init__(self) -> None:
        if self.noise not in NOISE:
            raise UsageError(f"{self.noise!r} is not a noise level", hint="clean, typical or harsh")
        if self.seed < 0 or self.chains < 1 or not 0 < self.hit_scale <= 10:
            raise UsageError("seed must be at least 0, chains at least 1, hit_scale above 0 and at most 10")
        if (self.hits is None) != (self.length is None):
            raise UsageError("hits and length go together")
        if self.length is not None and not (self.hits or 0) >= 20 <= 120 <= self.length:
            raise UsageError("a chain with fixed numbers has at least 20 hits and 120 residues")


@dataclass(frozen=True, slots=True)
class EvidenceCase:
    """One chain: its evidence, and what is true of it."""

    summary: DomainSummary
    truth: tuple[TruthDomain, ...]


@dataclass(frozen=True)
class SimulatedEvidence(Sequence[EvidenceCase]):
    """Chains with evidence, made one by one when asked for; nothing is kept."""

    options: EvidenceOptions

    @cached_property
    def universe(self) -> Universe:
        """The classified domains that the hits are to."""
        return make_universe(self.options.reference_domains, self.options.seed, self.noise.reference)

    @property
    def noise(self) -> Noise:
        """The numbers of the preset."""
        return NOISE[self.options.noise]

    def __len__(self) -> int:
        return self.options.chains

    def __getitem__(self, index: int) -> EvidenceCase:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        rng = np.random.default_rng([self.options.seed, 1, index])
        key = ChainKey(f"sim{self.options.seed}_{index:06}")
        options = self.options
        if options.hits is not None and options.length is not None:
            query = fixed_query(self.universe, options.length, options.hits, rng)
            hits, found = self._fixed_hits(query, options.hits, rng)
        else:
            wanted = {kind: self._count(kind, rng) for kind in _HIT_COUNTS}
            query = draw_query(self.universe, self.noise, wanted[EvidenceType.DOMAIN_BLAST], rng)
            hits, found = self._hits(query, wanted, rng)
        summary = DomainSummary(key, query.length, hits, query.sequence, found, reference_version=self.version)
        return EvidenceCase(summary, query.truth(key, self.universe))

    def __iter__(self) -> Iterator[EvidenceCase]:
        return (self[index] for index in range(len(self)))

    @property
    def version(self) -> str:
        """Name of the reference."""
        return f"simulated{self.options.seed}"

    def write(self, folder: Path) -> None:
        """Write everything for other programs: ``lists/`` (the reference), ``summaries/*.summary.xml``, ``truth.tsv``.

        Raises:
            UsageError: the folder is not empty.
        """
        from pyecod.evidence import write_summary

        if folder.exists() and any(folder.iterdir()):
            raise UsageError("the folder is not empty", where=folder, hint="choose another one")
        summaries = folder / "summaries"
        summaries.mkdir(parents=True)
        self.universe.write(folder / "lists", version=self.version, seed=self.options.seed)
        truth: list[TruthDomain] = []
        for case in self:
            write_summary(summaries / f"{case.summary.key.file_stem}.summary.xml", case.summary)
            truth.extend(case.truth)
        write_truth(folder / "truth.tsv", truth)

    def build_reference(self, folder: Path) -> Reference:
        """Build the reference of the universe in ``folder``, or open the one that was built there.

        Its sequences are random, so searching it makes no sense; domains, chains, ranges and groups are those of the
        hits. Needs BLAST+; takes about 5 s for 20 thousand domains and 3 minutes for a million.

        Raises:
            ProgramError: BLAST+ is missing or failed.
            ReferenceDataError: the folder holds something else.
        """
        from pyecod.reference import Reference, build_reference

        built = folder / "reference"
        if not (built / "reference.yaml").exists():
            lists = folder / "lists"
            self.universe.write(lists, version=self.version, seed=self.options.seed)
            build_reference(
                built,
                self.version,
                domains=[lists / "domains.txt"],
                domain_fasta=[lists / "domains.fasta"],
                chain_fasta=[lists / "chains.fasta"],
            )
        return Reference.open(built)

    def _hits(
        self, query: QueryChain, wanted: dict[EvidenceType, int], rng: Generator
    ) -> tuple[tuple[Hit, ...], dict[EvidenceType, int]]:
        drawer = HitDrawer(self.universe, self.noise, query, rng)
        domain = drawer.domain_blast(wanted[EvidenceType.DOMAIN_BLAST])
        chain = drawer.chain_blast(wanted[EvidenceType.CHAIN_BLAST])
        found = {EvidenceType.CHAIN_BLAST: len(chain), EvidenceType.DOMAIN_BLAST: len(domain)}
        profile: list[Hit] = []
        if query_coverage(domain, query.length) < _HHSEARCH_BELOW:
            profile = drawer.hhsearch(wanted[EvidenceType.HHSEARCH])
            found[EvidenceType.HHSEARCH] = len(profile) + int(rng.integers(0, 60))
            profile = profile[: _HIT_COUNTS[EvidenceType.HHSEARCH][2]]
        return (*chain, *domain, *profile), found

    def _count(self, kind: EvidenceType, rng: Generator) -> int:
        """Hits of one type, log-normal through the median and the 90th percentile of real chains."""
        median, ninetieth, largest = _HIT_COUNTS[kind]
        drawn = float(median * (ninetieth / median) ** (rng.standard_normal() / 1.2816))
        return max(1, round(min(drawn, largest) * self.options.hit_scale))

    def _fixed_hits(
        self, query: QueryChain, hits: int, rng: Generator
    ) -> tuple[tuple[Hit, ...], dict[EvidenceType, int]]:
        drawer = HitDrawer(self.universe, NOISE["clean"], query, rng)
        profile = drawer.hhsearch(_FIXED_HHSEARCH * hits // 100)[: _FIXED_HHSEARCH * hits // 100]
        chain = drawer.chain_blast(_FIXED_CHAIN * hits // 100)
        left = hits - len(profile) - len(chain)
        domain = drawer.domain_blast(2 * left)[:left]
        if len(domain) < left:
            raise UsageError(
                f"the reference has too few domains for {hits} hits per chain", hint="raise reference_domains"
            )
        made = {EvidenceType.CHAIN_BLAST: chain, EvidenceType.DOMAIN_BLAST: domain, EvidenceType.HHSEARCH: profile}
        return (*chain, *domain, *profile), {kind: len(found) for kind, found in made.items()}


def simulate_evidence(options: EvidenceOptions | None = None, **changes: Any) -> SimulatedEvidence:
    """Chains with known domains and the evidence for them, made from the truth with noise.

    ``changes`` are fields of :class:`EvidenceOptions` that differ from ``options`` (from the defaults where none are
    given).

    >>> evidence = simulate_evidence(chains=2, noise="clean", hit_scale=0.1)
    >>> [case.summary.length > 0 for case in evidence]
    [True, True]

    Raises:
        UsageError: an option is impossible.
    """
    return SimulatedEvidence(replace(options or EvidenceOptions(), **changes))
