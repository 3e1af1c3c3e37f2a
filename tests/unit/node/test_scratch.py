import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyecod.node.scratch import check_space, scratch_folder
from pyecod.settings import ScratchSettings

HOLD = """
import sys, time
from pathlib import Path
from pyecod.settings.tree import ScratchSettings
from pyecod.node.scratch import scratch_folder
with scratch_folder(ScratchSettings(dir=Path(sys.argv[1]))) as folder:
    (folder / "intermediate").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def settings(folder: Path) -> ScratchSettings:
    return ScratchSettings(dir=folder)


def make_old(folder: Path) -> None:
    for path in folder.iterdir():
        then = time.time() - 3600
        os.utime(path, (then, then))


def test_a_folder_is_removed_at_the_end_and_after_an_error(tmp_path: Path) -> None:
    with scratch_folder(settings(tmp_path)) as folder:
        (folder / "a3m").write_text("x")
    with pytest.raises(FileNotFoundError), scratch_folder(settings(tmp_path)) as folder:
        (folder / "none").read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        killed, living = (Path(holder.stdout.readline().strip()) for holder in holders)  # type: ignore[union-attr]
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait()
        make_old(tmp_path)
        assert killed.exists()
        with scratch_folder(settings(tmp_path)):
            assert not killed.exists()
            assert (living / "intermediate").exists()
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()  # type: ignore[union-attr]


def test_a_disk_with_space_passes_and_a_full_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_space(tmp_path, "hhblits")
    state = os.statvfs(tmp_path)
    full = os.statvfs_result((*state[:4], 0, *state[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(OSError, match="hhblits") as caught:
        check_space(tmp_path, "hhblits")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path))
