"""The ``pyecod`` command: one file per group, loaded only when the group is used."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pyecod import __version__
from pyecod.checks import require_linux
from pyecod.cli.output import visible
from pyecod.errors import PyecodError, explain

# group -> name -> (module of pyecod.cli:attribute, help); in one place so that `pyecod --help` imports no command
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Run": {
        "update-weeks": ("run.update:update_weeks", "Classify the chains of weekly PDB releases."),
        "classify": (
            "run.update:classify",
            "Cut the sequences of a FASTA file into domains and place them.",
        ),
        "partition": ("run.partition:partition", "Cut chains into domains from their domain summaries."),
        "cluster": (
            "run.cluster:app",
            "Cluster similar sequences, so that only representatives are searched.",
        ),
        "plan": ("run.plan:plan", "Estimate hours, CPU, jobs and disk of a load before it is started."),
    },
    "Look": {
        "status": ("look.status:status", "Show how far the batches are, or one batch in detail."),
        "monitor": ("look.monitor:monitor", "Watch a batch while it runs: stages, rate, failures, quality."),
        "report": ("look.report:app", "Page of a batch; picture, table or viewer script of a chain."),
        "trace": ("look.trace:trace", "Tell everything about one chain: how its domains came to be."),
        "scan": ("look.scan:scan", "Find chains with something left to do, over many batches."),
        "alerts": ("look.alerts:app", "Show what is worth attention, and have messages sent about it."),
        "jobs": ("look.jobs:app", "Show recorded jobs: runs, their steps and chunks."),
        "runs": ("look.runs:app", "List, show, compare and prune the runs of chains."),
        "export": ("look.export:app", "Write search results as BLAST XML and .hhr files."),
        "ecod-status": (
            "look.ecod_status:ecod_status",
            "Say which chains the current reference already classifies.",
        ),
    },
    "Mend": {
        "repair": (
            "mend.repair:repair",
            "Process chains again that failed, came out badly, changed or are stale.",
        ),
        "retry": ("mend.repair:retry", "Give the chains of a task list new attempts in their own batches."),
        "acknowledge": (
            "mend.acknowledge:acknowledge",
            "Take the wrong lines of a week's lists for known, so that they no longer end runs with 1.",
        ),
        "maintain": ("mend.maintain:maintain", "Remove old runs, unused search results and old logs."),
    },
    "Database": {
        "sync": ("database.sync:sync", "Load batches into PostgreSQL."),
        "verify": ("database.verify:verify", "Hold the database against the files, on random chains."),
        "import": ("database.imports:import_results", "Import validated results into a production schema."),
        "db": ("database.db:app", "Start, stop and migrate the database."),
    },
    "Set up": {
        "doctor": ("setup.doctor:doctor", "Check programs, reference, folders, database and Prefect."),
        "deploy": ("setup.deploy:deploy", "Register the deployments on the Prefect server."),
        "config": ("setup.config:app", "Show, check and list the settings."),
        "reference": ("setup.reference:app", "Build, check and show ECOD references."),
        "fetch": ("setup.fetch:app", "Get releases, entries and references from a server."),
        "cache": ("setup.cache:app", "Show, verify and prune the search cache."),
        "demo": ("setup.demo:demo", "Make a small world, classify it, and compare with its truth."),
        "simulate": ("setup.simulate:app", "Make worlds and evidence with known truth."),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The help page's lists, from the one-liners above."""
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; its module is imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        loaded = getattr(importlib.import_module(f"pyecod.cli.{module}"), attribute)
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
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows few letters ends no command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        require_linux()
        app()
    except PyecodError as error:
        sys.stderr.write(f"pyecod: error: {visible(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("pyecod: interrupted; run the same command again to continue\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:  # a disk, a right, a lost file: the sentence helps, the stack below it does not
        sys.stderr.write(f"pyecod: error: {visible(explain(error))}\n")
        sys.exit(PyecodError.exit_code)
