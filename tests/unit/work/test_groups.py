"""What a step says of the groups that failed."""

from __future__ import annotations

import pytest

from pyecod.batch.record import Step
from pyecod.errors import FailureKind
from pyecod.ids import ChainKey
from pyecod.work.chunks import SequenceGroup
from pyecod.work.groups import StepResult, failed_updates


def group(number: int) -> SequenceGroup:
    key = ChainKey("1abc", "ABCDEF"[number])
    return SequenceGroup(md5=f"{number:032x}", length=100, representative=key, members=(key,))


@pytest.mark.parametrize(
    ("step", "kinds", "repeated"),
    [
        (Step.HHSEARCH, [], []),
        (Step.HHSEARCH, [None], [0]),
        (Step.HHSEARCH, [FailureKind.OUT_OF_MEMORY], [0]),
        (Step.HHSEARCH, [FailureKind.OUT_OF_TIME], []),
        (Step.HHSEARCH, [FailureKind.OUT_OF_TIME, None], [1]),
        (Step.BLAST, [FailureKind.OUT_OF_TIME], [0]),
        (Step.PARTITION, [None], []),
    ],
)
def test_searches_are_repeated_but_for_the_time_limit_of_a_profile_search(
    step: Step, kinds: list[FailureKind | None], repeated: list[int]
) -> None:
    updates = [u for number, kind in enumerate(kinds) for u in failed_updates(group(number), step, "a reason", kind)]
    groups = [group(number) for number in range(3)]  # the last ones did not fail
    assert StepResult(tuple(updates)).worth_repeating(groups) == tuple(groups[number] for number in repeated)
