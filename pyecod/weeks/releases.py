"""Release lists where no mirror is kept: those the status folder lacks are fetched before weeks are planned."""

from __future__ import annotations

import datetime

from pyecod.settings import Settings
from pyecod.weeks.plan import batch_dates, first_to_look_at, status_dir_of


def fetches_releases(settings: Settings) -> bool:
    """Whether releases come from the server: fetching is switched on, and no mirror says what there is."""
    return settings.fetch.enabled and settings.mirror is None


def absent_releases(
    settings: Settings, start: datetime.date | None = None, end: datetime.date | None = None
) -> list[datetime.date]:
    """Releases the server has from ``start`` to ``end`` whose lists are not in the status folder, oldest first.

    Without ``start``: as far back as a weekly run without dates looks, or, where there is no batch, the newest release
    only. None where releases do not come from the server.

    Raises:
        ConfigError: no status folder is configured.
        FetchError: the server cannot be reached.
    """
    if not fetches_releases(settings):
        return []
    return [day for day in _known_to_the_server(settings, start, end) if not _is_here(day, settings)]


def fetch_releases(
    settings: Settings, start: datetime.date | None = None, end: datetime.date | None = None
) -> list[datetime.date]:
    """Fetch the lists of :func:`absent_releases`, and those that have grown on the server since; which they were.

    Raises:
        ConfigError: no status folder is configured.
        FetchError: the server cannot be reached, or gives something else than lists.
        OSError: the status folder cannot be written.
    """
    if not fetches_releases(settings):
        return []
    from pyecod.fetch import fetch_lists, refresh_lists

    days = _known_to_the_server(settings, start, end)
    here = [day for day in days if _is_here(day, settings)]
    grown = refresh_lists(here, status_dir_of(settings), settings.fetch)
    for day in (absent := [day for day in days if day not in here]):
        fetch_lists(day, status_dir_of(settings), settings.fetch)
    return sorted(absent + grown)


def _known_to_the_server(
    settings: Settings, start: datetime.date | None, end: datetime.date | None
) -> list[datetime.date]:
    from pyecod.fetch import list_dates

    since = start or first_to_look_at(batch_dates(settings.base_path), settings)
    dates = [day for day in list_dates(settings.fetch) if end is None or day <= end]
    return [day for day in dates if day >= since] if since else dates[-1:]


def _is_here(day: datetime.date, settings: Settings) -> bool:
    return (status_dir_of(settings) / f"{day:%Y%m%d}" / "added.pdb").exists()
