import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "deployments" / "install-programs.sh"
PROGRAMS = ("blastp", "makeblastdb", "hhblits", "hhsearch")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with a shell on it and nothing else."""
    for name in ("sh", "touch", "chmod"):
        (tmp_path / name).symlink_to(shutil.which(name))  # type: ignore[arg-type]
    return tmp_path


def add(machine: Path, name: str, script: str = "exit 0") -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def run(machine: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "sh", SCRIPT], env={"PATH": str(machine)}, capture_output=True, text=True, timeout=20
    )


def test_nothing_is_said_or_done_when_everything_is_there(machine: Path) -> None:
    for name in PROGRAMS:
        add(machine, name)
    add(machine, "id", "echo 0")
    add(machine, "apt-get", "touch $0.called")
    done = run(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (machine / "apt-get.called").exists()


def test_without_root_it_says_what_is_missing_and_how_to_get_it(machine: Path) -> None:
    add(machine, "blastp")
    add(machine, "makeblastdb")
    add(machine, "id", "echo 1000")
    add(machine, "apt-get", "touch $0.called")
    done = run(machine)
    assert done.returncode == 1
    assert "hhblits hhsearch" in done.stderr
    assert "apt-get install hhsuite" in done.stderr
    assert "bioconda hhsuite" in done.stderr
    assert "ncbi-blast" not in done.stderr
    assert not (machine / "apt-get.called").exists()


def test_as_root_only_what_is_missing_is_installed(machine: Path) -> None:
    add(machine, "hhblits")
    add(machine, "hhsearch")
    add(machine, "id", "echo 0")
    make = "; ".join(f"echo > {machine}/{name}; chmod 755 {machine}/{name}" for name in ("blastp", "makeblastdb"))
    add(machine, "apt-get", f'echo "$*" >> {machine}/asked; case "$*" in *ncbi-blast+*) {make};; esac')
    done = run(machine)
    assert done.returncode == 0, done.stderr
    assert "hhsuite" not in (machine / "asked").read_text()
    assert run(machine).stdout == ""


def test_when_the_installation_fails_it_says_what_is_missing(machine: Path) -> None:
    add(machine, "id", "echo 0")
    add(machine, "apt-get", "exit 100")
    done = run(machine)
    assert done.returncode == 1
    for name in PROGRAMS:
        assert name in done.stderr
