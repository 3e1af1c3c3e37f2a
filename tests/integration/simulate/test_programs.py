"""What is promised of simulated worlds, held against BLAST+ and HH-suite themselves."""

import hashlib
import shutil
from collections import defaultdict

import pytest

from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference, build_reference
from pyecod.search import EvidenceType, Query, SearchCache, load_evidence, search_blast, search_profiles
from pyecod.settings import load_settings
from pyecod.simulate import Kind, read_truth, simulate_evidence, simulate_world

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("blastp") or not shutil.which("hhsearch"), reason="needs BLAST+ and HH-suite"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return simulate_world(tmp_path_factory.mktemp("world") / "w", seed=21, families=60, entries=60, homologs=22)


@pytest.fixture(scope="module")
def reference(world):
    built = build_reference(
        world.folder.parent / "reference",
        world.options.version,
        domains=[world.domain_list],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        hh_db=world.hh_db,
        strict=True,
    )
    assert not built.rejected
    assert not built.noted
    assert built.counts["domains"] == world.reference_domains
    assert built.counts["known_profiles"] == world.options.families
    return Reference.open(built.path)


@pytest.fixture(scope="module")
def evidence(world, reference, tmp_path_factory):
    """Truth and hits of each distinct sequence, searched as the pipeline does; 14 profile searches at most."""
    settings = load_settings(overrides={"search": {"cache_dir": tmp_path_factory.mktemp("cache")}})
    cache = SearchCache(settings.cache_dir)
    truth = defaultdict(list)
    for domain in read_truth(world.truth):
        truth[str(domain.chain)].append(domain)
    queries = {}
    for record in read_fasta(world.fasta):
        queries.setdefault(
            sequence_md5(record.sequence), (record.id, Query(sequence_md5(record.sequence), record.sequence))
        )
    searched = search_blast([query for _, query in queries.values()], reference, cache, settings)
    assert not [outcome.error for outcome in searched if outcome.error]
    with_remote = [m for m, (key, _) in queries.items() if any(d.kind is Kind.REMOTE for d in truth[key])][:14]
    deep = search_profiles([queries[md5][1] for md5 in with_remote], reference, cache, settings)
    assert not [outcome.error for outcome in deep if outcome.error]
    return [
        (truth[key], load_evidence(query, reference, cache, settings, query.md5 in with_remote))
        for key, query in queries.values()
    ]


def _finds(domain, result, reference, level="t"):
    """Hits of the domain's own T-group over at least a third of it."""
    return [
        hit
        for hit in result.hits
        if hit.query_range.overlap(domain.range) > len(domain.range) / 3
        and getattr(reference.domain(hit.target), f"{level}_group") == getattr(domain, f"{level}_group")
    ]


def test_blast_finds_close_domains_and_neither_remote_nor_novel_ones(evidence, reference):
    seen = defaultdict(list)
    for domains, results in evidence:
        for domain in domains:
            own = _finds(domain, results[EvidenceType.DOMAIN_BLAST], reference) if domain.t_group else []
            any_hit = [h for h in results[EvidenceType.DOMAIN_BLAST].hits if h.query_range.overlap(domain.range) > 15]
            seen[domain.kind].append(bool(own or any_hit) if domain.kind is Kind.NOVEL else bool(own))
    share = {kind: sum(found) / len(found) for kind, found in seen.items()}
    assert len(seen[Kind.REMOTE]) >= 10
    assert len(seen[Kind.NOVEL]) >= 3
    assert share[Kind.CLOSE] >= 0.97
    assert share[Kind.REMOTE] <= 0.1
    assert share[Kind.NOVEL] <= 0.1


def test_profile_searches_find_remote_domains_at_probability_50(evidence, reference):
    found = [
        bool(_finds(domain, results[EvidenceType.HHSEARCH], reference))
        for domains, results in evidence
        if EvidenceType.HHSEARCH in results
        for domain in domains
        if domain.kind is Kind.REMOTE
    ]
    assert len(found) >= 10
    assert sum(found) / len(found) >= 0.85


def test_chain_hits_reach_chains_with_several_classified_domains(evidence, reference):
    hits = [hit for _, results in evidence for hit in results[EvidenceType.CHAIN_BLAST].hits]
    decomposed = [reference.chain_domains(hit.target) for hit in hits]
    assert all(domains is not None for domains in decomposed)
    assert any(len(domains.ranges) >= 3 for domains in decomposed)
    assert any(r.is_discontinuous for domains in decomposed for r in domains.ranges)


def test_the_profile_database_is_the_same_every_time(world, tmp_path):
    again = simulate_world(tmp_path / "again", world.options)

    def digests(prefix):
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(prefix.parent.glob(f"{prefix.name}_*"))]

    assert len(digests(world.hh_db)) == 6
    assert digests(again.hh_db) == digests(world.hh_db)


@pytest.mark.parametrize("layout", ["1.6", "develop294"])
def test_lists_of_both_layouts_are_built_without_a_complaint(layout, tmp_path):
    world = simulate_world(tmp_path / "w", seed=3, families=12, entries=2, profiles=False, layout=layout)
    built = build_reference(
        tmp_path / "r",
        world.options.version,
        domains=[world.domain_list],
        domain_fasta=[world.domain_fasta],
        chain_fasta=[world.chain_fasta],
        strict=True,
    )
    assert built.counts["domains"] == world.reference_domains
    assert built.counts["f_groups"] == 12
    assert not built.rejected
    assert not built.noted


@pytest.mark.parametrize("noise", ["clean", "harsh"])
def test_the_reference_of_simulated_evidence_knows_every_target(noise, tmp_path):
    evidence = simulate_evidence(chains=40, noise=noise, reference_domains=2000, seed=6)
    reference = evidence.build_reference(tmp_path)
    assert len(reference) == 2000
    for case in evidence:
        for hit in case.summary.hits:
            if hit.type is EvidenceType.CHAIN_BLAST:
                assert reference.chain_length(hit.target) == hit.target_length
                assert reference.chain_domains(hit.target) is not None
            else:
                assert reference.domain(hit.target).length == hit.target_length
        known = {reference.domain(h.target).t_group for h in case.summary.hits if h.type is EvidenceType.DOMAIN_BLAST}
        if noise == "clean":
            assert {d.t_group for d in case.truth if d.kind is Kind.CLOSE} == known
    assert evidence.build_reference(tmp_path).id == reference.id
