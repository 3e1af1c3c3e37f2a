"""A fault that passes: the chunk's task is tried again, and only what failed is searched again."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flows.update_weeks import update_weeks
from pyecod.batch import Batch
from pyecod.errors import BrokenInputError
from pyecod.pdb import find_entry, find_releases, read_entry
from pyecod.settings import load_settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

# fails with one sequence in its input until it has failed with that sequence alone; writes down what it was given
_WRAPPER = """#!/bin/sh
for word in "$@"; do
  case "$before" in -query) query=$word;; -db) db=$(basename "$word");; esac
  before=$word
done
[ -z "$query" ] && exec {real} "$@"
number=$(grep -c '>' "$query")
echo "$db $number" >> {folder}/starts
if grep -q {poison} "$query" && [ ! -e {folder}/passed ]; then
  [ "$number" = 1 ] && touch {folder}/passed
  exit 1
fi
exec {real} "$@"
"""


def test_a_chunk_is_tried_again_and_only_what_failed_is_searched(
    small_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day = small_world.world.dates[0]
    overrides = small_world.overrides(tmp_path / "batches", search={"cache_dir": str(tmp_path / "cache")})
    poison = a_sequence(small_world, load_settings(overrides=overrides))[:60]
    wrapper = tmp_path / "bin" / "blastp"
    wrapper.parent.mkdir()
    wrapper.write_text(_WRAPPER.format(real=shutil.which("blastp"), folder=tmp_path, poison=poison))
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")

    (result,) = update_weeks(start_date=day, end_date=day, overrides=overrides)

    counters = Batch.open(result.path).counters()
    assert (counters.failed, counters.left) == (0, 0)
    assert re.search(
        r"1 of 20 sequences of blast \w+ \+19 \(20 sequences, 6 k residues\) failed and are tried again in 0 s, "
        r"the first: domain_blast: ",
        caplog.text,
    )
    starts = [line.split() for line in (tmp_path / "starts").read_text().splitlines()]
    by_database = {db: [int(number) for name, number in starts if name == db] for db in dict(starts)}
    assert len(by_database) == 2
    broken = next(numbers for numbers in by_database.values() if len(numbers) > 1)
    whole = next(numbers for numbers in by_database.values() if len(numbers) == 1)
    assert broken[0] == whole[0] == counters.sequences  # the other database was searched once
    assert broken[-1] == 1  # the second attempt had the one sequence that failed


def a_sequence(small_world: Any, settings: Any) -> str:
    """Of a chain of the week that is searched."""
    day = small_world.world.dates[0]
    (release,) = find_releases(small_world.world.status_dir, day, day)
    for pdb_id in release.added:
        with suppress(BrokenInputError):  # obsolete since: the mirror has it no more
            path = find_entry(small_world.world.mirror, pdb_id)
            for chain in read_entry(path, pdb_id, settings.chains).chains:
                if chain.cannot_classify is None and chain.length >= 60:
                    return str(chain.sequence)
    raise AssertionError("the week has no chain")
