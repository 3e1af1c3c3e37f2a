"""Every fault a server can have, on a real one: the file is right or absent, and the error says what happened."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pyecod.errors import FetchError
from pyecod.fetch import Download, fetch_files
from pyecod.fetch.download import Fate
from pyecod.fetch.verify import check_entry
from pyecod.settings import FetchSettings

pytestmark = pytest.mark.integration
PATH = "/mmCIF/ab/1abc.cif.gz"
MODIFIED = 1_757_000_000.0  # the server's time of every file


def mmcif(pdb_id: str, size: int = 40_000) -> bytes:
    """An mmCIF file of about ``size`` bytes packed, the same for the same id."""
    noise = b"".join(hashlib.sha256(f"{pdb_id}{n}".encode()).hexdigest().encode() for n in range(size // 34))
    return gzip.compress(f"data_{pdb_id.upper()}\n# ".encode() + noise + b"\n", mtime=0)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.part*"))


@pytest.fixture
def download(server: Any, tmp_path: Path) -> Download:
    server.files[PATH] = mmcif("1abc")
    return Download(f"{server.url}{PATH}", tmp_path / "ab" / "1abc.cif.gz", check_entry)


def end(download: Download, settings: FetchSettings, **more: Any) -> Any:
    (only,) = fetch_files([download], settings, keep_going=True, **more)
    return only


def test_a_file_comes_whole_with_the_servers_time(server: Any, settings: Any, download: Download) -> None:
    fetched = end(download, settings)
    assert (fetched.fate, fetched.bytes) == (Fate.FETCHED, len(server.files[PATH]))
    assert download.path.read_bytes() == server.files[PATH]
    assert download.path.stat().st_mtime == MODIFIED
    assert leftovers(download.path.parent) == []


def test_a_whole_file_is_kept_without_a_request(server: Any, settings: Any, download: Download) -> None:
    end(download, settings)
    assert end(download, settings).fate is Fate.KEPT
    assert server.asked(PATH) == 1


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"<html>", lambda b: b[:500] + b"xx" + b[502:]])
def test_a_damaged_file_is_fetched_again(server: Any, settings: Any, download: Download, damage: Any) -> None:
    download.path.parent.mkdir()
    download.path.write_bytes(damage(server.files[PATH]))
    assert end(download, settings).fate is Fate.FETCHED
    assert download.path.read_bytes() == server.files[PATH]


@pytest.mark.parametrize(
    "fault",
    [500, 503, 429, ("cut", 1000), ("bytes", b"<html>busy</html>"), ("length", 999), ("retry", 503, 0)],
)
def test_a_fault_that_passes_costs_one_try(server: Any, settings: Any, download: Download, fault: Any) -> None:
    server.fail(PATH, fault)
    assert end(download, settings).fate is Fate.FETCHED
    assert download.path.read_bytes() == server.files[PATH]
    assert server.asked(PATH) == 2
    assert leftovers(download.path.parent) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (500, "500 Internal Server Error (3 tries)"),
        (("cut", 1000), "the connection broke"),
        (("bytes", b"<html>busy</html>"), "this is no gzip file: it begins with '<html>busy</html>'"),
        (("bytes", mmcif("1abc")[:-9]), "the gzip file is cut or damaged"),
        (("length", 999), "the gzip file is cut or damaged"),
        (("length", 99_999), "the connection broke"),
    ],
)
def test_a_fault_that_stays_is_named_with_url_and_tries(
    server: Any, settings: Any, download: Download, fault: Any, said: str
) -> None:
    server.ranges = False
    server.always[PATH] = fault
    failed = end(download, settings)
    assert failed.fate is Fate.FAILED
    assert said in str(failed.error)
    assert "3 tries" in str(failed.error)
    assert str(failed.error).startswith(download.url)
    assert not download.path.exists()


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_not_tried_again(server: Any, settings: Any, download: Download, status: int) -> None:
    server.always[PATH] = status
    assert f"{status} " in str(end(download, settings).error)
    assert server.asked(PATH) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_an_absent_file_is_no_failure(server: Any, settings: Any, download: Download, status: int) -> None:
    server.always[PATH] = status
    (absent,) = fetch_files([download], settings)
    assert (absent.fate, absent.error) == (Fate.ABSENT, None)
    assert server.asked(PATH) == 1
    assert leftovers(download.path.parent) == []


def test_a_cut_transfer_goes_on_where_it_ended(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("cut", 10_000), ("cut", 5_000))
    fetched = end(download, settings)
    assert fetched.bytes == len(server.files[PATH])
    assert server.bytes_of(PATH) == ["", "bytes=10000-", "bytes=15000-"]


def test_a_later_process_goes_on_with_an_unfinished_file(server: Any, settings: Any, download: Download) -> None:
    server.always[PATH] = ("cut", 10_000)
    assert end(download, settings.model_copy(update={"retries": 0})).fate is Fate.FAILED
    assert leftovers(download.path.parent) == ["1abc.cif.gz.part", "1abc.cif.gz.part.json"]
    server.always.clear()
    assert end(download, settings).bytes == len(server.files[PATH]) - 10_000
    assert download.path.read_bytes() == server.files[PATH]


def test_a_file_that_changed_on_the_server_is_begun_anew(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("cut", 10_000))
    end(download, settings.model_copy(update={"retries": 0}))
    server.files[PATH], server.tag = mmcif("1abc", 50_000), '"2"'
    assert end(download, settings).bytes == len(server.files[PATH])
    assert download.path.read_bytes() == server.files[PATH]


@pytest.mark.parametrize("lacks", ["ranges", "validators"])
def test_a_server_without_ranges_or_validators_begins_anew(
    server: Any, settings: Any, download: Download, lacks: str
) -> None:
    setattr(server, lacks, False)
    server.fail(PATH, ("cut", 10_000))
    fetched = end(download, settings)
    assert fetched.bytes == len(server.files[PATH]) + 10_000
    assert download.path.read_bytes() == server.files[PATH]


def test_a_weak_tag_is_not_gone_on_with(server: Any, settings: Any, download: Download) -> None:
    server.tag = 'W/"1"'
    server.fail(PATH, ("cut", 10_000))
    end(download, settings)
    conditions = [headers.get("if-range") for _, _, headers in server.requests]
    assert conditions[0] is None
    assert conditions[1].endswith("GMT")


def test_an_unfinished_file_that_is_whole_is_put_in_its_place(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("cut", 10_000))
    end(download, settings.model_copy(update={"retries": 0}))
    download.part.write_bytes(server.files[PATH])
    assert (end(download, settings).fate, download.path.read_bytes()) == (Fate.FETCHED, server.files[PATH])


@pytest.mark.parametrize("part", [b"", b"x" * 99_999])
def test_an_unfinished_file_of_something_else_is_not_believed(
    server: Any, settings: Any, download: Download, part: bytes
) -> None:
    server.fail(PATH, ("cut", 10_000))
    end(download, settings.model_copy(update={"retries": 0}))
    download.part.write_bytes(part)
    assert end(download, settings).fate is Fate.FETCHED
    assert download.path.read_bytes() == server.files[PATH]


def test_a_damaged_note_is_not_believed(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("cut", 10_000))
    end(download, settings.model_copy(update={"retries": 0}))
    note = json.loads(download.note.read_text())
    for text in ("", "[]", "{", json.dumps(note | {"url": "http://other/"}), json.dumps({"what": 1})):
        download.note.write_text(text)
        download.path.unlink(missing_ok=True)
        assert end(download, settings).fate is Fate.FETCHED
        assert download.path.read_bytes() == server.files[PATH]


def test_retry_after_is_waited_for_by_all(server: Any, settings: Any, tmp_path: Path) -> None:
    paths = [f"/mmCIF/x/{n}.gz" for n in range(3)]
    server.files |= {path: mmcif("1abc") for path in paths}
    server.fail(paths[0], ("retry", 503, 1))
    one_by_one = settings.model_copy(update={"connections": 1})
    fetch_files([Download(server.url + path, tmp_path / path[-4:]) for path in paths], one_by_one)
    times = {path: moment for moment, path, _ in server.requests}
    first = server.requests[0][0]
    assert all(moment - first >= 0.99 for moment in times.values())


def test_a_server_that_asks_for_too_long_a_wait_is_given_up(server: Any, settings: Any, download: Download) -> None:
    server.always[PATH] = ("retry", 429, 86_400)
    error = str(end(download, settings).error)
    assert "429" in error
    assert "come back in 86400 s" in error
    assert server.asked(PATH) == 1


def test_a_silent_server_is_not_waited_for_for_ever(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("slow", 3))
    begun = time.monotonic()
    assert end(download, settings.model_copy(update={"timeout": 0.3})).fate is Fate.FETCHED
    assert time.monotonic() - begun < 2.5


def test_a_dripping_server_counts_as_silent(server: Any, settings: Any, download: Download) -> None:
    server.always[PATH] = ("drip", 0.05)
    short = settings.model_copy(update={"timeout": 0.4, "retries": 0})
    assert "bytes per second" in str(end(download, short).error)


def test_a_server_that_cannot_be_reached_stops_all(settings: Any, tmp_path: Path) -> None:
    downloads = [Download(f"http://127.0.0.1:9/{n}", tmp_path / str(n)) for n in range(50)]
    with pytest.raises(FetchError, match=r"http://127\.0\.0\.1:9/\d+: cannot connect: .*check the network"):
        fetch_files(downloads, settings, keep_going=True)


def test_a_server_that_only_fails_is_left_alone(server: Any, settings: Any, tmp_path: Path) -> None:
    paths = [f"/{n}" for n in range(60)]
    server.always |= dict.fromkeys(paths, 503)
    with pytest.raises(FetchError, match="503"):
        fetch_files([Download(server.url + path, tmp_path / path[1:]) for path in paths], settings, keep_going=True)
    assert len({path for _, path, _ in server.requests}) < 20


def test_without_keep_going_the_first_failure_stops(server: Any, settings: Any, tmp_path: Path) -> None:
    paths = [f"/{n}" for n in range(60)]
    server.files |= dict.fromkeys(paths, b"x")
    server.always["/0"] = 403
    downloads = [Download(server.url + path, tmp_path / path[1:]) for path in paths]
    with pytest.raises(FetchError, match="403"):
        fetch_files(downloads, settings.model_copy(update={"per_second": 50}))
    assert len(server.requests) < 60


def test_with_keep_going_the_others_are_fetched(server: Any, settings: Any, tmp_path: Path) -> None:
    paths = [f"/{n}" for n in range(20)]
    server.files |= dict.fromkeys(paths, b"x")
    server.always |= {"/3": 403, "/7": 500}
    ends = fetch_files([Download(server.url + p, tmp_path / p[1:]) for p in paths], settings, keep_going=True)
    assert [n for n, e in enumerate(ends) if e.fate is not Fate.FETCHED] == [3, 7]


def test_no_more_connections_than_allowed_and_no_faster(server: Any, settings: Any, tmp_path: Path) -> None:
    paths = [f"/{n}" for n in range(12)]
    server.files |= dict.fromkeys(paths, b"x")
    server.always |= dict.fromkeys(paths, ("slow", 0.1))
    limited = settings.model_copy(update={"connections": 3, "per_second": 20})
    begun = time.monotonic()
    fetch_files([Download(server.url + path, tmp_path / path[1:]) for path in paths], limited)
    assert server.most_together <= 3
    assert time.monotonic() - begun >= 11 / 20


def test_a_file_beyond_the_limit_is_refused(server: Any, settings: Any, download: Download) -> None:
    bounded = Download(download.url, download.path, check_entry, max_bytes=1000)
    assert "more than the 1,000 allowed" in str(end(bounded, settings).error)
    assert leftovers(download.path.parent) == []


@pytest.mark.parametrize("name", ["Repr-Digest", "Digest", "Content-MD5"])
@pytest.mark.parametrize("right", [True, False])
def test_a_checksum_the_server_offers_is_compared(
    server: Any, settings: Any, download: Download, name: str, right: bool
) -> None:
    content = server.files[PATH] if right else b"other"
    sha, md5 = (base64.b64encode(f(content).digest()).decode() for f in (hashlib.sha256, hashlib.md5))
    server.headers = {name: {"Repr-Digest": f"sha-256=:{sha}:", "Digest": f"SHA-256={sha}", "Content-MD5": md5}[name]}
    fetched = end(download, settings)
    assert fetched.fate is (Fate.FETCHED if right else Fate.FAILED)
    assert right or "checksum" in str(fetched.error)


def test_a_newer_file_replaces_the_old_one_and_an_unchanged_one_stays(
    server: Any, settings: Any, download: Download
) -> None:
    end(download, settings)
    refresh = Download(download.url, download.path, check_entry, refresh=True)
    assert end(refresh, settings).fate is Fate.UNCHANGED
    server.modified += 3600
    server.files[PATH] = mmcif("1abc", 60_000)
    assert end(refresh, settings).fate is Fate.FETCHED
    assert download.path.read_bytes() == server.files[PATH]
    assert leftovers(download.path.parent) == []


def test_redirects_are_followed_but_not_in_circles(server: Any, settings: Any, download: Download) -> None:
    server.fail(PATH, ("redirect", "/other"))
    server.files["/other"] = server.files[PATH]
    assert end(download, settings).fate is Fate.FETCHED
    download.path.unlink()
    server.always[PATH] = ("redirect", PATH)
    assert "redirect" in str(end(download, settings).error)


def test_two_fetches_of_one_file_leave_it_whole(server: Any, settings: Any, download: Download) -> None:
    server.always[PATH] = ("slow", 0.2)
    patient = settings.model_copy(update={"retries": 30, "retry_delay": 0.05, "longest_wait": 0.1})
    ends: list[Any] = []
    threads = [threading.Thread(target=lambda: ends.append(end(download, patient))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.is_there for e in ends] == [True] * 4
    assert sum(e.fate is Fate.FETCHED for e in ends) == 1
    assert download.path.read_bytes() == server.files[PATH]
    assert leftovers(download.path.parent) == []


def test_a_full_disk_is_the_disks_fault(server: Any, settings: Any, download: Download) -> None:
    folder = download.path.parent
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("cannot mount a small tmpfs here")
    try:
        with pytest.raises(OSError, match="No space left"):
            end(download, settings)
        assert not download.path.exists()
    finally:
        subprocess.run(["umount", folder], check=True)


def test_the_password_of_netrc_goes_to_its_host_only(
    server: Any, settings: Any, download: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login curator password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    end(download, settings)
    sent = server.requests[0][2]["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"curator:s3cret"
    netrc.write_text("machine other.example login curator password s3cret\n")
    download.path.unlink()
    end(download, settings)
    assert "authorization" not in server.requests[1][2]
