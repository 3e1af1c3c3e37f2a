"""Which chains a reference classifies already: by their own names only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from pyecod.cli.main import app
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.standing.ecod_status import ecod_status

pytestmark = pytest.mark.integration


@pytest.fixture
def known(small_world: Any) -> tuple[Reference, ChainKey, int]:
    """The simulated reference, one of its chains and that chain's length."""
    reference = Reference.open(small_world.reference)
    record = next(iter(read_fasta(small_world.world.chain_fasta)))
    return reference, ChainKey.parse(record.id), len(record.sequence)


def test_a_chain_of_the_reference_is_covered_under_its_name_only(known: Any) -> None:
    reference, key, length = known
    other = ChainKey(key.entry_id, key.chain_id + "9")  # an identical copy would be called so
    own, copy, short = ecod_status([(key, length), (other, length), (key, 10 * length)], reference)
    assert own.domains == tuple(reference.id_at(int(row)) for row in reference.chain_domains(str(key)).rows)
    assert own.is_classified == (own.coverage >= 0.8)
    assert (copy.domains, copy.coverage, copy.is_classified) == ((), 0.0, False)
    assert short.coverage == pytest.approx(own.coverage / 10)
    assert not short.is_classified


def test_the_length_comes_from_the_reference_where_none_is_known(known: Any) -> None:
    reference, key, length = known
    (status,) = ecod_status([(key, None)], reference)
    assert status.length == length


def test_the_command_counts_and_lists(small_world: Any, known: Any, tmp_path: Path) -> None:
    _, key, _ = known
    names, file = tmp_path / "chains.txt", tmp_path / "settings.yaml"
    names.write_text(f"{key}\n9zzz A\n")
    file.write_text(yaml.safe_dump({"reference": str(small_world.reference), "base_path": str(tmp_path)}))
    arguments = ["ecod-status", "--chains-file", str(names), "--settings", str(file)]
    plain = orjson.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert plain["chains"] == 2
    assert [status["key"] for status in plain["status"]] == [str(key), "9zzz_A"]
    assert plain["status"][0]["domains"]
    told = CliRunner().invoke(app, [*arguments, "--missing"])
    assert "9zzz_A" in told.output
    assert "new" in told.output
