"""The site that pyECOD 0.1 left (``tests/fixtures/v0.1``), unpacked for every test, and its database restored."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from pyecod.batch import Batch
from pyecod.cli.main import app
from pyecod.settings import Settings, load_settings
from pyecod.store import ROLES, EmbeddedPostgres, Store
from pyecod.store.embedded import _programs

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "v0.1" / "site.tar.xz"
PLACE = "/srv/ecod"  # where 0.1 had it
VERSIONS = {"blastp": "blastp: 2.12.0+", "hhblits": "HHblits 3.3.0:", "hhsearch": "HHsearch 3.3.0"}


@dataclass(frozen=True)
class Site:
    """The folder of the site; the working folder of the test is there."""

    folder: Path
    searches: Path

    def pyecod(self, *arguments: str) -> str:
        """What a command without a flow says, given as a person of the site gives it."""
        return self._run(arguments).output

    def json(self, *arguments: str) -> Any:
        return json.loads(self._run((*arguments, "--json")).stdout)

    def _run(self, arguments: tuple[str, ...]) -> Any:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 0, f"{result.exit_code}: {result.output}\n{result.exception!r}"
        return result

    def said(self, name: str) -> Any:
        """What 0.1 answered, its folder replaced by this one."""
        return json.loads((self.folder / "said" / f"{name}.json").read_text().replace(PLACE, str(self.folder)))

    def batch(self, name: str) -> Batch:
        return Batch.open(self.folder / "batches" / name)

    @property
    def settings(self) -> Settings:
        return load_settings(Path("site.yaml")).absolute()

    def searched(self) -> Counter[str]:
        """How often each search program was started."""
        return Counter(self.searches.read_text().split()) if self.searches.exists() else Counter()


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, once; tests work on copies."""
    folder = tmp_path_factory.mktemp("v0.1")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "site"


@pytest.fixture
def site(unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site without its database, and search programs that write down that they were started.

    They call themselves by the versions that 0.1 searched with: a newer version is a reason to search again.
    """
    folder = Path(shutil.copytree(unpacked, tmp_path / "site", copy_function=shutil.copy2))
    searches, programs = tmp_path / "searches", tmp_path / "programs"
    programs.mkdir()
    for name, version in VERSIONS.items():
        real = shutil.which(name)
        if real is None:
            pytest.skip(f"not installed: {name} (run `make setup`)")
        wrapper = programs / name
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *-version*|-h) echo "{version}"; exit;; esac\n'
            f'echo {name} >> {searches}\nexec {real} "$@"\n'
        )
        wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYECOD_SETTINGS_FILE", "site.yaml")
    monkeypatch.setenv("PYECOD_DATABASE__MODE", "none")
    monkeypatch.chdir(folder)
    return Site(folder, searches)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for the site's database."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("upgrade") / "postgres")
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture
def database(site: Site, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The database of 0.1 as ``pg_dump`` wrote it, restored into an empty one; the settings name it."""
    psql = [str(_programs(server.data, server.folder) / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]
    with psycopg.connect(server.url, autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in set(ROLES) - known:  # of the server, not of the database: pg_dump leaves them out
            connection.execute(f"CREATE ROLE {role}")
        connection.execute("DROP DATABASE IF EXISTS restored WITH (FORCE)")
        connection.execute("CREATE DATABASE restored")
    url = server.url.replace("/pyecod?", "/restored?")
    dump = gzip.decompress((site.folder / "database.sql.gz").read_bytes())
    dump = dump.replace(PLACE.encode(), str(site.folder).encode())  # the site stays where it is
    subprocess.run([*psql, url], input=dump, check=True, stdout=subprocess.DEVNULL)
    monkeypatch.setenv("PYECOD_DATABASE__MODE", "server")
    monkeypatch.setenv("PYECOD_DATABASE__URL", url)
    return Store(url)
