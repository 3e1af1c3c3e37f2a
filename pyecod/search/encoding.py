"""Search results as compact bytes: columns instead of records, compressed, with a checksum and a version.

An entry is ``magic (8) | BLAKE2b of the rest (16) | header length (4) | header (JSON) | columns (zlib)``. The header
holds everything but the hits, so that counts and coverage are known without unpacking them. Numbers keep every bit.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pyecod.search.hit import EvidenceType, Hit, Hsp, Query, SearchResult, Segment, query_coverage

MAGIC = b"PYECOD1\n"
_SCORES = ("evalue", "bitscore", "identity", "probability", "score")
_KINDS = tuple(map(np.dtype, ("|u1", "|i1", "<u2", "<i2", "<i4", "<f8")))
_SIDES = ("query_start", "query_end", "target_start", "target_end")


class DamagedEntryError(ValueError):
    """The bytes are not a whole entry of this version; caught by the cache, which searches again."""


@dataclass(frozen=True, slots=True)
class ResultHeader:
    """A search result without its hits. ``coverage`` is :func:`query_coverage` of the hits kept."""

    key: str
    type: EvidenceType
    md5: str
    sequence: str
    found: int
    kept: int
    coverage: float
    program: str
    program_version: str
    database_id: str
    seconds: float = 0.0
    profile_depth: int | None = None
    profile_neff: float | None = None

    @classmethod
    def of(cls, key: str, result: SearchResult) -> ResultHeader:
        """The header of a result that is kept under ``key``."""
        return cls(
            key=key,
            type=result.type,
            md5=result.query.md5,
            sequence=result.query.sequence,
            found=result.found,
            kept=len(result.hits),
            coverage=query_coverage(result.hits, result.query.length),
            program=result.program,
            program_version=result.program_version,
            database_id=result.database_id,
            seconds=result.seconds,
            profile_depth=result.profile_depth,
            profile_neff=result.profile_neff,
        )


def seal(header: bytes, body: bytes) -> bytes:
    """Put header and body into the envelope."""
    rest = struct.pack("<I", len(header)) + header + body
    return MAGIC + _checksum(rest) + rest


def unseal(data: bytes) -> tuple[bytes, memoryview]:
    """Header and body of an envelope.

    Raises:
        DamagedEntryError: truncated, altered, or of another version.
    """
    if data[:8] != MAGIC:
        raise DamagedEntryError("empty" if not data else "not an entry of this version")
    rest = memoryview(data)[24:]
    if _checksum(rest) != data[8:24]:
        raise DamagedEntryError("wrong checksum")
    size = struct.unpack_from("<I", rest)[0]
    return bytes(rest[4 : 4 + size]), rest[4 + size :]


def _checksum(rest: bytes | memoryview) -> bytes:
    return hashlib.blake2b(rest, digest_size=16).digest()


def encode_result(header: ResultHeader, hits: Iterable[Hit]) -> bytes:
    """Bytes of a whole result."""
    hits = list(hits)
    hsps = [hsp for hit in hits for hsp in hit.hsps]
    segments = [segment for hsp in hsps for segment in hsp.segments]
    starts_ends = [_integers(getattr(s, side) for s in segments) for side in _SIDES]
    columns: list[NDArray[Any]] = [
        _integers(-1 if hit.target_length is None else hit.target_length for hit in hits),
        _integers(len(hit.hsps) for hit in hits),
        _integers(len(hsp.segments) for hsp in hsps),
        *(_floats(getattr(hsp, name) for hsp in hsps) for name in _SCORES),
        starts_ends[0],
        starts_ends[1] - starts_ends[0],
        starts_ends[2],
        # mostly zero, because the segments of our own searches are ungapped
        (starts_ends[3] - starts_ends[2]) - (starts_ends[1] - starts_ends[0]),
    ]
    names = "\n".join(hit.target for hit in hits).encode()
    sizes = struct.pack("<4I", len(names), len(hits), len(hsps), len(segments))
    body = sizes + names + b"".join(_pack(column) for column in columns)
    return seal(orjson.dumps(asdict(header)), zlib.compress(body, 6))


def decode_header(data: bytes, key: str) -> ResultHeader:
    """The header of the result kept under ``key``; see :func:`unseal`.

    Raises:
        DamagedEntryError: as there, or the entry belongs to another key.
    """
    return _header(unseal(data)[0], key)


def decode_result(data: bytes, key: str) -> SearchResult:
    """What :func:`encode_result` was given.

    Raises:
        DamagedEntryError: truncated, altered, of another version, or of another key.
    """
    head, body = unseal(data)
    header = _header(head, key)
    try:
        hits = _hits(header.type, zlib.decompress(body))
    except (zlib.error, ValueError, IndexError, struct.error) as error:
        raise DamagedEntryError(f"hits that cannot be unpacked ({error})") from error
    shared = {name: getattr(header, name) for name in _SHARED}
    return SearchResult(query=Query(header.md5, header.sequence), hits=hits, **shared)


def encode_profile(key: str, alignment: bytes) -> bytes:
    """Bytes of an alignment (a3m) kept under ``key``."""
    return seal(orjson.dumps({"key": key}), lzma.compress(alignment, preset=2))


def decode_profile(data: bytes, key: str) -> bytes:
    """What :func:`encode_profile` was given.

    Raises:
        DamagedEntryError: truncated, altered, of another version, or of another key.
    """
    head, body = unseal(data)
    try:
        _check_key(orjson.loads(head), key)
        return lzma.decompress(body)
    except (lzma.LZMAError, ValueError, TypeError, KeyError) as error:
        raise DamagedEntryError(f"an alignment that cannot be unpacked ({error})") from error


_SHARED = {field.name for field in fields(SearchResult)} & {field.name for field in fields(ResultHeader)}


def _header(head: bytes, key: str) -> ResultHeader:
    try:
        values = orjson.loads(head)
        _check_key(values, key)
        return ResultHeader(**{**values, "type": EvidenceType(values["type"])})
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedEntryError(f"a header that is none ({error})") from error


def _check_key(values: dict[str, Any], key: str) -> None:
    if values["key"] != key:
        raise DamagedEntryError("it belongs to another key")


def _hits(kind: EvidenceType, body: bytes) -> tuple[Hit, ...]:
    names_size, hit_count, hsp_count, segment_count = struct.unpack_from("<4I", body)
    reader = _Columns(body, 16 + names_size)
    names = body[16 : 16 + names_size].decode().split("\n") if hit_count else []
    lengths = reader.take(hit_count)
    hsps_of_hit = reader.take(hit_count)
    segments_of_hsp = reader.take(hsp_count)
    scores = [_optional(reader.take(hsp_count)) for _ in _SCORES]
    query_start, query_span, target_start, difference = (reader.take(segment_count) for _ in range(4))
    reader.check_end()
    sides = (query_start, query_start + query_span, target_start, target_start + query_span + difference)
    segments = _records(Segment, _SIDES, [side.tolist() for side in sides], segment_count)
    hsps = _records(Hsp, ("segments", *_SCORES), [_grouped(segments, segments_of_hsp), *scores], hsp_count)
    target_lengths = [None if length < 0 else length for length in lengths.tolist()]
    columns = [repeat(kind), names, target_lengths, _grouped(hsps, hsps_of_hit)]
    return tuple(_records(Hit, ("type", "target", "target_length", "hsps"), columns, hit_count))


class _Columns:
    """Columns one after the other in a buffer."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body, self._offset = body, offset

    def take(self, count: int) -> NDArray[Any]:
        """The next column, as 32-bit integers or floats."""
        kind = _KINDS[self._body[self._offset]]
        planes = np.frombuffer(self._body, np.uint8, count * kind.itemsize, self._offset + 1)
        self._offset += 1 + count * kind.itemsize
        column = np.ascontiguousarray(planes.reshape(kind.itemsize, count).T).view(kind).reshape(count)
        return column if kind.kind == "f" else column.astype(np.int32)

    def check_end(self) -> None:
        """Nothing may be left."""
        if self._offset != len(self._body):
            raise DamagedEntryError("columns of the wrong size")


