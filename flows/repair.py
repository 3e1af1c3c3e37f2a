"""Repair: chains that failed, came out badly, changed in the PDB or are out of date are processed anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from flows.batch.process import run_batch
from flows.batch.progress import artifact_key
from flows.batch.result import BatchResult, ended
from flows.batch.shown import Shown
from flows.deploy.form import asks, flat, short_form
from pyecod.batch import Batch
from pyecod.batch.repair_plan import RepairOutcome, count_verdicts, repair_outcomes
from pyecod.repair.plan import RepairPlan, begin_repair, plan_repair
from pyecod.repair.request import RepairRequest
from pyecod.settings import Settings

_MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class RepairResult:
    """How a repair ended. ``batch`` is None where there was nothing to do, or for a dry run; ``plan`` where nothing was
    asked for."""

    plan: RepairPlan | None = None
    batch: BatchResult | None = None
    outcomes: tuple[RepairOutcome, ...] = ()
    verdicts: dict[str, int] = field(default_factory=dict)


def _run_name() -> str:
    parameters = flat(flow_run.parameters)
    chosen = [name for name in ("low_quality", "failed", "modified", "obsolete", "stale") if parameters.get(name)]
    chosen += [str(week) for week in parameters.get("weeks") or ()][:3]
    chosen += [f"{len(chains)} chains"] if (chains := parameters.get("chains")) else []
    chosen += [Path(file).name] if (file := parameters.get("chains_file")) else []
    return f"repair {' '.join(chosen).replace('_', ' ')} ({parameters.get('reason')})"


@short_form
@flow(name="repair", flow_run_name=_run_name)
@asks
def repair(request: RepairRequest, settings: Settings) -> RepairResult:
    """Process chains again in a batch of their own, and show each before and after.

    Run again with the same request while unfinished, it goes on where it stopped.
    """
    logger = get_run_logger()
    if request.names_nothing:
        logger.info(f"nothing to repair: {request.chains_file} names no chain")
        return RepairResult()
    plan = plan_repair(request, settings)
    for note in plan.notes:
        logger.info(note)
    if request.dry_run or not plan.is_work:
        logger.info(f"{len(plan.chains)} chains to repair" + (" (dry run)" if request.dry_run else ""))
        return RepairResult(plan)
    result = run_batch(begin_repair(plan, settings), settings, tags=("repair", str(request.reason)))
    outcomes = repair_outcomes(Batch.open(plan.batch_path))
    verdicts = count_verdicts(outcomes)
    Shown.of_this_run().attempt("before and after", lambda: _publish(plan, outcomes, verdicts))
    logger.info(f"{plan.batch_path.name}: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    state: RepairResult = ended(RepairResult(plan, result, tuple(outcomes), verdicts), [result])
    return state


def _publish(plan: RepairPlan, outcomes: list[RepairOutcome], verdicts: dict[str, int]) -> None:
    """Each chain before and after, in the Prefect UI."""
    rows = [
        {
            "chain": str(outcome.item.key),
            "verdict": str(outcome.verdict).replace("_", " "),
            "before": outcome.item.before.words if outcome.item.before else "nothing",
            "after": outcome.after.words,
            "week": outcome.item.week,
            "why": outcome.item.why,
            "reason": outcome.after.failure_reason,
        }
        for outcome in outcomes[:_MOST_ROWS]
    ]
    counts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in verdicts.items())
    more = f"; the first {_MOST_ROWS} of {len(outcomes)} chains" if len(outcomes) > _MOST_ROWS else ""
    create_table_artifact(
        key=f"repair-{artifact_key(plan.batch_path.name)}",
        table=rows,
        description=f"{plan.batch_path.name} ({plan.request.reason}): {counts}{more}",
    )
