"""Real processes, killed with -9, fighting for a batch, and on a disk that is really full."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, ChainUpdate
from pyecod.errors import BatchError, BatchLockedError
from pyecod.ids import ChainKey
from pyecod.settings import Settings

pytestmark = pytest.mark.integration

KEYS = [ChainKey("8abc", name) for name in "ABCDEFGH"]

# marks as fast as it can, says on a line of its own what was acknowledged, and takes a snapshot now and then
DRIVER = """
import sys
from pathlib import Path
from pyecod.batch import Batch, ChainUpdate
from pyecod.ids import ChainKey

batch = Batch.open(Path(sys.argv[1]))
keys = [ChainKey("8abc", name) for name in "ABCDEFGH"]
with batch.lock():
    number = max(record.attempts for record in batch.manifest.chains.values())
    while True:
        number += 1
        batch.mark([ChainUpdate(key, {"attempts": number}) for key in keys])
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
        if number % 7 == 0:
            batch.snapshot()
"""

# takes the lock again and again; inside, nobody else may be
FIGHTER = """
import os, sys, time
from pathlib import Path
from pyecod.batch import Batch, ChainUpdate
from pyecod.errors import BatchLockedError
from pyecod.ids import ChainKey

folder, key = Path(sys.argv[1]), ChainKey("8abc", "A")
marks, names = 0, set()
end = time.monotonic() + 30
while marks < 15 and time.monotonic() < end:
    try:
        with Batch.open(folder).lock() as batch:
            handle = os.open(folder / "inside", os.O_CREAT | os.O_EXCL)
            batch.mark([ChainUpdate(key, {"attempts": batch.record(key).attempts + 1})])
            time.sleep(0.005 if marks else 0.8)
            os.close(handle)
            (folder / "inside").unlink()
            marks += 1
    except BatchLockedError as error:
        names.add(str(error))
print(marks, sum("pid" in name for name in names))
"""


def make_batch(base: Path) -> Batch:
    chains = [ChainRecord(key, 100, f"{i:032x}") for i, key in enumerate(KEYS)]
    return Batch.create(base, BatchHeader.new("ecod_weekly_20250905", "weekly", Settings()), chains=chains)


def python(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)


def test_after_kill_9_every_acknowledged_mark_is_there_twenty_times(tmp_path: Path) -> None:
    batch = make_batch(tmp_path)
    chance = random.Random(5)
    acknowledged = 0
    for _ in range(20):
        driver = python(DRIVER, batch.path)
        assert driver.stdout is not None
        said = [driver.stdout.readline()]
        time.sleep(chance.uniform(0, 0.15))
        driver.send_signal(signal.SIGKILL)
        said += driver.stdout.read().splitlines()
        driver.wait()
        last = max(int(line) for line in said if line.strip())
        assert last > acknowledged
        state = Batch.open(batch.path)
        found = {record.attempts for record in state.manifest.chains.values()}
        assert found <= {last, last + 1}, "an acknowledged mark is lost"
        assert len(found) == 1, "half a mark is there"
        assert state.holder is None
        acknowledged = found.pop()


def test_of_processes_that_fight_for_a_batch_one_drives_it_and_the_others_are_told_who(tmp_path: Path) -> None:
    batch = make_batch(tmp_path)
    fighters = [python(FIGHTER, batch.path) for _ in range(3)]
    results = [fighter.communicate()[0].split() for fighter in fighters]
    assert [fighter.returncode for fighter in fighters] == [0, 0, 0]
    marks, refusals = (sum(int(result[i]) for result in results) for i in (0, 1))
    assert marks > 3
    assert refusals > 0
    assert Batch.open(batch.path).record(KEYS[0]).attempts == marks


def test_a_stopped_process_keeps_its_batch_and_a_killed_one_does_not(tmp_path: Path) -> None:
    batch = make_batch(tmp_path)
    driver = python(DRIVER, batch.path)
    assert driver.stdout is not None
    driver.stdout.readline()
    driver.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(BatchLockedError, match=f"pid {driver.pid}"), batch.lock():
            pass
    finally:
        driver.kill()
        driver.communicate()
    with batch.lock():
        batch.mark([ChainUpdate(KEYS[0], {"attempts": 10**6})])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_the_batch_with_its_name_and_loses_nothing(small_disk: Path) -> None:
    batch = make_batch(small_disk)
    ballast = small_disk / "ballast"
    with batch.lock():
        batch.mark([ChainUpdate(KEYS[0], {"failure_reason": "x" * 2000})])
        ballast.write_bytes(bytes(4096 * (os.statvfs(small_disk).f_bavail - 4)))
        number = 0
        with pytest.raises(BatchError, match="no space left on the disk") as caught:  # noqa: PT012
            while True:
                batch.mark([ChainUpdate(KEYS[1], {"attempts": number + 1, "failure_reason": f"{number}" * 500})])
                number += 1
        assert "journal.jsonl" in str(caught.value)
        assert number > 0
        for state in (batch, Batch.open(batch.path)):
            assert state.record(KEYS[1]).attempts == number
        with pytest.raises(BatchError, match="no space left on the disk"):
            batch.snapshot()
        assert Batch.open(batch.path).record(KEYS[1]).attempts == number
        ballast.unlink()
        batch.mark([ChainUpdate(KEYS[2], {"attempts": 7})])
    assert Batch.open(batch.path).record(KEYS[2]).attempts == 7


def test_a_batch_is_not_created_on_a_full_disk_and_is_afterwards(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4096 * os.statvfs(small_disk).f_bavail))
    with pytest.raises(BatchError, match="no space left on the disk"):
        make_batch(small_disk)
    ballast.unlink()
    assert len(make_batch(small_disk).manifest.chains) == len(KEYS)
