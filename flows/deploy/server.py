"""The server that things are registered on."""

from __future__ import annotations

from pyecod.checks import START_SERVER
from pyecod.errors import ConfigError


def require_server() -> None:
    """Make sure that there is a Prefect server to talk to, rather than a temporary one that ends with the command.

    Raises:
        ConfigError: ``PREFECT_API_URL`` is not set.
    """
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise ConfigError(
            "there is no Prefect server to tell: PREFECT_API_URL is not set",
            hint=START_SERVER,
        )
