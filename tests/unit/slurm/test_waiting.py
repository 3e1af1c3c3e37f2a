"""What SLURM says of waiting jobs, in a few words, and when waiting is no use."""

from __future__ import annotations

import pytest

from pyecod.slurm.waiting import NEVER_PASSES, hopeless_reason, why_they_wait


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ({}, ""),
        ({"7": "Priority"}, "1 job waits: Priority"),
        ({"7": "Priority", "8": "Priority"}, "2 jobs wait: Priority"),
        ({"7": "Resources", "8": "Priority", "9": "Priority"}, "3 jobs wait: Priority (2), Resources (1)"),
    ],
)
def test_the_reasons_are_counted(reasons: dict[str, str], said: str) -> None:
    assert why_they_wait(reasons) == said


@pytest.mark.parametrize(
    ("reasons", "hopeless"),
    [
        ({}, None),
        ({"7": "Priority"}, None),
        ({"7": "QOSMaxJobsPerUserLimit"}, None),
        ({"7": "PartitionTimeLimit"}, "PartitionTimeLimit"),
        ({"7": "PartitionTimeLimit", "8": "PartitionTimeLimit"}, "PartitionTimeLimit"),
        ({"7": "PartitionTimeLimit", "8": "Priority"}, None),
    ],
)
def test_waiting_is_given_up_only_where_no_job_can_start(reasons: dict[str, str], hopeless: str | None) -> None:
    assert hopeless_reason(reasons) == hopeless


def test_every_reason_that_never_passes_has_its_remedy() -> None:
    assert all("workers." in remedy for remedy in NEVER_PASSES.values())
