import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyecod.errors import NodeDiskError, is_disk_trouble
from pyecod.node import staging
from pyecod.node.scratch import this_node
from pyecod.node.staging import release_copies, staged, staged_size
from pyecod.settings import ScratchSettings

ID = "0123456789abcdef" * 4
FILES = {"domains.pin": b"index", "domains.psq": b"sequences" * 99, "domains.00.phr": b"headers", "domains.pal": b""}
SEARCH = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pyecod.settings.tree import ScratchSettings
from pyecod.node.staging import staged
print(staged(Path(sys.argv[1]), sys.argv[3], ScratchSettings(dir=sys.argv[2], stage_gib=1, max_gib=0.001)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A database, and files beside it that do not belong to it."""
    folder = tmp_path / "reference"
    folder.mkdir()
    for name, content in {**FILES, "domains.fasta": b">x", "domains2.pin": b"", "chains.pin": b"c"}.items():
        (folder / name).write_bytes(content)
    return folder / "domains"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[ScratchSettings]:
    yield ScratchSettings(dir=tmp_path / "scratch", stage_gib=1, max_gib=0.001)
    release_copies()


def searching(prefix: Path, scratch: ScratchSettings) -> subprocess.Popen[str]:
    """A process that searches the copy until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(prefix), str(scratch.dir), ID],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert Path(process.stdout.readline().strip()).parent.is_dir()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)


def test_the_copy_is_the_database_and_goes_with_the_process(prefix: Path, scratch: ScratchSettings) -> None:
    copy = staged(prefix, ID, scratch)
    assert copy.name == prefix.name
    assert {path.name: path.read_bytes() for path in copy.parent.glob("domains*")} == FILES
    assert copy.parent.parent.stat().st_mode & 0o777 == 0o700
    assert staged(prefix, ID, scratch) == copy
    release_copies()
    assert list(copy.parent.parent.iterdir()) == []


def test_profiles_are_copied_by_their_six_files(tmp_path: Path, scratch: ScratchSettings) -> None:
    files = {f"db_{kind}.ff{part}" for kind in ("a3m", "hhm", "cs219") for part in ("data", "index")}
    for name in (*files, "db_a3m.ffdata.old", "db.log"):
        (tmp_path / name).write_text(name)
    assert {path.name for path in staged(tmp_path / "db", ID, scratch).parent.glob("db*")} == files


def test_a_larger_database_is_searched_in_its_place(prefix: Path, scratch: ScratchSettings) -> None:
    small = scratch.model_copy(update={"stage_gib": 1e-9})
    assert staged(prefix, ID, small) == prefix
    assert staged(prefix, ID, ScratchSettings(dir=scratch.dir)) == prefix
    assert not scratch.dir.exists()  # type: ignore[union-attr]
    assert (staged_size(prefix, small), staged_size(prefix, scratch)) == (0, sum(map(len, FILES.values())))


@pytest.mark.parametrize("damage", ["marker", "file", "size"])
def test_what_a_killed_process_left_half_done_is_made_anew(prefix: Path, scratch: ScratchSettings, damage: str) -> None:
    process = searching(prefix, scratch)
    process.kill()
    end(process)
    (folder,) = (path for path in scratch.dir.glob("*/domains-*") if path.is_dir())  # type: ignore[union-attr]
    if damage == "marker":
        (folder / "complete.json").unlink()
    elif damage == "file":
        (folder / "domains.psq").unlink()
    else:
        (folder / "domains.psq").write_bytes(b"seq")
    copy = staged(prefix, ID, scratch)
    assert copy.parent == folder
    assert {path.name: path.read_bytes() for path in folder.glob("domains*")} == FILES


def test_a_whole_copy_of_a_killed_process_is_used_again(prefix: Path, scratch: ScratchSettings) -> None:
    process = searching(prefix, scratch)
    process.kill()
    end(process)
    (made,) = (path.stat().st_ino for path in scratch.dir.glob("*/*/domains.psq"))  # type: ignore[union-attr]
    copy = staged(prefix, ID, scratch)
    assert copy.with_suffix(".psq").stat().st_ino == made


def test_processes_share_a_copy_and_the_last_one_removes_it(prefix: Path, scratch: ScratchSettings) -> None:
    processes = [searching(prefix, scratch) for _ in range(2)]
    copy = staged(prefix, ID, scratch)
    end(processes[0])
    release_copies()
    assert copy.with_suffix(".psq").exists()
    end(processes[1])
    assert list(copy.parent.parent.iterdir()) == []


def test_the_end_of_a_job_removes_what_its_killed_worker_left_and_nothing_in_use(
    prefix: Path, scratch: ScratchSettings
) -> None:
    end_of_job = [sys.executable, "-m", "pyecod.node.staging", str(scratch.dir)]
    worker = searching(prefix, scratch)
    subprocess.run(end_of_job, check=True)
    assert len(list(scratch.dir.glob("*/*/complete.json"))) == 1  # type: ignore[union-attr]
    worker.kill()
    end(worker)
    subprocess.run(end_of_job, check=True)
    assert not list(scratch.dir.glob("*/*"))  # type: ignore[union-attr]


def test_abandoned_copies_of_ours_go_after_an_hour_or_when_space_is_short_and_nothing_else_does(
    prefix: Path, scratch: ScratchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = scratch.dir / f"pyecod-databases-{os.getuid()}"  # type: ignore[operator]
    for name in ("old", "young"):
        (own / name).mkdir(parents=True)
        (own / f"{name}.lock").touch()
    then = time.time() - 7200
    os.utime(own / "old.lock", (then, then))
    foreign = own.parent / "their.lock"
    foreign.touch()
    staged(prefix, ID, scratch)
    assert not (own / "old").exists()
    assert (own / "young").exists()
    release_copies()
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(NodeDiskError, match=r"0\.0 GiB are free") as caught:
        staged(prefix, ID, scratch)
    assert caught.value.where == this_node()
    assert is_disk_trouble(caught.value)
    assert [path.name for path in own.iterdir() if path.is_dir()] == []
    assert foreign.exists()


def test_a_folder_of_somebody_else_is_not_used(prefix: Path, scratch: ScratchSettings, tmp_path: Path) -> None:
    scratch.dir.mkdir()  # type: ignore[union-attr]
    (scratch.dir / f"pyecod-databases-{os.getuid()}").symlink_to(tmp_path)  # type: ignore[operator]
    with pytest.raises(NodeDiskError, match="belongs to somebody else"):
        staged(prefix, ID, scratch)


def test_a_disk_that_does_not_give_back_what_was_written_is_named(
    prefix: Path, scratch: ScratchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "sha256_of", lambda path: "0" * 64)
    with pytest.raises(NodeDiskError, match="disk is damaged"):
        staged(prefix, ID, scratch)
    assert not list(scratch.dir.glob("*/*/*"))  # type: ignore[union-attr]
