"""Which HSPs of a subject are one placement of it."""

import itertools

import numpy as np

from pyecod.partition.joining import join_hsps

Placed = tuple[tuple[int, int], tuple[int, int], float]


def box(query: tuple[int, int], target: tuple[int, int], evidence: float = 10.0) -> Placed:
    return query, target, evidence


def run(*boxes: Placed, length: int | None = 200) -> tuple[list[int], list[list[int]]]:
    ends = np.array([[*query, *target] for query, target, _ in boxes])
    group, window = join_hsps(
        np.zeros(len(boxes), np.int64),
        ends,
        np.array([evidence for _, _, evidence in boxes]),
        np.full(len(boxes), length or 0),
        20,
        lambda index: bytes([index]),
    )
    return group.tolist(), window.tolist()


def joined(*boxes: Placed, length: int | None = 200) -> list[list[tuple[int, int]]]:
    group, window = run(*boxes, length=length)
    names = sorted(set(group) - {-1})
    return sorted(sorted(tuple(w) for g, w in zip(group, window, strict=True) if g == name) for name in names)


def test_collinear_hsps_are_one_placement() -> None:
    assert joined(box((1, 90), (1, 90)), box((150, 240), (91, 181))) == [[(1, 90), (150, 240)]]


def test_hsps_on_the_same_subject_residues_are_two_placements() -> None:
    assert joined(box((1, 90), (1, 90)), box((100, 190), (1, 90))) == [[(1, 90)], [(100, 190)]]


def test_hsps_in_exchanged_order_are_two_placements_unless_they_are_the_whole_subject() -> None:
    left, right = box((1, 90), (101, 190)), box((95, 190), (1, 96))
    assert joined(left, right, length=190) == [[(1, 90), (95, 190)]]
    assert joined(left, right, length=400) == [[(1, 90)], [(95, 190)]]
    assert joined(left, right, length=None) == [[(1, 90)], [(95, 190)]]


def test_an_hsp_explained_by_better_ones_is_redundant() -> None:
    assert joined(box((1, 100), (1, 100), 30.0), box((20, 90), (60, 130), 5.0)) == [[(1, 100)]]


def test_the_weaker_of_overlapping_hsps_is_trimmed() -> None:
    strong, weak = box((1, 100), (1, 100), 30.0), box((91, 180), (101, 190), 10.0)
    assert joined(strong, weak) == [[(1, 100), (101, 180)]]
    assert joined(weak, strong) == [[(1, 100), (101, 180)]]


def test_overlap_on_the_subject_side_is_trimmed_too() -> None:
    assert joined(box((1, 100), (1, 100), 30.0), box((140, 200), (96, 156), 10.0)) == [[(1, 100), (145, 200)]]


def test_too_much_overlap_is_not_joined() -> None:
    assert joined(box((1, 100), (1, 100), 30.0), box((101, 200), (61, 160), 10.0)) == [[(1, 100)], [(101, 200)]]


def test_each_piece_joins_the_copy_it_fits_best() -> None:
    copies = box((1, 50), (1, 50), 30.0), box((201, 250), (1, 50), 29.0)
    assert run(*copies, box((255, 300), (55, 100), 10.0), length=100)[0] == [0, 1, 1]


def test_one_misfit_keeps_an_hsp_out_of_a_group() -> None:
    first, second = box((1, 50), (1, 50), 30.0), box((101, 150), (101, 150), 29.0)
    between = box((60, 95), (130, 165), 10.0)  # collinear with the first, but on residues of the second
    assert run(first, second, between, length=400)[0] == [0, 0, 2]


def test_the_order_of_hsps_does_not_matter() -> None:
    boxes = [box((1, 90), (1, 90), 12.0), box((100, 190), (1, 90), 14.0), box((195, 230), (92, 126), 3.0)]
    assert len({str(joined(*order)) for order in itertools.permutations(boxes)}) == 1


def test_subjects_are_treated_apart() -> None:
    ends = np.array([[1, 90, 1, 90], [1, 90, 1, 90], [150, 240, 91, 181], [300, 340, 1, 41]])
    group, _ = join_hsps(
        np.array([0, 1, 0, 2]), ends, np.full(4, 10.0), np.full(4, 200), 20, lambda index: bytes([index])
    )
    assert group.tolist() == [0, 1, 0, 3]
