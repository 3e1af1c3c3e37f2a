"""The text of an mmCIF file: unpacked in pieces, within a limit, with its encoding and its end checked."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyecod.errors import BrokenInputError

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 20
_LAST_LINES = 1 << 16
_MOST_LAYERS = 2
_FETCH_AGAIN = "fetch the file again"
# first words of a file in PDB format
_PDB_RECORDS = (b"HEADER ", b"TITLE ", b"CRYST1", b"ATOM ", b"HETATM", b"REMARK", b"MODEL ", b"COMPND")
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class TextLimit:
    """The largest unpacked text, bytes, and the setting or resource that says so."""

    max_bytes: int
    hint: str

    def error(self, path: Path) -> BrokenInputError:
        """What is raised for a text beyond the limit."""
        return BrokenInputError(f"larger than {self.max_bytes / 2**20:,.0f} MiB unpacked", where=path, hint=self.hint)


def read_text(path: Path, limit: TextLimit) -> tuple[bytearray, str]:
    """Text of a CIF file, plain or gzipped (by its content, also twice), and the SHA-256 of the file as stored.

    A byte order mark is left out, line ends become ``\\n``. The bytes are as they are: UTF-8 is not checked here.

    Raises:
        BrokenInputError: unreadable, empty, damaged gzip, another format or encoding, cut off, or beyond the limit.
    """
    digest = hashlib.sha256()
    text = bytearray()
    try:
        with path.open("rb") as stream:
            _collect(_hashed(stream, digest), text, path, limit, named_gz=path.suffix == ".gz")
    except OSError as error:
        raise BrokenInputError(f"cannot read the file: {error.strerror or error}", where=path) from error
    if not text or text.isspace():
        raise BrokenInputError("the file is empty", where=path, hint=_FETCH_AGAIN)
    text = _of_one_form(text, path)
    _check_text(text, path)
    return text, digest.hexdigest()


def _hashed(stream: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):  # type: ignore[attr-defined]
        digest.update(piece)
        yield piece


def _collect(pieces: Iterator[bytes], text: bytearray, path: Path, limit: TextLimit, *, named_gz: bool) -> None:
    """The unpacked file, appended to ``text``; what is gzipped twice is unpacked twice."""
    first = next(pieces, b"")
    if named_gz and not first.startswith(_GZIP_MAGIC):
        what = "is not gzipped, as its name says" if first else "is empty"
        raise BrokenInputError(f"the file {what}", where=path, hint=_FETCH_AGAIN)
    unpacked: Iterator[bytes] = _chained(first, pieces)
    for layer in range(_MOST_LAYERS + 1):
        first = next(unpacked, b"")
        unpacked = _chained(first, unpacked)
        if not first.startswith(_GZIP_MAGIC):
            break
        if layer == _MOST_LAYERS:
            raise BrokenInputError(f"gzipped more than {_MOST_LAYERS} times", where=path)
        unpacked = _gunzip(unpacked, path)
    for piece in unpacked:
        if len(text) + len(piece) > limit.max_bytes:
            raise limit.error(path)
        text += piece


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _gunzip(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """What gzip members hold, at most :data:`_PIECE` bytes at a time; zeros after the last one are padding."""
    member = zlib.decompressobj(wbits=31)
    begun = False  # the member has had some of its bytes
    for piece in pieces:
        data = piece
        while data:
            if member.eof:
                member, begun = zlib.decompressobj(wbits=31), False
            if not begun and not data[0]:
                data = data.lstrip(b"\0")
                continue
            if not begun and not _GZIP_MAGIC.startswith(data[:2]) and not data.startswith(_GZIP_MAGIC):
                raise BrokenInputError("the gzip file has foreign bytes at its end", where=path, hint=_FETCH_AGAIN)
            begun = True
            try:
                unpacked = member.decompress(data, _PIECE)
            except zlib.error as error:
                what = f"the gzip file is damaged: {error}"
                raise BrokenInputError(what, where=path, hint=_FETCH_AGAIN) from None
            if unpacked:
                yield unpacked
            data = member.unused_data if member.eof else member.unconsumed_tail
    if begun and not member.eof:
        raise BrokenInputError("the gzip file is cut off", where=path, hint=_FETCH_AGAIN)


def _of_one_form(text: bytearray, path: Path) -> bytearray:
    """UTF-8 without a mark, lines that end in ``\\n``."""
    if text.startswith(_UTF16_MARKS) or (len(text) > 1 and 0 in (any(text[1:16:2]), any(text[:16:2]))):
        raise BrokenInputError(
            "the text is UTF-16 or UTF-32, which CIF is not", where=path, hint="iconv -f UTF-16 -t UTF-8 makes UTF-8"
        )
    if text.startswith(_UTF8_MARK):
        del text[: len(_UTF8_MARK)]
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if text.startswith(_PDB_RECORDS):
        raise BrokenInputError("the file is in PDB format, which is not read here", where=path, hint="give mmCIF")
    return text


def _check_text(text: bytearray, path: Path) -> None:
    # a line of twice this length holds at least one whole window without an end of line
    for start in range(0, len(text) - _LONGEST_LINE, _LONGEST_LINE):
        if text.find(b"\n", start, start + _LONGEST_LINE) < 0:
            raise BrokenInputError(f"a line of more than {_LONGEST_LINE:,} characters: not mmCIF", where=path)
    # where categories are set off by '#' lines, as wwPDB's are, the last line is one too (or a comment after it)
    second_line = text.find(b"\n") + 1
    last_line = text[-_LAST_LINES:].rstrip().rpartition(b"\n")[2]
    if text[second_line : second_line + 1] == b"#" and not last_line.startswith(b"#"):
        raise BrokenInputError("the file is cut off: its last category has no end", where=path, hint="fetch it again")
