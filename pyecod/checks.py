"""What a check found, each problem with its remedy: one line of the doctor."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from pyecod.errors import ConfigError

# a server without a password is open to everybody who reaches it, on loopback to every user of the machine
START_SERVER = (
    "set PREFECT_SERVER_API_AUTH_STRING=NAME:PASSWORD where the server runs and start it with `prefect server start`; "
    "set PREFECT_API_URL and PREFECT_API_AUTH_STRING=NAME:PASSWORD here"
)
START_SERVER_FOR_NODES = START_SERVER.replace(
    "`prefect server start`", "`prefect server start --host ADDRESS`, this host's address in the cluster's network"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``remedy`` says what to do about a problem."""

    check: str
    state: Literal["ok", "note", "problem"]
    detail: str
    remedy: str = ""


def require_linux() -> None:
    """End on other systems before anything is begun: locks, the end of child processes, the cores a job may use, memory
    limits and the embedded database's account are asked of the Linux kernel.

    Raises:
        ConfigError: this is another system.
    """
    if sys.platform != "linux":
        raise ConfigError(
            f"pyECOD runs on Linux; this system is {sys.platform!r}",
            hint="use a Linux machine, a container, or on Windows WSL 2",
        )
