"""What a check found, each problem with its remedy: one line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
