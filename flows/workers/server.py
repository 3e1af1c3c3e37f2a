"""The Prefect server that workers report to: required, missed, and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import RLock
from typing import TypeVar
from urllib.parse import urlsplit

from flows.workers.seams import means_server_is_away
from pyecod.checks import START_SERVER, START_SERVER_FOR_NODES
from pyecod.errors import ConfigError, WorkersLostError
from pyecod.settings import WorkerSettings

_SERVER_SECONDS = 3.0
_MOST_WORDS = 300
_ASKED = 5  # times, each with the server there the moment before

Answer = TypeVar("Answer")


def require_server(workers: WorkerSettings) -> None:
    """Dask workers report to a real Prefect server; without one each would start a temporary server of its own.

    Raises:
        ConfigError: ``PREFECT_API_URL`` is not set, nobody answers there, or the workers' hosts could not reach it.
    """
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    hint = START_SERVER_FOR_NODES if workers.kind == "slurm" else START_SERVER
    if not url:
        raise ConfigError(
            f"workers of kind {workers.kind!r} need a Prefect server, and PREFECT_API_URL is not set",
            hint=f"{hint}; or use --profile local",
        )
    if workers.kind == "slurm" and is_loopback(urlsplit(url).hostname or "") and not on_one_machine(workers):
        raise ConfigError(
            f"PREFECT_API_URL is {url}, which other hosts take for themselves",
            hint=f"{hint}; where all nodes are this machine, set workers.slurm.interface: lo",
        )
    trouble = server_trouble()
    if trouble is not None:
        raise ConfigError(f"the Prefect server at {url} does not answer: {trouble}", hint=hint)


def server_is_away(error: BaseException) -> bool:
    """The error is the Prefect server's absence, which no chunk is to blame for: Prefect says so in three ways."""
    from httpx import TransportError
    from prefect.exceptions import PrefectHTTPStatusError

    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, TransportError) or means_server_is_away(error)


def server_trouble() -> str | None:
    """Why the Prefect server, or the database behind it, cannot be used at the moment; None where it can.

    It is asked once: Prefect's own patience is a minute, which nobody has who only wants to know.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
            client.request("GET", "/ready")
    except Exception as error:
        if not server_is_away(error):
            raise
        return f"{error or type(error).__name__}"[:_MOST_WORDS].splitlines()[0]
    return None


@dataclass
class ServerWatch:
    """Says once that the Prefect server is away and once that it is back, whoever notices it.

    ``say`` takes what is said. ``patience`` are the seconds that :meth:`wait` waits.
    """

    patience: float
    say: Callable[[str], None]
    pause: float = _SERVER_SECONDS
    trouble: Callable[[], str | None] = server_trouble
    _since: float | None = None
    _guard: RLock = field(default_factory=RLock)

    def is_away(self) -> bool:
        """Whether the server cannot be used now."""
        trouble = self.trouble()
        with self._guard:
            if trouble is not None and self._since is None:
                self._since = time.monotonic()
                self.say(f"the Prefect server is away ({trouble}): what runs goes on, the rest waits")
            elif trouble is None and self._since is not None:
                self.say(f"the Prefect server is back after {time.monotonic() - self._since:.0f} s")
                self._since = None
        return trouble is not None

    def wait(self) -> None:
        """Return when the server can be used; running tasks go on meanwhile.

        Raises:
            WorkersLostError: it stayed away longer than ``patience``.
        """
        deadline = time.monotonic() + self.patience
        while self.is_away():
            if time.monotonic() > deadline:
                raise WorkersLostError(
                    f"the Prefect server has been away for {self.patience / 3600:g} hours",
                    hint="start it, then run the same command again: finished work is kept",
                )
            time.sleep(self.pause)

    def patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What ``ask`` returns, which asks the server: again where it went just then, as Prefect does not.

        Raises:
            WorkersLostError: it stayed away longer than ``patience``.
        """
        for left in reversed(range(_ASKED)):
            self.wait()
            try:
                return ask()
            except Exception as error:
                if not left or not server_is_away(error):
                    raise
                time.sleep(self.pause)
        raise AssertionError("the last attempt returns or raises")


def is_loopback(host: str) -> bool:
    """The name or address means the machine it is used on."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def on_one_machine(workers: WorkerSettings) -> bool:
    """The nodes are this machine: the scheduler listens on its loopback only."""
    return workers.slurm.interface == "lo" or bool(workers.slurm.host and is_loopback(workers.slurm.host))
