"""Task: fetch the lists of releases where no mirror is kept."""

from __future__ import annotations

import datetime

from prefect import get_run_logger, task

from pyecod.settings import Settings
from pyecod.weeks.releases import fetch_absent_releases


@task(name="fetch-releases", task_run_name="fetch release lists")
def fetch_releases(settings: Settings, start: datetime.date | None, end: datetime.date | None) -> list[datetime.date]:
    """See :func:`pyecod.weeks.releases.fetch_absent_releases`; the patience is that of the ``fetch`` settings."""
    days = fetch_absent_releases(settings, start, end)
    get_run_logger().info("lists fetched: " + (", ".join(map(str, days)) or "none is new"))
    return days
