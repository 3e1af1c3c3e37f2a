"""Is everything here that a run needs? One finding per line, each problem with its remedy."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pyecod.checks import START_SERVER, Finding
from pyecod.errors import PyecodError, describe
from pyecod.settings import Settings, data_home

_SMALLEST_SERVER_GIB = 0.1
_SMALLEST_DATABASE_GIB = 1.0
_SMALLEST_DISK_GIB = 10.0  # an ordinary week leaves 8 to 10 GiB
_LARGEST_CLOCK_ERROR = 30.0  # seconds; a run whose clock is further off looks late, or dead, to its server


@dataclass(frozen=True, slots=True)
class Server:
    """The Prefect server's API: its address, and ``user:password`` where it asks for one; empty where there is none."""

    url: str = ""
    auth: str = ""


def examine(settings: Settings, server: Server, *, patience: float = 180.0) -> Iterator[Finding]:
    """All checks, in the order a person would mend them; none changes anything.

    With SLURM workers a probe job is submitted and waited for, at most ``patience`` seconds.
    """
    yield from _python()
    yield from _programs()
    yield _guarded("reference", lambda: _reference(settings))
    if settings.reference is not None:
        yield _guarded("reference files", lambda: _reference_check(settings))
    yield from _input_folders(settings)
    yield _guarded("database", lambda: _database(settings))
    yield from _kept(settings)
    yield from _prefect(server)
    yield _workers(settings)
    yield from _machine(settings)
    if settings.workers.kind == "slurm":
        from pyecod.slurm.checks import check_cluster

        yield from check_cluster(settings, api_url=server.url, patience=patience)


def _guarded(check: str, examine_it: Callable[[], Finding]) -> Finding:
    try:
        return examine_it()
    except PyecodError as error:
        return Finding(
            check, "problem", f"{error.where}: {error.what}" if error.where else error.what, error.hint or ""
        )
    except OSError as error:
        return Finding(check, "problem", describe(error))


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", found)
    for package in ("prefect", "prefect-dask", "dask-jobqueue", "psycopg"):
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            yield Finding(package, "problem", "not installed", "run `make setup` again")


def _programs() -> Iterator[Finding]:
    from pyecod.node.program import INSTALL_HINTS, program_versions

    versions = program_versions()
    for name, hint in INSTALL_HINTS.items():
        if name in versions:
            yield Finding(name, "ok", versions[name])
        else:
            yield Finding(name, "problem", "not found on PATH", hint)


def _reference_check(settings: Settings) -> Finding:
    """When the large files were last read and held against their checksums."""
    from pyecod.reference import Reference
    from pyecod.reference.checked import last_check

    assert settings.reference is not None
    reference = Reference.open(settings.reference)
    last = last_check(reference.path, reference.id, settings.base_path)
    if last is None:
        what = "the BLAST and HH-suite files were never held against their checksums"
        return Finding("reference files", "note", what, "`pyecod reference check`, or the maintenance deployment")
    if last.problems:
        return Finding(
            "reference files", "problem", str(last), "put the right files back, or build the reference again"
        )
    if last.is_old:
        what = f"{last}, {last.age_days:.0f} days ago"
        return Finding("reference files", "note", what, "`pyecod reference check`, or the maintenance deployment")
    return Finding("reference files", "ok", str(last))


def _reference(settings: Settings) -> Finding:
    if settings.reference is None:
        return Finding("reference", "note", "none named", "pyecod reference build …, then `reference:` in the settings")
    from pyecod.reference.ready import open_reference

    reference = open_reference(settings)
    lacks = [] if reference.chain_db else ["without chain sequences: no chain BLAST"]
    lacks += [] if reference.hh_db else ["without HH-suite profiles: no profile search"]
    has = "; ".join(lacks) or "with chain sequences and profiles"
    return Finding("reference", "note" if lacks else "ok", f"{reference.version} at {settings.reference}, {has}")


def _kept(settings: Settings) -> Iterator[Finding]:
    """What earlier versions left, as far as it can be looked at."""
    from pyecod.kept import check_kept
    from pyecod.reference import Reference

    try:
        reference_id = Reference.open(settings.reference).id if settings.reference else None
        yield from check_kept(settings, reference_id)
    except (PyecodError, OSError):
        return  # the lines for the reference and the folders say it


def _input_folders(settings: Settings) -> Iterator[Finding]:
    for key in ("status_dir", "mirror"):
        path: Path | None = getattr(settings, key)
        if path is None and key == "mirror" and settings.fetch.enabled:
            yield Finding(key, "ok", f"none: entries are fetched from {settings.fetch.entries_url} as they are read")
        elif path is None:
            yield Finding(key, "note", "not set", f"--{key.replace('_', '-')} PATH, or `{key}:` in the settings")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield Finding(key, "problem", f"{path} is not a readable folder", "mount it, or correct the setting")
        else:
            yield Finding(key, "ok", str(path))


