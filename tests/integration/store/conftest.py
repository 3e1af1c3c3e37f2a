"""Real servers: the embedded PostgreSQL, and Debian's as a private cluster of an unprivileged user."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pyecod.store import EmbeddedPostgres, Store, migrate

_spec = importlib.util.spec_from_file_location(
    "store_batches", Path(__file__).parents[2] / "unit" / "store" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_makers = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _makers
_spec.loader.exec_module(_makers)
batches, plan = _makers.batches, _makers.plan


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL that tests may do anything to."""

    host: Path
    user: str
    programs: Path | None = None
    data: Path | None = None
    account: str | None = None

    def url(self, database: str, user: str | None = None) -> str:
        return f"host={self.host} port=5432 user={user or self.user} dbname={database}"

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def control(self, *arguments: str) -> None:
        """pg_ctl of a private cluster."""
        assert self.programs is not None
        command = [str(self.programs / "pg_ctl"), "-w", "-D", str(self.data), *arguments]
        subprocess.run(command, check=True, user=self.account, capture_output=True, cwd="/")

    def restart(self) -> None:
        self.control("restart", "-m", "immediate", "-l", f"{self.data}.log")


@pytest.fixture(scope="session")
def debian_server() -> Iterator[Server]:
    """A private cluster made by the newest PostgreSQL in /usr/lib/postgresql."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not versions:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql (Debian: apt-get install postgresql)")
    programs = versions[-1].parent
    account = None
    if os.geteuid() == 0:
        account = next((a.pw_name for a in pwd.getpwall() if a.pw_name in ("postgres", "nobody")), None)
        if account is None:
            pytest.skip("PostgreSQL does not run as root and there is no account postgres or nobody")
    folder = Path(tempfile.mkdtemp(prefix="pyecod-pg-", dir="/tmp"))
    if account is not None:
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
    server = Server(folder, "tester", programs, folder / "data", account)
    options = ("-U", server.user, "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync")
    subprocess.run(
        [str(programs / "initdb"), "-D", str(server.data), *options],
        check=True,
        user=account,
        capture_output=True,
        cwd="/",
    )
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nfsync = off\n")
    server.control("start", "-l", f"{server.data}.log")
    try:
        yield server
    finally:
        server.control("stop", "-m", "immediate")
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("embedded") / "postgres")
    postgres.start()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # these data need not survive a power cut
        connection.execute("SELECT pg_reload_conf()")
    try:
        host = psycopg.conninfo.conninfo_to_dict(postgres.url)["host"]
        yield Server(Path(str(host)), "pyecod")
    finally:
        postgres.stop()


_names = itertools.count(1)


@pytest.fixture(params=["embedded", "debian"])
def server(request: pytest.FixtureRequest) -> Server:
    """Both servers, one after the other."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def empty_database(server: Server) -> Iterator[Store]:
    """A database with nothing in it."""
    name = f"test_{next(_names)}"
    server.execute(f"CREATE DATABASE {name}")
    yield Store(server.url(name))
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(empty_database: Store) -> Store:
    """A database with the current schema."""
    migrate(empty_database)
    return empty_database


@pytest.fixture
def query(store: Store):
    """Rows of a query: ``query("SELECT 1")``."""

    def rows(statement: str, *values: object) -> list[tuple]:
        with store.connect() as connection:
            return connection.execute(statement, values or None).fetchall()

    return rows
