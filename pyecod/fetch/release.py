"""Weekly releases from the server: which there are, their lists, and the entries they name."""

from __future__ import annotations

import datetime
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pyecod.errors import BrokenInputError, FetchError, UsageError
from pyecod.fetch.download import Download, Fate, Fetched
from pyecod.fetch.many import fetch_files
from pyecod.fetch.verify import check_entry, check_id_list
from pyecod.ids import extended_pdb_id, parse_pdb_id
from pyecod.pdb.mirror import find_entry
from pyecod.pdb.release import Release, parse_date
from pyecod.settings.fetch import FetchSettings

LISTS = ("added.pdb", "modified.pdb", "obsolete.pdb")
_FOLDER = re.compile(r"""href=["']?(?:[^"'>]*/)?([0-9]{8})/?["'>\s]""", re.IGNORECASE)
_LIST_BYTES = 16 << 20
_LOOK_BACK = 21  # days in which there is a release, where the server shows no folder


def list_dates(settings: FetchSettings, today: datetime.date | None = None) -> list[datetime.date]:
    """Releases the server has, oldest first.

    They are read from the page of the status folder. A server that shows none is asked for each of the last 21 days,
    the newest first, and the first one it has is all that is known.

    Raises:
        FetchError: the server cannot be reached, or has no release at all.
    """
    page = Download(f"{settings.status_url}/", Path("index.html"), max_bytes=_LIST_BYTES)
    text, why = _text(page, settings)
    dates = {date for name in _FOLDER.findall(text) if (date := _date(name)) is not None}
    if dates:
        return sorted(dates)
    today = today or datetime.datetime.now(datetime.UTC).date()
    for age in range(_LOOK_BACK):
        date = today - datetime.timedelta(days=age)
        text, _ = _text(Download(list_url(date, LISTS[0], settings), Path(LISTS[0]), max_bytes=_LIST_BYTES), settings)
        if text:
            return [date]
    raise FetchError(
        f"no release is to be seen here ({why}), and there is none of the last {_LOOK_BACK} days",
        where=page.url,
        hint="name a date, or correct fetch.status_url",
    )


def _text(download: Download, settings: FetchSettings) -> tuple[str, str]:
    """The text behind an address, empty where there is none, and why."""
    with tempfile.TemporaryDirectory(prefix="pyecod-fetch-") as folder:
        path = Path(folder) / download.path
        (end,) = fetch_files([replace(download, path=path)], settings, keep_going=True)
        if end.error is not None:
            return "", end.error.what
        if not end.is_there:
            return "", "404 Not Found"
        return path.read_text(encoding="utf-8", errors="replace"), "it names no release"


def _date(text: str) -> datetime.date | None:
    try:
        return parse_date(text)
    except UsageError:
        return None


def list_url(date: datetime.date, name: str, settings: FetchSettings) -> str:
    """Address of a status list."""
    return f"{settings.status_url}/{date:%Y%m%d}/{name}"


def fetch_lists(date: datetime.date, status_dir: Path, settings: FetchSettings) -> list[Fetched]:
    """Fetch the three lists of a release into ``status_dir/YYYYMMDD``.

    A link ``latest`` in ``status_dir`` that points to an older release is moved on, because releases after it would not
    be looked at. Lists the server lacks are absent, but for ``added.pdb``.

    Raises:
        FetchError: the server has no such release, or it cannot be fetched.
    """
    folder = status_dir / f"{date:%Y%m%d}"
    # added.pdb last: a folder with it is a release, and must then be a whole one
    names = (*LISTS[1:], LISTS[0])
    downloads = [Download(list_url(date, n, settings), folder / n, check_id_list, max_bytes=_LIST_BYTES) for n in names]
    new = not folder.exists()
    ends = fetch_files(downloads[:2], settings) + fetch_files(downloads[2:], settings)
    if ends[-1].fate is Fate.ABSENT:
        if new:
            folder.rmdir()
        raise FetchError(
            f"the server has no release of {date}", where=ends[-1].download.url, hint="releases are dated by Fridays"
        )
    _move_link(status_dir, folder.name)
    return ends


def refresh_lists(dates: Iterable[datetime.date], status_dir: Path, settings: FetchSettings) -> list[datetime.date]:
    """Ask the server for newer lists of added entries than those here; the releases whose list was replaced.

    Raises:
        FetchError: the server cannot be reached, or gives something else than a list.
    """
    days = list(dates)
    downloads = [
        Download(
            list_url(day, LISTS[0], settings), status_dir / f"{day:%Y%m%d}" / LISTS[0], check_id_list,
            refresh=True, max_bytes=_LIST_BYTES,
        )
        for day in days
    ]  # fmt: skip
    ends = fetch_files(downloads, settings)
    return [day for day, end in zip(days, ends, strict=True) if end.fate is Fate.FETCHED]


def _move_link(status_dir: Path, name: str) -> None:
    link = status_dir / "latest"
    if link.is_symlink() and _date(link.readlink().name) is not None and link.readlink().name < name:
        beside = status_dir / ".latest.part"
        beside.unlink(missing_ok=True)
        beside.symlink_to(name)
        beside.replace(link)


def entry_downloads(
    release: Release, mirror: Path, settings: FetchSettings, *, modified: bool = True, max_bytes: int | None = None
) -> list[Download]:
    """What a mirror needs of a release: added entries, and newer files of ``modified`` ones, each once."""
    added = dict.fromkeys(release.added)
    downloads = [entry_download(pdb_id, mirror, settings, max_bytes=max_bytes) for pdb_id in added]
    if modified:
        others = (pdb_id for pdb_id in release.modified if pdb_id not in added)
        downloads += [entry_download(pdb_id, mirror, settings, refresh=True, max_bytes=max_bytes) for pdb_id in others]
    return downloads


def entry_download(
    pdb_id: str, mirror: Path, settings: FetchSettings, *, refresh: bool = False, max_bytes: int | None = None
) -> Download:
    """One entry: where it is on the server, and its place in the mirror, which is that of a file already there."""
    canonical = parse_pdb_id(pdb_id)
    names = {"id": canonical, "extended": extended_pdb_id(canonical), "middle": canonical[-3:-1]}
    url = f"{settings.entries_url}/{settings.entry_path.format(**names)}"
    path = mirror / names["middle"] / f"{canonical}.cif.gz"
    if mirror.is_dir() and not refresh:
        with suppress(BrokenInputError):  # not there yet
            path = find_entry(mirror, canonical)
    if not settings.entry_path.endswith(".gz") and not path.is_file():
        path = path.with_suffix("")
    return Download(url, path, check_entry, refresh=refresh, max_bytes=max_bytes)


def missing(downloads: Iterable[Download]) -> list[Download]:
    """Those whose file is not there, or may be an old one."""
    return [download for download in downloads if download.refresh or not download.path.is_file()]
