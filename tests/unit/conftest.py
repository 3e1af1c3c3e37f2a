"""What the tests of batches share: chains, headers and small batches on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord
from pyecod.ids import ChainKey
from pyecod.settings import Settings


def chain(name: str, sequence: str = "", **fields: object) -> ChainRecord:
    """A record; chains with the same ``sequence`` name are identical."""
    md5 = hashlib.md5((sequence or name).encode()).hexdigest()
    return ChainRecord(ChainKey.parse(name), **{"sequence_length": 100, "sequence_md5": md5, **fields})


@pytest.fixture
def make_chain() -> Callable[..., ChainRecord]:
    return chain


@pytest.fixture
def header() -> BatchHeader:
    return BatchHeader.new(
        "ecod_weekly_20250905",
        "weekly",
        Settings(),
        release_date="2025-09-05",
        reference_version="develop291",
        reference_id="develop291-0123",
    )


@pytest.fixture
def batch(tmp_path: Path, header: BatchHeader) -> Batch:
    """Four chains of two entries; the first two are identical, ``8abc_a`` differs from ``8abc_A`` by case only."""
    chains = [chain("8abc_A", "one"), chain("8abc_B", "one"), chain("8abc_a", "two"), chain("8s72_N", "three")]
    return Batch.create(tmp_path, header, chains=chains)
