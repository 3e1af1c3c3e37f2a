from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch import ChainRecord, EntryRecord, Status
from pyecod.batch.counters import count_batch
from pyecod.ids import ChainKey

statuses = st.sampled_from(Status)
chains = st.lists(
    st.builds(
        ChainRecord,
        key=st.just(ChainKey("8abc", "A")),
        sequence_length=st.just(50),
        sequence_md5=st.sampled_from(["", "0" * 32, "1" * 32]),
        can_classify=st.booleans(),
        blast_status=statuses,
        hhsearch_status=statuses,
        partition_status=statuses,
        domain_count=st.none() | st.integers(0, 9),
    ),
    max_size=20,
)


@given(chains)
def test_no_counter_ever_exceeds_a_hundred_per_cent_and_the_parts_make_the_whole(records: list[ChainRecord]) -> None:
    counters = count_batch([], records)
    assert counters.done + counters.failed + counters.left == counters.classifiable <= counters.chains
    assert 0 <= counters.progress <= 1
    assert counters.sequences <= counters.classifiable
    assert sum(counters.not_classifiable.values()) == counters.chains - counters.classifiable
    for step in counters.steps.values():
        assert sum(step.values()) == counters.classifiable
    assert sum(counters.failures.values()) == counters.failed


def test_failures_of_the_same_kind_count_together(make_chain: Callable[..., ChainRecord]) -> None:
    records = [
        make_chain(
            name,
            blast_status=Status.FAILED,
            failed_step="blast",
            failure_reason=f"/b/blast/{name}.xml: the output for {name} is truncated",
        )
        for name in ("8abc_A", "8s72_N", "8s72_M")
    ] + [make_chain("9xyz_A", partition_status=Status.FAILED)]
    entry = EntryRecord("7aaa", Status.FAILED, failure_reason="/mirror/aa/7aaa.cif.gz: not gzip")
    counters = count_batch([entry], records)
    assert list(counters.failures.items()) == [
        (("blast", "…: the output for … is truncated"), 3),
        (("entry", "…: not gzip"), 1),
        (("partition", "no reason recorded"), 1),
    ]
    assert counters.entries_failed == 1


def test_a_list_of_places_becomes_one_place(make_chain: Callable[..., ChainRecord]) -> None:
    reason = "/mirror: no mmCIF file of {0}; looked for ab/{0}.cif.gz, ab/{0}.cif, {0}.cif.gz"
    entries = [EntryRecord(name, Status.FAILED, failure_reason=reason.format(name)) for name in ("7aaa", "9zzz")]
    assert count_batch(entries, []).failures == {("entry", "/mirror: no mmCIF file of …; looked for …"): 2}


def test_obsolete_entries_are_settled_and_no_failures(make_chain: Callable[..., ChainRecord]) -> None:
    entry = EntryRecord("7aaa", Status.NOT_NEEDED, failure_reason="obsolete since 2025-09-12")
    counters = count_batch([entry], [])
    assert counters.is_finished
    assert (counters.entries_not_needed, counters.entries_failed, counters.failures) == (1, 0, {})


def test_a_batch_is_finished_when_nothing_is_left_even_if_chains_failed(make_chain: Callable[..., ChainRecord]) -> None:
    failed = make_chain("8abc_A", blast_status=Status.FAILED)
    done = make_chain("8abc_B", partition_status=Status.COMPLETE)
    assert count_batch([], [failed, done]).is_finished
    assert not count_batch([], [failed, make_chain("8abc_C")]).is_finished
    assert not count_batch([EntryRecord("8abc")], [done]).is_finished
    assert count_batch([], []).progress == 1.0


def test_reasons_count_together_and_keep_the_names_of_what_failed() -> None:
    entries = [
        EntryRecord(pdb_id, Status.FAILED, failure_reason=f"no mmCIF file of {pdb_id}")
        for pdb_id in ("1abc", "2abc", "3abc")
    ]
    counters = count_batch(entries, [])
    ((fault, number),) = counters.failures.items()
    assert (fault, number) == (("entry", "no mmCIF file of …"), 3)
    assert counters.told(fault) == "no mmCIF file of … (1abc, 2abc, 3abc)"
    assert counters.told(fault, most=1) == "no mmCIF file of … (1abc and 2 more)"
    assert counters.to_plain()["failures"] == [
        {"step": "entry", "reason": "no mmCIF file of …", "count": 3, "names": ["1abc", "2abc", "3abc"]}
    ]
