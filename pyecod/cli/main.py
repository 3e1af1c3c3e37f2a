"""The ``pyecod`` command: one file per group, loaded only when the group is used."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pyecod import __version__
from pyecod.errors import PyecodError

# name -> (module:attribute, one line of help); the line stands here so that `pyecod --help` imports no group
COMMANDS: dict[str, tuple[str, str]] = {
    "update-weeks": ("pyecod.cli.update:update_weeks", "Classify the chains of weekly PDB releases."),
    "classify": ("pyecod.cli.update:classify", "Cut the sequences of a FASTA file into domains and place them."),
    "repair": ("pyecod.cli.repair:repair", "Process chains again that failed, came out badly, changed or are stale."),
    "retry": ("pyecod.cli.repair:retry", "Give the chains of a task list new attempts in their own batches."),
    "sync": ("pyecod.cli.sync:sync", "Load batches into PostgreSQL."),
    "status": ("pyecod.cli.status:status", "Show how far the batches are, or one batch in detail."),
    "monitor": ("pyecod.cli.monitor:monitor", "Watch a batch while it runs: stages, rate, failures, quality."),
    "alerts": ("pyecod.cli.alerts:app", "Show what is worth attention, and have messages sent about it."),
    "plan": ("pyecod.cli.plan:plan", "Estimate hours, CPU, jobs and disk of a load before it is started."),
    "scan": ("pyecod.cli.scan:scan", "Find chains with something left to do, over many batches."),
    "partition": ("pyecod.cli.partition:partition", "Cut chains into domains from their domain summaries."),
    "trace": ("pyecod.cli.trace:trace", "Tell everything about one chain: how its domains came to be."),
    "ecod-status": ("pyecod.cli.ecod_status:ecod_status", "Say which chains the current reference already classifies."),
    "cluster": ("pyecod.cli.cluster:app", "Cluster similar sequences, so that only representatives are searched."),
    "verify": ("pyecod.cli.verify:verify", "Hold the database against the files, on random chains."),
    "import": ("pyecod.cli.imports:import_results", "Import validated results into a production schema."),
    "jobs": ("pyecod.cli.jobs:app", "Show recorded jobs: runs, their steps and chunks."),
    "runs": ("pyecod.cli.runs:app", "List, show, compare and prune the runs of chains."),
    "fetch": ("pyecod.cli.fetch:app", "Get releases, entries and references from a server."),
    "reference": ("pyecod.cli.reference:app", "Build, check and show ECOD references."),
    "report": ("pyecod.cli.report:app", "Page of a batch; picture, table or viewer script of a chain."),
    "export": ("pyecod.cli.export:app", "Write search results as BLAST XML and .hhr files."),
    "cache": ("pyecod.cli.cache:app", "Show, verify and prune the search cache."),
    "maintain": ("pyecod.cli.maintain:maintain", "Remove old runs, unused search results and old logs."),
    "demo": ("pyecod.cli.demo:demo", "Make a small world, classify it, and compare with its truth."),
    "simulate": ("pyecod.cli.simulate:app", "Make worlds and evidence with known truth."),
    "config": ("pyecod.cli.config:app", "Show, check and list the settings."),
    "doctor": ("pyecod.cli.doctor:doctor", "Check programs, reference, folders, database and Prefect."),
    "db": ("pyecod.cli.db:app", "Start, stop and migrate the database."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The help page's list, from the one-liners above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; its module is imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        loaded = getattr(importlib.import_module(module), attribute)
        if not isinstance(loaded, typer.Typer):
            single = typer.Typer(add_completion=False)
            single.command(cmd_name)(loaded)
            loaded = single
        command = typer.main.get_command(loaded)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    name="pyecod",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pyecod {__version__}")
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """Cut new PDB chains into evolutionary domains and place them in the ECOD hierarchy."""


def main() -> None:
    """Run the command line; a known error is one clear message and its exit code."""
    try:
        app()
    except PyecodError as error:
        sys.stderr.write(f"pyecod: error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("pyecod: interrupted; run the same command again to continue\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
