"""Tags, signal peptides and low complexity."""

import numpy as np
import pytest

from pyecod.partition.sequence import disordered_ends, low_complexity, order_promoting, terminal_tags
from pyecod.ranges import ResidueRange

BODY = "DKELTPAVRWQNFYGICSMTKEVLDAPR" * 4


def tagged(sequence: str) -> str:
    return str(ResidueRange.from_mask(terminal_tags(sequence)))


@pytest.mark.parametrize(
    ("tag", "size"),
    [
        ("MGSSHHHHHHSSGLVPRGSH", 20),
        ("MHHHHHHENLYFQG", 14),
        ("MDYKDDDDK", 9),
        ("MASWSHPQFEK", 11),
        ("MYPYDVPDYA", 10),
    ],
)
def test_tags_at_the_start_end_with_their_protease_site(tag: str, size: int) -> None:
    assert tagged(tag + BODY) == f"1-{size}"


@pytest.mark.parametrize("tag", ["LEHHHHHH", "GSHHHHHHHH", "LVPRGSHHHHHH", "WSHPQFEK", "DYKDDDDK"])
def test_tags_at_the_end_begin_with_their_linker(tag: str) -> None:
    assert tagged(BODY + tag) == f"{len(BODY) + 1}-{len(BODY) + len(tag)}"


def test_an_evident_signal_peptide_counts_as_tag() -> None:
    assert tagged("MKKTAIAIAVALAGFATVAQA" + BODY) == "1-21"


def test_neither_a_histidine_rich_loop_nor_an_ordinary_start_is_a_tag() -> None:
    assert tagged(BODY + "HHHHHH" + BODY) == ""
    assert tagged("MSDKELTPAVRWQNFYG" + BODY) == ""


def test_low_complexity_is_found_by_entropy() -> None:
    sequence = BODY + "Q" * 30 + BODY
    found = ResidueRange.from_mask(low_complexity(sequence, 2.2))
    assert found.overlap(ResidueRange(((113, 142),))) == 30
    assert len(found) < 60


def test_the_entropy_is_shannons_over_twelve_residues() -> None:
    window = "AAAABBBCCDEF"
    counts = np.array([4, 3, 2, 1, 1, 1]) / 12
    entropy = -(counts * np.log2(counts)).sum()
    assert low_complexity(window, entropy + 1e-9).all()
    assert not low_complexity(window, entropy - 1e-9).any()


def test_a_sequence_shorter_than_the_window_is_not_judged() -> None:
    assert not low_complexity("QQQQQ", 2.2).any()


def test_order_promoting_residues_are_bulky_hydrophobics_and_cysteine() -> None:
    letters = "ACDEFGHIKLMNPQRSTVWYX"
    assert "".join(c for c, is_one in zip(letters, order_promoting(letters), strict=True) if is_one) == "CFILWY"


@pytest.mark.parametrize(
    ("observed", "expected"),
    [("7-40", "1-6"), ("6-40", ""), ("1-33", "34-40"), ("1-35", ""), ("11-20,25-30", "1-10,31-40"), (None, "")],
)
def test_ends_without_coordinates_are_disordered_where_they_are_more_than_a_few_residues(
    observed: str | None, expected: str
) -> None:
    mask = disordered_ends(ResidueRange.parse(observed) if observed else None, 40)
    assert str(ResidueRange.from_mask(mask)) == expected


def test_a_chain_without_any_coordinates_is_not_known_to_be_disordered() -> None:
    assert not disordered_ends(ResidueRange(), 40).any()


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("MHHHHHHSSGVDLGTENLYFQS", "", "1-22"),
        ("GPLGS", "", "1-5"),
        ("", "ENLYFQ", "113-118"),
        ("", "LVPR", "113-116"),
        ("MHHHHHHSSGVDLGT", "", "1-10"),
    ],
)
def test_sites_behind_a_spacer_and_what_a_protease_leaves_are_tags(start: str, end: str, expected: str) -> None:
    assert tagged(start + BODY + end) == expected
