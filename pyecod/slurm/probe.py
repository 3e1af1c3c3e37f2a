"""What a worker's host sees: run there by ``pyecod doctor``, as ``python -m pyecod.slurm.probe FOLDER``.

Reads ``FOLDER/ask.json`` and writes ``FOLDER/answer.json``; needs nothing but the folder and this package.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import orjson

from pyecod.files import atomic_write

_SECONDS = 10


def answer(ask: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Host, and for each path, program and address asked for an empty text or what is wrong with it."""
    from pyecod.node.program import program_versions

    versions = program_versions()
    host, port = ask["scheduler"]
    return {
        "host": socket.gethostname(),
        "cores": len(os.sched_getaffinity(0)),
        "paths": {path: _look(path) for path in ask["paths"]},
        "programs": {name: "" if name in versions else "not found on PATH" for name in ask["programs"]},
        "prefect": _ask_api(ask["prefect"]) if ask["prefect"] else "PREFECT_API_URL is not set where the flow runs",
        "scheduler": _connect(host, port),
        "reached": _be_reached(host, port, folder),
        "scratch_gib": shutil.disk_usage(_existing(Path(ask["scratch"]))).free / 2**30,
    }


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _look(path: str) -> str:
    """A file or database prefix that can be read, or a folder."""
    found = Path(path)
    if found.exists():
        return "" if os.access(found, os.R_OK) else "not readable"
    return "" if found.parent.is_dir() and any(found.parent.glob(f"{found.name}*")) else "not there"


def _ask_api(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_SECONDS):  # noqa: S310 - the user's setting
            return ""
    except urllib.error.HTTPError:  # it answers: that is enough here
        return ""
    except (OSError, ValueError) as error:
        return str(error)


def _connect(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return ""
    except OSError as error:
        return str(error)


def _be_reached(host: str, port: int, folder: Path) -> str:
    """The other direction: Dask's scheduler also calls its workers. Says in ``listen.json`` where this host listens, on
    the address from which it reaches the scheduler, and waits for a call."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as call:
            address = call.getsockname()[0]
    except OSError:
        return ""  # said already
    with socket.create_server((address, 0)) as server:
        server.settimeout(_SECONDS)
        atomic_write(folder / "listen.json", orjson.dumps([address, server.getsockname()[1]]))
        try:
            server.accept()[0].close()
        except OSError:
            return f"no call came to {address}"
    return ""


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    _asked = orjson.loads((_folder / "ask.json").read_bytes())
    atomic_write(_folder / "answer.json", orjson.dumps(answer(_asked, _folder)))
