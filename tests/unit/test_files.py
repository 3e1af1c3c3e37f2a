"""Files appear whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import subprocess
import sys
import threading

import pytest

from pyecod.files import atomic_write, fsync_folder, open_text, sha256_of


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("data", ["text é\n", b"\x00bytes", "", "x" * 3_000_000])
def test_what_is_written_is_what_is_read(tmp_path, data, durable):
    path = tmp_path / "file"
    atomic_write(path, data, durable=durable)
    assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced_and_its_readers_keep_the_old_content(tmp_path):
    path = tmp_path / "file"
    atomic_write(path, "old")
    with path.open() as reader:
        atomic_write(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic_write(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "absent" / "file", "x")


def test_files_have_the_permissions_of_the_umask(tmp_path):
    code = (
        "import os; os.umask(0o027)\n"
        "from pathlib import Path\n"
        "from pyecod.files import atomic_write\n"
        f"atomic_write(Path({str(tmp_path / 'file')!r}), 'x')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_long_names_can_be_written(tmp_path):
    path = tmp_path / ("x" * 255)
    atomic_write(path, "x")
    assert path.read_text() == "x"


def test_two_writers_never_mix(tmp_path):
    path = tmp_path / "file"
    contents = {letter * 200_000 for letter in "ab"}

    def write(text):
        for _ in range(20):
            atomic_write(path, text, durable=False)

    writers = [threading.Thread(target=write, args=(text,)) for text in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            assert path.read_text() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_sha256(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_text_is_opened_by_its_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("é\n", encoding="utf-8")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("é\n".encode()))
    for name in ("a.txt", "a.txt.gz"):
        with open_text(tmp_path / name) as lines:
            assert list(lines) == ["é\n"]


def test_a_folder_can_be_synced(tmp_path):
    fsync_folder(tmp_path)
    with pytest.raises(OSError):
        fsync_folder(tmp_path / "absent")


def test_content_is_on_disk_before_it_has_its_name(tmp_path, disk):
    atomic_write(tmp_path / "file", "text")
    forced, named = disk
    assert forced.startswith("fsync .file.")
    assert named == "rename file"
    disk.clear()
    atomic_write(tmp_path / "file", "text", durable=False)
    assert disk == ["rename file"]


def test_the_names_in_a_folder_are_forced_to_disk(tmp_path, disk):
    fsync_folder(tmp_path)
    assert disk == [f"fsync {tmp_path.name}"]
