"""What the tests of batches share: chains, headers and small batches on disk."""

from __future__ import annotations

import hashlib
import os
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


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is forced to disk and what is renamed from now on, in order: ``fsync NAME``, ``rename NAME``."""
    calls: list[str] = []
    real = {name: getattr(os, name) for name in ("fsync", "replace", "rename")}

    def fsync(handle: object) -> None:
        number = handle if isinstance(handle, int) else handle.fileno()  # type: ignore[attr-defined]
        calls.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        real["fsync"](handle)

    def rename(source: object, target: object, **options: object) -> None:
        calls.append(f"rename {Path(str(target)).name}")
        real["rename"](source, target, **options)

    for name, spy in (("fsync", fsync), ("replace", rename), ("rename", rename)):
        monkeypatch.setattr(os, name, spy)
    return calls
