"""Weekly PDB releases: the status folders ``YYYYMMDD`` with their lists of entries."""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pyecod.errors import BrokenInputError, IdError, UsageError
from pyecod.files import open_text
from pyecod.ids import parse_pdb_id

_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII)
_LATEST = "latest"
_LONGEST_LINE = 4096
_LONGEST_LIST = 1 << 24
_MOST_WRONG = 10_000


@dataclass(frozen=True, slots=True)
class Release:
    """One week of the PDB: canonical ids in the order of its lists, each once.

    ``skip_reason`` says why there is nothing to classify; None for a week to work on. ``problems`` names each
    line that is no PDB id, and each list that cannot be read, as ``file:line: what``: one bad line does not
    lose a week, but it is never dropped in silence either.
    """

    date: datetime.date
    path: Path
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    obsolete: tuple[str, ...] = ()
    skip_reason: str | None = None
    problems: tuple[str, ...] = ()


def parse_date(text: str) -> datetime.date:
    """Date written ``YYYY-MM-DD`` or ``YYYYMMDD``.

    Raises:
        UsageError: neither form, or no such day.
    """
    match = _DATE.fullmatch(text.strip())
    try:
        if match is None or text.count("-") == 1:
            raise ValueError
        return datetime.date(*map(int, match.groups()))
    except ValueError:
        raise UsageError(f"{text!r} is not a date", hint="expected YYYY-MM-DD or YYYYMMDD") from None


def find_releases(status_dir: Path, start: datetime.date, end: datetime.date | None = None) -> list[Release]:
    """Releases from ``start`` to ``end``, both included, oldest first.

    Without ``end`` the range runs to the folder the link ``latest`` points to, or to the newest folder where
    there is no such link. Names that are no date are not releases and are passed over.

    Raises:
        UsageError: ``start`` is after ``end``, or there is no ``status_dir``.
        BrokenInputError: ``status_dir`` cannot be read, or ``latest`` points to no release.
    """
    if end is not None and start > end:
        raise UsageError(f"the start date {start} is after the end date {end}", hint="exchange the two dates")
    found = _release_folders(status_dir)
    if end is None:
        end = _latest(status_dir) or datetime.date.max
    return [_read_release(date, path) for date, path in sorted(found.items()) if start <= date <= end]


def _release_folders(status_dir: Path) -> dict[datetime.date, Path]:
    try:
        return {
            date: path for path in status_dir.iterdir() if (date := _date_of(path.name)) is not None and path.is_dir()
        }
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            "there is no such status folder",
            where=status_dir,
            hint="set status_dir (--status-dir) to the folder that holds YYYYMMDD/added.pdb",
        ) from None
    except OSError as error:
        raise BrokenInputError(
            f"cannot read the status folder: {error.strerror}", where=status_dir, hint="check its permissions and mount"
        ) from error


def _date_of(name: str) -> datetime.date | None:
    if len(name) != 8:
        return None
    try:
        return parse_date(name)
    except UsageError:
        return None


def _latest(status_dir: Path) -> datetime.date | None:
    link = status_dir / _LATEST
    if not link.is_symlink():
        return None
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        target = link.readlink()
        raise BrokenInputError(
            f"the link points to {target}, which is not there", where=link, hint="mend the link or give an end date"
        ) from None
    date = _date_of(target.name)
    if date is None or not target.is_dir():
        raise BrokenInputError(
            f"the link points to {target.name!r}, which is no YYYYMMDD folder",
            where=link,
            hint="mend the link or give an end date",
        )
    return date


def _read_release(date: datetime.date, path: Path) -> Release:
    problems: list[str] = []
    added, modified, obsolete = (
        _read_ids(path / name, problems) for name in ("added.pdb", "modified.pdb", "obsolete.pdb")
    )
    reason = None
    if added is None:
        reason = "added.pdb is absent" if not (path / "added.pdb").exists() else "added.pdb cannot be read"
    elif not added:
        reason = "added.pdb holds no PDB id" if problems else "added.pdb is empty"
    return Release(date, path, added or (), modified or (), obsolete or (), reason, tuple(problems))


def _read_ids(path: Path, problems: list[str]) -> tuple[str, ...] | None:
    """Ids of one list, None where the file is absent or unreadable; blank lines and ``#`` comments are passed over."""
    ids: dict[str, None] = {}
    wrong: list[str] = []
    try:
        with open_text(path) as stream:
            for number, line in enumerate(_lines(stream), 1):
                text = line.partition("#")[0].strip()
                if not text:
                    continue
                try:
                    ids[parse_pdb_id(text)] = None
                except IdError:
                    wrong.append(f"{path}:{number}: {text[:40]!r} is not a PDB id")
                    if len(wrong) > _MOST_WRONG:
                        raise BrokenInputError(f"more than {_MOST_WRONG:,} lines are no PDB ids") from None
    except FileNotFoundError:
        return None
    except (BrokenInputError, OSError, EOFError, zlib.error, UnicodeError) as error:
        problems.append(f"{path}: cannot be read: {' '.join(str(error).split())}")
        return None
    problems += wrong
    return tuple(ids)


def _lines(stream: IO[str]) -> Iterator[str]:
    """Lines of a list of at most :data:`_LONGEST_LIST` characters, so that a packed file cannot fill the memory."""
    length = 0
    while line := stream.readline(_LONGEST_LINE):
        length += len(line)
        if "\0" in line:
            raise BrokenInputError("it is no text")
        if len(line) == _LONGEST_LINE or length > _LONGEST_LIST:
            raise BrokenInputError(
                f"a line of more than {_LONGEST_LINE:,} or a list of more than {_LONGEST_LIST:,} letters"
            )
        yield line
