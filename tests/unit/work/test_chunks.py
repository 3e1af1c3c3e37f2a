from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch import BatchHeader, ChainRecord, Manifest, Status
from pyecod.batch.changes import apply_changes
from pyecod.errors import FailureKind
from pyecod.ids import ChainKey
from pyecod.search.hit import Query
from pyecod.settings import RunSettings
from pyecod.work.chunks import (
    SequenceGroup,
    choose_representatives,
    next_step,
    pending_work,
    plan_blast_chunks,
    plan_chunks,
    plan_profile_chunks,
)

RUN = RunSettings(chunk_size=4, chunk_cost=1000, max_attempts=3)
lengths = st.lists(st.integers(20, 3000), max_size=40)


def queries(sizes: list[int]) -> list[Query]:
    return [Query(f"{number:032x}", "A" * size) for number, size in enumerate(sizes)]


@given(lengths, st.randoms())
def test_chunks_hold_every_sequence_once_within_bounds_most_expensive_first_in_any_order(
    sizes: list[int], shuffle: random.Random
) -> None:
    items = queries(sizes)
    chunks = plan_chunks(items, RUN)
    assert sorted(q.md5 for chunk in chunks for q in chunk) == [q.md5 for q in items]
    costs = [sum(q.length for q in chunk) for chunk in chunks]
    for chunk, residues in zip(chunks, costs, strict=True):
        assert len(chunk) <= 4
        assert residues <= 1000 or len(chunk) == 1
    assert costs == sorted(costs, reverse=True)
    shuffle.shuffle(items)
    assert plan_chunks(items, RUN) == chunks


def test_every_worker_gets_some_of_a_search_but_no_blast_process_starts_for_a_few() -> None:
    def sizes(plan: Callable[..., list[tuple[Query, ...]]], count: int, workers: int) -> list[int]:
        return sorted(len(chunk) for chunk in plan(queries([100] * count), RunSettings(), workers))

    assert sizes(plan_blast_chunks, 60, 1) == [30, 30]
    assert sizes(plan_blast_chunks, 60, 50) == [10, 25, 25]
    assert sizes(plan_blast_chunks, 450, 2) == [111, 113, 113, 113]
    assert sizes(plan_blast_chunks, 900, 2) == [100, 200, 200, 200, 200]
    assert sizes(plan_profile_chunks, 8, 2) == [2, 2, 2, 2]
    assert sizes(plan_profile_chunks, 50, 1) == [10, 20, 20]
    assert plan_blast_chunks([], RunSettings(), 3) == []


def manifest(header: BatchHeader, chains: list[ChainRecord]) -> Manifest:
    state = Manifest(header, {}, {str(chain.key): chain for chain in chains})
    for update in choose_representatives(state.chains.values()):
        apply_changes(state.chains[str(update.key)], update.changes)
    return state


def test_identical_chains_share_the_first_as_representative_and_keep_it_when_others_join(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    chains = [make_chain(name, "same") for name in ("8abc_B", "8abc_C")] + [make_chain("8abc_D", can_classify=False)]
    state = manifest(header, chains)
    assert [c.representative for c in state.chains.values()] == ["8abc_B", "8abc_B", None]
    late = make_chain("7aaa_A", "same")
    state = manifest(header, [*chains, late])
    assert late.representative == "8abc_B"
    assert choose_representatives(state.chains.values()) == []


def test_a_chain_read_late_takes_over_the_searches_of_its_representative_and_leaves_nothing_open(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    lead = make_chain("8abc_B", "same", partition_status=Status.COMPLETE, blast_coverage=0.95, **DONE)
    manifest(header, [lead])
    state = manifest(header, [lead, make_chain("7aaa_A", "same")])
    late = state.chains["7aaa_A"]
    assert (late.blast_coverage, late.needs_hhsearch, late.hhsearch_status) == (0.95, False, Status.NOT_NEEDED)
    (group,) = pending_work(state, RUN).records
    assert (group.representative, group.members) == (lead.key, (late.key,))
    late.partition_status = Status.COMPLETE
    assert not pending_work(state, RUN)
    waiting = make_chain("7aaa_A", "same")
    state = manifest(header, [make_chain("8abc_B", "same", blast_status=Status.FAILED), waiting])
    assert waiting.blast_status is Status.PENDING


def test_chains_of_unknown_sequence_stand_alone(header: BatchHeader, make_chain: Callable[..., ChainRecord]) -> None:
    unknown = [make_chain(name, sequence_length=0) for name in ("8abc_A", "8abc_B")]
    for chain in unknown:
        chain.sequence_md5 = ""
    assert [c.representative for c in manifest(header, unknown).chains.values()] == ["8abc_A", "8abc_B"]


DONE = {"blast_status": Status.COMPLETE, "needs_hhsearch": False, "hhsearch_status": Status.NOT_NEEDED}


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({}, "blast"),
        ({"blast_status": Status.RUNNING}, "blast"),
        ({"blast_status": Status.FAILED}, "blast"),
        ({"blast_status": Status.COMPLETE, "needs_hhsearch": True}, "hhsearch"),
        ({"blast_status": Status.COMPLETE}, "hhsearch"),
        ({"blast_status": Status.COMPLETE, "needs_hhsearch": False}, "partition"),
        ({"blast_status": Status.COMPLETE, "needs_hhsearch": True, "hhsearch_status": Status.COMPLETE}, "partition"),
        (DONE, "partition"),
        ({**DONE, "partition_status": Status.RUNNING}, "partition"),
        ({**DONE, "partition_status": Status.COMPLETE}, None),
        ({"can_classify": False}, None),
    ],
)
def test_the_next_step_is_the_first_that_is_not_complete(
    fields: dict[str, object], step: str | None, make_chain: Callable[..., ChainRecord]
) -> None:
    assert next_step(make_chain("8abc_A", **fields)) == step


