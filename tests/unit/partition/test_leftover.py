"""Why residues belong to no domain."""

import numpy as np

from pyecod.partition.labels import FREE
from pyecod.partition.leftover import explain_leftover
from pyecod.settings import PartitionSettings

SEQUENCE = "DKELTPAVRWQNFYGICSMTKEVLDAPR" * 8


def reasons(
    labelled: list[tuple[int, int]], sequence: str = SEQUENCE, tags: tuple[int, int] | None = None
) -> list[str]:
    labels = np.full(len(sequence), FREE)
    for number, (start, end) in enumerate(labelled):
        labels[start - 1 : end] = number
    mask = np.zeros(len(sequence), dtype=bool)
    if tags:
        mask[tags[0] - 1 : tags[1]] = True
    return [f"{u.range} {u.reason}" for u in explain_leftover(labels, mask, sequence, (), PartitionSettings())]


def test_a_short_region_between_domains_is_a_linker_and_at_an_end_too_short() -> None:
    assert reasons([(11, 100), (121, 224)]) == ["1-10 too_short", "101-120 linker"]


def test_a_long_region_has_no_evidence() -> None:
    assert reasons([(1, 100)]) == ["101-224 no_evidence"]


def test_a_tag_is_told_from_the_rest_of_its_region() -> None:
    assert reasons([(51, 224)], tags=(1, 20)) == ["1-20 tag", "21-50 no_evidence"]


def test_a_region_of_low_complexity_is_named_so() -> None:
    assert reasons([(1, 100)], SEQUENCE[:100] + "QP" * 20) == ["101-140 low_complexity"]
