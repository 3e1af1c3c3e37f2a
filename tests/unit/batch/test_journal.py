from __future__ import annotations

import errno
import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch.journal import JournalLine, JournalWriter, format_line, read_journal
from pyecod.errors import BatchError

WHERE = Path("journal.jsonl")
LINES = [JournalLine(n, "2025-09-05T00:00:00+00:00", {"8abc_A": {"attempts": n}}) for n in range(5, 10)]
DATA = b"".join(map(format_line, LINES))


def test_every_line_is_json_with_its_number_and_checksum() -> None:
    first = orjson.loads(DATA.splitlines()[0])
    assert first["sequence"] == 5
    assert next(iter(first)) == "crc32"


def test_lines_come_back_as_they_were_written() -> None:
    content = read_journal(DATA, WHERE)
    assert list(content.lines) == LINES
    assert (content.good_bytes, content.torn_bytes) == (len(DATA), 0)
    assert read_journal(b"", WHERE).lines == ()


@given(st.integers(0, len(DATA) - 1))
def test_a_journal_cut_anywhere_gives_its_whole_lines(cut: int) -> None:
    content = read_journal(DATA[:cut], WHERE)
    assert list(content.lines) == LINES[: DATA[:cut].count(b"\n")]
    assert content.good_bytes + content.torn_bytes == cut


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_found_and_its_line_named_unless_it_is_the_last(at: int, flip: int) -> None:
    damaged = bytearray(DATA)
    damaged[at] ^= flip
    line = DATA[:at].count(b"\n")
    if line == len(LINES) - 1:
        assert list(read_journal(bytes(damaged), WHERE).lines) == LINES[:-1]
    else:
        with pytest.raises(BatchError) as caught:
            read_journal(bytes(damaged), WHERE)
        assert caught.value.where == f"{WHERE}:{line + 1}"


def test_a_tail_of_zeros_is_what_a_power_cut_leaves() -> None:
    assert list(read_journal(DATA + bytes(700), WHERE).lines) == LINES


def test_a_missing_line_is_an_error() -> None:
    with pytest.raises(BatchError, match="line 7 follows line 5"):
        read_journal(format_line(LINES[0]) + format_line(LINES[2]), WHERE)


def test_the_next_write_cuts_off_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(DATA[:-10])
    content = read_journal(path.read_bytes(), path)
    writer = JournalWriter(path, content.good_bytes)
    writer.append(LINES[-1])
    writer.close()
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_journal_as_it_was(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, 0)
    writer.append(LINES[0])
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if len(data) > 20:
            return real(handle, data[:20])
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(
            os, "write", lambda handle, data: real(handle, data[:20]) if data[:1] == b"{" else write(handle, b"")
        )
        with pytest.raises(OSError, match=os.strerror(code)):
            writer.append(LINES[1])
    assert path.read_bytes() == format_line(LINES[0])
    writer.append(LINES[1])
    writer.close()
    assert list(read_journal(path.read_bytes(), path).lines) == LINES[:2]


def test_a_reader_that_opened_the_journal_before_a_rotation_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, 0)
    writer.append(LINES[0])
    with path.open("rb") as reader:
        writer.rotate()
        writer.append(LINES[1])
        assert reader.read() == format_line(LINES[0])
    writer.close()
    assert path.read_bytes() == format_line(LINES[1])


@pytest.mark.parametrize("act", [Path.unlink, lambda p: p.rename(p.with_name("x")), lambda p: (p.unlink(), p.touch())])
def test_a_journal_taken_away_is_noticed_before_anything_is_lost(tmp_path: Path, act: object) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, 0)
    writer.append(LINES[0])
    (tmp_path / "keeps-the-inode").hardlink_to(path)
    act(path)
    with pytest.raises(BatchError, match="removed or replaced"):
        writer.append(LINES[1])
    writer.close()


def test_the_journals_name_and_every_line_are_forced_to_disk(tmp_path: Path, disk: list[str]) -> None:
    writer = JournalWriter(tmp_path / "journal.jsonl", 0)
    assert disk == [f"fsync {tmp_path.name}"]
    disk.clear()
    writer.append(LINES[0])
    assert disk == ["fsync journal.jsonl"]
    disk.clear()
    writer.rotate()
    assert disk == ["rename journal.jsonl", f"fsync {tmp_path.name}"]
    writer.close()


def test_a_line_is_written_whole_where_the_system_takes_it_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:7]))
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path, 0)
    for line in LINES:
        writer.append(line)
    writer.close()
    assert path.read_bytes() == DATA
