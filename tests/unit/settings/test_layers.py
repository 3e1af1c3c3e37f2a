"""Layers of settings, apart from the tree they are for."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from pyecod.errors import ConfigError
from pyecod.settings.layers import PROFILES, Section, find_profile, merge_layers, section_at, source_of, suggest


class Inner(Section):
    a: int = 1
    b: int = 2


class Tree(BaseModel):
    inner: Inner = Inner()
    free: dict[str, int] | None = None
    leaf: int = 0


LAYERS = {
    "weak": {"inner": {"a": 5, "b": 6}, "leaf": 1, "free": {"x": 1}},
    "strong": {"inner": {"a": 7}, "free": {"y": 2}},
}


def test_sections_are_merged_key_by_key_and_leaves_as_a_whole():
    assert merge_layers(Tree, LAYERS) == {"inner": {"a": 7, "b": 6}, "leaf": 1, "free": {"y": 2}}


def test_merging_leaves_the_layers_as_they_are():
    merge_layers(Tree, LAYERS)["inner"]["a"] = 99
    assert LAYERS["weak"]["inner"] == {"a": 5, "b": 6}


def test_a_section_without_content_sets_nothing_but_a_leaf_may_be_null():
    layers = LAYERS | {"empty": {"inner": None, "free": None}}
    assert merge_layers(Tree, layers) == {"inner": {"a": 7, "b": 6}, "leaf": 1, "free": None}


def test_what_is_no_mapping_is_kept_for_the_check_to_find():
    assert merge_layers(Tree, LAYERS | {"odd": {"inner": 3}})["inner"] == 3


def test_the_source_is_the_strongest_layer_that_sets_the_key():
    assert [source_of(key.split("."), LAYERS) for key in ("inner.a", "inner.b", "leaf", "inner.c", "other")] == [
        "strong", "weak", "weak", None, None,
    ]  # fmt: skip
    assert source_of((), LAYERS) is None


def test_a_path_leads_as_far_as_there_are_branches():
    assert section_at(Tree, ["inner"]) is section_at(Tree, ["inner", "a"]) is Inner
    assert section_at(Tree, ["leaf", "x"]) is Tree


def test_suggestions():
    assert suggest("evalu", ["b", "evalue"]) == "did you mean 'evalue'? known: b, evalue"
    assert suggest("zzz", ["b", "a"]) == "known: a, b"


def test_profiles_are_found_by_name_or_path():
    assert find_profile("local") == PROFILES / "local.yaml"
    assert str(find_profile("site/here")) == "site/here"
    with pytest.raises(ConfigError, match="there is no profile 'nowhere'"):
        find_profile("nowhere")
