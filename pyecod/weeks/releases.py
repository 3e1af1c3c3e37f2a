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
    from pyecod.fetch import list_dates

    status_dir = status_dir_of(settings)
    since = start or first_to_look_at(batch_dates(settings.base_path), settings)
    dates = [day for day in list_dates(settings.fetch) if end is None or day <= end]
    dates = [day for day in dates if day >= since] if since else dates[-1:]
    return [day for day in dates if not (status_dir / f"{day:%Y%m%d}" / "added.pdb").exists()]


def fetch_absent_releases(
    settings: Settings, start: datetime.date | None = None, end: datetime.date | None = None
) -> list[datetime.date]:
    """Fetch the lists of :func:`absent_releases`; which they were.

    Raises:
        ConfigError: no status folder is configured.
        FetchError: the server cannot be reached, or gives something else than lists.
        OSError: the status folder cannot be written.
    """
    from pyecod.fetch import fetch_lists

    days = absent_releases(settings, start, end)
    for day in days:
        fetch_lists(day, status_dir_of(settings), settings.fetch)
    return days
