from __future__ import annotations

from collections.abc import Callable

import pytest

from pyecod.batch.changes import apply_changes, chain_from_plain, chain_to_plain, check_changes, differences
from pyecod.batch.record import ChainRecord, Status
from pyecod.errors import BatchError


def test_a_plain_record_has_the_names_of_the_format_and_comes_back_equal(
    make_chain: Callable[..., ChainRecord],
) -> None:
    record = make_chain("8s72_N", blast_status=Status.COMPLETE, files={"summary": "summaries/8s72_N.summary.xml"})
    plain = chain_to_plain(record)
    assert list(plain)[:4] == ["pdb_id", "chain_id", "sequence_length", "sequence_md5"]
    names = (
        "entity_id can_classify cannot_classify_reason representative blast_status blast_coverage needs_hhsearch "
        "hhsearch_status hhsearch_coverage partition_status partition_coverage domain_count partition_quality "
        "failure_reason attempts source_week repair_status evidence files"
    )
    for name in names.split():
        assert name in plain
    assert chain_from_plain("8s72_N", plain, "here") == record


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"blast_status": "done"}, "is not a status"),
        ({"blast_status": None}, "is not a status"),
        ({"blast_coverage": 1.01}, "not between 0 and 1"),
        ({"blast_coverage": float("nan")}, "not a number"),
        ({"blast_coverage": "0.5"}, "not a number"),
        ({"attempts": -1}, "below 0"),
        ({"attempts": 1.5}, "not a whole number"),
        ({"attempts": True}, "not a number"),
        ({"needs_hhsearch": 1}, "neither true nor false"),
        ({"partition_quality": 7}, "not text"),
        ({"files": {"summary": "/etc/passwd"}}, "not a path relative"),
        ({"files": {"summary": "../../elsewhere"}}, "not a path relative"),
        ({"files": {"summary": "summaries/../../x"}}, "not a path relative"),
        ({"evidence": {"hhsearch": {"found": "3"}}}, "not a whole number"),
        ({"evidence": ["hhsearch"]}, "not a mapping"),
        ({"representative": "a/b"}, "not a chain or record id"),
        ({"no_such_field": 1}, "unknown field"),
        ({"sequence_md5": "0" * 32}, "does not change"),
    ],
)
def test_a_wrong_change_is_refused_with_field_and_chain(changes: dict[str, object], part: str) -> None:
    with pytest.raises(BatchError) as caught:
        check_changes(changes, "batch: 8s72_N")
    assert part in str(caught.value)
    assert "8s72_N" in str(caught.value)
    assert next(iter(changes)) in str(caught.value)


def test_files_of_a_batch_beside_this_one_are_allowed_for_repairs() -> None:
    changes = {"files": {"summary": "../ecod_weekly_20250905/summaries/8s72_N.summary.xml"}}
    assert check_changes(changes, "here") == changes


def test_numbers_of_numpy_and_text_of_unknown_encoding_become_plain() -> None:
    import numpy as np

    checked = check_changes(
        {"blast_coverage": np.float64(0.5), "attempts": np.int64(2), "failure_reason": "a\udcffb"}, ""
    )
    assert type(checked["blast_coverage"]) is float
    assert type(checked["attempts"]) is int
    assert checked["failure_reason"] == "a?b"


def test_files_and_evidence_are_merged_and_the_rest_is_replaced(make_chain: Callable[..., ChainRecord]) -> None:
    record = make_chain("8s72_N", files={"a": "a", "b": "b"}, attempts=1)
    apply_changes(record, {"files": {"b": "c"}, "attempts": 2})
    assert record.files == {"a": "a", "b": "c"}
    assert record.attempts == 2


def test_the_time_of_a_change_alone_is_no_difference(make_chain: Callable[..., ChainRecord]) -> None:
    before, after = make_chain("8s72_N"), make_chain("8s72_N", updated_at="2025-09-05T00:00:00+00:00")
    assert differences(before, after) == {}
    after.attempts = 1
    assert differences(before, after) == {"attempts": 1, "updated_at": "2025-09-05T00:00:00+00:00"}
