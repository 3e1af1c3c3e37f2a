"""Sets of chains with known domains and their evidence: simulated, and real through real searches."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyecod.evidence import DomainSummary, summarise
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference, build_reference
from pyecod.search import EvidenceType, Hit, Query, SearchCache, load_evidence, search_blast, search_profiles
from pyecod.settings import Settings, load_settings
from pyecod.simulate.truth import TruthDomain, read_truth

PROJECT = Path(__file__).resolve().parents[1]
REAL = PROJECT.parent / "shared" / "real"


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Chains with their evidence and the truth about them."""

    name: str
    reference: Any
    evidence: Mapping[ChainKey, DomainSummary]
    truth: tuple[TruthDomain, ...]

    def keep(self, allowed: Callable[[DomainSummary, Hit], bool], name: str) -> EvidenceSet:
        """The same chains with only the hits ``allowed``."""
        evidence = {
            key: replace(summary, hits=tuple(hit for hit in summary.hits if allowed(summary, hit)))
            for key, summary in self.evidence.items()
        }
        return replace(self, name=name, evidence=evidence)


def real_reference(work: Path) -> Reference:
    """The reference of ``../shared/real``, built in ``work`` when it is not there yet."""
    folder = work / "real_reference"
    if not (folder / "reference.yaml").exists():
        source = REAL / "reference"
        profiles = work / "real_profiles"
        profiles.mkdir(parents=True, exist_ok=True)
        for path in sorted((source / "hh").iterdir()):
            _unpacked(path, profiles)
        build_reference(
            folder,
            "develop291",
            domains=[source / "ref.domains.txt", source / "ecoli.domains.txt"],
            domain_fasta=[source / "ref.domains.fasta", source / "ecoli.domains.fasta"],
            chain_fasta=[source / "ecoli.chains.fasta"],
            hh_db=profiles / "refdb",
            hierarchy=source / "hierarchy.csv",
        )
    return Reference.open(folder)


def real_sets(work: Path, *, profiles: bool = True) -> list[EvidenceSet]:
    """The development chains of ``../shared/real``: 103 with T-groups, 304 with boundaries; none where it is absent."""
    if not REAL.is_dir():
        return []
    reference = real_reference(work)
    return [
        searched_set(
            name, reference, REAL / "dev" / f"{stem}.fasta", REAL / "dev" / f"{stem}.truth.tsv", work, profiles
        )
        for name, stem in (("real", "dev_inferred"), ("real_boundaries", "boundary_only"))
    ]


def scop_set(work: Path) -> EvidenceSet | None:
    """The 350 chains of ``../shared/real/scop``, with BLAST against SCOP's domains alone; None where it is absent."""
    source = REAL / "scop"
    if not source.is_dir():
        return None
    folder = work / "scop_reference"
    if not (folder / "reference.yaml").exists():
        build_reference(
            folder,
            "scop1.75",
            domains=[_unpacked(source / "scop.domains.txt.gz", work)],
            domain_fasta=[source / "scop.domains.fasta.gz"],
            chain_fasta=[source / "scop.chains.fasta.gz"],
        )
    fasta = _unpacked(source / "scop_dev.fasta.gz", work)
    return searched_set("scop", Reference.open(folder), fasta, source / "scop_dev.truth.tsv", work, profiles=False)


def _unpacked(path: Path, work: Path) -> Path:
    target = work / path.name.removesuffix(".gz")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target


def world_set(work: Path, entries: int, seed: int) -> EvidenceSet:
    """A simulated world, its reference built and its chains searched by the real programs."""
    from pyecod.simulate import simulate_world

    folder = work / f"world_{seed}_{entries}"
    world = simulate_world(folder, seed=seed, entries=entries, families=120)
    if not (folder / "built" / "reference.yaml").exists():
        build_reference(
            folder / "built",
            f"world{seed}",
            domains=[world.domain_list],
            domain_fasta=[world.domain_fasta],
            chain_fasta=[world.chain_fasta],
            hh_db=world.hh_db,
        )
    return searched_set("world", Reference.open(folder / "built"), world.fasta, world.truth, work)


def searched_set(
    name: str, reference: Reference, fasta: Path, truth: Path, work: Path, profiles: bool = True
) -> EvidenceSet:
    """Search every chain of a FASTA file as the pipeline does; results stay in the search cache under ``work``."""
    search = {"cache_dir": work / "cache", "parallel_programs": 2} | ({} if profiles else {"hhsearch_below": 0})
    settings = load_settings(overrides={"search": search})
    cache = SearchCache(settings.cache_dir)
    records = list(read_fasta(fasta))
    queries = {r.id: Query(sequence_md5(r.sequence), r.sequence) for r in records}
    first = search_blast(list(queries.values()), reference, cache, settings)
    remote = {outcome.md5 for outcome in first if outcome.needs_hhsearch and profiles}
    opened = [query for query in queries.values() if query.md5 in remote]
    later = search_profiles(opened, reference, cache, settings) if opened else []
    for outcome in [*first, *later]:
        if outcome.error:
            raise SystemExit(f"{name}: the search of {outcome.md5} failed: {outcome.error}")
    evidence = {}
    for id_, query in queries.items():
        results = load_evidence(query, reference, cache, settings, query.md5 in remote)
        key = ChainKey.parse(id_)
        evidence[key] = summarise(key, len(query.sequence), query.sequence, results, reference.version)
    return EvidenceSet(name, reference, evidence, read_truth(truth))


def leave_out(chains: EvidenceSet, what: str, identity: float) -> EvidenceSet:
    """Without the hits that know the answer: to the query's own ``chain``, its ``entry``, or above an ``identity``."""
    reference = chains.reference

    def chain_of(hit: Hit) -> ChainKey | None:
        if hit.type is EvidenceType.CHAIN_BLAST:
            return ChainKey.parse(hit.target)
        try:
            key = reference.domain(hit.target).chain_key
        except KeyError:
            return None
        return ChainKey.parse(key) if key else None

    def allowed(summary: DomainSummary, hit: Hit) -> bool:
        if what == "identity":
            return max((p.identity or 0.0 for p in hit.hsps), default=0.0) < identity
        other = chain_of(hit)
        if other is None:
            return True
        return other != summary.key if what == "chain" else other.entry_id != summary.key.entry_id

    suffix = f"identity_{round(100 * identity)}" if what == "identity" else what
    return chains.keep(allowed, f"{chains.name}_without_{suffix}")


def partition_all(chains: EvidenceSet, settings: Settings) -> dict[ChainKey, Any]:
    """Every chain's domains by pyECOD."""
    from pyecod.partition import partition_chain

    return {key: partition_chain(e, chains.reference, settings).domains for key, e in chains.evidence.items()}


def only(kinds: Iterable[EvidenceType]) -> Callable[[DomainSummary, Hit], bool]:
    """Allow hits of these types."""
    chosen = frozenset(kinds)
    return lambda _, hit: hit.type in chosen


def simulated_set(work: Path, chains: int, seed: int, noise: str, hit_scale: float) -> EvidenceSet:
    """Chains with evidence made from the truth; the reference is built in ``work``."""
    from pyecod.simulate import simulate_evidence

    made = simulate_evidence(seed=seed, chains=chains, noise=noise, hit_scale=hit_scale)
    folder = work / f"simulated_{noise}_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    reference = made.build_reference(folder)
    cases = list(made)
    return EvidenceSet(
        noise, reference, {c.summary.key: c.summary for c in cases}, tuple(domain for c in cases for domain in c.truth)
    )
