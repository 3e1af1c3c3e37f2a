"""The only door from the command line to the flows: prepares Prefect, imports the flow, runs it here."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from pyecod.checks import START_SERVER
from pyecod.cli.output import messages, visible
from pyecod.errors import ConfigError, PyecodError

# what a person at a shell expects of an embedded workflow engine: no calls home, patience, quiet logs
_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL": "INFO",
    "PYTHONSAFEPATH": "1",  # what Prefect and Dask start here does not search the working folder
}


def prepare_prefect() -> None:
    """Set Prefect's environment for this process where the user has not; call before Prefect is imported."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


class _NoTraceback(logging.Filter):
    """pyECOD's own errors, and the system's, say what and where; the stack below them helps nobody at a shell."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], PyecodError | OSError):
            record.exc_info = None
        return True


def load_flow(target: str, *, runs: bool = False) -> Any:
    """Import ``module:flow``, e.g. ``flows.update_weeks:update_weeks``. One that ``runs`` here may need a temporary
    server."""
    prepare_prefect()
    if not _require_answer() and runs:
        _prepare_once()
    import prefect  # noqa: F401 - its import configures the loggers, and would undo what is set before

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_NoTraceback())
    module, _, name = target.partition(":")
    _require_ours(module.partition(".")[0], "tasks")
    return getattr(importlib.import_module(module), name)


def _require_ours(*packages: str) -> None:
    """Our packages are found, and not a module of the same name that stands before them on Python's search path.

    Raises:
        ConfigError: another module is found.
    """
    ours = Path(__file__).resolve().parents[2]
    for package in packages:
        found = importlib.util.find_spec(package)
        origin = Path(found.origin).resolve() if found and found.origin else None
        if origin != ours / package / "__init__.py":
            raise ConfigError(
                f"Python finds another module named {package!r} before pyECOD's",
                where=origin,
                hint="take its folder out of PYTHONPATH, or rename it",
            )


def call_flow(target: str, parameters: dict[str, Any]) -> Any:
    """Run a flow in this process: what it returns, or the results that its error carries."""
    messages().print("starting (the first lines of progress take some seconds)", style="dim")
    flow = load_flow(target, runs=True)
    from prefect import tags

    try:
        with tags("pyecod"):  # as those of the deployments: automations find the run by it
            return flow(**parameters)
    except PyecodError as error:
        if error.results is None:
            raise
        return error.results
    except RuntimeError as error:
        from pyecod.cli.temporary_server import explain_server_failure

        if (explained := explain_server_failure(error)) is None:
            raise
        raise explained from None


def run_flow(target: str, parameters: dict[str, Any], as_json: bool) -> None:
    """Run a flow in this process, print its results, and end with the exit code they deserve."""
    from pyecod.cli.results import exit_code, print_results

    results = call_flow(target, parameters)
    results = list(results) if isinstance(results, Sequence) else [results]
    print_results(results, as_json)
    code = exit_code(results)
    if code:
        raise typer.Exit(code)


def flow_settings(file: Path | None, profile: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """A command's settings as parameters of its flow; paths are absolute, for workers stand elsewhere."""
    return {
        "profile": profile,
        "settings_file": file and file.absolute(),
        "overrides": _plain(given),
    }


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    plain = {}
    for key, value in given.items():
        value = _plain(value) if isinstance(value, Mapping) else value
        if value is not None and value != {}:
            plain[key] = str(value.absolute()) if isinstance(value, Path) else value
    return plain


def ask(yes: bool, question: str, *, default: bool = True) -> None:
    """Ask a person at a terminal; a script has nobody to ask and goes on. A no ends the command, with 0: it is what
    was wanted."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not typer.confirm(visible(question), default=default, err=True):
        messages().print("nothing was changed")
        raise typer.Exit


@cache
def _prepare_once() -> None:
    from pyecod.cli.temporary_server import prepare_temporary_server

    prepare_temporary_server()


def _require_answer() -> bool:
    """Whether a Prefect server is named; then it must be there: Prefect itself would end with a traceback.

    Raises:
        ConfigError: nobody answers.
    """
    import httpx
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if url:
        try:
            httpx.get(f"{url.rstrip('/')}/health", timeout=30)  # any answer will do, a refusal too
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ConfigError(
                f"the Prefect server does not answer: {error}",
                where=url,
                hint=f"{START_SERVER}; or correct or unset PREFECT_API_URL",
            ) from None
    return bool(url)
