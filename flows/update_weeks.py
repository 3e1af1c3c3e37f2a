"""The weekly routine: new PDB releases in, classified domains out."""

from __future__ import annotations

import datetime
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from flows.batch.announce import announce_weeks
from flows.batch.process import run_batch
from flows.batch.result import BatchResult, ended, finished
from flows.batch.shown import Shown
from flows.deploy.form import asks
from flows.workers.turns import turn
from pyecod.errors import describe
from pyecod.reference.ready import open_reference
from pyecod.settings import Settings
from pyecod.weeks.begin import begin_week
from pyecod.weeks.plan import WeekPlan, plan_weeks
from pyecod.weeks.releases import fetches_releases
from tasks.releases import fetch_releases


def _run_name() -> str:
    parameters = flow_run.parameters
    days = [str(day) for key in ("start_date", "end_date") if (day := parameters.get(key))]
    today = datetime.datetime.now(datetime.UTC).date()
    return "update-weeks " + (" to ".join(dict.fromkeys(days)) or f"newest on {today}")


@flow(name="update-weeks", flow_run_name=_run_name)
@asks
def update_weeks(
    settings: Settings,
    start_date: datetime.date | None = None,
    end_date: datetime.date | None = None,
    max_batches: Annotated[int, Field(ge=1)] | None = None,
) -> list[BatchResult]:
    """Process every release from ``start_date`` to ``end_date``; a week that fails does not stop the next.

    Ends as "Completed with failures" where chains or entries failed.

    Without a mirror (``fetch.enabled``) the releases are those of the server: lists not here yet are fetched first.

    Args:
        start_date: First release. Without it: from the newest batch on.
        end_date: Last release. Without it: the newest there is.
        max_batches: Work on at most this many weeks.

    Raises:
        WeeksFailedError: at least one week could not be finished.
    """
    with turn(settings, "update-weeks") as another:
        return another or _process_weeks(settings, start_date, end_date, max_batches)


def _process_weeks(
    settings: Settings, start_date: datetime.date | None, end_date: datetime.date | None, max_batches: int | None
) -> list[BatchResult]:
    open_reference(settings)
    if fetches_releases(settings):
        fetch_releases(settings, start_date, end_date)
    results = []
    for plan in plan_weeks(settings, start_date, end_date, max_batches):
        for problem in plan.release.problems:
            get_run_logger().warning(problem)
        if plan.state == "broken":
            get_run_logger().error(f"{plan.release.date}: {plan.reason}")
            results.append(BatchResult(plan.batch_path.name, plan.batch_path, problem=plan.reason))
        elif plan.is_work:
            results.append(process_week(plan, settings))
        else:
            get_run_logger().info(f"{plan.release.date}: {plan.state}: {plan.reason}")
            if plan.open_problems:
                results.append(BatchResult(plan.batch_path.name, plan.batch_path, list_problems=plan.open_problems))
    finished(results)
    worked_on = [result.name for result in results if result.counters]
    Shown.of_this_run().attempt("the event of completed weeks", lambda: announce_weeks(worked_on))
    state: list[BatchResult] = ended(results, results, nothing="no week has anything left to do")
    return state


def process_week(plan: WeekPlan, settings: Settings) -> BatchResult:
    """One release as a batch of its own; its failure becomes the result's problem."""
    try:
        return run_batch(begin_week(plan.release, settings), settings, tags=(plan.release.date.isoformat(),))
    except Exception as error:  # noqa: BLE001 - the next week has its own chance
        get_run_logger().error(f"{plan.release.date}: {describe(error)}")
        return BatchResult(plan.batch_path.name, plan.batch_path, problem=describe(error))
