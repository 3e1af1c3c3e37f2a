"""What is left out: the blacklist, the query's own entry, lists of domains and groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyecod.errors import BrokenInputError, UsageError
from pyecod.reference import Reference
from pyecod.reference.mask import Mask, MaskedReference, add_to_blacklist, read_blacklist
from pyecod.search.hit import EvidenceType, Hit, Hsp, Query, SearchResult, Segment
from pyecod.settings.sections import MaskSettings


@pytest.fixture
def reference(make_reference: Callable[..., Path], line: Callable[..., Any]) -> Reference:
    lines = [
        line("e1abcA1", "1.1.1.3", "1abc", "A", "A:1-100"),
        line("e1abcA2", "11.1.1.1", "1abc", "A", "A:101-200"),
        line("e1abcB1", "1.1.1.3", "1abc", "B", "B:1-100"),
        line("e1abdA1", "1.1.2.1", "1abd", "A", "A:1-90"),
        line("e2xyzA1", "1.10.1.1", "2xyz", "A", "A:1-90"),
    ]
    return Reference.open(make_reference(lines))


def hidden(reference: Any, ids: list[str]) -> list[bool]:
    found = reference.masked
    return [False] * len(ids) if found is None else [bool(found[row]) for row in reference.rows(ids)]


ALL = ["e1abcA1", "e1abcA2", "e1abcB1", "e1abdA1", "e2xyzA1"]


def test_nothing_is_left_out_unless_asked(reference: Reference) -> None:
    assert Mask(reference, MaskSettings()).over(["1abc"]) is reference
    assert Mask(reference, MaskSettings()).parameters == {}


def test_the_own_entry_is_all_its_chains_and_no_other_entry(reference: Reference) -> None:
    mask = Mask(reference, MaskSettings(exclude_self=True))
    assert hidden(mask.over(["1abc"]), ALL) == [True, True, True, False, False]
    assert hidden(mask.over(["2xyz"]), ALL) == [False, False, False, False, True]
    assert hidden(mask.over(["1abc", "2xyz"]), ALL) == [True, True, True, False, True]
    assert mask.over(["9zzz"]) is reference
    assert mask.over(["my_protein"]) is reference
    assert mask.parameters == {"mask_exclude_self": True}


def test_what_is_masked_is_in_no_group_and_all_else_stays(reference: Reference) -> None:
    seen = Mask(reference, MaskSettings(exclude_self=True)).over(["1abc"])
    rows = reference.rows(ALL)
    assert (seen.t[rows] == -1).tolist() == (seen.h[rows] == -1).tolist() == [True, True, True, False, False]
    assert seen.version == reference.version
    assert seen.domain_at(int(rows[0])).t_group == "1.1.1"


def test_domains_and_chains_of_a_file(reference: Reference, tmp_path: Path) -> None:
    path = tmp_path / "ids"
    path.write_text("# a comment\ne1abdA1\n\n1abc_A\textra columns\ne9zzzA1\n")
    mask = Mask(reference, MaskSettings(exclude_domains=path))
    assert hidden(mask.over([]), ALL) == [True, True, False, True, False]
    assert mask.unknown == ["e9zzzA1"]
    assert mask.parameters == {"mask_domains": 3}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("1", [True, False, True, True, True]),  # 11 is another X-group
        ("1.1", [True, False, True, True, False]),  # and 1.10 another H-group
        ("1.1.1", [True, False, True, False, False]),
        ("1.1.2.1\n11", [False, True, False, True, False]),
    ],
)
def test_groups_are_left_out_at_their_dots(
    reference: Reference, tmp_path: Path, groups: str, expected: list[bool]
) -> None:
    path = tmp_path / "groups"
    path.write_text(groups)
    assert hidden(Mask(reference, MaskSettings(exclude_groups=path)).over([]), ALL) == expected


@pytest.mark.parametrize(("text", "where"), [("1.1\nRossmann", ":2"), ("1..1", ":1")])
def test_what_is_no_group_is_named_with_its_line(reference: Reference, tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "groups"
    path.write_text(text)
    with pytest.raises(BrokenInputError, match="is not an ECOD group id") as caught:
        Mask(reference, MaskSettings(exclude_groups=path))
    assert str(caught.value).startswith(f"{path}{where}")


def test_a_list_that_is_not_there_or_no_text_is_an_error(reference: Reference, tmp_path: Path) -> None:
    with pytest.raises(BrokenInputError, match="cannot be read"):
        Mask(reference, MaskSettings(exclude_domains=tmp_path / "absent"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BrokenInputError, match="cannot be read"):
        Mask(reference, MaskSettings(exclude_domains=tmp_path / "binary"))
    (tmp_path / "words").write_text("e1abcA1\ntwo words\n")
    with pytest.raises(BrokenInputError, match="is no id"):
        Mask(reference, MaskSettings(exclude_domains=tmp_path / "words"))


def test_the_blacklist_is_always_respected(reference: Reference) -> None:
    assert read_blacklist(reference) == []
    add_to_blacklist(reference, ["e1abcA2", "1abd_A"], "two folds\tin one")
    add_to_blacklist(reference, ["e1abcA2"], "again")
    first, second = read_blacklist(reference)
    assert (first.id, first.reason, second.id) == ("e1abcA2", "two folds in one", "1abd_A")
    assert first.date
    assert first.who
    mask = Mask(reference, MaskSettings())
    assert hidden(mask.over([]), ALL) == [False, True, False, True, False]
    assert mask.parameters == {"mask_domains": 2}
    with pytest.raises(UsageError, match="no domain or chain 'e9zzzA1'"):
        add_to_blacklist(reference, ["e9zzzA1"], "unknown")


def test_masked_hits_cover_nothing(reference: Reference) -> None:
    seen = Mask(reference, MaskSettings(exclude_self=True)).over(["1abc"])
    assert isinstance(seen, MaskedReference)
    query = Query("0" * 32, "A" * 100)
    hits = tuple(
        Hit(EvidenceType.DOMAIN_BLAST, target, None, (Hsp((Segment(start, end, 1, end - start + 1),), evalue=1e-9),))
        for target, start, end in (("e1abcA1", 1, 100), ("e1abdA1", 1, 40), ("e9newA1", 81, 90))
    )
    assert seen.coverage(SearchResult(EvidenceType.DOMAIN_BLAST, query, hits, 3, "blastp", "2.12.0+", "d" * 64)) == 0.5
