"""How the end of a run is shown: a table, or JSON, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyecod.cli.output import console, line, messages, print_json

if TYPE_CHECKING:
    from flows.batch.result import BatchResult

_MOST_REASONS = 10


def exit_code(results: Sequence[BatchResult]) -> int:
    """0 all done, 1 done with failed chains or entries or wrong lines in a list, 3 a batch could not be finished."""
    if any(result.problem for result in results):
        return 3
    return 1 if any(result.failures or result.list_problems for result in results) else 0


def print_results(results: Sequence[BatchResult], as_json: bool) -> None:
    """One line per batch, then what failed and why, where the report is, and what became of the database."""
    if as_json:
        print_json([plain_result(result) for result in results])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("batch")
    for column in ("entries", "chains", "classifiable", "done", "failed", "domains", "good", "low", "fragm.", "none"):
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(result.name, *_cells(result))
    console().print(table)
    for result in results:
        _print_details(result)


def _cells(result: BatchResult) -> list[str]:
    counters = result.counters
    if counters is None:
        return ["–"] * 10
    quality = [counters.quality.get(label, 0) for label in ("good", "low_coverage", "fragmentary", "no_domains")]
    entries = sum(counters.entries.values())
    values = (entries, counters.chains, counters.classifiable, counters.done, counters.failed, counters.domains)
    return [str(value) for value in (*values, *quality)]


def _print_details(result: BatchResult) -> None:
    out = messages()
    if result.problem:
        out.print(line((f"{result.name} could not be finished", "red"), f": {result.problem}"), soft_wrap=True)
    if result.counters:
        for fault, count in list(result.counters.failures.items())[:_MOST_REASONS]:
            out.print(
                line(("failed", "yellow"), f" {count} × {fault[0]}: {result.counters.told(fault)}"), soft_wrap=True
            )
    for problem in result.list_problems:
        out.print(line(("wrong line", "yellow"), f" {problem}"), soft_wrap=True)
    if result.list_problems:
        out.print(f"mend them and run again, or: pyecod acknowledge {result.name}", soft_wrap=True)
    if result.counters and result.counters.entries_not_needed:
        out.print(f"obsolete, so not read: {result.counters.entries_not_needed} of the entries")
    for alert in result.alerts:
        out.print(line(("attention", "red"), f" {alert.severity}: {alert.text}"), soft_wrap=True)
    if result.database:
        out.print(f"database: {result.database}", soft_wrap=True)
    if result.report:
        out.print(f"report:   {result.report}", soft_wrap=True)


def plain_result(result: BatchResult) -> dict[str, Any]:
    """A batch's result as JSON has it."""
    return {
        "batch": result.name,
        "path": result.path,
        "problem": result.problem,
        "list_problems": result.list_problems,
        "database": result.database,
        "report": result.report,
        "alerts": result.alerts,
        **(result.counters.to_plain() if result.counters else {}),
    }
