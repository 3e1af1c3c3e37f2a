"""The way to PostgreSQL: embedded, a server by libpq's conventions, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from pyecod.errors import NoDatabaseError, StoreError, StoreUnavailableError
from pyecod.settings import DatabaseSettings, data_home
from pyecod.store.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

OLDEST_SERVER = 130000  # PostgreSQL 13: the oldest still met on clusters


class Store:
    """One PostgreSQL database. Holds no password, and no connection: :meth:`connect` opens one when needed.

    ``conninfo`` is a libpq connection string or URL; what it leaves open comes from the ``PG…`` variables, the
    service file and ``~/.pgpass``. With ``server`` it is the embedded one, which runs at least until :meth:`close`.
    """

    def __init__(
        self, conninfo: str = "", *, connect_timeout: int = 10, server: EmbeddedPostgres | None = None
    ) -> None:
        self.server = server
        self._use = server.acquire() if server is not None else None
        self.conninfo = server.url if server is not None else conninfo
        self.connect_timeout = connect_timeout

    def close(self) -> None:
        """End the use of the embedded server; its last user stops it, unless `pyecod db start` keeps it."""
        if self._use is not None and self.server is not None:
            use, self._use = self._use, None
            self.server.release(use)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def target(self) -> str:
        """Where this is, for messages: ``database pyecod on db.example.org as user ecod``."""
        parts = {o.keyword.decode(): o.val.decode() for o in pq.Conninfo.get_defaults() if o.val is not None}
        parts |= {key: str(value) for key, value in conninfo_to_dict(self.conninfo).items()}
        if parts.get("service") and "dbname" not in conninfo_to_dict(self.conninfo):
            return f"service {parts['service']}"
        user = parts.get("user", "?")
        host = parts.get("host") or parts.get("hostaddr") or "the local socket"
        port = "" if host.startswith("/") or not parts.get("port") else f" port {parts['port']}"
        return f"database {parts.get('dbname', user)} on {host}{port} as user {user}"

    @contextmanager
    def connect(self, *, autocommit: bool = False) -> Iterator[Connection]:
        """A connection, committed at the end of the block, rolled back when it raises, always closed.

        Raises:
            StoreUnavailableError: the server cannot be reached or went away: worth another try.
            StoreError: it refuses: no such database, no permission, no such table, a value it does not take.
        """
        connection: Connection | None = None
        try:
            connection = psycopg.connect(
                self.conninfo,
                autocommit=autocommit,
                connect_timeout=self.connect_timeout,
                fallback_application_name="pyecod",
            )
            if connection.info.server_version < OLDEST_SERVER:
                raise StoreError(
                    f"the server is PostgreSQL {connection.info.server_version // 10000}",
                    where=self.target,
                    hint=f"pyECOD needs {OLDEST_SERVER // 10000} or later",
                )
            with connection:
                yield connection
        except psycopg.Error as error:
            raise self._explain(error, connection) from error

    def _explain(self, error: psycopg.Error, connection: Connection | None) -> StoreError:
        said = " ".join((error.diag.message_primary or str(error)).split())
        if connection is None:
            return StoreUnavailableError(f"cannot connect: {said}", where=self.target, hint=_connect_hint(said))
        if connection.broken or isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
            return StoreUnavailableError(
                f"the connection broke: {said}", where=self.target, hint="nothing was half written: run it again"
            )
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
            hint: str | None = "pyecod db migrate"
        elif isinstance(error, psycopg.errors.InsufficientPrivilege):
            hint = "the user needs the role pyecod_writer (to read: pyecod_reader); see `pyecod db roles`"
        elif isinstance(error, psycopg.errors.DiskFull):
            hint = "the server's disk is full"
        elif isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            hint = "somebody else changed the same rows: run it again"
        else:
            hint = None
        return StoreError(said, where=self.target, hint=hint)


def open_store(settings: DatabaseSettings) -> Store:
    """The database the settings name, to be used in a ``with`` block. Nothing is connected yet.

    Mode ``embedded`` starts the private server where it is not running; leaving the block stops it again when nobody
    else uses it and `pyecod db start` was not given.

    Raises:
        NoDatabaseError: the settings name none (``mode: none``).
        StoreError: the embedded server cannot start, or ``database.url`` is not a connection string.
    """
    if settings.mode == "none":
        raise NoDatabaseError(
            "no database is configured (database.mode: none)", hint="database.mode: embedded or server"
        )
    if settings.mode == "embedded":
        return Store(server=embedded_postgres(settings), connect_timeout=settings.connect_timeout)
    try:
        parts = conninfo_to_dict(settings.url or "")
    except psycopg.ProgrammingError:
        # libpq's message repeats parts of the string, which may hold what should not be shown
        raise StoreError(
            "database.url is not a libpq connection string",
            hint="expected postgresql://user@host:port/database or key=value pairs; empty means the PG… variables",
        ) from None
    if "password" in parts:
        raise StoreError("database.url holds a password", hint="put it into ~/.pgpass or a libpq service file")
    return Store(settings.url or "", connect_timeout=settings.connect_timeout)


def embedded_postgres(settings: DatabaseSettings) -> EmbeddedPostgres:
    """The private server of mode ``embedded``, running or not."""
    return EmbeddedPostgres((settings.data_dir or data_home() / "postgres").expanduser().absolute())


def _connect_hint(said: str) -> str:
    """What to check, by what libpq said."""
    text = said.lower()
    if "no password supplied" in text or "password authentication failed" in text:
        return "put the password into ~/.pgpass (mode 0600) or a service file; check PGUSER"
    if "does not exist" in text and "database" in text:
        return "create it with `createdb`, or check PGDATABASE / database.url"
    if "does not exist" in text and "role" in text:
        return "check PGUSER / database.url; an administrator makes users with `createuser`"
    if "definition of service" in text or "service file" in text:
        return "check PGSERVICE and ~/.pg_service.conf"
    if "pg_hba.conf" in text:
        return "the server does not let this user in from this machine: ask its administrator for a pg_hba.conf line"
    if "translate host name" in text or "failed to resolve host" in text:
        return "the host name is unknown here: check PGHOST / database.url"
    return "is the server up and reachable? check host and port in database.url or PGHOST, PGPORT, PGSERVICE"
