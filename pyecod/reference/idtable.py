"""A sorted table of ids on disk: memory-mapped, so that it opens at once and costs memory only where it is touched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_SHIFT = np.uint64(32)


class IdTable:
    """Rows of ASCII ids, which are in byte order, distinct, and told apart by case.

    Many ids at once are found through 64-bit hashes, because a binary search over numbers is several times faster
    than over strings (0.4 instead of 2 µs among a million ids); whether it is the id itself is then compared in full.
    A single id is found by binary search over the ids.
    """

    def __init__(self, ids: NDArray[np.bytes_], hashes: NDArray[np.uint64], order: NDArray[np.int32]) -> None:
        self.ids = ids
        self._words = _words(ids)
        self._hashes = hashes
        self._order = order

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdTable:
        """Table of sorted, distinct ids, none of them empty."""
        # a width beyond the longest id, so that a longer one cut to it can never match; whole words for hashing
        width = 8 * ((max(map(len, ids), default=0)) // 8 + 1)
        array = np.array(ids, dtype=f"S{width}")
        if len(array) > 1 and not bool(np.all(array[:-1] < array[1:])):
            raise ValueError("ids are not sorted and distinct")
        hashes = _hash(_words(array))
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        hashes = hashes[order]
        if len(hashes) > 1 and bool(np.any(hashes[:-1] == hashes[1:])):
            raise ValueError("two ids share a hash")
        return cls(array, hashes, order)

    def write(self, folder: Path, name: str) -> None:
        """Store as ``<name>.ids.npy``, ``<name>.hashes.npy`` and ``<name>.order.npy``."""
        np.save(folder / f"{name}.ids.npy", self.ids)
        np.save(folder / f"{name}.hashes.npy", self._hashes)
        np.save(folder / f"{name}.order.npy", self._order)

    @classmethod
    def open(cls, folder: Path, name: str) -> IdTable:
        """Map what :meth:`write` stored."""
        return cls(*(map_array(folder / f"{name}.{part}.npy") for part in ("ids", "hashes", "order")))

    def rows(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """Row of each id, -1 where the table does not have it."""
        if not len(self.ids) or not len(ids):
            return np.full(len(ids), -1, dtype=np.int32)
        try:
            wanted = np.array(ids, dtype=self.ids.dtype)
        except UnicodeEncodeError:
            wanted = np.array([_ascii(id_) for id_ in ids], dtype=self.ids.dtype)
        words = _words(wanted)
        places = np.searchsorted(self._hashes, _hash(words))
        rows = self._order[np.minimum(places, len(self._order) - 1)]
        rows[(self._words[rows] != words).any(axis=1)] = -1
        return rows

    def row(self, id_: str) -> int:
        """Row of one id, -1 where the table does not have it."""
        wanted = _ascii(id_)
        place = bisect_left(self.ids, wanted)
        return place if place < len(self.ids) and self.ids[place] == wanted else -1

    def beginning(self, prefix: str) -> range:
        """Rows of the ids that begin with ``prefix``."""
        first = _ascii(prefix)
        return range(bisect_left(self.ids, first), bisect_left(self.ids, first + b"\x7f"))

    def id_at(self, row: int) -> str:
        """Id of a row."""
        return bytes(self.ids[row]).decode("ascii")


def map_array(path: Path) -> NDArray[Any]:
    """A stored array, memory-mapped, read-only."""
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped)


def _words(ids: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    return ids.view("<u8").reshape(len(ids), ids.dtype.itemsize // 8)


def _hash(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = np.zeros(len(words), dtype=np.uint64)
    for column in words.T:
        mixed = (mixed ^ column) * _MIX[0]
        mixed = (mixed ^ (mixed >> _SHIFT)) * _MIX[1]
        mixed ^= mixed >> _SHIFT
    return mixed


def _ascii(id_: str) -> bytes:
    return id_.encode("ascii", "replace")  # "?" is in no id
