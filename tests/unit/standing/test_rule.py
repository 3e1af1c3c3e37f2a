"""The rule, by the table of cases in ``tests/standing.py``: as a function, and as batches on disk are read by it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pyecod.batch import BatchHeader, BatchType, ChainRecord, Status
from pyecod.ids import ChainKey
from pyecod.standing.current import CurrentState
from pyecod.standing.rule import Contender, find_standing
from pyecod.standing.trace import trace_chain
from tests.standing import CASES, REPAIRED, STATES, Case, Record, record_name, write_cases

STEPS = ("blast_status", "hhsearch_status", "partition_status")


def contender(record: Record) -> Contender:
    """What the rule sees of a record."""
    has_partition, fields = (REPAIRED if record.kind == "repair" else STATES)[record.state]
    said = {"partition_status": "complete" if has_partition else "pending", **fields}
    statuses = {name: Status(value) if name in STEPS else value for name, value in said.items()}
    header = BatchHeader(record.name, BatchType(record.kind), record.begun, release_date=record.week)
    return Contender.of(header, ChainRecord(ChainKey("8s72", "A"), 200, "", updated_at=record.changed, **statuses))


def test_the_names_of_the_cases_differ() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_record_that_stands_is_found_in_whatever_order_they_come(case: Case) -> None:
    for records in itertools.permutations(case.records):
        chosen = find_standing(records, contender)
        assert chosen.name == case.expected
        assert contender(chosen).accepted is case.stands


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="no record"):
        find_standing([], contender)


def test_batches_on_disk_are_read_by_it(tmp_path: Path) -> None:
    cases = write_cases(tmp_path)
    state = CurrentState(tmp_path)
    found = {str(chain.current.key): chain for chain in state.weeks_of_chains()}
    assert state.problems == {}
    assert found.keys() == cases.keys()
    for key, case in cases.items():
        chain = found[key]
        assert (case.name, record_name(chain.current.header.batch_name)) == (case.name, case.expected)
        assert chain.stands is case.stands
        assert len(chain.records) == len(case.records)


def test_a_trace_follows_it(tmp_path: Path) -> None:
    for key, case in itertools.islice(write_cases(tmp_path).items(), 0, None, 7):
        trace = trace_chain(ChainKey.parse(key), tmp_path)
        assert len(trace.stops) == len(case.records)
        (speaker,) = (stop for stop in trace.stops if stop.speaks)
        assert trace.standing is speaker
        assert (record_name(speaker.batch), speaker.stands) == (case.expected, case.stands)
        assert not any(stop.stands for stop in trace.stops if stop is not speaker)
