"""The only door from the command line to the flows: prepares Prefect, imports the flow, runs it here."""

from __future__ import annotations

import importlib
import os
from typing import Any

# what a person at a shell expects of an embedded workflow engine: no calls home, patience, quiet logs
_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL": "INFO",
}


def prepare_prefect() -> None:
    """Set Prefect's environment for this process where the user has not; call before Prefect is imported."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def load_flow(target: str) -> Any:
    """Import ``module:flow``, e.g. ``flows.update_weeks:update_weeks``."""
    prepare_prefect()
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
