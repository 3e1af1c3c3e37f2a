"""Task: fetch the lists of releases where no mirror is kept."""

from __future__ import annotations

import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from pyecod.settings import Settings
from pyecod.weeks import releases
from tasks.retries import retried


def fetch_releases(settings: Settings, start: datetime.date | None, end: datetime.date | None) -> list[datetime.date]:
    """Fetch release lists as a task run, with the retries of the settings beyond the patience of ``fetch``."""
    return retried(_fetch, settings.run)(settings, start, end)


@task(name="fetch-releases", task_run_name="fetch release lists", cache_policy=NO_CACHE)
def _fetch(settings: Settings, start: datetime.date | None, end: datetime.date | None) -> list[datetime.date]:
    """See :func:`pyecod.weeks.releases.fetch_releases`."""
    days = releases.fetch_releases(settings, start, end)
    get_run_logger().info("lists fetched: " + (", ".join(map(str, days)) or "none is new"))
    return days
