from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from pyecod.batch.header import BatchHeader, settings_differences, settings_digest
from pyecod.batch.names import repair_name, weekly_name
from pyecod.errors import BatchError
from pyecod.settings import Settings


def test_names_follow_the_format() -> None:
    day = datetime.date(2025, 9, 5)
    assert weekly_name(day) == "ecod_weekly_20250905"
    assert repair_name(day) == "ecod_repair_20250905"
    assert repair_name(day, "modified") == "ecod_repair_20250905_modified"


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"batch_name": "../etc"}, "not a batch name"),
        ({"batch_name": "a b"}, "not a batch name"),
        ({"batch_type": "daily"}, "not a batch type"),
        ({"reason": "just because"}, "not a reason"),
        ({"skipped": [1]}, "skipped"),
        ({"tool_versions": ["blastp"]}, "tool_versions"),
    ],
)
def test_a_wrong_header_is_refused_when_it_is_made(values: dict[str, object], part: str) -> None:
    with pytest.raises(BatchError, match=part):
        BatchHeader.new(**{"batch_name": "b", "batch_type": "repair", "settings": Settings(), **values})


def test_the_digest_follows_what_decides_results_and_nothing_else(header: BatchHeader) -> None:
    base = settings_digest(Settings(), "r")
    assert (
        settings_digest(Settings(search={"program_cores": 4}, workers={"count": 9}, run={"chunk_size": 5}), "r") == base
    )
    assert settings_digest(Settings(base_path="/elsewhere"), "r") == base
    assert settings_digest(Settings(search={"evalue": 0.01}), "r") != base
    assert settings_digest(Settings(quality={"good": 0.9}), "r") != base
    assert settings_digest(Settings(mask={"exclude_self": True}), "r") != base
    assert settings_digest(Settings(), "other") != base


def test_differences_name_each_setting_with_both_values(header: BatchHeader) -> None:
    assert settings_differences(header, Settings(), "develop291-0123") == []
    changed = Settings(search={"evalue": 0.01}, chains={"min_length": 25})
    assert settings_differences(header, changed, "develop294") == [
        "reference: develop291-0123 -> develop294",
        "chains.min_length: 20 -> 25",
        "search.evalue: 0.002 -> 0.01",
    ]


def test_a_new_default_and_a_new_setting_at_its_default_are_no_differences(header: BatchHeader) -> None:
    partition = {key: value for key, value in header.settings["partition"].items() if key != "max_hole"}
    settings = {**header.settings, "partition": partition | {"max_tail": 15, "max_linker": 15}}
    old = replace(header, settings=settings, settings_digest="of 0.1")
    assert settings_differences(old, Settings(), "develop291-0123") == []
    assert settings_differences(old, Settings(partition={"max_hole": 9, "max_tail": 20}), "develop291-0123") == [
        "partition.max_hole: (unknown) -> 9",
        "partition.max_tail: 15 -> 20",
    ]
    del settings["mask"]  # which batches of 0.1 know nothing of
    assert settings_differences(replace(old, settings=settings), Settings(), "develop291-0123") == []
    assert settings_differences(old, Settings(mask={"exclude_self": True}), "develop291-0123") == [
        "mask.exclude_self: (unknown) -> True"
    ]
    chosen = replace(header, settings={**settings, "partition": partition | {"max_tail": 12}})
    assert "partition.max_tail: 12 -> 30" in settings_differences(
        replace(chosen, settings_digest="of 0.1"), Settings(), "develop291-0123"
    )


def test_the_header_holds_the_settings_but_nothing_of_the_database() -> None:
    settings = Settings(database={"mode": "server", "url": "host=db user=ecod"})
    header = BatchHeader.new("b", "weekly", settings)
    assert header.settings["search"]["evalue"] == 0.002
    assert "database" not in header.settings
