"""The Prefect server of a single run, where none is named: its database in a folder of its own, behind a password."""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pyecod.checks import START_SERVER
from pyecod.errors import NodeDiskError, PyecodError, explain
from pyecod.node.scratch import scratch_folder
from pyecod.settings import ScratchSettings

_PROBE_BYTES = 32 << 20  # what the database of a week's run comes to
_DATABASE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def prepare_temporary_server() -> None:
    """Have the server that Prefect starts for this process keep what it writes in a new folder of the system's
    temporary one, and ask a password that only this process knows. The folder goes with the process.

    A full home, or another run's database, then does no harm; nobody else on this machine can steer the run. Who names
    a database in the environment keeps it.

    Raises:
        PyecodError: the temporary folder is full or not writable.
    """
    stack = ExitStack()
    try:
        folder = stack.enter_context(scratch_folder(ScratchSettings()))
        atexit.register(stack.close)  # after the server's own end, which Prefect registers later
        folder.chmod(0o700)
        _probe(folder)
    except (NodeDiskError, OSError) as error:
        stack.close()
        why = explain(error) if isinstance(error, OSError) else error.what
        raise PyecodError(
            f"the temporary Prefect server of this run cannot keep its database: {why}",
            where=tempfile.gettempdir(),
            hint=f"free some space there, or set TMPDIR to another local disk; or use a server: {START_SERVER}",
        ) from None
    if not any(os.environ.get(name) for name in _DATABASE):
        os.environ[_DATABASE[0]] = f"sqlite+aiosqlite:///{folder / 'prefect.db'}"
    os.environ.setdefault("PREFECT_SERVER_MEMO_STORE_PATH", str(folder / "memo_store.toml"))
    os.environ.setdefault("PREFECT_RESULTS_LOCAL_STORAGE_PATH", str(folder / "results"))
    password = f"pyecod:{secrets.token_urlsafe(24)}"
    os.environ["PREFECT_SERVER_API_AUTH_STRING"] = os.environ["PREFECT_API_AUTH_STRING"] = password
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()


def explain_server_failure(error: RuntimeError) -> PyecodError | None:
    """Prefect's complaint that its temporary server did not start, as one sentence; None where it is another error."""
    if "phemeral" not in str(error):
        return None
    what = "the temporary Prefect server of this run did not start; its own messages are above"
    hint = f"free space in {tempfile.gettempdir()} and memory, and give the same command again; or {START_SERVER}"
    return PyecodError(what, hint=hint)


def _probe(folder: Path) -> None:
    """Write as much as the database may need: a quota shows only so."""
    probe = folder / "probe"
    with probe.open("wb", buffering=0) as stream:
        left = _PROBE_BYTES
        while left > 0:
            left -= stream.write(b"\1" * min(left, 1 << 20))
        os.fsync(stream.fileno())
    probe.unlink()