def test_work_tells_groups_that_need_searches_from_members_that_only_need_their_record(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    finished = {**DONE, "partition_status": Status.COMPLETE}
    state = manifest(
        header,
        [
            make_chain("1aaa_A", "one"),
            make_chain("1aaa_B", "one"),
            make_chain("2aaa_A", "two", blast_status=Status.COMPLETE, needs_hhsearch=True, sequence_length=300),
            make_chain("3aaa_A", "three", **DONE),
            make_chain("4aaa_A", "four", **finished),
            make_chain("4aaa_B", "four"),
            make_chain("5aaa_A", "five", **finished),
            make_chain("6aaa_A", "six", can_classify=False),
        ],
    )
    work = pending_work(state, RUN)
    assert [[str(m) for m in g.members] for g in work.blast] == [["1aaa_A", "1aaa_B"]]
    assert [(str(g.representative), g.length, g.needs_hhsearch) for g in work.hhsearch] == [("2aaa_A", 300, True)]
    assert [str(g.representative) for g in work.partition] == ["3aaa_A"]
    assert [(str(g.representative), list(map(str, g.members))) for g in work.records] == [("4aaa_A", ["4aaa_B"])]
    assert (work.chain_count, len(work.groups)) == (5, 4)
    assert pending_work(state, RUN) == work


def test_failed_chains_are_tried_again_until_they_are_exhausted(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    finished = {**DONE, "partition_status": Status.COMPLETE}
    failed = {"blast_status": Status.FAILED}
    state = manifest(
        header,
        [
            make_chain("1aaa_A", "one", attempts=2, **failed),
            make_chain("2aaa_A", "two", attempts=3, **failed),
            make_chain("2aaa_B", "two", attempts=3, **failed),
            make_chain("3aaa_A", "three", **finished),
            make_chain("3aaa_B", "three", attempts=3, **DONE, partition_status=Status.FAILED),
            make_chain("3aaa_C", "three", attempts=1, **DONE, partition_status=Status.FAILED),
        ],
    )
    work = pending_work(state, RUN)
    assert [(str(g.representative), g.attempts) for g in work.blast] == [("1aaa_A", 2)]
    assert [list(map(str, g.members)) for g in work.records] == [["3aaa_C"]]
    assert list(map(str, work.exhausted)) == ["2aaa_A", "2aaa_B", "3aaa_B"]


def test_a_repair_of_members_alone_works_without_their_representative(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    members = [make_chain(name, "one", representative="1aaa_A") for name in ("1aaa_C", "1aaa_B")]
    [group] = pending_work(manifest(header, members), RUN).blast
    assert isinstance(group, SequenceGroup)
    assert group.representative == ChainKey("1aaa", "B")
    assert group.members == (ChainKey("1aaa", "B"), ChainKey("1aaa", "C"))


def test_a_chain_its_file_does_not_let_be_used_is_never_searched(
    header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    lost = make_chain("8abc_A", blast_status=Status.FAILED, failure_kind=FailureKind.UNUSABLE)
    lost.sequence_md5 = ""
    work = pending_work(manifest(header, [lost]), RUN)
    assert (bool(work), work.exhausted, next_step(lost), lost.failed_at) == (False, (lost.key,), None, "entry")
