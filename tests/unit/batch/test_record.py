from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

import pytest

from pyecod.batch.changes import apply_changes
from pyecod.batch.header import BatchHeader, HeaderChanges
from pyecod.batch.record import (
    ChainChanges,
    ChainRecord,
    Status,
    Step,
    new_coverage,
    new_status,
    step_is,
)
from pyecod.batch.runs import DataType
from pyecod.ids import ChainKey


def test_the_changes_of_a_chain_are_the_fields_of_its_record() -> None:
    record = get_type_hints(ChainRecord)
    identity = {"key", "sequence_length", "sequence_md5"}
    assert get_type_hints(ChainChanges) == {name: kind for name, kind in record.items() if name not in identity}


def test_the_changes_of_a_header_are_its_fields() -> None:
    header = get_type_hints(BatchHeader)
    identity = {"batch_name", "batch_type", "created"}
    assert get_type_hints(HeaderChanges) == {name: kind for name, kind in header.items() if name not in identity}


@pytest.mark.parametrize("step", Step)
def test_a_step_is_read_and_written_under_its_name(step: Step) -> None:
    record = ChainRecord(ChainKey("8s72", "A"), 10, "")
    before = {field.name: getattr(record, field.name) for field in fields(record)}
    change = step_is(step, Status.RUNNING)
    apply_changes(record, change)
    after = {field.name: getattr(record, field.name) for field in fields(record)}
    assert after == {**before, f"{step}_status": Status.RUNNING}
    assert record.status(step) is new_status(change, step) is Status.RUNNING
    assert record.step_that_is(Status.RUNNING) is step
    assert record.step_that_is(Status.FAILED) is None
    assert [new_status(change, other) for other in Step if other is not step] == [None, None]


def test_the_coverage_of_a_step_is_read_under_its_name() -> None:
    changes: ChainChanges = {"blast_coverage": 0.1, "hhsearch_coverage": 0.2, "partition_coverage": 0.3}
    assert [new_coverage(changes, step) for step in Step] == [0.1, 0.2, 0.3]


def test_every_step_makes_runs_under_its_name() -> None:
    assert [str(DataType.of(step)) for step in Step] == ["blast", "hhsearch", "partition"]
