"""The account of a server that root starts: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from pyecod.errors import StoreError

NOT_AS_ROOT = "work as an ordinary user, or use database.mode: server"


def server_account(data: Path | None) -> pwd.struct_passwd | None:
    """Account the server runs under when we are root: who owns the data, else postgres, else nobody.

    Raises:
        StoreError: there is no such account.
    """
    if os.geteuid() != 0:
        return None
    if data is not None and (uid := data.stat().st_uid) != 0:
        return pwd.getpwuid(uid)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StoreError(
        "PostgreSQL does not run as root and there is neither an account `postgres` nor `nobody`",
        hint=NOT_AS_ROOT,
    )


def as_account(account: pwd.struct_passwd, folder: Path) -> list[str]:
    """Words before a command that root has run under ``account``, which then still reaches folders closed to it.

    The capability alone opens files, but PostgreSQL looks for its programs with access(2), for which the kernel drops
    the capabilities of everybody but root. The secure bit keeps them.

    Raises:
        StoreError: the program that does this is not installed.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StoreError(
            "PostgreSQL does not run as root, and the program that changes the account, `setpriv`, is missing",
            where=folder,
            hint=f"install util-linux (Debian: apt-get install util-linux), or {NOT_AS_ROOT}",
        )
    who = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    reach = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return [setpriv, *who, *reach, "--"]
