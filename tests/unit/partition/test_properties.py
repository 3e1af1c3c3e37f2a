"""What holds for any evidence."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.evidence.summary import DomainSummary
from pyecod.ids import ChainKey
from pyecod.partition import Outcome, Partition, partition_chain
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.settings import PartitionSettings, Settings

LENGTH = 260
DOMAINS = {
    **{f"e1{letter * 3}A1": (f"{group}.1", f"1-{size}")
       for letter, group, size in zip("abcdefgh", ("11.1.1", "11.1.2", "11.2.1", "20.1.1") * 2,
                                      (60, 90, 120, 150, 80, 200, 45, 300), strict=True)},
    "e1yyyA1": ("40.1.1.1", "1-60"),
    "e1zzzA1": ("11.1.1.1", "1-100"),
    "e1zzzA2": ("20.1.1.1", "101-140,221-260"),
    "e1zzzA3": ("30.1.1.1", "141-220"),
}  # fmt: skip
SIZES = {id_: len(ResidueRange.parse(text)) for id_, (_, text) in DOMAINS.items()} | {"1zzz_A": 260}


@st.composite
def alignments(draw: st.DrawFn, target: str) -> Hsp:
    """Gapped alignment of random extent; sometimes of old tools, with unequal sides or none on the target."""
    size = SIZES[target]
    query, there = draw(st.integers(1, LENGTH - 20)), draw(st.integers(1, max(1, size - 20)))
    segments = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(5, 120))
        length = min(length, LENGTH - query + 1, size - there + 1)
        if length < 1:
            break
        segments.append(Segment(query, query + length - 1, there, there + length - 1))
        query, there = query + length + draw(st.integers(0, 60)), there + length + draw(st.integers(0, 10))
    old = draw(st.integers(0, 9))
    if old == 0:
        segments = [replace(s, target_start=0, target_end=0) for s in segments]
    elif old == 1:
        segments = [
            Segment(segments[0].query_start, segments[-1].query_end, segments[0].target_start, segments[-1].target_end)
        ]
    evalue = draw(st.sampled_from([0.0, 1e-180, 1e-60, 1e-20, 1e-8, 1e-4, 0.002, 0.5]))
    return Hsp(tuple(segments), evalue=evalue, identity=draw(st.sampled_from([None, 0.2, 1.0])))


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    kind = draw(st.sampled_from(list(EvidenceType)))
    target = "1zzz_A" if kind is EvidenceType.CHAIN_BLAST else draw(st.sampled_from([*DOMAINS, "e9unkA1"]))
    if target == "e9unkA1":
        return Hit(kind, target, None, (Hsp((Segment(1, 50, 1, 50),), evalue=0.0),))
    count = 1 if kind is EvidenceType.HHSEARCH else draw(st.integers(1, 3))
    hsps = [draw(alignments(target)) for _ in range(count)]
    if kind is EvidenceType.HHSEARCH:
        hsps = [replace(hsps[0], probability=draw(st.sampled_from([None, 40.0, 50.0, 77.7, 90.0, 99.0, 100.0])))]
    return Hit(kind, target, None, tuple(hsps))


chains = st.lists(hits(), max_size=14)
relaxed = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def run(make_reference: Any) -> Any:
    reference = make_reference(**DOMAINS)

    def partition(found: list[Hit], length: int = LENGTH, **options: Any) -> Partition:
        summary = DomainSummary(ChainKey("8abc", "A"), length, tuple(found))
        return partition_chain(summary, reference, Settings(partition=PartitionSettings(**options)))

    return partition


def outline(partition: Partition) -> list[tuple[str, str, str]]:
    return [(str(d.range), d.t_group, d.ecod_domain) for d in partition.domains]


@pytest.mark.slow
@relaxed
@given(found=chains)
def test_domains_never_overlap_and_lie_inside_the_chain(run: Any, found: list[Hit]) -> None:
    partition = run(found)
    residues = [residue for domain in partition.domains for residue in domain.range]
    assert len(residues) == len(set(residues))
    assert all(1 <= residue <= LENGTH for residue in residues)
    assert partition.coverage == len(residues) / LENGTH
    assert [d.range.start for d in partition.domains] == sorted(d.range.start for d in partition.domains)
    assert all(len(d.range) >= 25 for d in partition.domains)


@pytest.mark.slow
@relaxed
@given(found=chains)
def test_every_residue_is_in_a_domain_or_in_an_unassigned_region(run: Any, found: list[Hit]) -> None:
    partition = run(found)
    rest = ResidueRange.of(s for u in partition.unassigned for s in u.range.segments)
    assert rest.overlap(partition.covered) == 0
    assert len(rest) + len(partition.covered) == LENGTH


@pytest.mark.slow
@relaxed
@given(found=chains)
def test_counts_add_up(run: Any, found: list[Hit]) -> None:
    partition = run(found)
    for kind, count in partition.counts.items():
        assert count.kept == sum(hit.type is kind for hit in found)
        assert count.kept == count.accepted + sum(count.rejected.values())
        assert count.accepted <= count.considered <= count.kept <= count.found
    assert (partition.outcome is Outcome.ASSIGNED) == bool(partition.domains)
    assert bool(partition.domains) <= bool(sum(c.accepted for c in partition.counts.values()))


@pytest.mark.slow
@relaxed
@given(found=chains, data=st.data())
def test_the_order_of_hits_does_not_matter(run: Any, found: list[Hit], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(found))
    assert run(shuffled).domains == run(found).domains


@pytest.mark.slow
@relaxed
@given(found=chains.filter(bool), data=st.data())
def test_a_duplicate_hit_changes_nothing(run: Any, found: list[Hit], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(found))
    assert run([*found, again]).domains == run(found).domains


@pytest.mark.slow
@relaxed
@given(
    found=st.lists(hits(), max_size=8),
    start=st.integers(1, 160),
    evalue=st.sampled_from([0.0, 1e-150, 1e-40]),
)
def test_weak_contradicting_evidence_never_removes_a_strong_domain(
    run: Any, found: list[Hit], start: int, evalue: float
) -> None:
    whole = Segment(start, start + 89, 1, 90)
    strong = Hit(EvidenceType.DOMAIN_BLAST, "e1bbbA1", None, (Hsp((whole,), evalue=evalue),))
    weak = [
        replace(
            hit, hsps=tuple(replace(p, evalue=0.002, probability=50.0 if p.probability else None) for p in hit.hsps)
        )
        for hit in found
        if hit.type is not EvidenceType.CHAIN_BLAST
    ]
    domains = run([strong, *weak]).domains
    assert any(d.h_group == "11.1" and d.range.overlap(ResidueRange(((start, start + 89),))) >= 68 for d in domains)


@relaxed
@given(evalue=st.floats(1e-180, 0.002), start=st.integers(1, 150), names=st.permutations(["e1aaaA1", "e1yyyA1"]))
def test_an_evalue_of_zero_never_loses_at_equal_span(run: Any, evalue: float, start: int, names: list[str]) -> None:
    best, other = (
        Hit(EvidenceType.DOMAIN_BLAST, name, None, (Hsp((Segment(start, start + 59, 1, 60),), evalue=value),))
        for name, value in zip(names, (0.0, evalue), strict=True)
    )
    assert [d.ecod_domain for d in run([other, best]).domains] == [best.target]


@pytest.mark.slow
@relaxed
@given(found=chains, shift=st.integers(1, 300))
def test_shifting_all_coordinates_shifts_the_domains(run: Any, found: list[Hit], shift: int) -> None:
    margin = 400  # far enough from both ends of the chain that neither stops an extrapolation

    def moved(by: int) -> list[Hit]:
        return [
            replace(hit, hsps=tuple(
                replace(p, segments=tuple(
                    replace(s, query_start=s.query_start + by, query_end=s.query_end + by) for s in p.segments
                )) for p in hit.hsps
            )) for hit in found
        ]  # fmt: skip

    there = run(moved(margin), LENGTH + 2 * margin + 300)
    further = run(moved(margin + shift), LENGTH + 2 * margin + 300)
    expected = [
        (ResidueRange(tuple((a + shift, b + shift) for a, b in d.range.segments)), d.t_group) for d in there.domains
    ]
    assert [(d.range, d.t_group) for d in further.domains] == expected


def test_the_stand_in_reference_says_what_the_test_expects(run: Any, evidence: SimpleNamespace) -> None:
    found = run([evidence.chain("1zzz_A", evidence.hsp("1-260", "1-260", 0.0))])
    assert outline(found) == [
        ("1-100", "11.1.1", "e1zzzA1"),
        ("101-140,221-260", "20.1.1", "e1zzzA2"),
        ("141-220", "30.1.1", "e1zzzA3"),
    ]