def _pack(column: NDArray[Any]) -> bytes:
    """A column in the narrowest type that holds it, byte by byte significance: all first bytes, all second bytes …"""
    code = next(code for code, kind in enumerate(_KINDS) if _holds(kind, column))
    kind = _KINDS[code]
    planes = column.astype(kind).view(np.uint8).reshape(-1, kind.itemsize).T
    return bytes([code]) + np.ascontiguousarray(planes).tobytes()


def _holds(kind: np.dtype[Any], column: NDArray[Any]) -> bool:
    if kind.kind == "f" or column.dtype.kind == "f":
        return kind.kind == column.dtype.kind
    limits = np.iinfo(kind)
    return not len(column) or bool(limits.min <= column.min() and column.max() <= limits.max)


def _integers(values: Iterable[int]) -> NDArray[np.int32]:
    return np.fromiter(values, dtype="<i4")


def _floats(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.fromiter((np.nan if value is None else value for value in values), dtype="<f8")


def _optional(column: NDArray[np.float64]) -> Iterable[float | None]:
    missing = np.isnan(column)
    if missing.all():
        return repeat(None)
    return [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]


def _grouped(items: list[Any], sizes: NDArray[np.int32]) -> list[tuple[Any, ...]]:
    ends = np.cumsum(sizes)
    if (sizes < 0).any() or sizes.sum() != len(items):
        raise DamagedEntryError("groups of the wrong size")
    return [tuple(items[a:b]) for a, b in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]


def _records(cls: type[Any], names: Iterable[str], columns: Iterable[Iterable[Any]], count: int) -> list[Any]:
    """``count`` frozen dataclasses with slots, filled column by column: four times as fast as calling the class."""
    records = list(map(object.__new__, repeat(cls, count)))
    for name, column in zip(names, columns, strict=True):
        deque(map(cls.__dict__[name].__set__, records, column), maxlen=0)
    return records
