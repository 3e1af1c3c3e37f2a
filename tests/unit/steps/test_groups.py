"""What a step says of the groups that failed."""

from __future__ import annotations

import pytest

from pyecod.batch import SequenceGroup
from pyecod.batch.record import Step
from pyecod.errors import FailureKind
from pyecod.ids import ChainKey
from pyecod.steps.groups import StepResult, failed_updates


def failed(step: Step, *kinds: FailureKind | None) -> StepResult:
    updates = []
    for number, kind in enumerate(kinds):
        key = ChainKey("1abc", "ABCDEF"[number])
        group = SequenceGroup(md5=f"{number:032x}", length=100, representative=key, members=(key,))
        updates += failed_updates(group, step, "a reason", kind)
    return StepResult(tuple(updates))


@pytest.mark.parametrize(
    ("step", "kinds", "is_worth_it"),
    [
        (Step.HHSEARCH, [], False),
        (Step.HHSEARCH, [None], True),
        (Step.HHSEARCH, [FailureKind.OUT_OF_MEMORY], True),
        (Step.HHSEARCH, [FailureKind.OUT_OF_TIME], False),
        (Step.HHSEARCH, [FailureKind.OUT_OF_TIME, None], True),
        (Step.BLAST, [FailureKind.OUT_OF_TIME], True),
    ],
)
def test_only_the_time_limit_of_a_profile_search_is_no_reason_to_do_the_same_again(
    step: Step, kinds: list[FailureKind | None], is_worth_it: bool
) -> None:
    assert failed(step, *kinds).is_worth_repeating == is_worth_it
