"""The hourly watch looks where no run can."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.batch.announce import announce, publish_alerts
from flows.batch.shown import Shown
from flows.deploy.form import asks
from flows.workers.silence import crash_silent_runs
from flows.workers.turns import turn
from pyecod.settings import Settings
from pyecod.watch.findings import Alert, house_alerts


@flow(name="watch", flow_run_name="watch")
@asks
def watch(settings: Settings) -> list[Alert]:
    """Look for what no run can announce of itself: its own death, a week that did not come, a batch nobody drives, full
    disks."""
    with turn(settings, "watch") as another:
        return another or _look_around(settings)


def _look_around(settings: Settings) -> list[Alert]:
    crash_silent_runs(settings.alerts.silent_minutes)
    alerts = house_alerts(settings)
    for alert in alerts:
        get_run_logger().warning(str(alert))
    shown = Shown.of_this_run()
    shown.attempt("alerts", lambda: announce(alerts))
    shown.attempt("findings", lambda: publish_alerts("watch", alerts))
    return alerts
