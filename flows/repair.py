"""Repair: chains that failed, came out badly, changed in the PDB or are out of date are processed anew."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run
from pydantic import Field

from flows.batch.process import BatchResult, run_batch
from flows.batch.progress import artifact_key
from pyecod.batch import Batch
from pyecod.batch.repair_plan import RepairOutcome, count_verdicts, repair_outcomes
from pyecod.repair.plan import RepairPlan, begin_repair, plan_repair
from pyecod.repair.request import RepairRequest, names_nothing, parse_chains, read_chains_file
from pyecod.settings import load_settings

Reason = Literal["pdb_modifications", "algorithm_update", "error_fix", "hierarchy_update", "user_request"]

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
    parameters = flow_run.parameters
    chosen = [name for name in ("low_quality", "failed", "modified", "obsolete", "stale") if parameters.get(name)]
    chosen += [str(week) for week in parameters.get("weeks") or ()][:3]
    chosen += [f"{len(chains)} chains"] if (chains := parameters.get("chains")) else []
    chosen += [Path(file).name] if (file := parameters.get("chains_file")) else []
    return f"repair {' '.join(chosen).replace('_', ' ')} ({parameters.get('reason')})"


@flow(name="repair", flow_run_name=_run_name)
def repair(
    reason: Reason,
    weeks: list[datetime.date] | None = None,
    chains: list[str] | None = None,
    chains_file: Path | None = None,
    low_quality: bool = False,
    below: Annotated[float, Field(ge=0, le=1)] | None = None,
    failed: bool = False,
    modified: bool = False,
    obsolete: bool = False,
    stale: bool = False,
    rerun_blast: bool = False,
    rerun_hhsearch: bool = False,
    rerun_partition: bool = True,
    accept_worse: bool = False,
    batch_name: str | None = None,
    dry_run: bool = False,
    profile: str | None = None,
    settings_file: Path | None = None,
    overrides: dict[str, Any] | None = None,
) -> RepairResult:
    """Process chains again in a batch of their own, and show each before and after.

    Run again with the same request while unfinished, it goes on where it stopped.

    Args:
        reason: Why; stored with every result.
        weeks: Releases. Alone: everything in them; with other choices: only what belongs to them.
        chains: Chains, each as `8s72 A` or `8s72_A`, with a release behind it where wanted.
        chains_file: File of such lines, or a task list of `pyecod scan --output`.
        low_quality: Chains whose partition covers too little.
        below: Coverage that is too little; default: the threshold of the label good.
        failed: Chains that failed, and entries that could not be read.
        modified: Entries the PDB modified: read again; changed sequences are processed anew.
        obsolete: Entries the PDB made obsolete: marked.
        stale: Results of another reference or algorithm version than the current one.
        rerun_blast: Search BLAST again (else the earlier results are used).
        rerun_hhsearch: Search profiles again (else the earlier results are used).
        rerun_partition: Partition again.
        accept_worse: Let results become current that are worse than those they replace.
        batch_name: Name of the repair batch; default: ecod_repair_ and today.
        dry_run: Only show what would be done.
        profile: Profile of the workers.
        settings_file: YAML settings file.
        overrides: Settings, nested as in the file.
    """
    logger = get_run_logger()
    settings = load_settings(settings_file, profile, overrides).absolute()
    named = parse_chains(chains, "chains") if chains else ()
    listed = read_chains_file(chains_file) if chains_file else ()
    if names_nothing(chains_file, (*named, *listed), low_quality, failed, modified, obsolete, stale):
        logger.info(f"nothing to repair: {chains_file} names no chain")
        return RepairResult()
    request = RepairRequest(
        reason=reason,
        weeks=tuple(sorted(weeks or ())),
        chains=(*named, *listed),
        low_quality=low_quality,
        below=below,
        failed=failed,
        modified=modified,
        obsolete=obsolete,
        stale=stale,
        rerun_blast=rerun_blast,
        rerun_hhsearch=rerun_hhsearch,
        rerun_partition=rerun_partition,
        accept_worse=accept_worse,
    )
    plan = plan_repair(request, settings, batch_name)
    for note in plan.notes:
        logger.info(note)
    if dry_run or not plan.is_work:
        logger.info(f"{len(plan.chains)} chains to repair" + (" (dry run)" if dry_run else ""))
        return RepairResult(plan)
    result = run_batch(begin_repair(plan, settings), settings, tags=("repair", reason))
    outcomes = repair_outcomes(Batch.open(plan.batch_path))
    verdicts = count_verdicts(outcomes)
    _publish(plan, outcomes, verdicts)
    logger.info(f"{plan.batch_path.name}: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    return RepairResult(plan, result, tuple(outcomes), verdicts)


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
