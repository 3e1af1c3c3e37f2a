import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest

from pyecod.errors import UsageError
from pyecod.evidence import read_summary
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.simulate import EvidenceOptions, Kind, read_truth, simulate_evidence

pytestmark = pytest.mark.slow

SMALL = EvidenceOptions(seed=2, chains=120, reference_domains=3000, hit_scale=0.2)


@functools.cache
def made(noise):
    """The evidence, and its cases, which it would make anew whenever it is asked."""
    evidence = simulate_evidence(SMALL, noise=noise)
    return evidence, tuple(evidence)


@pytest.fixture(scope="module", params=["clean", "typical", "harsh"])
def evidence(request):
    return made(request.param)[0]


@pytest.fixture(scope="module")
def cases(evidence):
    return made(evidence.options.noise)[1]


@pytest.fixture(scope="module")
def lengths(evidence):
    universe = evidence.universe
    rows = np.arange(len(universe), dtype=np.int32)
    domains = dict(zip(map(universe.domain_id, range(len(universe))), universe.classified_length(rows), strict=True))
    chains = {universe.chain_key(c): int(n) for c, n in enumerate(universe.chain_length)}
    return domains | chains


def test_the_same_seed_gives_the_same_evidence_in_any_order(evidence):
    again = simulate_evidence(evidence.options)
    assert again[5] == evidence[5]
    assert again[0] == evidence[0]
    assert list(itertools.islice(iter(again), 3)) == [evidence[0], evidence[1], evidence[2]]
    assert simulate_evidence(evidence.options, seed=3)[0] != evidence[0]


def test_hits_lie_inside_their_chains_and_targets(cases, lengths):
    for case in cases:
        summary = case.summary
        assert len(summary.sequence) == summary.length
        for hit in summary.hits:
            assert hit.target_length == lengths[hit.target]
            for hsp in hit.hsps:
                for one, two in itertools.pairwise(hsp.segments):
                    assert one.query_end < two.query_start
                    assert one.target_end < two.target_start
                for s in hsp.segments:
                    assert s.query_end - s.query_start == s.target_end - s.target_start >= 0
                assert hsp.query_start >= 1
                assert hsp.query_end <= summary.length
                assert hsp.target_start >= 1
                assert hsp.target_end <= hit.target_length


def test_scores_are_within_the_thresholds_of_the_searches(cases):
    for case in cases:
        for hit in case.summary.hits:
            for hsp in hit.hsps:
                if hit.type is EvidenceType.HHSEARCH:
                    assert 50 <= hsp.probability <= 100
                else:
                    assert 0 <= hsp.evalue <= 0.002
                    assert 0 < hsp.identity <= 1


def test_every_target_is_hit_once_by_blast(cases):
    for case in cases:
        for kind in (EvidenceType.CHAIN_BLAST, EvidenceType.DOMAIN_BLAST):
            targets = [hit.target for hit in case.summary.of_type(kind)]
            assert len(targets) == len(set(targets))


def test_true_domains_lie_inside_and_do_not_overlap(cases):
    for case in cases:
        ranges = [domain.range for domain in case.truth]
        assert [d.number for d in case.truth] == list(range(1, len(ranges) + 1))
        assert sum(map(len, ranges)) == len(ResidueRange().union(*ranges))
        assert max(r.end for r in ranges) <= case.summary.length


def test_profiles_are_searched_exactly_where_domain_blast_covers_too_little(cases):
    for case in cases:
        searched = EvidenceType.HHSEARCH in case.summary.found
        assert searched is (case.summary.coverage(EvidenceType.DOMAIN_BLAST) < 0.90)
        for kind in case.summary.found:
            assert case.summary.found[kind] >= len(case.summary.of_type(kind))


def test_clean_evidence_finds_every_domain_and_nothing_else():
    evidence, cases = made("clean")
    universe = evidence.universe
    groups = {
        universe.domain_id(row): universe.t_group(int(universe.family_group[universe.family[row]]))
        for row in range(len(universe))
    }
    kinds = set()
    for case in cases:
        hits = [hit for hit in case.summary.hits if hit.type is not EvidenceType.CHAIN_BLAST]
        for domain in case.truth:
            kinds.add(domain.kind)
            own = [hit for hit in hits if groups[hit.target] == domain.t_group]
            found = ResidueRange().union(*(hit.query_range for hit in own)).intersection(domain.range)
            assert len(found) > 0.8 * len(domain.range), (case.summary.key, domain)
            if domain.kind is Kind.REMOTE:
                assert {hit.type for hit in own} == {EvidenceType.HHSEARCH}
        assert {groups[hit.target] for hit in hits} <= {domain.t_group for domain in case.truth}
    assert kinds == {Kind.CLOSE, Kind.REMOTE}


