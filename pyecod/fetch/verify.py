"""Is what came what it should be? Checks of content and checksums."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from pyecod.errors import BrokenInputError, IdError
from pyecod.ids import parse_pdb_id

_BLOCK = 1 << 20
_LINE = re.compile(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{64}) [ *](\S.*)")
_KINDS = {32: "md5", 64: "sha256"}


def check_gzip(path: Path) -> None:
    """Unpack a gzip file to its end: magic number, every byte, CRC and length of its trailer (RFC 1952).

    Raises:
        BrokenInputError: it is none, is cut, or is damaged.
    """
    with path.open("rb") as stream:
        start = stream.read(40)
    if start[:2] != b"\x1f\x8b":
        raise BrokenInputError(f"this is no gzip file: it begins with {_shown(start)}", where=path)
    try:
        with gzip.open(path) as stream:
            while stream.read(_BLOCK):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise BrokenInputError(f"the gzip file is cut or damaged: {error}", where=path) from None


def check_entry(path: Path) -> None:
    """An mmCIF entry, plain or ``.gz``: whole where that can be seen, and beginning with a data block.

    Raises:
        BrokenInputError: it is not.
    """
    packed = path.name.removesuffix(".part").endswith(".gz")
    if packed:
        check_gzip(path)
    with gzip.open(path) if packed else path.open("rb") as stream:
        for line in stream:
            text = line.strip()
            if text and not text.startswith(b"#"):
                if text[:5].lower() == b"data_":
                    return
                raise BrokenInputError(f"this is no mmCIF file: it begins with {_shown(text)}", where=path)
    raise BrokenInputError("the mmCIF file is empty", where=path)


def check_id_list(path: Path) -> None:
    """A status list: empty, or with at least one PDB id (single bad lines are the release reader's business).

    Raises:
        BrokenInputError: it is something else, an error page perhaps.
    """
    content = path.read_bytes()
    lines = [line.strip() for line in content.decode("ascii", "replace").splitlines()]
    words = [line for line in lines if line and not line.startswith("#")]
    if words and not any(map(_is_id, words)):
        raise BrokenInputError(f"this is no list of PDB ids: it begins with {_shown(content)}", where=path)


def _is_id(text: str) -> bool:
    try:
        parse_pdb_id(text)
    except IdError:
        return False
    return True


def check_text(path: Path) -> None:
    """A plain text file that is neither empty nor a web page.

    Raises:
        BrokenInputError: it is.
    """
    with path.open("rb") as stream:
        start = stream.read(512).strip()
    if not start or start.startswith(b"<") or b"\0" in start:
        raise BrokenInputError(f"this is no plain text: it begins with {_shown(start)}", where=path)


def check_tar(path: Path) -> None:
    """A tar archive, packed or not, that can be read to its end.

    Raises:
        BrokenInputError: it is none, is cut, or is damaged.
    """
    try:
        with tarfile.open(path) as archive:
            for _ in archive:
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise BrokenInputError(f"this is no whole tar archive: {error}", where=path) from None


def check_sum(path: Path, checksum: str) -> None:
    """Compare a file with ``sha256:HEX`` or ``md5:HEX``.

    Raises:
        BrokenInputError: it is another file.
    """
    kind, _, expected = checksum.partition(":")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != expected.lower():
        raise BrokenInputError(f"its {kind} checksum is {found}, not {expected.lower()}", where=path)


def read_checksums(text: str) -> dict[str, str]:
    """Checksums by file name from what ``sha256sum`` or ``md5sum`` print; other lines are passed over."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match:
            found[match[2].rpartition("/")[2]] = f"{_KINDS[len(match[1])]}:{match[1].lower()}"
    return found


def offered_checksum(headers: Mapping[str, str], *, whole: bool) -> str | None:
    """Checksum a server sent along: ``Repr-Digest`` or ``Digest`` (RFC 9530, 3230), ``Content-MD5`` of a whole answer.

    Only SHA-256 and MD5 are read, the stronger one first.
    """
    offers: dict[str, str] = {}
    for name in ("repr-digest", "digest"):
        for part in headers.get(name, "").split(","):
            kind, _, value = part.strip().partition("=")
            offers.setdefault(kind.lower().replace("-", ""), value.strip(":"))
    if whole:
        offers.setdefault("md5", headers.get("content-md5", ""))
    for kind, size in (("sha256", 32), ("md5", 16)):
        try:
            raw = base64.b64decode(offers.get(kind, ""), validate=True)
        except ValueError:  # no base64, or no ASCII
            continue
        if len(raw) == size:
            return f"{kind}:{raw.hex()}"
    return None


def _shown(start: bytes) -> str:
    return repr(start[:40].decode("utf-8", "replace"))
