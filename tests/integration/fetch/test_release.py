"""Releases from a server: which there are, their lists, their entries, and the stage without a mirror."""

from __future__ import annotations

import datetime
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch.record import Status
from pyecod.errors import BrokenInputError, ConfigError, FetchError
from pyecod.fetch import entry_downloads, fetch_files, fetch_lists, list_dates, staged_entries
from pyecod.fetch.download import Fate
from pyecod.pdb import Release, find_entry, find_releases
from pyecod.settings import Settings, load_settings
from pyecod.simulate import WorldOptions, simulate_world
from pyecod.work.entries import read_entries

pytestmark = pytest.mark.integration
DAY = datetime.date(2025, 9, 5)
WEEK = datetime.timedelta(days=7)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two weeks of eight entries."""
    return simulate_world(
        tmp_path_factory.mktemp("world"), WorldOptions(seed=3, families=8, entries=8, weeks=2, profiles=False)
    )


@pytest.fixture
def pdb(server: Any, world: Any) -> Any:
    """The world as a server has it."""
    server.serve(world.mirror, "/mmCIF")
    for day in world.dates:
        server.serve(world.status_dir / f"{day:%Y%m%d}", f"/status/{day:%Y%m%d}")
    return server


@pytest.fixture
def local(pdb: Any, settings: Any, tmp_path: Path) -> Settings:
    """Settings of a machine that has nothing yet."""
    return load_settings(
        overrides={
            "status_dir": str(tmp_path / "status"),
            "mirror": str(tmp_path / "mirror"),
            "scratch": {"dir": str(tmp_path / "scratch")},
            "fetch": settings.model_dump(),
        }
    )


def pyecod(*words: str, settings: Settings, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    file = tmp_path / "settings.json"  # JSON is YAML
    file.write_text(settings.model_dump_json(include={"status_dir", "mirror", "fetch", "scratch"}))
    program = Path(sys.executable).with_name("pyecod")
    return subprocess.run(
        [program, *words, "--settings", str(file)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "link", ['<a href="{}/">{}/</a>', "<A HREF='/pub/pdb/data/status/{}'>{}</A>", '<a href="http://h/x/{}/">{}</a>']
)
def test_releases_are_read_from_the_servers_page(server: Any, settings: Any, link: str) -> None:
    names = ["20250912", "20250905", "latest", "99999999", "2025091", "20250912"]
    server.files["/status/"] = "\n".join(link.format(name, name) for name in names).encode()
    assert list_dates(settings) == [DAY, DAY + WEEK]


@pytest.mark.parametrize("page", [403, 404])
def test_without_a_page_the_last_days_are_asked_for(pdb: Any, settings: Any, page: int) -> None:
    pdb.always["/status/"] = page
    assert list_dates(settings, today=DAY + 2 * WEEK) == [DAY + WEEK]
    with pytest.raises(FetchError, match=r"/status/: no release is to be seen here .*name a date"):
        list_dates(settings, today=DAY - WEEK)


def test_lists_are_those_of_the_server(world: Any, local: Settings) -> None:
    fetch_lists(DAY + WEEK, local.status_dir, local.fetch)
    (found,) = find_releases(local.status_dir, DAY + WEEK, DAY + WEEK)
    (expected,) = find_releases(world.status_dir, DAY + WEEK, DAY + WEEK)
    assert (found.added, found.modified, found.obsolete) == (expected.added, expected.modified, expected.obsolete)
    assert found.added


def test_a_release_the_server_lacks_leaves_nothing(local: Settings) -> None:
    with pytest.raises(FetchError, match=r"20250904/added\.pdb: the server has no release of 2025-09-04"):
        fetch_lists(DAY - datetime.timedelta(days=1), local.status_dir, local.fetch)
    assert list(local.status_dir.iterdir()) == []


def test_lists_that_are_lacking_are_absent_and_an_error_page_is_no_list(pdb: Any, local: Settings) -> None:
    pdb.always["/status/20250905/obsolete.pdb"] = 404
    fates = {end.download.path.name: end.fate for end in fetch_lists(DAY, local.status_dir, local.fetch)}
    assert fates["obsolete.pdb"] is Fate.ABSENT
    pdb.always["/status/20250912/added.pdb"] = ("bytes", b"<html>Service moved</html>")
    with pytest.raises(FetchError, match="this is no list of PDB ids: it begins with '<html>"):
        fetch_lists(DAY + WEEK, local.status_dir, local.fetch)
    assert not (local.status_dir / "20250912" / "added.pdb").exists()


def test_the_link_latest_moves_on_and_never_back(local: Settings) -> None:
    local.status_dir.mkdir()
    (local.status_dir / "latest").symlink_to("20250801")
    fetch_lists(DAY + WEEK, local.status_dir, local.fetch)
    fetch_lists(DAY, local.status_dir, local.fetch)
    assert (local.status_dir / "latest").readlink() == Path("20250912")
    assert len(find_releases(local.status_dir, DAY)) == 2


def test_the_mirror_gets_every_entry_and_then_only_asks_for_modified_ones(
    pdb: Any, world: Any, local: Settings
) -> None:
    (release,) = find_releases(world.status_dir, DAY + WEEK, DAY + WEEK)
    downloads = entry_downloads(release, local.mirror, local.fetch)
    ends = fetch_files(downloads, local.fetch)
    assert {end.fate for end in ends} == {Fate.FETCHED}
    assert len(ends) == len({*release.added, *release.modified})
    for pdb_id in release.added:
        assert find_entry(local.mirror, pdb_id).read_bytes() == find_entry(world.mirror, pdb_id).read_bytes()
    pdb.requests.clear()
    fates = {end.fate for end in fetch_files(entry_downloads(release, local.mirror, local.fetch), local.fetch)}
    assert fates == ({Fate.KEPT, Fate.UNCHANGED} if release.modified else {Fate.KEPT})
    assert len(pdb.requests) == len(set(release.modified) - set(release.added))


@pytest.mark.parametrize("place", ["{i}.cif", "{m}/{i}.cif", "{m}/{x}.cif.gz", "{m}/{x}/structures/{x}.cif.gz"])
def test_an_entry_is_kept_where_the_mirror_has_it(pdb: Any, world: Any, local: Settings, place: str) -> None:
    (release, _) = find_releases(world.status_dir, DAY, DAY + WEEK)
    pdb_id = next(i for i in release.added if len(i) == 4 and f"/mmCIF/{i[1:3]}/{i}.cif.gz" in pdb.files)
    path = local.mirror / place.format(i=pdb_id, m=pdb_id[1:3], x=f"pdb_0000{pdb_id}")
    path.parent.mkdir(parents=True)
    content = pdb.files[f"/mmCIF/{pdb_id[1:3]}/{pdb_id}.cif.gz"]
    path.write_bytes(content if path.suffix == ".gz" else gzip.decompress(content))
    (download,) = (d for d in entry_downloads(release, local.mirror, local.fetch) if pdb_id in d.url)
    (end,) = fetch_files([download], local.fetch)
    assert (end.fate, end.download.path) == (Fate.KEPT, path)


def test_extended_ids_and_another_layout_of_the_server(settings: Any, tmp_path: Path) -> None:
    release = Release(DAY, tmp_path, added=("8s72", "pdb_10008s72"))
    classic = [d.url.removeprefix(settings.entries_url) for d in entry_downloads(release, tmp_path, settings)]
    assert classic == ["/s7/8s72.cif.gz", "/s7/pdb_10008s72.cif.gz"]
    other = settings.model_copy(update={"entry_path": "{middle}/{extended}/structures/{extended}.cif.gz"})
    downloads = entry_downloads(release, tmp_path, other)
    assert downloads[0].url.endswith("/s7/pdb_00008s72/structures/pdb_00008s72.cif.gz")
    assert downloads[0].path == tmp_path / "s7" / "8s72.cif.gz"


def test_the_stage_holds_few_entries_and_is_gone_afterwards(pdb: Any, world: Any, local: Settings) -> None:
    (release,) = find_releases(world.status_dir, DAY, DAY)
    here = [i for i in release.added if f"/mmCIF/{i[-3:-1]}/{i}.cif.gz" in pdb.files]
    pdb.always[f"/mmCIF/{here[0][-3:-1]}/{here[0]}.cif.gz"] = 404
    pdb.always[f"/mmCIF/{here[1][-3:-1]}/{here[1]}.cif.gz"] = 403
    with staged_entries(here, local) as stage:
        with pytest.raises(BrokenInputError, match=f"no mmCIF file of {here[0]} on the server"):
            stage.find(here[0])
        with pytest.raises(FetchError, match="403"):
            stage.find(here[1])
        assert all(stage.find(pdb_id).is_file() for pdb_id in here[2:])
        assert len([p for p in stage.mirror.rglob("*") if p.is_file()]) == len(here) - 2
    assert list(local.scratch.dir.iterdir()) == []


def test_entries_read_without_a_mirror_are_those_of_the_mirror(
    pdb: Any, world: Any, local: Settings, tmp_path: Path
) -> None:
    (release,) = find_releases(world.status_dir, DAY, DAY)
    for name in ("with", "without"):
        (tmp_path / name / "entries").mkdir(parents=True)
        (tmp_path / name / "fastas").mkdir()
    mirrored = local.model_copy(update={"mirror": world.mirror})
    few = local.fetch.model_copy(update={"enabled": True, "staged_entries": 3})
    staged = local.model_copy(update={"mirror": None, "fetch": few})
    expected = read_entries(release.added, tmp_path / "with", mirrored)
    found = read_entries(release.added, tmp_path / "without", staged)
    assert [o.entry.pdb_id for o in found] == list(release.added)
    for one, other in zip(found, expected, strict=True):
        assert one.chains == other.chains
        assert one.entry.status is other.entry.status
    assert any(o.entry.status is Status.COMPLETE for o in found)
    assert list(local.scratch.dir.iterdir()) == []


def test_a_server_that_is_down_fails_the_step_and_no_entry(local: Settings, tmp_path: Path) -> None:
    away = local.fetch.model_copy(update={"enabled": True, "entries_url": "http://127.0.0.1:9"})
    with pytest.raises(FetchError, match="cannot connect"):
        read_entries(["1abc", "2abc"], tmp_path, local.model_copy(update={"mirror": None, "fetch": away}))


def test_an_absent_mirror_is_one_error(tmp_path: Path) -> None:
    for mirror, said in (
        (None, "no mmCIF mirror is configured"),
        (tmp_path / "away", "away: the mirror is not a fold"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_entries(["1abc", "2abc"], tmp_path, Settings(mirror=mirror))


def test_the_command_fetches_a_release_and_says_what_it_did(pdb: Any, local: Settings, tmp_path: Path) -> None:
    words = ("fetch", "release", "2025-09-05", "--json")
    planned = pyecod(*words, "--dry-run", settings=local, tmp_path=tmp_path)
    (plan,) = json.loads(planned.stdout)
    assert not local.mirror.exists()
    assert not local.status_dir.exists()
    done = pyecod(*words, settings=local, tmp_path=tmp_path)
    (report,) = json.loads(done.stdout)
    assert plan["to_fetch"] == plan["entries"] == report["fetched"] + report["absent"] > 0
    assert done.returncode == (1 if report["absent"] else 0)
    again = pyecod(*words[:-1], settings=local, tmp_path=tmp_path)
    assert f"{report['fetched']} kept" in again.stdout
    assert again.stderr.count("not on the server") == report["absent"]


def test_latest_and_since_fetch_what_the_server_has(pdb: Any, local: Settings, tmp_path: Path) -> None:
    pdb.files["/status/"] = b'<a href="20250905/">x</a><a href="20250912/">x</a>'
    words = ("fetch", "release", "--lists-only")
    latest = pyecod(*words, "latest", settings=local, tmp_path=tmp_path)
    assert latest.stdout.startswith("2025-09-12: 8 added")
    pyecod(*words, "--since", "2025-09-01", settings=local, tmp_path=tmp_path)
    assert [r.date for r in find_releases(local.status_dir, DAY)] == [DAY, DAY + WEEK]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "say which releases"),
        (("latest", "--since", "2025-09-05"), 2, "say which releases"),
        (("5.9.2025",), 2, "'5.9.2025' is not a date"),
        (("2025-09-04",), 3, "the server has no release of 2025-09-04"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    pdb: Any, local: Settings, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = pyecod("fetch", "release", *words, settings=local, tmp_path=tmp_path)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