def _database(settings: Settings) -> Finding:
    if settings.database.mode == "none":
        return Finding("database", "note", "switched off (database.mode: none)")
    from pyecod.store import open_store, pending_migrations

    with open_store(settings.database) as store:
        pending = pending_migrations(store)
        if pending:
            detail = f"{store.target}: {len(pending)} migrations to apply"
            # the embedded database is brought up to date by its first load; a server's is not, and the load fails
            state: Literal["note", "problem"] = "note" if settings.database.mode == "embedded" else "problem"
            return Finding("database", state, detail, "pyecod db migrate")
        return Finding("database", "ok", store.target)


def _prefect(server: Server) -> Iterator[Finding]:
    """The server and its version, and how far its clock is from ours."""
    check = "prefect server"
    if not server.url:
        yield Finding(check, "note", "PREFECT_API_URL is not set: each run starts a temporary server")
        remedy = "the temporary server keeps its database there: free some space, or set TMPDIR to another local disk"
        yield _disk("disk of prefect", Path(tempfile.gettempdir()), _SMALLEST_SERVER_GIB, remedy)
        return
    import httpx

    user, _, password = server.auth.partition(":")
    try:
        answer = httpx.get(
            f"{server.url.rstrip('/')}/admin/version", auth=(user, password) if user else None, timeout=5
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            remedy = "set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING"
            yield Finding(check, "problem", f"{server.url} refuses the password", remedy)
            return
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = f"{START_SERVER}; or correct PREFECT_API_URL"
        yield Finding(check, "problem", f"{server.url}: {error}", remedy)
        return
    found, ours = answer.text.strip().strip('"')[:20], version("prefect")
    same = found.split(".")[:2] == ours.split(".")[:2]
    remedy = "" if same else "install the same version on both sides"
    yield Finding(check, "ok" if same else "problem", f"{server.url}, version {found}", remedy)
    if "date" in answer.headers:
        yield _clock((datetime.now(UTC) - parsedate_to_datetime(answer.headers["date"])).total_seconds())


def _clock(seconds: float) -> Finding:
    if abs(seconds) <= _LARGEST_CLOCK_ERROR:
        return Finding("clock", "ok", "agrees with the Prefect server's")
    detail = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the Prefect server's"
    return Finding("clock", "problem", detail, "let both machines follow a time server (chrony, systemd-timesyncd)")


def _workers(settings: Settings) -> Finding:
    workers = settings.workers
    memory = f", {workers.memory_gib:g} GiB" if workers.kind == "slurm" else ""
    return Finding(
        "workers",
        "ok",
        f"{workers.count} × {workers.kind}, {workers.cores} core{'s' if workers.cores > 1 else ''} each{memory}",
    )


def _machine(settings: Settings) -> Iterator[Finding]:
    week = "a week needs 8 to 10 GiB: free some space"
    yield _disk("disk of base_path", settings.base_path, _SMALLEST_DISK_GIB, week)
    yield _disk("disk of search cache", settings.cache_dir, _SMALLEST_DISK_GIB, week)
    if settings.database.mode == "embedded":
        data = settings.database.data_dir or data_home() / "postgres"
        remedy = "PostgreSQL keeps the results there: free some space, or set database.data_dir to another disk"
        yield _disk("disk of database", data, _SMALLEST_DATABASE_GIB, remedy)
    if settings.workers.kind != "slurm":  # whose nodes have scratch disks of their own, which the probe looks at
        scratch = settings.scratch.dir or Path(tempfile.gettempdir())
        remedy = "intermediates of the searches go there: free some space, or choose another scratch.dir"
        yield _disk("scratch disk", scratch, settings.alerts.scratch_gib, remedy)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Finding("machine", "ok", f"{os.cpu_count()} cores, {memory:.0f} GiB of memory")


def _disk(check: str, path: Path, least_gib: float, remedy: str) -> Finding:
    folder = next(p for p in (path, *path.parents) if p.exists())
    free = shutil.disk_usage(folder).free / 2**30
    if not os.access(folder, os.W_OK):
        return Finding(check, "problem", f"{folder} is not writable", "choose another folder")
    if free < least_gib:
        return Finding(check, "problem", f"{free:.1f} GiB free at {folder}", remedy)
    return Finding(check, "ok", f"{free:.0f} GiB free at {folder}")
