"""Which HSPs of a subject are one placement of it."""

from pyecod.partition.joining import Box, join_hsps


def box(query: tuple[int, int], target: tuple[int, int], evidence: float = 10.0, index: int = 0) -> Box:
    return Box(*query, *target, evidence, index)


def joined(*boxes: Box, length: int | None = 200) -> list[list[tuple[int, int]]]:
    groups = join_hsps(boxes, length, 20)
    return sorted([(b.query_start, b.query_end) for b in group] for group in groups)


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
    groups = join_hsps([strong, weak], 200, 20)
    assert [(b.target_start, b.target_end) for b in groups[0]] == [(1, 100), (111, 190)]


def test_overlap_on_the_subject_side_is_trimmed_too() -> None:
    groups = join_hsps([box((1, 100), (1, 100), 30.0), box((140, 200), (96, 156), 10.0)], 200, 20)
    assert [(b.query_start, b.target_start) for b in groups[0]] == [(1, 1), (145, 101)]


def test_too_much_overlap_is_not_joined() -> None:
    assert joined(box((1, 100), (1, 100), 30.0), box((101, 200), (61, 160), 10.0)) == [[(1, 100)], [(101, 200)]]


def test_each_piece_joins_the_copy_it_fits_best() -> None:
    copies = box((1, 50), (1, 50), 30.0, 1), box((201, 250), (1, 50), 29.0, 2)
    groups = join_hsps([*copies, box((255, 300), (55, 100), 10.0, 3)], 100, 20)
    assert sorted([b.index for b in group] for group in groups) == [[1], [2, 3]]


def test_the_order_of_hsps_does_not_matter() -> None:
    boxes = [box((1, 90), (1, 90), 12.0), box((100, 190), (1, 90), 14.0), box((95, 99), (92, 96), 3.0)]
    assert joined(*boxes) == joined(*reversed(boxes))
