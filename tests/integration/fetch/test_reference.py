"""An ECOD version from a server to a reference that opens."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pyecod.errors import BrokenInputError, ConfigError, FetchError, UsageError
from pyecod.fetch import fetch_reference
from pyecod.reference import Reference
from pyecod.settings import FetchSettings
from pyecod.settings.fetch import ReferenceSources
from pyecod.simulate import WorldOptions, simulate_world

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A reference with profiles."""
    missing = [name for name in ("makeblastdb", "hhblits") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (run `make setup`)")
    return simulate_world(tmp_path_factory.mktemp("world"), WorldOptions(seed=5, families=8, entries=1))


def archive(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def sources(server: Any, settings: FetchSettings, world: Any) -> FetchSettings:
    """The world's reference as a server publishes it."""
    ecod = "/ecod/develop291"
    server.files |= {
        f"{ecod}/domains.txt": world.domain_list.read_bytes(),
        f"{ecod}/domains.fasta": world.domain_fasta.read_bytes(),
        f"{ecod}/chains.fasta": world.chain_fasta.read_bytes(),
        f"{ecod}/hh.tar.gz": archive({f"ecod/{p.name}": p.read_bytes() for p in world.hh_db.parent.iterdir()}),
    }
    published = {path.rpartition("/")[2]: content for path, content in server.files.items()}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in published.items())
    server.files[f"{ecod}/SHA256SUMS"] = sums.encode()
    base = f"{server.url}/ecod/{{version}}"
    reference = ReferenceSources(
        domains=(f"{base}/domains.txt",),
        domain_fasta=(f"{base}/domains.fasta",),
        chain_fasta=(f"{base}/chains.fasta",),
        hh_db=f"{base}/hh.tar.gz",
        checksums=f"{base}/SHA256SUMS",
    )
    return settings.model_copy(update={"reference": reference})


def pyecod(*words: str, fetch: FetchSettings, cwd: Path) -> subprocess.CompletedProcess[str]:
    (cwd / "settings.json").write_text(json.dumps({"fetch": fetch.model_dump()}))
    program = Path(sys.executable).with_name("pyecod")
    command = [program, *words] + (["--settings", "settings.json"] if words[0] == "fetch" else [])
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


def test_the_printed_command_makes_the_reference(sources: FetchSettings, tmp_path: Path) -> None:
    fetched = pyecod("fetch", "reference", "develop291", fetch=sources, cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    words = shlex.split(fetched.stdout)
    assert words[:3] == ["pyecod", "reference", "build"]
    built = pyecod(*words[1:], fetch=sources, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    reference = Reference.open(tmp_path / "references" / "develop291")
    assert reference.version == "develop291"
    assert reference.hh_db is not None


def test_build_makes_it_at_once(sources: FetchSettings, tmp_path: Path) -> None:
    done = pyecod("fetch", "reference", "develop291", "--build", "--out", "ref", fetch=sources, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Reference.open(tmp_path / "ref").version == "develop291"


def test_what_is_there_is_kept_and_what_is_damaged_comes_again(
    server: Any, sources: FetchSettings, tmp_path: Path
) -> None:
    first = fetch_reference("develop291", tmp_path, sources)
    server.requests.clear()
    assert fetch_reference("develop291", tmp_path, sources) == first
    assert [path for _, path, _ in server.requests] == ["/ecod/develop291/SHA256SUMS"]
    first.domain_fasta[0].write_bytes(b">other\nMKV\n")
    fetch_reference("develop291", tmp_path, sources)
    assert server.asked("/ecod/develop291/domains.fasta") == 1
    assert first.domain_fasta[0].read_bytes() == server.files["/ecod/develop291/domains.fasta"]


def test_another_file_than_its_checksum_says_is_refused(server: Any, sources: FetchSettings, tmp_path: Path) -> None:
    server.files["/ecod/develop291/domains.txt"] += b"more\n"
    with pytest.raises(FetchError, match=r"domains\.txt: its sha256 checksum is .* not "):
        fetch_reference("develop291", tmp_path, sources)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("SHA256SUMS", b"nothing\n", "there is no checksum in this list"),
        ("domains.fasta", None, "the server does not have this file"),
    ],
)
def test_what_the_server_lacks_is_named(
    server: Any, sources: FetchSettings, tmp_path: Path, path: str, content: bytes | None, said: str
) -> None:
    server.always[f"/ecod/develop291/{path}"] = 404 if content is None else ("bytes", content)
    with pytest.raises(FetchError, match=f"{path}: {said}"):
        fetch_reference("develop291", tmp_path, sources)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["readme.txt"], "holds 0 HH-suite databases"),
        (["a_hhm.ffdata", "b_hhm.ffdata"], "holds 2 HH-suite databases"),
        (["a_hhm.ffdata", "../../a_a3m.ffdata"], "the archive lacks a_a3m.ffindex"),
    ],
)
def test_an_archive_without_one_whole_database_is_refused(
    server: Any, sources: FetchSettings, tmp_path: Path, names: list[str], said: str
) -> None:
    server.files["/ecod/develop291/hh.tar.gz"] = archive(dict.fromkeys(names, b"x"))
    unsummed = sources.model_copy(update={"reference": sources.reference.model_copy(update={"checksums": None})})
    with pytest.raises(BrokenInputError, match=said):
        fetch_reference("develop291", tmp_path / "in", unsummed)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert not (tmp_path / "in" / "hh").exists()


def test_settings_and_names_that_cannot_be_are_refused(settings: FetchSettings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no address is set: fetch\.reference\.domains"):
        fetch_reference("develop291", tmp_path, settings)
    for version in ("../x", "", "a b", "-x"):
        with pytest.raises(UsageError, match="not the name of an ECOD version"):
            fetch_reference(version, tmp_path, settings)
    twice = ReferenceSources(domains=("http://a/x.txt",), domain_fasta=("http://b/x.txt",))
    with pytest.raises(ConfigError, match="two files have the same name"):
        fetch_reference("v1", tmp_path, settings.model_copy(update={"reference": twice}))
