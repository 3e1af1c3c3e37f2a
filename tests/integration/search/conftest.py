"""The real reference, real queries, and stand-in programs that misbehave on purpose."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyecod.fasta import read_fasta
from pyecod.pdb.chain import sequence_md5
from pyecod.reference import Reference, build_reference
from pyecod.search import Query, SearchCache
from pyecod.settings import Settings, load_settings

REAL = Path(__file__).resolve().parents[4] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real data."""
    if not REAL.is_dir():
        pytest.skip(f"the real data are not at {REAL}")
    for program in ("blastp", "makeblastdb", "hhblits", "hhsearch"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return REAL


@pytest.fixture(scope="session")
def reference(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """ECOD F40 representatives and E. coli domains, E. coli chains, some profiles; a space in its path."""
    folder = tmp_path_factory.mktemp("a reference")
    source = real / "reference"
    profiles = folder / "hh"
    profiles.mkdir()
    for path in (source / "hh").iterdir():
        target = profiles / path.name.removesuffix(".gz")
        if path.suffix == ".ffindex":
            target.write_text("".join(_some_profiles(path.read_text().splitlines(keepends=True), source)))
            continue
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out)
    build_reference(
        folder / "real",
        "real1",
        domains=[source / "ref.domains.txt", source / "ecoli.domains.txt"],
        domain_fasta=[source / "ref.domains.fasta", source / "ecoli.domains.fasta"],
        chain_fasta=[source / "ecoli.chains.fasta"],
        hh_db=profiles / "refdb",
    )
    return Reference.open(folder / "real")


def _some_profiles(index: list[str], source: Path) -> list[str]:
    """Every 12th profile and all SH2 domains (214.1.1): a search takes a tenth of the time."""
    lines = [line.split("\t") for line in (source / "ref.domains.txt").read_text().splitlines() if line[0] != "#"]
    sh2 = {fields[1] for fields in lines if fields[3].startswith("214.1.1.")}
    return [line for n, line in enumerate(index) if n % 12 == 0 or line.split("\t")[0].split(";")[0] in sh2]


def queries_of(path: Path) -> dict[str, Query]:
    return {
        record.id: Query(sequence_md5(record.sequence), record.sequence)
        for record in read_fasta(path)
        if set(record.sequence) <= set("ACDEFGHIKLMNPQRSTVWYX")
    }


@pytest.fixture(scope="session")
def chains(real: Path) -> dict[str, Query]:
    """Real multi-domain chains by name."""
    return queries_of(real / "dev" / "dev_inferred.fasta")


@pytest.fixture(scope="session")
def ecoli(real: Path) -> dict[str, Query]:
    """The chains of the reference's own chain database."""
    return queries_of(real / "reference" / "ecoli.chains.fasta")


@pytest.fixture
def settings_with(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a test with a cache and a scratch folder of its own; keywords are those of the search section."""

    def make(scratch_dir: Path | None = None, **search: object) -> Settings:
        return load_settings(
            overrides={
                "search": {"cache_dir": tmp_path / "cache", **search},
                "scratch": {"dir": scratch_dir or tmp_path / "scratch"},
            }
        )

    return make


@pytest.fixture
def settings(settings_with: Callable[..., Settings]) -> Settings:
    return settings_with()


@pytest.fixture
def cache(settings: Settings) -> SearchCache:
    return SearchCache(settings.cache_dir)


class Stand:
    """Stand-ins for programs, first on the PATH; each logs its starts, answers for its version, then misbehaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, program: str, script: str = 'exec "$REAL" "$@"') -> None:
        """Replace ``program`` by a shell script, which may use the variables REAL, QUERY, OUT and A3M."""
        found = shutil.which(program, path=os.environ["PATH"].replace(f"{self.folder}:", ""))
        path = self.folder / program
        path.write_text(
            f'#!/bin/bash\nREAL="{found}"\n'
            'case "$1" in -version|-h) exec "$REAL" "$@";; esac\n'
            f'echo "$$" >> "{self.folder}/{program}.starts"\n'
            'for ((i = 1; i <= $#; i++)); do case "${!i}" in -query|-i) j=$((i + 1)); QUERY="${!j}";;'
            ' -o) j=$((i + 1)); OUT="${!j}";; -oa3m) j=$((i + 1)); A3M="${!j}";; esac; done\n'
            f"{script}\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def starts(self, program: str) -> int:
        """How often it was started for a search."""
        log = self.folder / f"{program}.starts"
        return len(log.read_text().split()) if log.exists() else 0


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    folder = tmp_path / "stand"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Stand(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts file systems of a given size (``64k``) that are full soon."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "pyecod-test", folder], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)
