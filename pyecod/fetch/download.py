"""What is to be fetched, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pyecod.errors import FetchError


class Fate(StrEnum):
    """How a download ended."""

    FETCHED = "fetched"
    KEPT = "kept"
    """It was there and whole; nothing was asked."""
    UNCHANGED = "unchanged"
    """The server has nothing newer."""
    ABSENT = "absent"
    """The server does not have it (404 or 410)."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Download:
    """One file: from ``url`` to ``path``, where it appears whole or not at all.

    ``check`` reads a file and raises BrokenInputError where it is not what it should be. ``checksum`` is
    ``sha256:HEX`` or ``md5:HEX``. ``refresh`` asks the server for a newer one although the file is there.
    ``max_bytes`` ends a transfer that grows beyond it.
    """

    url: str
    path: Path
    check: Callable[[Path], None] | None = None
    checksum: str | None = None
    refresh: bool = False
    max_bytes: int | None = None

    @property
    def part(self) -> Path:
        """The unfinished file."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def note(self) -> Path:
        """What is known of the unfinished file, so that a later process can go on with it."""
        return self.path.with_name(self.path.name + ".part.json")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of a download: ``bytes`` came over the wire now, ``error`` says why there is no file.

    ``is_server_fault`` is set where the server, and not this file, seems to be at fault; ``is_unreachable`` where it
    did not even accept a connection.
    """

    download: Download
    fate: Fate
    bytes: int = 0
    error: FetchError | None = None
    is_server_fault: bool = False
    is_unreachable: bool = False

    @property
    def is_there(self) -> bool:
        """The file is on disk, whole."""
        return self.fate in (Fate.FETCHED, Fate.KEPT, Fate.UNCHANGED)
