"""psql's connection options, the same for every command that speaks with the database."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option("-h", "--host", help="database server or socket folder", show_default=False)]
Port = Annotated[int | None, typer.Option("-p", "--port", help="database port", show_default=False)]
Username = Annotated[str | None, typer.Option("-U", "--username", help="database user", show_default=False)]
Dbname = Annotated[
    str | None,
    typer.Option("-d", "--dbname", help="database name or libpq connection string", show_default=False),
]


def database_given(host: str | None, port: int | None, username: str | None, dbname: str | None) -> dict[str, str]:
    """Settings of the ``database`` section for psql's options; empty when none is given, so that the settings hold.

    Passwords come from ~/.pgpass or a libpq service file, never from an option.
    """
    if not any((host, port, username, dbname)):
        return {}
    if dbname and ("=" in dbname or "://" in dbname):
        return {"mode": "server", "url": dbname}
    parts = {"host": host, "port": port, "user": username, "dbname": dbname}
    return {"mode": "server", "url": " ".join(f"{key}={_quoted(value)}" for key, value in parts.items() if value)}


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