def test_noise_brings_novel_domains_partial_hits_false_hits_and_lost_ends():
    (_, clean), (evidence, harsh) = made("clean"), made("harsh")

    def missing(cases):
        """Share of the target that a domain hit does not align, on average."""
        hits = [hit for case in cases for hit in case.summary.of_type(EvidenceType.DOMAIN_BLAST)]
        return 1 - np.mean([len(hit.hsps[0].target_range) / hit.target_length for hit in hits])

    assert missing(clean) < 0.15 < missing(harsh)
    assert any(domain.kind is Kind.NOVEL for case in harsh for domain in case.truth)
    assert evidence.universe.moved.any()


def test_discontinuous_domains_and_repeats_have_several_hsps():
    _, cases = made("clean")
    several = 0
    for case in cases:
        groups = [d.t_group for d in case.truth if d.kind is Kind.CLOSE]
        if len(groups) > len(set(groups)):
            several += any(len(hit.hsps) > 1 for hit in case.summary.of_type(EvidenceType.DOMAIN_BLAST))
    assert several > 3
    assert any(domain.range.is_discontinuous for case in cases for domain in case.truth)


def test_hit_counts_follow_the_distribution_of_real_searches():
    evidence = simulate_evidence(chains=250, reference_domains=200_000, seed=8)
    counts = {kind: [] for kind in EvidenceType}
    for case in evidence:
        for kind, found in counts.items():
            found.append(len(case.summary.of_type(kind)))
    # published medians and 90th percentiles; those of chains with any hit, within a factor of about three
    for kind, (median, ninetieth, largest) in {
        EvidenceType.CHAIN_BLAST: (55, 1323, 5000),
        EvidenceType.DOMAIN_BLAST: (177, 3442, 5000),
        EvidenceType.HHSEARCH: (16, 185, 500),
    }.items():
        some = np.array([n for n in counts[kind] if n])
        assert median / 2.5 < np.median(some) < median * 2.5
        assert ninetieth / 4 < np.percentile(some, 90) < ninetieth * 2
        assert some.max() <= largest + 10
    # 45 % of the representatives need a profile search
    assert 0.35 < np.mean(np.array(counts[EvidenceType.HHSEARCH]) > 0) < 0.65


@pytest.mark.parametrize(("hits", "length"), [(490, 425), (40, 120), (2000, 700)])
def test_benchmark_chains_have_exactly_the_hits_and_residues_asked_for(hits, length):
    evidence = simulate_evidence(chains=3, hits=hits, length=length)
    for case in evidence:
        assert len(case.summary.hits) == hits
        assert case.summary.length == len(case.summary.sequence) == length
        assert sum(case.summary.found.values()) == hits
        assert max(d.range.end for d in case.truth) <= length
        assert all(case.summary.of_type(kind) for kind in EvidenceType)


def test_more_hits_than_the_reference_has_domains_are_refused():
    with pytest.raises(UsageError, match="raise reference_domains"):
        simulate_evidence(chains=1, hits=15_000, length=425, reference_domains=3000)[0]


@pytest.mark.parametrize(
    "change",
    [{"noise": "loud"}, {"chains": 0}, {"hit_scale": 0}, {"hits": 490}, {"hits": 5, "length": 400}, {"seed": -1}],
)
def test_impossible_options_are_refused(change):
    with pytest.raises(UsageError):
        replace(EvidenceOptions(), **change)


def test_written_evidence_is_read_back(tmp_path):
    evidence = simulate_evidence(SMALL, chains=4)
    evidence.write(tmp_path / "e")
    for case in evidence:
        path = tmp_path / "e" / "summaries" / f"{case.summary.key.file_stem}.summary.xml"
        assert read_summary(path) == case.summary
    assert read_truth(tmp_path / "e" / "truth.tsv") == tuple(d for case in evidence for d in case.truth)
    with pytest.raises(UsageError, match="not empty"):
        evidence.write(tmp_path / "e")
